"""The table that is taken away tells what was known when each trade was decided, and when it ended."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from engine.analysis.explanation import Explanation, explain
from engine.analysis.names import names_for_people
from engine.analysis.whole_trades import ENTRY, EXIT, whole_trades
from engine.backtest.portfolio import Result, run_signals
from engine.backtest.simulation import open_market
from engine.features.entry_states import WEEKDAYS
from engine.records import Costs, Window
from engine.strategy.packing import pack_signals
from tests.markets import panel_of, random_bars


@pytest.fixture(scope="module")
def made() -> tuple[Result, Explanation]:
    rng = np.random.default_rng(11)
    market = open_market(panel_of(random_bars(rng, 900, 3, missing=0.02)), Window("train", 100, 900))
    signals = replace(pack_signals({"entries": rng.random((800, 3)) < 0.04}, {}), max_bars=9, stop_loss=0.01)
    result = run_signals(signals, market, Costs())
    return result, explain(result, names_for_people(market))


def test_hours_and_weekdays_are_those_of_the_bars_of_entry_and_exit(made: tuple[Result, Explanation]) -> None:
    result, found = made
    table = whole_trades(result, found)
    for begin, bars in ((ENTRY, table["entry_bar"]), (EXIT, table["exit_bar"])):
        times = result.times[bars]
        assert table[f"{begin}hour"].tolist() == [f"{time:%H}:00" for time in times]
        assert table[f"{begin}weekday"].tolist() == [WEEKDAYS[time.weekday()] for time in times]
        assert table[f"{begin}month"].tolist() == [f"{time:%Y-%m}" for time in times]


def test_a_state_at_the_end_is_that_of_a_trade_which_is_decided_there(made: tuple[Result, Explanation]) -> None:
    result, found = made
    table = whole_trades(result, found)
    at_entry = table.set_index(["symbol", "entry_bar"])[f"{ENTRY}volatility"]
    shared = [(t.symbol, t.exit_bar) for t in table.itertuples() if (t.symbol, t.exit_bar) in at_entry.index]
    assert len(shared) > 3
    at_exit = table.drop_duplicates(["symbol", "exit_bar"]).set_index(["symbol", "exit_bar"])[f"{EXIT}volatility"]
    pd.testing.assert_series_equal(at_exit[shared], at_entry[shared], check_names=False)


def test_indicators_stand_beside_the_states_and_no_trade_is_lost(made: tuple[Result, Explanation]) -> None:
    result, found = made
    said = pd.DataFrame({"RSI(close, 14)": np.linspace(0, 100, len(found.table))})
    table = whole_trades(result, found, said)
    assert table[f"{EXIT}ta.RSI(close, 14)"].tolist() == said["RSI(close, 14)"].tolist()
    assert len(table) == len(result.trades)
    assert {"mae", "mfe", "gap", "rank", "entry_tag", "reason"} <= set(table)


def test_without_trades_the_table_is_empty_and_has_its_columns(made: tuple[Result, Explanation]) -> None:
    market = made[0].market
    none = run_signals(pack_signals({"entries": np.zeros((800, 3), bool)}, {}), market, Costs())
    table = whole_trades(none, explain(none, names_for_people(market)))
    assert table.empty
    assert {f"{ENTRY}hour", f"{EXIT}regime"} <= set(table)
