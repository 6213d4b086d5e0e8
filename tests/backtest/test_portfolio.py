"""One strategy's whole result: its series say what its figures say, and each trade names the entry that caused it."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from engine.analysis.metrics import portfolio_table
from engine.backtest.portfolio import Result, run_strategy
from engine.backtest.sweep import TestBed, prepare
from engine.records import Costs, Failure, Window
from engine.settings import Limits
from engine.strategy.sandbox import SandboxPool
from tests.markets import START_NS, panel_of, random_bars

TAGGED = """
PARAMS = {"bars": (1, 9)}


def signals(market, params, ta):
    up = market.close > market.open
    return {
        "entries": {"two up": up & up.shift(1, fill_value=False), "dip": up & (market.low < 0.98 * market.open)},
        "short_entries": market.close < 0.99 * market.open, "max_bars": params["bars"], "stop_loss": 0.05,
    }
"""


@pytest.fixture(scope="module")
def bed() -> TestBed:
    return prepare(panel_of(random_bars(np.random.default_rng(4), 300, 4)), Window("validation", 50, 290, lead_in=50), Costs())


@pytest.fixture(scope="module")
def pool() -> Iterator[SandboxPool]:
    made = SandboxPool(1, Limits())
    yield made
    made.close()


@pytest.fixture(scope="module")
def result(bed: TestBed, pool: SandboxPool) -> Result:
    found = run_strategy(TAGGED, {"bars": 4}, bed, pool=pool)
    assert isinstance(found, Result)
    return found


def test_its_series_say_what_its_figures_say(bed, result):
    figures = portfolio_table(result.outcomes, bed.market, bed.hold).iloc[0]
    assert result.equity.iloc[-1] - 1 == figures["total_return"]
    assert result.drawdown.min() == figures["max_drawdown"]
    assert result.exposure.mean() == pytest.approx(figures["exposure"], rel=1e-12)
    assert result.exposure.max() == figures["max_exposure"]
    assert result.buy_and_hold.iloc[-1] - 1 == figures["buy_and_hold_return"]


def test_its_series_stand_over_the_opens_of_the_windows_bars_in_utc(result):
    first = pd.Timestamp(START_NS, tz="UTC") + pd.Timedelta(hours=50)
    wanted = pd.date_range(first, periods=240, freq="1h")
    for series in (result.equity, result.drawdown, result.exposure, result.buy_and_hold):
        assert (series.index == wanted).all()
    trades = result.trades
    assert (trades["entry_time"] == wanted[trades["entry_bar"]]).all()
    assert (trades["exit_time"] == wanted[trades["exit_bar"]]).all()


def test_each_long_trade_names_the_first_entry_that_was_true_at_its_deciding_close(bed, result):
    panel = bed.market.panel
    up = panel.close > panel.open
    tags = []
    for trade in result.trades.itertuples():
        decided, asset = 50 + trade.entry_bar - 1, panel.symbols.index(trade.symbol)
        two_up = up[decided, asset] and up[decided - 1, asset]
        tags.append("" if trade.direction == "short" else "two up" if two_up else "dip")
    assert result.trades["entry_tag"].tolist() == tags
    assert set(tags) == {"", "two up", "dip"}


def test_trades_come_by_asset_in_panel_order_and_then_by_entry(bed, result):
    at = pd.Index(bed.market.panel.symbols).get_indexer(result.trades["symbol"])
    order = list(zip(at, result.trades["entry_bar"], strict=True))
    assert order == sorted(order)


def test_a_strategy_that_fails_is_a_failure_and_no_result(bed, pool):
    failure = run_strategy("PARAMS = {}\n\n\ndef signals(market, params, ta):\n    return 1 / 0\n", {}, bed, pool=pool)
    assert isinstance(failure, Failure)
    assert failure.line == 5
