"""Strategy: one run with its figures, trades, code and sweep; a failed one with its failure."""

import re
from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from engine.figures import PORTFOLIO_FIGURES
from engine.records import Failure, Proposal
from engine.settings import PROJECT_DIR
from engine.store.answers import RunRow
from pages import look, selection
from pages.access import research
from tests.pages.conftest import open_page
from tests.store.samples import failed_run


def _board() -> pd.DataFrame:
    queries = research().queries
    return queries.runs(str(queries.campaigns()["campaign_id"].iloc[0]))


def _best() -> RunRow:
    return research().queries.run(str(_board()["run_id"].iloc[0]))


@pytest.fixture
def strategy(page: Callable[[str], AppTest]) -> AppTest:
    """The Strategy page: without a choice it stands at the best run."""
    return page("strategy")


def test_the_main_figures_are_those_of_the_ledger(strategy: AppTest) -> None:
    tiles = {metric.label: metric.value for metric in strategy.metric}
    validation = _best().figures["validation"]
    assert tiles["Sharpe ratio on validation"] == look.figure_text("sharpe", validation["sharpe"])
    assert tiles["Trades on validation"] == look.figure_text("trades_with_open", validation["trades_with_open"])


def test_all_figures_stand_on_both_windows_with_their_definitions(strategy: AppTest) -> None:
    strategy.segmented_control(key="strategy.view").set_value("Figures").run()
    table = strategy.dataframe[0].value
    assert len(table) == len(PORTFOLIO_FIGURES)
    assert {"Train", "Validation", "Definition"} <= set(table.columns)
    assert table["Definition"].str.len().min() > 10


def test_the_trades_of_the_chosen_asset_are_those_of_the_run(strategy: AppTest) -> None:
    strategy.segmented_control(key="strategy.view").set_value("Trades").run()
    run, symbol = _best(), strategy.selectbox(key="selection.asset.box").value
    trades = research().results.result(run.run_id, "train").trades
    assert len(strategy.dataframe[0].value) == (trades["symbol"] == symbol).sum()


def test_every_parameter_set_of_the_sweep_is_shown_best_first(strategy: AppTest) -> None:
    strategy.segmented_control(key="strategy.view").set_value("Scenarios").run()
    table = strategy.dataframe[0].value
    assert len(table) == _best().scenarios
    assert table["objective"].dropna().is_monotonic_decreasing


def test_code_is_shown_as_it_ran_and_compared_with_another_run(strategy: AppTest) -> None:
    strategy.segmented_control(key="strategy.view").set_value("Code").run()
    assert strategy.code[0].value == _best().source.rstrip()
    strategy.segmented_control(key="strategy.code").set_value("Changes").run()
    second = str(_board()["run_id"].iloc[1])
    assert strategy.selectbox(key="selection.other.box").value == second, "a run is not compared with itself"
    strategy.selectbox(key="selection.other.box").set_value(second).run()
    assert f"+++ run {_best().number}" in strategy.code[0].value


def test_an_address_leads_to_its_run(app: AppTest) -> None:
    app.run()
    run_id = str(_board()["run_id"].iloc[2])
    app.query_params["run"] = run_id
    open_page(app, "strategy")
    assert app.selectbox(key="selection.run.box").value == run_id


def test_a_failed_run_shows_why_and_where(app: AppTest) -> None:
    app.run()
    campaign = str(_board()["campaign_id"].iloc[0])
    failed = replace(failed_run(6, campaign), proposal=Proposal("a = 1\nb = a / 0\n", "Divide", "random"),
                     failure=Failure("error", "ZeroDivisionError: division by zero", 2))  # fmt: skip
    research().ledger.record_run(failed, [])
    app.query_params["run"] = failed.run_id
    open_page(app, "strategy")
    assert app.error[0].value == look.plain("Run 6 failed. error: ZeroDivisionError: division by zero (line 2)")
    assert app.code[0].value.splitlines()[1].startswith("b = a / 0  # <<< error")


def test_an_unknown_run_is_told_in_a_sentence(app: AppTest) -> None:
    app.run()
    app.query_params["run"] = "nothing"
    open_page(app, "strategy")
    assert "The run 'nothing' is not in this ledger" in app.main.warning[0].value


def test_every_choice_of_the_address_is_known() -> None:
    assert {"campaign", "run", "other", "asset", "window", "dataset"} <= set(selection.NARROWER)


def test_an_address_opens_any_tab_by_its_name(strategy: AppTest) -> None:
    tabs = strategy.segmented_control(key="strategy.view").options
    assert {"Why", "Evidence", "Steer"} <= set(tabs)
    for tab in (*tabs, "why"):
        strategy.query_params["tab"] = tab
        strategy.run()
        assert not strategy.exception, tab
        assert strategy.segmented_control(key="strategy.view").value.casefold() == tab.casefold()
    strategy.segmented_control(key="strategy.view").set_value("Code").run()
    assert strategy.segmented_control(key="strategy.view").value == "Code", "an address of before does not hold a viewer back"
    assert strategy.query_params["tab"] in ("Code", ["Code"]), "the view can be sent to a colleague"


def test_a_tab_that_is_not_there_is_told(strategy: AppTest) -> None:
    strategy.query_params["tab"] = "Story"
    strategy.run()
    assert "no tab" in strategy.main.warning[0].value


def test_the_documents_name_tabs_that_there_are(strategy: AppTest) -> None:
    texts = [PROJECT_DIR / "README.md", *(PROJECT_DIR / "docs").glob("*.md")]
    named = {tab for text in texts for tab in re.findall(r"\*Strategy\*, tab\s+\*(\w+)\*", text.read_text(encoding="utf-8"))}
    assert named
    assert named <= set(strategy.segmented_control(key="strategy.view").options)
