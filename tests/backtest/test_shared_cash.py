"""Shared cash: hand-checked cases on kernel and twin, and what holds for any account."""

import json
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engine.analysis.metrics import asset_table, portfolio_table
from engine.backtest import kernel, slow_twin
from engine.backtest.portfolio import Result, as_vectorbt, run_signals, run_strategy
from engine.backtest.simulation import Room, open_market, simulate_batch, simulate_signals, simulate_trades
from engine.backtest.sweep import hold_outcomes, prepare, sweep
from engine.records import Costs, Params, SharedCash, Signals, Window
from engine.settings import Limits
from engine.strategy.packing import BITS, RISKS, pack_signals
from engine.strategy.sandbox import SandboxPool
from tests.backtest import slow_shared_cash
from tests.markets import panel_of, random_bars, whole

CASES = json.loads((Path(__file__).parents[1] / "golden" / "shared_cash.json").read_text())
NAMED = ("direction", "entry_bar", "exit_bar", "reason", "ambiguous")
MEASURED = ("entry_price", "exit_price", "quantity", "pnl")


def table_of(case: dict[str, Any], name: str) -> np.ndarray:
    """The case's flags of that name, bool (bars, assets)."""
    flags = np.zeros((len(case["bars"]), len(case["bars"][0])), bool)
    for bar, asset in case["signals"].get(name, []):
        flags[bar, asset] = True
    return flags


def prices_of(case: dict[str, Any]) -> np.ndarray:
    return np.array([[bar or [math.nan] * 4 for bar in row] for row in case["bars"]], float)


