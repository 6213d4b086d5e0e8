"""Campaigns: each search with its state; renamed, duplicated, archived and brought back without losing anything."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from engine.store.looks import Look
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


def test_the_rule_of_promotion_of_a_campaign_stands_there_with_what_is_not_usual(page: Callable[[str], AppTest]) -> None:
    service = research()
    spec = service.queries.campaign(_id()).spec
    own = service.enter(replace(spec, seed=98, promotion=replace(spec.promotion, judged=0.05)))
    board = page("campaigns")
    board.query_params["campaign"] = own
    told = board.run().table[0].value
    assert len(told) == 8
    assert told.loc["Chance of luck on validation, at most"].tolist() == ["5% (usual 20%)"]
    assert told.loc["Looks into the vault, at most"].tolist() == ["3"]


def test_a_vault_that_nobody_has_looked_into_says_so_and_no_more_than_is_known(board: AppTest) -> None:
    told = " ".join(caption.value for caption in board.caption)
    assert "No look into it is on record" in told
    assert "outside Edgewise" in told


def test_every_look_into_the_vault_of_these_bars_stands_there_with_by_what_and_when(page: Callable[[str], AppTest]) -> None:
    service = research()
    spec = service.queries.campaign(_id()).spec
    service.ledger.record_look(Look(spec.data_hash, "all", who="backtest", why="mine.py"))
    service.ledger.record_look(Look(spec.data_hash, "all", who="sweep", why="other.py"))
    service.ledger.record_look(Look("sha256:other bars", "all", who="backtest", why="elsewhere.py"))
    board = page("campaigns")
    told = " ".join(caption.value for caption in board.caption).replace("\\", "")
    assert "(1 by backtest, 1 by sweep)" in told
    assert any("looked into 2 times" in caption.value and "no untouched bars left" in caption.value for caption in board.caption)
    looks = board.dataframe[1].value
    assert sorted(zip(looks["who"], looks["why"], strict=True)) == [("backtest", "mine.py"), ("sweep", "other.py")]
    assert looks["at_utc"].notna().all()


def test_a_look_from_a_page_and_one_of_a_promotion_are_told_in_words(page: Callable[[str], AppTest]) -> None:
    service = research()
    spec = service.queries.campaign(_id()).spec
    for who in ("page", "promotion", "page"):
        service.ledger.record_look(Look(spec.data_hash, "vault", who=who, why="run 1"))
    told = " ".join(caption.value for caption in page("campaigns").caption).replace("\\", "")
    assert "looked into 3 times" in told
    assert "(2 by a person on a page, 1 by promotions)" in told


def test_the_campaign_in_hand_stays_in_hand_when_another_moves_to_the_top(board: AppTest) -> None:
    service, first = research(), _id()
    service.enter(replace(service.queries.campaign(first).spec, seed=99, name="Second"))
    board.run()
    assert board.dataframe[0].value["name"].tolist() == ["Second", "Small search"]
    assert board.text_input(key=f"campaigns.name.{first}").value == "Small search"
