"""Lines for a chart: true prices, whatever scale the strategy saw them at, each on the axis where it can be read."""

import numpy as np
import pandas as pd
import pytest

from engine.backtest.sweep import TestBed, prepare
from engine.market.bars import Panel
from engine.records import Costs, Failure, Window
from engine.research.chart_lines import ChartLines, chart_lines
from engine.strategy.sandbox import SandboxPool
from tests.research.small import strategy

WINDOW = Window("train", 100, 900, 100)
LINES = strategy(
    "mean = ta.sma(market.close, n)\n"
    'return {"entries": market.close > mean, "plot": {"mean": mean, "rsi": ta.rsi(market.close, n),'
    ' "atr": ta.atr(market.high, market.low, market.close, n), "volume": ta.sma(market.volume, n),'
    ' "above": market.close > mean, "broken": mean / 0}}'
)


@pytest.fixture(scope="module")
def bed(panel: Panel) -> TestBed:
    return prepare(panel, WINDOW, Costs())


@pytest.fixture(scope="module")
def lines(bed: TestBed, lent_pool: SandboxPool) -> ChartLines:
    found = chart_lines(LINES, {"n": 10}, bed, bed.market.panel.symbols[2], pool=lent_pool)
    assert isinstance(found, ChartLines)
    return found


def test_a_mean_of_prices_stands_on_the_price_axis_at_true_prices(lines: ChartLines, bed: TestBed) -> None:
    close = bed.market.panel.close[:, 2]
    wanted = [close[t - 9 : t + 1].mean() for t in range(100, 900)]
    assert lines.wanted == ("mean", "rsi", "atr", "volume", "above", "broken")
    assert set(lines.on_price) == {"mean", "sma(close, 10)"}
    np.testing.assert_allclose(lines.on_price["mean"], wanted, rtol=1e-9)
    assert lines.on_price["mean"].index[0].value == bed.market.panel.times_ns[100]


def test_what_is_no_price_stands_apart_in_its_own_unit(lines: ChartLines, bed: TestBed) -> None:
    """An RSI lies among the scaled prices, and once such a line would have been taken for one."""
    calls = {"rsi(close, 10)", "atr(high, low, close, 10)", "sma(volume, 10)"}
    assert set(lines.apart) == {"rsi", "atr", "volume", "above", "broken"} | calls
    assert lines.apart["rsi"].between(0, 100).all()
    assert set(lines.apart["above"]) == {0.0, 1.0}
    assert lines.apart["broken"].isna().all()
    volume = bed.market.panel.volume[:, 2]
    np.testing.assert_allclose(lines.apart["volume"].iloc[-1], volume[890:900].mean(), rtol=1e-9)
    high, low = bed.market.panel.high[100:900, 2], bed.market.panel.low[100:900, 2]
    assert 0 < lines.apart["atr"].median() < (high - low).max()


def test_a_strategy_without_lines_and_one_that_fails(bed: TestBed, lent_pool: SandboxPool) -> None:
    symbol = bed.market.panel.symbols[0]
    none = chart_lines(strategy('return {"entries": market.close > 0}'), {}, bed, symbol, pool=lent_pool)
    assert isinstance(none, ChartLines)
    assert not none.on_price
    assert not none.apart
    broken = chart_lines(strategy('return {"entries": market.close > 0, "plot": [1]}'), {}, bed, symbol, pool=lent_pool)
    assert isinstance(broken, Failure)
    assert (broken.kind, "'plot' is a list" in broken.message) == ("contract", True)


def test_each_call_of_ta_is_a_line_as_the_strategy_saw_it(lines: ChartLines) -> None:
    for plotted, call in (("rsi", "rsi(close, 10)"), ("atr", "atr(high, low, close, 10)")):
        pd.testing.assert_series_equal(lines.apart[plotted], lines.apart[call], check_names=False)
    pd.testing.assert_series_equal(lines.on_price["mean"], lines.on_price["sma(close, 10)"], check_names=False)
