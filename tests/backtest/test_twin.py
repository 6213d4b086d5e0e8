"""The kernel against its slow twin: the golden cases on the twin, then both on random markets and random wishes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.backtest import kernel, slow_twin
from engine.backtest.simulation import Simulation, open_market, simulate_trades
from engine.market.bars import Panel
from engine.records import Costs, StrictTargets, Window
from engine.strategy.packing import BITS, RISKS, pack_signals
from tests.markets import panel_of, random_bars

CASES = json.loads((Path(__file__).parents[1] / "golden" / "execution.json").read_text())
EXACT = ("direction", "entry_bar", "exit_bar", "reason", "ambiguous")
CLOSE = ("entry_price", "exit_price", "pnl", "quantity", "fees")
TAGS = ("first", "second", "third")
SCALARS = {"stop_loss": (0.002, 0.3), "take_profit": (0.002, 0.6), "trailing_stop": (0.002, 0.3), "size": (0.05, 1.0)}


@pytest.mark.parametrize("case", CASES, ids=[c["name"] for c in CASES])
def test_the_twin_agrees_with_the_golden_case(case: dict[str, Any]) -> None:
    bars, wishes = slow_twin.bars_of(np.array(case["bars"], float)), case["settings"]
    flags = {name: [t in set(case["signals"].get(name, [])) for t in range(len(bars))] for name in BITS}
    risks = {k: v for k in RISKS if (v := wishes.get(k)) is not None}
    risks = {k: [np.nan if x is None else x for x in v] if isinstance(v, list) else v for k, v in risks.items()}
    orders = slow_twin.Orders(**flags, **risks, max_bars=wishes.get("max_bars"), cooldown=wishes.get("cooldown") or 0)
    trades, equity = slow_twin.simulate(
        bars, orders, fee=wishes["fee_rate"], slip=wishes["slippage_rate"], ends_for_good=bars[-1] is None
    )
    closed = [t for t in trades if t["reason"] != "open"]
    assert len(closed) == len(case["trades"])
    for found, wanted in zip(closed, case["trades"], strict=True):
        assert {k: found[k] for k in EXACT} == {k: wanted[k] for k in EXACT}
        for key in ("entry_price", "exit_price", "pnl"):
            assert found[key] == pytest.approx(wanted[key], abs=1e-9)
    np.testing.assert_allclose(equity, case["equity"], atol=1e-9, rtol=0)


@st.composite
def markets(draw: st.DrawFn) -> tuple[np.random.Generator, Panel, Window]:
    """A random panel with late, ended, absent and broken assets, and a window somewhere inside it.

    What only varies comes from the seed; hypothesis chooses what changes the course of things.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), "seed"))
    bars, assets = int(rng.integers(2, 260)), int(rng.integers(1, 5))
    step = draw(st.sampled_from([0.005, 0.02, 0.4]), "step")
    prices = random_bars(rng, bars, assets, step=step, missing=draw(st.sampled_from([0.0, 0.1, 0.4]), "missing"))
    if draw(st.booleans(), "ticks"):  # coarse prices, so that stops and targets are touched exactly
        with np.errstate(invalid="ignore"):
            prices = np.round(prices)
    kinds = ["whole", "late", "ended", "both", "absent"]
    for asset, listing in enumerate(rng.choice(kinds, assets, p=[0.5, 0.2, 0.2, 0.05, 0.05])):
        if listing in ("late", "both"):
            prices[: rng.integers(bars), asset] = np.nan
        if listing in ("ended", "both"):
            prices[rng.integers(bars) :, asset] = np.nan
        if listing == "absent":
            prices[:, asset] = np.nan
    start, stop = (0, bars) if draw(st.booleans(), "whole panel") else sorted(rng.choice(bars + 1, 2, replace=False).tolist())
    return rng, panel_of(prices), Window("test", start, stop, warm_up_bars=draw(st.sampled_from([0, 3, 70]), "warm_up"))


def risk(draw: st.DrawFn, rng: np.random.Generator, name: str, shape: tuple[int, int]) -> float | np.ndarray | None:
    low, high = SCALARS[name]
    kind = draw(st.sampled_from(["none", "none", "scalar", "frame", "holes"]), name)
    if kind == "none":
        return None
    if kind == "scalar":
        return draw(st.sampled_from([low, 0.02, 0.05, high]), name)
    frame = rng.choice([low, 0.02, 0.05, high], shape) if draw(st.booleans(), name) else rng.uniform(low, high, shape)
    return np.where(rng.random(shape) < 0.2, np.nan, frame) if kind == "holes" else frame


