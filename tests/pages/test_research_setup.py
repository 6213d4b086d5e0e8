"""Research: the form drafts the campaign that its fields say, keeps presets, and tells what does not fit."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from engine.model_records import ModelChoice
from engine.records import Promotion, SharedCash
from pages import setup
from pages.access import research
from tests.patience import LONG_S


@pytest.fixture
def form(page: Callable[[str], AppTest]) -> AppTest:
    """The Research page on the market `small`."""
    shown = page("research_setup")
    shown.selectbox(key="research.dataset").set_value("small").run()
    return shown


def _windows(form: AppTest) -> list[str]:
    return next(table.value for table in form.dataframe if "Window" in table.value)["Window"].tolist()


def test_windows_are_shown_as_dates(form: AppTest) -> None:
    assert _windows(form) == ["train", "validation", "vault"]
    table = form.dataframe[0].value
    assert table["From"].iloc[0].isoformat() == "2023-01-01T00:00:00+00:00"
    assert (table["To"].shift().dropna() < table["From"].iloc[1:]).all()


def test_it_says_that_the_random_arm_ignores_the_theme(form: AppTest) -> None:
    assert any("random arm" in caption.value and "ignores it" in caption.value for caption in form.caption)


def test_each_objective_comes_with_its_definition(form: AppTest) -> None:
    form.selectbox(key="research.objective").set_value("calmar").run()
    assert any(caption.value == "Annual return over the size of the maximum drawdown." for caption in form.caption)


def test_an_asset_filter_that_the_next_dataset_does_not_hold_is_dropped(form: AppTest) -> None:
    form.selectbox(key="research.dataset").set_value("demo").run()
    form.number_input(key="research.top_assets").set_value(10)
    form.multiselect(key="research.exclude").set_value(["SYN000USD", "SYN011USD"]).run()
    form.selectbox(key="research.dataset").set_value("small").run()
    assert not form.exception
    assert form.number_input(key="research.top_assets").value is None
    assert form.multiselect(key="research.exclude").value == ["SYN000USD"]


def test_start_runs_what_the_fields_say(form: AppTest) -> None:
    form.text_input(key="research.name").set_value("Two of five")
    form.number_input(key="research.top_assets").set_value(5)
    form.number_input(key="research.fee_percent").set_value(0.2)
    form.number_input(key="research.scenarios").set_value(4)
    form.number_input(key="research.want_trades").set_value(None)
    form.number_input(key="research.stop_runs").set_value(1)
    form.button_group(key="research.sides").set_value("long").run()
    form.button(key="research.start").click().run()
    assert not form.exception
    service = research()
    assert service.wait(LONG_S)
    board = service.queries.campaigns()
    spec = service.queries.campaign(board["campaign_id"].iloc[0]).spec
    assert (spec.name, len(spec.assets), spec.costs.fee_rate, spec.scenarios) == ("Two of five", 5, 0.002, 4)
    assert (spec.sides, spec.benchmarks.trades, spec.stop.runs) == ("long", None, 1)
    assert board["runs"].iloc[0] == 1


def test_adaptive_alone_asks_for_its_seconds_and_they_go_into_the_specification(form: AppTest) -> None:
    assert "research.search_s" not in {field.key for field in form.number_input}
    form.selectbox(key="research.method").set_value("adaptive").run()
    form.number_input(key="research.search_s").set_value(60.0)
    form.number_input(key="research.scenarios").set_value(2)
    form.number_input(key="research.stop_runs").set_value(1).run()
    form.button(key="research.start").click().run()
    assert not form.exception
    service = research()
    assert service.wait(LONG_S)
    spec = service.queries.campaign(service.queries.campaigns()["campaign_id"].iloc[0]).spec
    assert (spec.method, spec.search_s) == ("adaptive", 60.0)


def test_more_sets_than_can_be_tried_are_refused_in_a_sentence(form: AppTest) -> None:
    form.number_input(key="research.scenarios").set_value(10**12).run()
    assert not form.exception
    assert "research.start" not in {button.key for button in form.button}
    told = " ".join(error.value for error in form.error).replace("\\", "")
    assert "1,000,000,000,000" in told or "1000000000000" in told
    assert "wanted" in told


def test_an_objective_that_robust_cannot_take_apart_is_refused_in_a_sentence(form: AppTest) -> None:
    form.selectbox(key="research.method").set_value("robust")
    form.selectbox(key="research.objective").set_value("sqn_with_open").run()
    assert not form.exception
    assert any("choose one of sharpe" in problem.value for problem in form.error)


def test_shared_cash_asks_for_its_places_and_goes_into_the_specification(form: AppTest) -> None:
    assert "research.max_positions" not in {field.key for field in form.number_input}
    form.selectbox(key="research.shared_cash").set_value(True).run()
    form.number_input(key="research.max_positions").set_value(3)
    form.number_input(key="research.position_percent").set_value(25.0)
    form.number_input(key="research.scenarios").set_value(2)
    form.number_input(key="research.stop_runs").set_value(1).run()
    form.button(key="research.start").click().run()
    assert not form.exception
    service = research()
    assert service.wait(LONG_S)
    spec = service.queries.campaign(service.queries.campaigns()["campaign_id"].iloc[0]).spec
    assert spec.shared_cash == SharedCash(3, 0.25)
    again = setup.draft(service, setup.choices_of(service, spec, spec.name) | {"name": spec.name})
    assert again == spec


def test_the_rule_of_promotion_is_shown_with_its_defaults_and_goes_into_the_specification(form: AppTest) -> None:
    assert setup.draft(research(), setup.DEFAULTS | {"dataset": "small"}).promotion == Promotion()
    assert form.number_input(key="research.rule_luck").value == 5.0
    form.number_input(key="research.rule_luck").set_value(1.0)
    form.number_input(key="research.rule_train_trades").set_value(7)
    form.number_input(key="research.scenarios").set_value(2)
    form.number_input(key="research.stop_runs").set_value(1).run()
    form.button(key="research.start").click().run()
    assert not form.exception
    service = research()
    assert service.wait(LONG_S)
    spec = service.queries.campaign(service.queries.campaigns()["campaign_id"].iloc[0]).spec
    assert spec.promotion == Promotion(luck=0.01, train_trades=7)
    assert setup.choices_of(service, spec, "again")["rule_luck"] == 1.0


def test_a_threshold_that_anything_would_pass_is_refused_in_a_sentence(form: AppTest) -> None:
    form.number_input(key="research.rule_luck").set_value(100.0).run()
    assert not form.exception
    assert "wanted between 0 and 1" in form.error[0].value


def test_choices_that_leave_no_room_for_a_window_are_refused_in_a_sentence(form: AppTest) -> None:
    form.number_input(key="research.train_percent").set_value(80.0)
    form.number_input(key="research.validation_percent").set_value(30.0).run()
    assert not form.exception
    assert "leave no bars for the vault" in form.error[0].value
    assert "research.start" not in {button.key for button in form.button}


def test_a_preset_brings_all_fields_back(form: AppTest) -> None:
    form.text_area(key="research.theme").set_value("hours of the day")
    form.number_input(key="research.embargo_bars").set_value(50).run()
    research().save_preset("hours", setup.DEFAULTS | {"dataset": "small", "theme": "from the preset", "embargo_bars": 70})
    form.run()
    form.selectbox(key="research.preset").set_value("hours").run()
    form.button(key="research.load").click().run()
    assert form.text_area(key="research.theme").value == "from the preset"
    assert form.number_input(key="research.embargo_bars").value == 70


def test_saving_a_preset_keeps_what_the_fields_hold(form: AppTest) -> None:
    form.number_input(key="research.seed").set_value(11).run()
    form.text_input(key="research.preset_name").set_value("eleven").run()
    form.button(key="research.save").click().run()
    assert research().queries.presets()["eleven"]["seed"] == 11
    assert form.selectbox(key="research.preset").value == "eleven"


def test_what_was_typed_is_there_after_a_look_at_another_page(form: AppTest, page: Callable[[str], AppTest]) -> None:
    form.text_area(key="research.theme").set_value("keep me").run()
    page("campaigns")
    assert page("research_setup").text_area(key="research.theme").value == "keep me"


def test_choices_of_a_specification_lead_to_it_again(app: AppTest) -> None:
    app.run()
    service = research()
    asked = setup.DEFAULTS | {"dataset": "small", "top_assets": 4, "fee_percent": 0.07, "train_percent": 55.0, "stop_hours": 1.5,
                              "want_win_rate_percent": None, "name": "first"}  # fmt: skip
    spec = setup.draft(service, asked)
    again = setup.draft(service, setup.choices_of(service, spec, "first") | {"name": "first"})
    assert again == spec


NOBODY = ModelChoice("openai/nobody", "http://127.0.0.1:9/v1")
"""A model at an address where nobody listens."""


def _proposer(form: AppTest) -> str:
    """The arms of the campaign that *Start* has begun; its work is stopped."""
    form.number_input(key="research.scenarios").set_value(4).run()
    form.button(key="research.start").click().run()
    assert not form.exception
    service = research()
    service.stop()
    assert service.wait(LONG_S)
    campaign_id = service.queries.campaigns()["campaign_id"].iloc[0]
    return service.queries.campaign(campaign_id).spec.proposer


def test_without_a_model_the_random_arm_runs(form: AppTest) -> None:
    assert _proposer(form) == "random"


def test_without_a_model_both_arms_that_draw_may_run(form: AppTest) -> None:
    form.button_group(key="research.proposer").set_value("random+mutate").run()
    assert _proposer(form) == "random+mutate"


def test_a_model_brings_both_baselines_beside_it(form: AppTest) -> None:
    research().model.choose(NOBODY)
    form.run()
    assert form.button_group(key="research.proposer").value == "model+random+mutate"
    assert _proposer(form) == "model+random+mutate"


def test_the_model_may_be_alone_and_the_page_says_what_is_lost(form: AppTest) -> None:
    research().model.choose(NOBODY)
    form.run()
    form.button_group(key="research.proposer").set_value("model").run()
    assert any("nothing tells whether the model is better than chance" in caption.value for caption in form.caption)
    assert _proposer(form) == "model"


def test_arms_of_a_copied_campaign_are_kept(form: AppTest) -> None:
    research().model.choose(NOBODY)
    service = research()
    spec = setup.draft(service, setup.DEFAULTS | {"dataset": "small", "proposer": "model"})
    assert setup.choices_of(service, spec, "first")["proposer"] == "model"


def test_a_further_benchmark_is_added_and_asked_for(form: AppTest) -> None:
    form.selectbox(key="wish.window").set_value("validation").run()
    form.number_input(key="wish.value").set_value(0.5)
    form.button(key="wish.add").click().run()
    assert not form.exception
    assert form.multiselect(key="research.want_more").value == ["sharpe>=0.5@validation?"]
    (asked,) = setup.draft(research(), setup.DEFAULTS | {"want_more": ["sharpe>=0.5@validation?"]}).benchmarks.more
    assert (asked.figure, asked.value, asked.window, asked.is_required) == ("sharpe", 0.5, "validation", False)
