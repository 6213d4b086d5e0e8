"""Assets: which carry a run and which lose, alone, against another run, and over the whole campaign."""

from collections.abc import Callable

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from pages.access import research
from tests.pages.conftest import open_page


def _board() -> pd.DataFrame:
    queries = research().queries
    return queries.runs(str(queries.campaigns()["campaign_id"].iloc[0]))


@pytest.fixture
def assets(page: Callable[[str], AppTest]) -> AppTest:
    """The Assets page: without a choice it stands at the best run."""
    return page("assets")


def test_contributions_of_all_assets_sum_to_the_total_return(assets: AppTest) -> None:
    shown = assets.dataframe[0].value
    run = research().queries.run(str(_board()["run_id"].iloc[0]))
    assert shown["contribution"].is_monotonic_decreasing
    assert shown["contribution"].sum() == pytest.approx(100 * run.figures["train"]["total_return"])


def test_the_change_against_another_run_is_the_difference_of_both(assets: AppTest) -> None:
    assets.segmented_control(key="assets.view").set_value("Against another run").run()
    assets.selectbox(key="selection.other.box").set_value(str(_board()["run_id"].iloc[1])).run()
    shown = assets.dataframe[0].value
    assert (shown["contribution"] - shown["other_contribution"]).to_numpy() == pytest.approx(shown["change_contribution"])


def test_trades_that_vanished_and_appeared_make_the_whole_difference_of_both_runs(assets: AppTest) -> None:
    assets.segmented_control(key="assets.view").set_value("Against another run").run()
    mine, other = (research().queries.run(str(_board()["run_id"].iloc[i])) for i in (0, 1))
    assets.selectbox(key="selection.other.box").set_value(other.run_id).run()
    changes = assets.dataframe[1].value
    made, before = (100 / 8 * research().results.result(r.run_id).trades["pnl"].sum() for r in (mine, other))
    assert changes["Change, points"].sum() == pytest.approx(made - before)
    assert "Vanished" in set(changes["Trades"])


def test_over_all_runs_each_asset_stands_with_the_runs_that_traded_it(assets: AppTest) -> None:
    assets.segmented_control(key="assets.view").set_value("Over all runs").run()
    shown = assets.dataframe[0].value
    scored = (_board()["status"] == "scored").sum()
    assert len(shown) == 8
    assert set(shown["runs"]) == {scored}


def test_an_asset_in_the_address_is_shown_with_its_trades(app: AppTest) -> None:
    app.run()
    run_id = str(_board()["run_id"].iloc[0])
    trades = research().results.result(run_id, "train").trades
    symbol = str(trades["symbol"].iloc[0])
    app.query_params["run"], app.query_params["asset"] = run_id, symbol
    open_page(app, "assets")
    assert len(app.dataframe[1].value) == (trades["symbol"] == symbol).sum()
