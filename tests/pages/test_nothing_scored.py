"""Before the first scored run each page says what will stand there, and shows no figure that was not computed."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from engine.research.campaign import run_id_of
from engine.research.service import ResearchService
from pages.access import research
from tests.pages.conftest import CHOICES, open_page
from tests.store.samples import failed_run

OF_A_RUN = ("scorecard", "parameters", "strategy", "assets")
"""Pages that are about a run of a campaign."""


def _service(app: AppTest, failed: int | None = None) -> ResearchService:
    """The service of the app, once it has run; with a campaign that has so many failed runs and no other."""
    app.run()
    service = research()
    if failed is not None:
        campaign = service.enter(service.draft("small", CHOICES))
        for number in range(1, failed + 1):
            service.ledger.record_run(replace(failed_run(number, campaign), run_id=run_id_of(campaign, number)), [])
    return service


def _told(app: AppTest) -> str:
    parts = [*app.main.error, *app.main.info, *app.main.warning, *app.main.caption]
    return "\n".join(element.value for element in parts)


@pytest.mark.parametrize("name", ["run", "campaign"])
def test_a_link_into_an_empty_ledger_says_that_there_is_nothing_of_the_kind(empty_app: AppTest, name: str) -> None:
    _service(empty_app)
    for page in (*OF_A_RUN, "runs"):
        empty_app.query_params[name] = "gone-1"
        told = _told(open_page(empty_app, page))
        assert "No campaign yet" in told, page
        assert f"The {name} 'gone\\-1' is not in this ledger" in told, page
        assert "shown" not in told, page
        assert name not in empty_app.query_params, "it would be told again once there is a campaign"


def test_a_campaign_without_a_run_says_so_and_shows_no_figure(empty_app: AppTest) -> None:
    _service(empty_app, failed=0)
    for page in OF_A_RUN:
        told = _told(open_page(empty_app, page))
        assert "This campaign has no run yet" in told, page
        assert not empty_app.main.metric, page
    for page in ("overview", "runs"):
        assert " run " in _told(open_page(empty_app, page))
        assert {metric.value for metric in empty_app.main.metric} == {"0"}, page


def test_a_scorecard_of_a_failed_run_says_why_nothing_is_known(empty_app: AppTest) -> None:
    _service(empty_app, failed=2)
    scorecard = open_page(empty_app, "scorecard")
    table = scorecard.main.table[0].value.T
    assert set(table["State"]) == {"not computable"} | {"sealed"}
    assert "ZeroDivisionError" in table.loc["train", "Found"]


def test_parameters_of_a_failed_run_say_that_none_was_tried(empty_app: AppTest) -> None:
    _service(empty_app, failed=2)
    assert "No parameter set of this run was tried" in _told(open_page(empty_app, "parameters"))


def test_a_link_to_the_evidence_of_a_failed_run_says_which_tabs_there_are(empty_app: AppTest) -> None:
    _service(empty_app, failed=2)
    empty_app.query_params["tab"] = "Evidence"
    assert "no tab 'Evidence' for this run; there are Code" in _told(open_page(empty_app, "strategy"))


@pytest.mark.parametrize("page", ["overview", "scorecard"])
def test_the_data_budget_waits_for_the_first_scored_run_in_plain_words(empty_app: AppTest, page: str) -> None:
    _service(empty_app, failed=2)
    told = _told(open_page(empty_app, page))
    assert "no run has returns on train yet; the first scored run brings them" in told
    assert "0 years" not in told


def test_luck_behind_the_best_results_waits_too(empty_app: AppTest) -> None:
    _service(empty_app, failed=2)
    runs = open_page(empty_app, "runs")
    runs.segmented_control(key="runs.view").set_value("Best so far").run()
    assert not runs.exception
    assert "not computed, no run has returns there yet" in _told(runs)


def test_intervals_of_the_evidence_tell_a_win_rate_without_a_sign(page: Callable[[str], AppTest]) -> None:
    strategy = page("strategy")
    strategy.segmented_control(key="strategy.view").set_value("Evidence").run()
    strategy.button(key="strategy.evidence").click().run()
    (rate,) = [c.value for c in strategy.caption if c.value.startswith("Win rate (with open) on validation")]
    assert "+" not in rate
    assert rate.count("%") >= 3
