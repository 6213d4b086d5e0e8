"""Runs: the board of a campaign, found again by filters, compared, and told run by run."""

from collections.abc import Callable

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from pages.access import research


@pytest.fixture
def runs(page: Callable[[str], AppTest]) -> AppTest:
    """The Runs page."""
    return page("runs")


def _board() -> pd.DataFrame:
    queries = research().queries
    return queries.runs(str(queries.campaigns()["campaign_id"].iloc[0]))


def test_an_empty_store_says_where_to_begin(empty_app: AppTest) -> None:
    empty_app.run().switch_page("pages/runs.py").run()
    assert not empty_app.exception
    assert "No campaign yet" in empty_app.info[0].value


def test_all_runs_stand_by_validation_sharpe_with_a_link_to_each(runs: AppTest) -> None:
    shown, board = runs.dataframe[0].value, _board()
    assert shown["number"].tolist() == board["number"].tolist()
    assert shown["rank"].tolist() == list(range(1, len(board) + 1))
    assert [link.split("run=")[1] for link in shown["link"]] == board["run_id"].tolist()


def test_the_number_of_trials_stands_beside_the_board(runs: AppTest) -> None:
    trials = {metric.label: metric.value for metric in runs.metric}["Trials on these bars"]
    assert int(trials.replace(",", "")) >= int(_board()["scenarios"].sum())


def test_search_and_status_narrow_the_board(runs: AppTest) -> None:
    board = _board()
    word = board["summary"].iloc[-1].split()[-1]
    runs.text_input(key="runs.text").set_value(word).run()
    told = board["summary"] + board["failure_message"].fillna("") + board["run_id"]
    assert len(runs.dataframe[0].value) == told.str.contains(word, case=False, regex=False).sum()
    runs.text_input(key="runs.text").set_value("").run()
    runs.segmented_control(key="runs.status").set_value("failed").run()
    assert len(runs.dataframe[0].value) == (board["status"] == "failed").sum()


def test_what_changed_compares_each_run_with_the_scored_one_before_it(runs: AppTest) -> None:
    runs.segmented_control(key="runs.view").set_value("What changed").run()
    shown = runs.dataframe[0].value.sort_values("number")
    scored = _board().query("status == 'scored'").sort_values("number")
    change = shown.set_index("number")["change_validation_sharpe"].reindex(scored["number"])
    pd.testing.assert_series_equal(
        change.iloc[1:].astype(float), scored.set_index("number")["validation_sharpe"].diff().iloc[1:], check_names=False
    )
    assert set(shown["origin"]) == {"fresh draw: no parent"}


def test_a_random_draw_has_no_lineage(runs: AppTest) -> None:
    runs.segmented_control(key="runs.view").set_value("Lineage").run()
    assert "fresh draw: no parent" in runs.info[0].value
