"""vectorbt beside the kernel: equal trades where the rules coincide, and a Portfolio of our fills that says what we say."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import vectorbt as vbt

from engine.analysis.shuffles import longest_row
from engine.backtest import kernel
from engine.backtest.portfolio import Result, as_vectorbt, run_signals
from engine.backtest.simulation import open_market
from engine.market.bars import Panel
from engine.records import Costs
from engine.strategy.packing import BITS, pack_signals
from tests.markets import panel_of, random_bars, whole

COSTS = Costs()


def random_flags(rng: np.random.Generator, shape: tuple[int, int], share: float) -> dict[str, np.ndarray]:
    return {name: rng.random(shape) < share for name in BITS}


def from_signals(panel: Panel, **signals: np.ndarray) -> Any:
    """vectorbt's own simulation; an order stands at the bar of its decision and fills at the next open."""
    opened, close = pd.DataFrame(panel.open), pd.DataFrame(panel.close)
    return vbt.Portfolio.from_signals(
        close, price=opened.shift(-1), fees=COSTS.fee_rate, slippage=COSTS.slippage_rate, init_cash=1.0, freq="1h",
        upon_opposite_entry="reverse", engine="rust", **signals,
    )  # fmt: skip


def check_same(result: Result, theirs: Any) -> None:
    """Equal trades, one bar apart; equal equity at every close at which no order waits."""
    trades, records = result.trades, theirs.exit_trades.records
    assert len(trades) == len(records) > 0
    assert (trades["direction"] == "short").tolist() == (records["direction"] == 1).tolist()
    is_open = (trades["reason"] == "open").to_numpy()
    assert is_open.tolist() == (records["status"] == 0).tolist()
    closed = ~is_open
    assert trades["entry_bar"].tolist() == (records["entry_idx"] + 1).tolist()
    assert trades["exit_bar"][closed].tolist() == (records["exit_idx"] + 1)[closed].tolist()
    for ours, name in (("entry_price", "entry_price"), ("quantity", "size")):
        np.testing.assert_allclose(trades[ours], records[name], rtol=1e-9, atol=0)
    for ours, name in (("exit_price", "exit_price"), ("pnl", "pnl"), ("return", "return")):
        np.testing.assert_allclose(trades[ours][closed], records[name][closed], rtol=1e-9, atol=1e-9)
    calm = np.setdiff1d(np.arange(len(result.equity)), theirs.orders.records["idx"])
    np.testing.assert_allclose(result.equity.to_numpy()[calm], theirs.value().to_numpy().ravel()[calm], rtol=1e-9)


@pytest.mark.parametrize("seed", range(15))
def test_a_long_run_on_signals_alone_equals_vectorbt(seed: int) -> None:
    rng = np.random.default_rng(seed)
    panel = panel_of(random_bars(rng, 500, 1))
    flags = random_flags(rng, (500, 1), rng.choice([0.03, 0.1, 0.4]))
    long = {name: flags[name] for name in ("entries", "exits")}
    result = run_signals(pack_signals(long, {}), open_market(*whole(panel)), COSTS)
    check_same(result, from_signals(panel, entries=flags["entries"] & ~flags["exits"], exits=flags["exits"]))


