"""One trade's arithmetic: the slow twin says the same of every trade, the sums are the trade's, levels hold until it ends."""

import dataclasses
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.analysis.fill_story import FillStory, fill_story
from engine.backtest.levels import trade_levels
from engine.backtest.portfolio import Result, run_signals
from engine.backtest.simulation import open_market
from engine.records import Costs, SharedCash, StrictTargets, Window
from engine.strategy.packing import pack_signals
from tests.backtest.test_twin import markets, wishes
from tests.markets import panel_of

COSTS = Costs(0.001, 0.0005)
SEARCH = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)


def drawn_result(data: st.DataObject) -> Result:
    rng, panel, window = data.draw(markets())
    wish = data.draw(wishes(rng, (window.bars, panel.assets)))
    signals = pack_signals(wish["flags"], wish["risks"], max_bars=wish["max_bars"], cooldown=wish["cooldown"])
    costs = data.draw(st.sampled_from([COSTS, Costs(0.0, 0.0), StrictTargets(0.05, 0.02)]), "costs")
    shared = data.draw(st.sampled_from([None, SharedCash(2, 0.3)]), "shared")
    return run_signals(signals, open_market(panel, window), costs, shared)


@SEARCH
@given(st.data())
def test_the_slow_twin_agrees_with_every_trade(data: st.DataObject) -> None:
    result = drawn_result(data)
    for number in range(min(len(result.trades), 20)):
        assert fill_story(result, number).differs == ()


@SEARCH
@given(st.data())
def test_no_price_goes_through_a_level_before_the_trade_ends(data: st.DataObject) -> None:
    result = drawn_result(data)
    if isinstance(result.costs, StrictTargets):
        return  # a target there may be touched without being filled
    market = result.market
    for _, trade in result.trades.iterrows():
        levels = trade_levels(market, trade.to_frame().T).iloc[:-1]
        asset = market.panel.symbols.index(trade["symbol"])
        bars = market.panel.by_bar[asset, market.window.start + levels["bar"].to_numpy()]
        worst, best = (bars[:, 2], bars[:, 1]) if trade["direction"] == "long" else (-bars[:, 1], -bars[:, 2])
        side = 1 if trade["direction"] == "long" else -1
        assert not (worst <= side * levels["stop"].to_numpy()).any()
        assert not (best >= side * levels["target"].to_numpy()).any()


def story(bars: list[tuple[float, float, float, float]], **risks: float) -> FillStory:
    """The one trade of an entry at the close of the first bar."""
    prices = np.array(bars, float)[:, None, :]
    flags = {"entries": np.array([[True]] + [[False]] * (len(bars) - 1))}
    result = run_signals(pack_signals(flags, risks), open_market(panel_of(prices), Window("train", 0, len(bars))), COSTS)
    return fill_story(result, 0, unit=1_000.0, currency="USD")


def told(found: FillStory) -> str:
    return "\n".join(f"{s.bar} {s.rule} {s.what}: {s.sum}" for s in found.steps)


def test_a_stopped_trade_is_told_with_its_sums() -> None:
    found = story([(100, 100, 100, 100), (100, 101, 99, 100), (100, 101, 90, 92)], stop_loss=0.05)
    text = told(found)
    assert "100 × (1 + 0.0005) = 100.05" in text
    assert "1,000.00 USD / (100.05 × (1 + 0.001))" in text
    assert "100.05 × (1 - 0.05) = 95.0475" in text
    assert "95.0475 × (1 - 0.0005) = 94.999976" in text
    assert "touched the stop (90)" in text
    made = float(re.search(r"= (-?[\d.]+) USD$", text).group(1))  # type: ignore[union-attr]
    assert made == pytest.approx(1_000 * found.trade["pnl"], abs=0.005)
    assert [s.rule for s in found.steps] == ["1", "1", "Costs", "2", "2", "Costs"]


def test_what_nobody_knows_is_told_as_that() -> None:
    found = story([(100, 100, 100, 100), (100, 120, 80, 100)], stop_loss=0.05, take_profit=0.05)
    assert found.trade["ambiguous"]
    assert "which came first nobody knows" in told(found)


def test_a_trailing_stop_follows_earlier_bars_only() -> None:
    found = story([(100, 100, 100, 100), (100, 110, 100, 110), (110, 120, 109, 110), (110, 110, 100, 100)], trailing_stop=0.05)
    assert found.levels["stop"].tolist() == pytest.approx([0.95 * 100.05, 0.95 * 110, 0.95 * 120])
    assert found.levels["trailing"].all()
    assert found.trade["reason"] == "trailing_stop"


def test_an_open_position_is_told_as_valued() -> None:
    assert "Still held when the window ends" in told(story([(100, 100, 100, 100), (100, 101, 99, 100)]))


def test_a_trade_that_the_twin_does_not_find_differs_in_all() -> None:
    result = run_signals(
        pack_signals({"entries": np.array([[True], [False], [False]])}, {}),
        open_market(panel_of(np.full((3, 1, 4), 100.0)), Window("train", 0, 3)), COSTS,
    )  # fmt: skip
    other = dataclasses.replace(result, trades=result.trades.assign(entry_bar=2, exit_bar=2))
    assert "pnl" in fill_story(other, 0).differs