@st.composite
def wishes(draw: st.DrawFn, rng: np.random.Generator, shape: tuple[int, int]) -> dict[str, Any]:
    """Everything a strategy may return, as plain arrays; `named` are the entries under their tags."""
    often = draw(st.sampled_from([0.05, 0.2, 0.5, 1.0]), "how often")
    flags = {name: rng.random(shape) < often / 2 for name in BITS if draw(st.booleans(), name)}
    named = {tag: rng.random(shape) < often / 2 for tag in TAGS[: draw(st.integers(1, 3), "tags")]}
    return {
        "flags": flags | {"entries": np.logical_or.reduce(list(named.values()))},
        "named": named,
        "risks": {name: risk(draw, rng, name, shape) for name in RISKS},
        "max_bars": draw(st.sampled_from([None, 1, 2, 7, 80]), "max_bars"),
        "cooldown": draw(st.sampled_from([0, 0, 1, 5, 66]), "cooldown"),
    }


def twin_of(
    panel: Panel, window: Window, wish: dict[str, Any], costs: Costs, asset: int
) -> tuple[list[dict[str, Any]], np.ndarray]:
    rows = slice(window.start, window.stop)
    prices = np.stack([getattr(panel, f)[rows, asset] for f in ("open", "high", "low", "close")], axis=1)
    flags = {name: wish["flags"].get(name, np.zeros((window.bars, asset + 1), bool))[:, asset].tolist() for name in BITS}
    risks = {k: v[:, asset].tolist() if isinstance(v, np.ndarray) else v for k, v in wish["risks"].items()}
    later = panel.exists[window.stop :, asset].any() or panel.exists[-1, asset]
    trades, equity = slow_twin.simulate(
        slow_twin.bars_of(prices), slow_twin.Orders(**flags, **risks, max_bars=wish["max_bars"], cooldown=wish["cooldown"]),
        fee=costs.fee_rate, slip=costs.slippage_rate, beyond=costs.beyond_rate, warm_up=window.warm_up_bars,
        ends_for_good=not later,
    )  # fmt: skip
    for trade in trades:
        at = trade["entry_bar"] - 1, asset
        is_long = trade["direction"] == "long"
        trade["entry_tag"] = next(tag for tag, frame in wish["named"].items() if frame[at]) if is_long else ""
    return trades, np.array(equity)


def check_sums(simulation: Simulation, asset: int, trades: list[dict[str, Any]], equity: np.ndarray) -> None:
    """What the kernel adds up for an asset is what the twin's trades and equity give."""
    closed = [t for t in trades if t["reason"] != "open"]
    peak = np.maximum(np.maximum.accumulate(equity), 1.0)
    wanted = {
        "TRADES": len(closed), "PNL": sum(t["pnl"] for t in closed),
        "DRAWDOWN": (1 - equity / peak).max(), "FINAL": equity[-1], "IS_OPEN": len(trades) - len(closed),
        "OPEN_PNL": sum(t["pnl"] for t in trades if t["reason"] == "open"), "AMBIGUOUS": sum(t["ambiguous"] for t in trades),
        "STOP_OUTS": sum(t["reason"] in ("stop_loss", "trailing_stop") for t in closed),
    }  # fmt: skip
    found = {name: simulation.sums[asset, getattr(kernel, name)] for name in wanted}
    assert found == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
@given(st.data())
def test_kernel_and_twin_agree_on_random_markets(data: st.DataObject) -> None:
    rng, panel, window = data.draw(markets())
    wish = data.draw(wishes(rng, (window.bars, panel.assets)))
    kind = data.draw(st.sampled_from([Costs, StrictTargets]), "targets")
    costs = kind(data.draw(st.sampled_from([0.0, 0.001, 0.05])), data.draw(st.sampled_from([0.0, 0.0005, 0.02])))
    tag = np.argmax(np.stack(list(wish["named"].values())), axis=0).astype(np.uint8)
    signals = pack_signals(
        wish["flags"], wish["risks"], max_bars=wish["max_bars"], cooldown=wish["cooldown"], tag=tag, tag_names=TAGS
    )
    simulation, frame = simulate_trades(open_market(panel, window), signals, costs)
    total = np.zeros(window.bars)
    for asset, symbol in enumerate(panel.symbols):
        trades, equity = twin_of(panel, window, wish, costs, asset)
        found = frame[frame["symbol"] == symbol]
        for key in (*EXACT, "bars_held", "entry_tag"):
            assert found[key].tolist() == [t[key] for t in trades]
        for key in CLOSE:
            np.testing.assert_allclose(found[key], [t[key] for t in trades], rtol=1e-9, atol=1e-9)
        check_sums(simulation, asset, trades, equity)
        total += equity
    np.testing.assert_allclose(simulation.equity, total / panel.assets, rtol=1e-9, atol=1e-9)
    assert simulation.trades == len(frame)