@pytest.mark.parametrize("seed", range(15))
def test_a_run_on_both_sides_equals_vectorbt_once_conflicts_are_resolved(seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    panel = panel_of(random_bars(rng, 500, 1))
    flags = random_flags(rng, (500, 1), rng.choice([0.03, 0.1, 0.4]))
    result = run_signals(pack_signals(flags, {}), open_market(*whole(panel)), COSTS)
    long, short = flags["entries"] & ~flags["exits"], flags["short_entries"] & ~flags["short_exits"]
    long, short = long & ~short, short & ~long
    theirs = from_signals(
        panel, entries=long, exits=flags["exits"] & ~short, short_entries=short, short_exits=flags["short_exits"] & ~long
    )
    check_same(result, theirs)


def eventful(seed: int, *, shorts: bool, stops: bool) -> Result:
    """A run over assets with holes, one listed late, one delisted, one without a bar, by all ways out but liquidation."""
    rng = np.random.default_rng(seed)
    prices = random_bars(rng, 300, 5, missing=0.05)
    prices[:100, 1] = prices[200:, 2] = prices[:, 3] = np.nan
    flags = random_flags(rng, (300, 5), 0.1)
    if not shorts:
        del flags["short_entries"], flags["short_exits"]
    risks = {"stop_loss": 0.02, "take_profit": rng.uniform(0.01, 0.06, (300, 5)), "trailing_stop": 0.03, "size": 0.7}
    signals = pack_signals(flags, risks if stops else {}, max_bars=20)
    result = run_signals(signals, open_market(*whole(panel_of(prices))), COSTS)
    assert not (result.trades["reason"] == "liquidated").any()
    return result


@pytest.mark.parametrize("stops", [False, True])
@pytest.mark.parametrize("shorts", [False, True])
def test_the_portfolio_of_our_fills_says_what_we_say(shorts: bool, stops: bool) -> None:
    result = eventful(7, shorts=shorts, stops=stops)
    theirs, trades = as_vectorbt(result), result.trades
    closed = (trades["reason"] != "open").to_numpy()
    records = theirs.exit_trades.records
    assert len(records) == len(trades) > 50
    assert np.array(result.market.panel.symbols, object)[records["col"]].tolist() == trades["symbol"].tolist()
    for ours, name in (("entry_bar", "entry_idx"), ("exit_bar", "exit_idx")):
        assert trades[ours].tolist() == records[name].tolist()
    for ours, name in (("entry_price", "entry_price"), ("quantity", "size")):
        np.testing.assert_allclose(trades[ours], records[name], rtol=1e-12)
    for ours, name in (("exit_price", "exit_price"), ("pnl", "pnl"), ("return", "return")):
        np.testing.assert_allclose(trades[ours][closed], records[name][closed], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(result.equity, theirs.value().mean(axis=1), rtol=1e-9)
    np.testing.assert_allclose(result.equity.iloc[-1], theirs.final_value().mean(), rtol=1e-9)
    np.testing.assert_allclose(trades["fees"][closed], (records["entry_fees"] + records["exit_fees"])[closed], rtol=1e-9)
    assert theirs.value().index.equals(result.equity.index)


def test_the_portfolio_has_all_fees_and_one_column_for_each_asset() -> None:
    result = eventful(8, shorts=True, stops=True)
    theirs = as_vectorbt(result)
    orders = theirs.orders.records
    paid = orders.groupby("col")["fees"].sum().reindex(range(result.market.panel.assets), fill_value=0.0)
    np.testing.assert_allclose(result.simulation.sums[:, kernel.FEES], paid, rtol=1e-9)
    assert list(theirs.wrapper.columns) == list(result.market.panel.symbols)


def test_the_portfolio_of_a_run_that_never_trades_is_flat() -> None:
    market = open_market(*whole(panel_of(random_bars(np.random.default_rng(1), 50, 2))))
    theirs = as_vectorbt(run_signals(pack_signals({"entries": np.zeros((50, 2), bool)}, {}), market, COSTS))
    assert (theirs.value() == 1.0).all(axis=None)
    assert theirs.exit_trades.count().sum() == 0


@pytest.mark.parametrize("seed", range(4))
def test_streaks_and_expectancy_are_those_of_vectorbt(seed: int) -> None:
    rng = np.random.default_rng(200 + seed)
    panel = panel_of(random_bars(rng, 600, 4))
    flags = {name: flags for name, flags in random_flags(rng, (600, 4), 0.1).items() if name.startswith("entr")}
    result = run_signals(pack_signals(flags, {"stop_loss": 0.02, "take_profit": 0.03}), open_market(*whole(panel)), COSTS)
    closed = result.trades[result.trades["reason"] != "open"]
    theirs = as_vectorbt(result).trades.closed
    won, asset = (closed["pnl"] > 0).to_numpy(), pd.Index(panel.symbols).get_indexer(pd.Index(closed["symbol"]))
    assert longest_row(won, asset) == theirs.winning_streak.max().max() > 0
    assert longest_row(~won, asset) == theirs.losing_streak.max().max() > 0
    assert closed["return"].mean() == pytest.approx(theirs.returns.values.mean())
    for number, symbol in enumerate(panel.symbols):
        own = closed["symbol"] == symbol
        assert closed.loc[own, "pnl"].mean() == pytest.approx(theirs.expectancy().iloc[number])
