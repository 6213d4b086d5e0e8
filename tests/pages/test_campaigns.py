"""Campaigns: each search with its state; renamed, duplicated, archived and brought back without losing anything."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from pages.access import research


@pytest.fixture
def board(page: Callable[[str], AppTest]) -> AppTest:
    """The Campaigns page."""
    return page("campaigns")


def _id() -> str:
    return str(research().queries.campaigns()["campaign_id"].iloc[0])


def test_an_empty_store_says_where_to_begin(empty_app: AppTest) -> None:
    empty_app.run()
    empty_app.switch_page("pages/campaigns.py").run()
    assert not empty_app.exception
    assert "No campaign yet" in empty_app.info[0].value


def test_a_campaign_stands_with_its_state_and_best_run(board: AppTest) -> None:
    row = board.dataframe[0].value.iloc[0]
    assert (row["name"], row["state"], row["runs"], row["dataset"], row["theme"]) == (
        "Small search",
        "finished",
        5,
        "small",
        "volume",
    )
    assert row["best"].endswith(f"run={row['best_run_id']}")


def test_renaming_keeps_its_runs(board: AppTest) -> None:
    board.text_input(key=f"campaigns.name.{_id()}").set_value("Other name").run()
    board.button(key="campaigns.rename").click().run()
    row = board.dataframe[0].value.iloc[0]
    assert (row["name"], row["runs"]) == ("Other name", 5)


def test_an_empty_name_is_refused_in_a_sentence(board: AppTest) -> None:
    board.text_input(key=f"campaigns.name.{_id()}").set_value(" ").run()
    board.button(key="campaigns.rename").click().run()
    assert not board.exception
    assert "wanted 1 to 80 letters" in board.error[0].value
    assert board.dataframe[0].value["name"].iloc[0] == "Small search"


def test_archiving_hides_and_unarchiving_shows(board: AppTest) -> None:
    board.button(key="campaigns.archive").click().run()
    assert "archived" in board.info[0].value
    board.toggle(key="campaigns.archived").set_value(True).run()
    board.button(key="campaigns.unarchive").click().run()
    assert research().queries.state(_id()) == "finished"


def test_duplicating_fills_the_research_page(board: AppTest) -> None:
    board.button(key="campaigns.duplicate").click().run()
    assert not board.exception
    assert board.title[0].value == "Research"
    assert board.text_input(key="research.name").value == "Small search (copy)"
    assert board.number_input(key="research.scenarios").value == 6
    assert board.number_input(key="research.want_return_percent").value == 5.0