def check_trades(found: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> None:
    assert [{k: t[k] for k in NAMED} for t in found] == [{k: t[k] for k in NAMED} for t in wanted]
    for name in MEASURED:
        assert [t[name] for t in found] == pytest.approx([t[name] for t in wanted], abs=1e-9)


@pytest.mark.parametrize("case", CASES, ids=[c["name"] for c in CASES])
def test_golden_case_of_shared_cash(case: dict[str, Any]) -> None:
    market, wishes = open_market(*whole(panel_of(prices_of(case)))), case["settings"]
    rank = None if case["rank"] is None else np.array(case["rank"], float)
    signals = pack_signals(
        {name: table_of(case, name) for name in BITS}, {name: wishes.get(name) for name in RISKS}, rank=rank,
        max_bars=wishes.get("max_bars"), cooldown=wishes.get("cooldown") or 0,
    )  # fmt: skip
    costs = Costs(wishes["fee_rate"], wishes["slippage_rate"])
    simulation, trades = simulate_trades(market, signals, costs, SharedCash(**case["shared_cash"]))
    assert [int(symbol[1:]) for symbol in trades["symbol"]] == [t["asset"] for t in case["trades"]]
    check_trades(trades.to_dict("records"), case["trades"])
    np.testing.assert_allclose(simulation.equity, case["equity"], atol=1e-9, rtol=0)
    assert simulation.sums[:, kernel.REJECTED].tolist() == case["rejected"]


@pytest.mark.parametrize("case", CASES, ids=[c["name"] for c in CASES])
def test_the_twin_agrees_with_the_golden_case_of_shared_cash(case: dict[str, Any]) -> None:
    wishes, prices, assets = case["settings"], prices_of(case), []
    for number in range(prices.shape[1]):
        flags = {name: table_of(case, name)[:, number].tolist() for name in BITS}
        orders = slow_twin.Orders(
            **flags, **{name: wishes.get(name) for name in RISKS}, max_bars=wishes.get("max_bars"),
            cooldown=wishes.get("cooldown") or 0,
        )  # fmt: skip
        ranks = None if case["rank"] is None else np.array(case["rank"], float)[:, number].tolist()
        bars = slow_twin.bars_of(prices[:, number])
        assets.append(slow_shared_cash.Asset(bars, orders, ranks, ends_for_good=bars[-1] is None, first_decision=0))
    shared = SharedCash(**case["shared_cash"])
    equity = slow_shared_cash.simulate(assets, shared, fee=wishes["fee_rate"], slip=wishes["slippage_rate"])
    check_trades([trade for asset in assets for trade in asset.trades], case["trades"])
    assert equity == pytest.approx(case["equity"], abs=1e-9)
    assert [asset.rejected for asset in assets] == case["rejected"]


def eventful(seed: int, bars: int = 400, assets: int = 7) -> tuple[Any, Signals]:
    """A market with holes, a late and an ended asset, and signals of both sides with stops, targets and ranks."""
    rng = np.random.default_rng(seed)
    prices = random_bars(rng, bars, assets, missing=0.03)
    prices[: bars // 3, 1] = prices[bars // 2 :, 2] = np.nan
    flags = {name: rng.random((bars, assets)) < 0.08 for name in BITS}
    risks = {"stop_loss": 0.04, "take_profit": rng.uniform(0.02, 0.1, (bars, assets)), "size": 0.9}
    return open_market(*whole(panel_of(prices))), pack_signals(flags, risks, rank=rng.normal(size=(bars, assets)), max_bars=30)


@pytest.mark.parametrize("seed", range(5))
def test_one_asset_alone_with_all_the_cash_is_a_sleeve(seed: int) -> None:
    """Where no entry shares the open of an exit: its stake is of equity at the last close, a sleeve's of what the exit left."""
    rng = np.random.default_rng(seed)
    market = open_market(*whole(panel_of(random_bars(rng, 600, 1, missing=0.05))))
    signals = pack_signals({"entries": rng.random((600, 1)) < 0.1}, {"stop_loss": 0.03, "take_profit": 0.04})
    sleeve, ours = simulate_signals(market, signals, Costs()), simulate_signals(market, signals, Costs(), SharedCash(1, 1.0))
    assert sleeve.trades > 10
    np.testing.assert_allclose(ours.equity, sleeve.equity, rtol=1e-12)
    np.testing.assert_allclose(ours.sums, sleeve.sums, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("shared", [SharedCash(1, 1.0), SharedCash(3, 0.3), SharedCash(2, 0.9), SharedCash(50, 0.02)])
def test_never_more_positions_than_places_and_never_more_deployed_than_there_is(shared: SharedCash) -> None:
    for seed in range(5):
        market, signals = eventful(seed)
        simulation, trades = simulate_trades(market, signals, Costs(), shared)
        held = np.zeros(market.window.bars)
        for trade in trades.itertuples():
            held[trade.entry_bar : trade.exit_bar + (trade.reason == "open")] += 1  # closes at which it was held
        assert held.max() == min(shared.max_positions, held.max())
        assert (simulation.equity > 0).all()
        longs = replace(signals, short_entries=None, short_exits=None, take_profit=None, size=None, rank=None)
        alone = simulate_signals(market, longs, Costs(), shared)
        assert (alone.curves[kernel.DEPLOYED] <= alone.equity * market.panel.assets * (1 + 1e-12)).all()


def test_contributions_sum_to_the_total_return_and_every_amount_is_of_one_nth_of_the_capital() -> None:
    market, signals = eventful(3)
    result = run_signals(signals, market, Costs(), SharedCash(3, 0.3))
    hold = hold_outcomes(market, Costs())
    figures = portfolio_table(result.outcomes, market, hold).iloc[0]
    assets = asset_table(result.outcomes, 0, market, hold)
    assert assets["contribution"].sum() == pytest.approx(figures["total_return"], abs=1e-12)
    assert assets["pnl"].sum() / market.panel.assets == pytest.approx(figures["total_return"], abs=1e-12)
    assert result.trades["pnl"].sum() / market.panel.assets == pytest.approx(figures["total_return"], abs=0.01)
    assert figures["rejected_entries"] == result.simulation.sums[:, kernel.REJECTED].sum() > 0
    assert result.exposure.max() == figures["max_exposure"] <= 1.2


def test_equal_sleeves_reject_no_entry() -> None:
    market, signals = eventful(1)
    result = run_signals(signals, market, Costs())
    assert portfolio_table(result.outcomes, market, hold_outcomes(market, Costs()))["rejected_entries"].tolist() == [0]


def test_a_batch_gives_each_scenario_the_bits_that_it_has_alone() -> None:
    market, ranked = eventful(5)
    other = replace(ranked, take_profit=None, stop_loss=0.02, max_bars=5, cooldown=3)
    batch = [ranked, replace(ranked, rank=None), other, replace(other, short_entries=None, rank=None, size=None), ranked]
    shared = SharedCash(2, 0.4)
    together = simulate_batch(market, batch, Costs(), Room(market.window.bars), shared)
    for found, signals in zip(together, batch, strict=True):
        alone = simulate_signals(market, signals, Costs(), shared)
        for name in ("sums", "facts", "daily_equity", "trades"):
            np.testing.assert_array_equal(getattr(found, name), getattr(alone, name))
    assert (together[0].sums != together[1].sums).any()


def test_ranks_say_nothing_to_equal_sleeves() -> None:
    market, signals = eventful(2)
    with_rank, without = (simulate_signals(market, s, Costs()) for s in (signals, replace(signals, rank=None)))
    np.testing.assert_array_equal(with_rank.sums, without.sums)


def test_entries_on_the_warm_up_are_masked_and_not_rejected() -> None:
    market, signals = eventful(4)
    late = replace(market, window=replace(market.window, warm_up_bars=200))
    _, trades = simulate_trades(late, signals, Costs(), SharedCash(1, 0.5))
    assert trades["entry_bar"].min() > 200
    masked = {n: getattr(signals, n).copy() for n in ("entries", "short_entries")}
    for words in masked.values():
        words[:, :3] = 0
        words[:, 3] &= ~np.uint64(0) << np.uint64(200 - 3 * 64)
    flat = replace(signals, take_profit=0.05, rank=None)
    ours = simulate_signals(late, flat, Costs(), SharedCash(1, 0.5))
    theirs = simulate_signals(market, replace(flat, **masked), Costs(), SharedCash(1, 0.5))
    np.testing.assert_array_equal(ours.sums, theirs.sums)


def test_the_portfolio_of_our_fills_under_shared_cash_says_what_we_say() -> None:
    market, signals = eventful(7)
    result = run_signals(replace(signals, size=0.5), market, Costs(), SharedCash(3, 0.3))
    assert not (result.trades["reason"] == "liquidated").any()
    theirs = as_vectorbt(result)
    np.testing.assert_allclose(result.equity * market.panel.assets, theirs.value(), rtol=1e-9)
    assert len(theirs.exit_trades.records) == len(result.trades)


RANKED = """PARAMS = {"bars": (2, 9), "stop": (0.01, 0.05)}


def signals(market, params, ta):
    change = ta.roc(market.close, params["bars"])
    return {"entries": change > 1, "exits": change < 0, "stop_loss": params["stop"], "rank": change}
"""


@pytest.fixture(scope="module")
def pools() -> Iterator[dict[int, SandboxPool]]:
    made = {slots: SandboxPool(slots, Limits()) for slots in (1, 2)}
    yield made
    for pool in made.values():
        pool.close()


def test_a_sweep_under_shared_cash_gives_every_set_what_it_has_alone_on_any_number_of_slots(pools) -> None:
    bed = prepare(
        panel_of(random_bars(np.random.default_rng(1), 400, 6)), Window("validation", 60, 380, lead_in=60), Costs(),
        SharedCash(2, 0.4),
    )  # fmt: skip
    sets: list[Params] = [{"bars": bars, "stop": stop} for bars in (2, 4, 6, 8, 9) for stop in (0.01, 0.03)]
    swept = []
    for pool in pools.values():
        with ThreadPoolExecutor(pool.slots) as executor:
            swept.append(sweep(RANKED, sets, bed, pool=pool, executor=executor))
    for row, params in enumerate(sets):
        single = run_strategy(RANKED, params, bed, pool=pools[1])
        assert isinstance(single, Result)
        for name in ("sums", "daily_equity", "curve"):
            for found in swept:
                np.testing.assert_array_equal(getattr(found, name)[row], getattr(single.outcomes, name)[0])
    assert (swept[0].sums[:, :, kernel.REJECTED].sum(axis=1) > 0).all()
    assert bed.hold.sums[0, :, kernel.TRADES].sum() + bed.hold.sums[0, :, kernel.IS_OPEN].sum() == 6


def test_trades_under_shared_cash_come_by_asset_and_then_by_entry() -> None:
    market, signals = eventful(6)
    _, trades = simulate_trades(market, signals, Costs(), SharedCash(3, 0.3))
    at = pd.Index(market.panel.symbols).get_indexer(trades["symbol"])
    order = list(zip(at, trades["entry_bar"], strict=True))
    assert order == sorted(order)
    assert len(order) > 50
