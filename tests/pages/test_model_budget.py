"""The budget: caps hold from the page on, what is spent is what the ledger says, and the estimate says what it rests on."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from streamlit.testing.v1 import AppTest

from engine.model_records import CallPlace, CallRecord, Caps, ModelChoice, Spent
from engine.records import CampaignSpec
from engine.research.estimate import Estimate, Reach
from pages import setup
from pages.access import research
from pages.model_budget import cap_told, spent_text, usd_text
from tests.patience import LONG_S

CHOICE = ModelChoice("openai/scripted", "http://127.0.0.1:9/v1", price_in=1.0, price_out=4.0)


@pytest.fixture
def form(page: Callable[[str], AppTest]) -> AppTest:
    """The Research page on the market `small`, with a model that nobody has asked yet."""
    shown = page("research_setup")
    research().model.choose(CHOICE)
    shown.selectbox(key="research.dataset").set_value("small").run()
    assert not shown.exception
    return shown


def captions(form: AppTest) -> str:
    return "\n".join(caption.value for caption in form.caption)


def record(**changes: object) -> None:
    call = CallRecord(
        call_id="c1", place=CallPlace("elsewhere", 1), seq=1, role="draft", prompt_version="v", model="openai/scripted",
        inputs={}, prompt="", reply="", fields={}, status="answered", problem="", attempt=1, tokens_in=1_000, tokens_out=500,
        usd=0.003, latency_s=1.0, at_utc=datetime.now(UTC),
    )  # fmt: skip
    research().model.ledger.record_call(CallRecord(**{**vars(call), **changes}))  # type: ignore[arg-type]


def test_before_the_first_run_the_estimate_says_that_it_is_a_guess(form: AppTest) -> None:
    shown = {metric.label: metric.value for metric in form.metric}
    assert shown["Calls"] == "5.0"
    assert shown["Money, USD"] == "0.0190"
    assert "A guess, for no run of the model's arm is recorded yet" in captions(form)


def test_a_model_without_a_price_has_no_cost(form: AppTest) -> None:
    research().model.choose(ModelChoice("openai/scripted", "http://127.0.0.1:9/v1"))
    form.run()
    assert {metric.label: metric.value for metric in form.metric}["Money, USD"] == "not computed"


def test_the_whole_campaign_is_told_by_its_runs_of_the_models_arm(form: AppTest) -> None:
    form.number_input(key="research.stop_runs").set_value(9).run()
    assert "For the campaign's 3 runs: 15 calls" in captions(form)


def test_what_is_spent_is_what_the_ledger_says(form: AppTest) -> None:
    record()
    form.run()
    assert "Spent today (UTC): 0.0030 USD, 1,500 tokens, 1 call" in captions(form)
    assert "Spent in this campaign: 0.00 USD, 0 tokens, 0 calls" in captions(form)
    assert any("Spent today: 0.0030 USD" in caption.value for caption in form.sidebar.caption)


def test_caps_hold_from_the_button_on_and_are_there_again(form: AppTest) -> None:
    form.number_input(key="budget.usd_per_day").set_value(2.0)
    form.number_input(key="budget.calls_per_campaign").set_value(50).run()
    assert research().model.budget.caps == Caps(), "not before the button"
    form.button(key="budget.save").click().run()
    assert not form.exception
    caps = Caps(usd_per_day=2.0, calls_per_campaign=50)
    assert research().model.budget.caps == caps
    assert research().model.queries.caps() == caps
    assert "the cap of 50 calls a campaign" in captions(form)
    assert research().model.queries.own_caps() == {}


def test_caps_of_a_campaign_that_has_not_begun_hold_from_its_start_on_whatever_is_changed_before(form: AppTest) -> None:
    form.number_input(key="budget.own.new.calls_per_campaign").set_value(3).run()
    form.number_input(key="research.stop_runs").set_value(1)
    form.number_input(key="research.seed").set_value(77).run()
    assert research().model.queries.own_caps() == {}
    form.button(key="research.start").click().run()
    assert not form.exception
    service = research()
    (campaign_id,) = service.model.queries.own_caps()
    assert campaign_id == service.status().campaign_id
    assert service.model.budget.own(campaign_id) == Caps(calls_per_campaign=3)
    assert "this campaign's own cap of 3 calls a campaign" in captions(form)
    form.number_input(key=f"budget.own.{campaign_id}.usd_per_day").set_value(1.5).run()
    form.button(key="budget.own.save").click().run()
    assert service.model.budget.own(campaign_id) == Caps(usd_per_day=1.5, calls_per_campaign=3)
    assert service.model.budget.caps == Caps()
    service.stop()
    assert service.wait(LONG_S)


def test_the_cap_that_is_spent_is_told_before_the_start(form: AppTest) -> None:
    record()
    research().model.set_caps(Caps(calls_per_day=1))
    form.run()
    assert "leaves room for no further call: the model's arm waits" in captions(form)


@pytest.mark.parametrize(("spent", "told"), [
    (Spent(), "0.00 USD, 0 tokens, 0 calls"),
    (Spent(3, 1_000, 200, 0.0, 3), "cost not computed, 1,200 tokens, 3 calls"),
    (Spent(3, 1_000, 200, 1.5, 1), "1.50 USD (1 call not computed), 1,200 tokens, 3 calls"),
])  # fmt: skip
def test_cost_that_nobody_knows_is_not_zero(spent: Spent, told: str) -> None:
    assert spent_text(spent) == told
    assert usd_text(None) == "not computed"


@pytest.fixture
def spec(app: AppTest) -> CampaignSpec:
    """A campaign that never stops by its number of runs."""
    app.run()
    return setup.draft(research(), setup.DEFAULTS | {"dataset": "small", "proposer": "model", "stop_runs": None})


@pytest.mark.parametrize(("reaches", "told"), [
    ((), "No cap is set that this model could reach."),
    ((Reach("day", "USD", 5.0, 100, 7_200.0, calls=500),),
     "5.00 USD a day is reached first:] after about 100 more runs (500 calls), in 2 h 0 min."),
    ((Reach("day", "calls", 9.0, 0, 0.0, calls=3),), "leaves room for about 3 calls more, less than a run"),
    ((Reach("day", "calls", 900.0, 90, None),), "At this pace no cap is reached; the nearest is the cap of 900 calls a day."),
])  # fmt: skip
def test_the_first_cap_is_told_with_its_time(spec: CampaignSpec, reaches: tuple[Reach, ...], told: str) -> None:
    assert told in cap_told(Estimate(3, 5.0, 9_000.0, 2_500.0, 0.02, 100.0, reaches), spec)
