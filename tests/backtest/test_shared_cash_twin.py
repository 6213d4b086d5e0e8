"""Shared cash: the kernel against its slow twin on random markets and random wishes, and one asset alone against a sleeve."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.backtest import kernel, slow_twin
from engine.backtest.simulation import Simulation, open_market, simulate_trades
from engine.market.bars import Panel
from engine.records import Costs, SharedCash, StrictTargets, Window
from engine.strategy.packing import BITS, pack_signals
from tests.backtest import slow_shared_cash
from tests.backtest.test_twin import CLOSE, EXACT, TAGS, markets, wishes


def twin_assets(panel: Panel, window: Window, wish: dict[str, Any]) -> list[slow_shared_cash.Asset]:
    rows = slice(window.start, window.stop)
    found = []
    for asset in range(panel.assets):
        prices = np.stack([getattr(panel, f)[rows, asset] for f in ("open", "high", "low", "close")], axis=1)
        flags = {n: wish["flags"].get(n, np.zeros((window.bars, asset + 1), bool))[:, asset].tolist() for n in BITS}
        risks = {k: v[:, asset].tolist() if isinstance(v, np.ndarray) else v for k, v in wish["risks"].items()}
        later = panel.exists[window.stop :, asset].any() or panel.exists[-1, asset]
        orders = slow_twin.Orders(**flags, **risks, max_bars=wish["max_bars"], cooldown=wish["cooldown"])
        ranks = None if wish["rank"] is None else wish["rank"][:, asset].tolist()
        found.append(slow_shared_cash.Asset(slow_twin.bars_of(prices), orders, ranks, not later, window.warm_up_bars))
    return found


def draw_rank(draw: st.DrawFn, rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray | None:
    kind = draw(st.sampled_from(["none", "any", "ties", "holes"]), "rank")
    if kind == "none":
        return None
    rank = rng.integers(0, 3, shape).astype(float) if kind == "ties" else rng.normal(size=shape)
    return np.where(rng.random(shape) < 0.3, np.nan, rank) if kind == "holes" else rank


def check_sums(simulation: Simulation, number: int, asset: slow_shared_cash.Asset, assets: int) -> None:
    """What the kernel adds up for an asset is what the twin's trades and P/L give."""
    closed = [t for t in asset.trades if t["reason"] != "open"]
    worth = assets + np.array(asset.pnl)
    wanted = {
        "TRADES": len(closed), "PNL": sum(t["pnl"] for t in closed), "FINAL": 1.0 + asset.pnl[-1],
        "DRAWDOWN": (1 - worth / np.maximum(np.maximum.accumulate(worth), assets)).max(),
        "IS_OPEN": len(asset.trades) - len(closed), "REJECTED": asset.rejected,
        "STOP_OUTS": sum(t["reason"] in ("stop_loss", "trailing_stop") for t in closed),
        "FEES": sum(t["fees"] for t in asset.trades), "BARS_HELD": sum(t["bars_held"] for t in asset.trades),
    }  # fmt: skip
    found = {name: simulation.sums[number, getattr(kernel, name)] for name in wanted}
    assert found == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
@given(st.data())
def test_kernel_and_twin_agree_on_random_markets_under_shared_cash(data: st.DataObject) -> None:
    rng, panel, window = data.draw(markets())
    shape = window.bars, panel.assets
    wish = data.draw(wishes(rng, shape)) | {"rank": draw_rank(data.draw, rng, shape)}
    kind = data.draw(st.sampled_from([Costs, StrictTargets]), "targets")
    costs = kind(data.draw(st.sampled_from([0.0, 0.001, 0.05])), data.draw(st.sampled_from([0.0, 0.0005, 0.02])))
    shared = SharedCash(data.draw(st.sampled_from([1, 2, 3, 10])), data.draw(st.sampled_from([0.1, 0.3, 0.5, 1.0])))
    tag = np.argmax(np.stack(list(wish["named"].values())), axis=0).astype(np.uint8)
    signals = pack_signals(
        wish["flags"], wish["risks"], max_bars=wish["max_bars"], cooldown=wish["cooldown"], rank=wish["rank"], tag=tag,
        tag_names=TAGS,
    )  # fmt: skip
    simulation, frame = simulate_trades(open_market(panel, window), signals, costs, shared)
    assets = twin_assets(panel, window, wish)
    equity = slow_shared_cash.simulate(assets, shared, fee=costs.fee_rate, slip=costs.slippage_rate, beyond=costs.beyond_rate)
    np.testing.assert_allclose(simulation.equity, equity, rtol=1e-9, atol=1e-9)
    for number, asset in enumerate(assets):
        found = frame[frame["symbol"] == panel.symbols[number]]
        for key in (*EXACT, "bars_held"):
            assert found[key].tolist() == [t[key] for t in asset.trades]
        for key in CLOSE:
            np.testing.assert_allclose(found[key], [t[key] for t in asset.trades], rtol=1e-9, atol=1e-9)
        check_sums(simulation, number, asset, panel.assets)
    assert simulation.trades == len(frame)
