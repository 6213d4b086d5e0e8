"""Start from: seed strategies, files of one's own and earlier runs are the first runs of the campaign that is started."""

import re
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from engine.model_records import ModelChoice
from engine.settings import PROJECT_DIR
from pages import setup
from pages.access import research
from tests.pages.conftest import open_page
from tests.pages.model_runs import record_campaign
from tests.patience import LONG_S

SEEDS = PROJECT_DIR / "data" / "strategies"
OWN = b'"""Buys once."""\n\nPARAMS = {}\n\n\ndef signals(market, params, ta):\n    return {"entries": market.close > 0}\n'


@pytest.fixture
def form(page: Callable[[str], AppTest]) -> AppTest:
    """The Research page on the market `small`."""
    shown = page("research_setup")
    shown.selectbox(key="research.dataset").set_value("small").run()
    return shown


def _best() -> str:
    return str(research().queries.campaigns()["best_run_id"].iloc[0])


def _listed(form: AppTest) -> list[str]:
    """What will be run first."""
    return [box.label for box in form.expander if box.label[:1].isdigit()]


def _campaigns(options: list[str]) -> set[str]:
    return {re.sub(r".*run \d+ of (.*), on small:.*", r"\1", option) for option in options}


def _upload(form: AppTest, name: str, content: bytes) -> None:
    next(iter(form.file_uploader)).upload(name, content, "text/x-python").run()
    assert not form.exception


def test_seeds_are_told_by_name_and_what_they_do(form: AppTest) -> None:
    options = form.multiselect(key="research.start_seeds").options
    assert len(options) == len(list(SEEDS.glob("*.py")))
    assert "buy_and_hold: Buy every asset at its first bar and never sell: what any trading has to beat." in options


def test_without_any_the_campaign_starts_from_its_theme(form: AppTest) -> None:
    assert any("its theme alone" in caption.value for caption in form.caption)
    assert _listed(form) == []


def test_what_is_chosen_is_run_first_in_the_order_shown_and_once(form: AppTest) -> None:
    best = research().queries.run(_best())
    form.multiselect(key="research.start_seeds").set_value(["buy_and_hold"])
    form.multiselect(key="research.start_runs").set_value([best.run_id]).run()
    _upload(form, "mine.py", OWN)
    assert [label.split()[1] for label in _listed(form)] == ["buy\\_and\\_hold\\:", "mine.py,", "Run"]
    assert OWN.decode().strip() in [code.value.strip() for code in form.code]
    form.number_input(key="research.scenarios").set_value(2)
    form.number_input(key="research.seed").set_value(77)
    form.number_input(key="research.stop_runs").set_value(3).run()
    form.button(key="research.start").click().run()
    form.button(key="research.start").click().run()
    assert not form.exception
    service = research()
    assert service.wait(LONG_S)
    runs = service.queries.runs(service.queries.campaigns()["campaign_id"].iloc[0]).sort_values("number")
    wanted = [(SEEDS / "buy_and_hold.py").read_text(), OWN.decode(), best.source]
    assert [service.queries.run(run_id).source for run_id in runs["run_id"]] == wanted
    assert set(runs["arm"]) == {"human"}


def test_earlier_runs_of_all_campaigns_stand_best_first(form: AppTest) -> None:
    made = record_campaign(research())
    form.run()
    options = form.multiselect(key="research.start_runs").options
    assert _campaigns(options) == {"Small search", "With a model"}
    sharpes = [float(option.split()[1].rstrip(",")) for option in options if re.match(r"Sharpe \S+, run", option)]
    assert sharpes == sorted(sharpes, reverse=True)
    research().archive(made.campaign_id)
    form.run()
    assert _campaigns(form.multiselect(key="research.start_runs").options) == {"Small search"}


def test_a_run_on_other_data_is_only_a_start(form: AppTest) -> None:
    form.multiselect(key="research.start_runs").set_value([_best()]).run()
    assert "other data" not in _listed(form)[0]
    form.selectbox(key="research.dataset").set_value("demo").run()
    assert "other data or windows" in _listed(form)[0]
    assert any("its figures do not carry over" in caption.value for caption in form.caption)


@pytest.mark.parametrize(
    ("content", "told"), [("é".encode("latin-1"), "mine.py is not UTF-8 text"), (b" \n", "mine.py has 2 bytes")]
)
def test_a_file_that_is_no_text_is_refused_in_a_sentence(form: AppTest, content: bytes, told: str) -> None:
    _upload(form, "mine.py", content)
    assert told in form.error[0].value.replace("\\", "")
    assert _listed(form) == []


def test_a_file_that_was_taken_stays_until_it_is_removed(form: AppTest, page: Callable[[str], AppTest]) -> None:
    _upload(form, "mine.py", b"\xef\xbb\xbf" + OWN)
    page("campaigns")
    again = page("research_setup")
    assert "mine.py, your own: Buys once." in _listed(again)[0].replace("\\", "")
    again.button(key="start.remove.mine").click().run()
    assert _listed(again) == []


def test_a_preset_keeps_them_and_drops_what_is_gone(form: AppTest) -> None:
    kept = {"start_seeds": ["buy_and_hold", "gone"], "start_runs": ["gone"], "start_own": {"mine": OWN.decode()}}
    research().save_preset("starts", setup.DEFAULTS | kept)
    form.run()
    form.selectbox(key="research.preset").set_value("starts").run()
    form.button(key="research.load").click().run()
    assert not form.exception
    assert len(_listed(form)) == 2


def test_the_link_of_a_run_leads_to_research_with_it_chosen(app: AppTest) -> None:
    app.run()
    app.session_state["strategy.view"] = "Steer"
    open_page(app, "strategy")
    link = next(link for link in app.get("page_link") if link.proto.label == "Start a campaign from this run")
    name, run_id = link.proto.query_string.split("=")
    app.query_params[name] = run_id
    research_page = open_page(app, "research_setup")
    assert research_page.multiselect(key="research.start_runs").value == [run_id]
    assert "will be run first" in research_page.info[0].value


@pytest.mark.parametrize("failed", [True, False])
def test_an_address_with_a_run_that_cannot_be_a_start_is_told(app: AppTest, failed: bool) -> None:
    app.run()
    app.query_params["start"] = record_campaign(research()).runs[7] if failed else "gone"
    shown = open_page(app, "research_setup")
    assert ("failed" if failed else "gone") in shown.error[0].value
    assert shown.multiselect(key="research.start_runs").value == []


@pytest.mark.parametrize(
    ("model", "proposer"), [(None, "random"), (ModelChoice("openai/nobody", "http://127.0.0.1:9/v1"), "model+random+mutate")]
)
def test_the_first_campaign_asks_the_model_that_is_chosen(empty_app: AppTest, model: ModelChoice | None, proposer: str) -> None:
    empty_app.run()
    service = research()
    if model is not None:
        service.model.choose(model)
        empty_app.run()
    empty_app.button(key="welcome.demo").click().run()
    assert not empty_app.exception
    service.stop()
    assert service.wait(LONG_S)
    spec = service.queries.campaign(service.queries.campaigns()["campaign_id"].iloc[0]).spec
    assert spec.proposer == proposer
    assert model is None or spec.stop.runs is not None, "one press must not spend for ever"
