"""Overview: an empty store teaches, a finished campaign shows its true figures, work can be started and stopped."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.model_records import ModelChoice
from engine.records import StopConditions
from pages import look, setup
from pages.access import research
from pages.look import figure_text
from tests.patience import LONG_S


def test_an_empty_store_offers_the_demo_and_a_tour(empty_app: AppTest) -> None:
    empty_app.run()
    assert not empty_app.exception
    assert empty_app.button(key="welcome.demo").label == "Start a first campaign"
    assert "vault" in " ".join(text.value for text in empty_app.markdown)


def test_one_button_starts_a_first_campaign_on_the_demo_market(empty_app: AppTest) -> None:
    empty_app.run()
    empty_app.button(key="welcome.demo").click().run()
    assert not empty_app.exception
    status = research().status()
    assert status.dataset == "demo"
    assert status.synthetic
    assert status.state in ("starting", "running")


def test_the_sidebar_tells_state_campaign_data_and_isolation(app: AppTest) -> None:
    app.run()
    sidebar = " ".join(element.value for element in [*app.sidebar.markdown, *app.sidebar.caption])
    assert "Not running" in sidebar
    assert "random arm" in sidebar
    assert f"Isolation: {look.ISOLATION[research().status().isolation_level][0]}" in sidebar
    service = research()
    service.start(service.queries.campaigns()["campaign_id"].iloc[0])
    second_viewer = AppTest.from_file(Path(__file__).parents[2] / "app.py", default_timeout=LONG_S).run()
    sidebar = " ".join(element.value for element in [*second_viewer.sidebar.markdown, *second_viewer.sidebar.caption])
    assert "Small search" in sidebar
    assert "Theme: volume" in sidebar
    assert "SYNTHETIC" in sidebar


def test_what_a_baseline_meets_too_is_marked_as_on_the_scorecard(app: AppTest) -> None:
    app.run()
    told = [text.value for text in app.markdown]
    assert any("met without skill" in text for text in told), "the run is of the random arm"
    assert not any(text == ":green[:material/check_circle: met]" for text in told)


def test_the_curve_and_the_luck_behind_it_are_of_one_window(app: AppTest) -> None:
    app.run()
    for window in ("train", "validation"):
        app.segmented_control(key="overview.window").set_value(window).run()
        curve = json.loads(app.get("plotly_chart")[0].proto.spec)
        names = [trace["name"] for trace in curve["data"] if trace.get("name")]
        assert len(names) > 2
        assert all(window in name for name in names)


def test_headline_figures_are_those_of_the_ledger(app: AppTest) -> None:
    app.run()
    assert not app.exception
    queries = research().queries
    board = queries.campaigns().iloc[0]
    best = queries.run(board["best_run_id"])
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Sharpe ratio"] == figure_text("sharpe", best.figures["train"]["sharpe"])
    assert shown["Trades"] == figure_text("trades_with_open", best.figures["train"]["trades_with_open"])
    assert shown["Runs of this campaign"] == "5"
    assert shown["Scenarios scored"] == f"{board['scenarios']:,}"


def test_the_other_window_shows_the_other_figures(app: AppTest) -> None:
    app.run()
    app.button_group(key="overview.window").set_value("validation").run()
    queries = research().queries
    best = queries.run(queries.campaigns()["best_run_id"].iloc[0])
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Total return"] == figure_text("total_return", best.figures["validation"]["total_return"])


def test_each_benchmark_is_told_with_what_was_found_and_wanted(app: AppTest) -> None:
    app.run()
    told = [caption.value for caption in app.caption]
    assert any("wanted at least +5.00%" in text for text in told)
    assert any("of 8 listed in the window; wanted at least 5" in text for text in told)
    assert any("95% interval" in text and "wanted more than 50.00%" in text for text in told)


def test_a_finished_campaign_says_why_and_how_to_search_on(app: AppTest) -> None:
    app.run()
    told = next(bar.proto.text for bar in app.get("progress"))
    assert "5 runs are done" in told
    assert "duplicate it on Campaigns" in told


def test_a_finished_campaign_with_more_to_do_continues_and_stops(app: AppTest) -> None:
    app.run()
    service = research()
    campaign_id = service.queries.campaigns()["campaign_id"].iloc[0]
    service.ledger.campaign_event(campaign_id, "conditions", '{"runs": null, "hours": null, "benchmarks_met": false}')
    assert service.spec(campaign_id).stop == StopConditions()
    app.run()
    app.button(key="control.start").click().run()
    assert service.status().campaign_id == campaign_id
    app.button(key="control.stop").click().run()
    assert service.wait(LONG_S)
    assert service.queries.state(campaign_id) == "stopped"
    assert service.queries.campaigns()["runs"].iloc[0] >= 5


@pytest.mark.parametrize("name", ["overview", "research_setup", "campaigns"])
def test_a_deep_link_to_nothing_is_a_sentence_or_a_fresh_choice(page: Callable[[str], AppTest], app: AppTest, name: str) -> None:
    app.query_params["campaign"] = "no-such-campaign"
    page(name)


def test_a_store_that_another_process_holds_is_told_in_one_sentence(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.errors import StoreLocked

    def locked(*_: object, **__: object) -> None:
        raise StoreLocked("the ledger is in use by process 4711; close it, or name another store")

    monkeypatch.setattr("pages.access.ResearchService", locked)
    app.run()
    assert not app.exception
    assert [error.value for error in app.error] == ["the ledger is in use by process 4711; close it, or name another store"]


def test_a_model_that_nobody_answers_for_is_told_on_the_page_and_in_the_sidebar_and_the_random_arm_goes_on(app: AppTest) -> None:
    service = research()
    service.model.choose(ModelChoice("openai/nobody", "http://127.0.0.1:9/v1"))
    asked = setup.DEFAULTS | {"dataset": "small", "proposer": "model+random", "scenarios": 4, "stop_runs": None}
    service.launch(setup.draft(service, asked))
    while not service.status().model_trouble:
        assert not service.wait(0.05)
    app.run()
    assert not app.exception
    (told,) = [warning.value for warning in app.main.warning]
    assert "The model's arm waits" in told
    assert "cannot be reached" in told.replace("\\", "")
    assert "The other arms go on" in told
    assert any("The model's arm waits" in warning.value for warning in app.sidebar.warning)
    assert any("Arms: model, random" in caption.value for caption in app.sidebar.caption), "all arms, not the one in work"
    assert any("Model: openai/nobody" in caption.value for caption in app.sidebar.caption)
    service.stop()
    assert service.wait(LONG_S)
