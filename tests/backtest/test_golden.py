"""The execution rules on 54 small hand-checked cases: trades and equity to 1e-9."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.backtest.simulation import open_market, simulate_trades
from engine.records import Costs, Signals
from engine.strategy.packing import BITS, pack_signals
from tests.markets import panel_of, whole

CASES = json.loads((Path(__file__).parents[1] / "golden" / "execution.json").read_text())


def signals_of(case: dict[str, Any]) -> Signals:
    """The case's signals: lists of deciding bars, settings as scalars or one value a bar."""
    bars, settings = len(case["bars"]), case["settings"]
    flags = {}
    for name in BITS:
        if name in case["signals"] or name == "entries":
            flags[name] = np.zeros((bars, 1), bool)
            flags[name][case["signals"].get(name, []), 0] = True
    risks = {}
    for name in ("stop_loss", "take_profit", "trailing_stop", "size"):
        value = settings.get(name)
        risks[name] = np.array(value, float).reshape(bars, 1) if isinstance(value, list) else value
    return pack_signals(flags, risks, max_bars=settings.get("max_bars"), cooldown=settings.get("cooldown") or 0)


@pytest.mark.parametrize("case", CASES, ids=[c["name"] for c in CASES])
def test_golden_case(case: dict[str, Any]) -> None:
    bars = np.array(case["bars"], float)
    market = open_market(*whole(panel_of(bars[:, None, :])))
    costs = Costs(case["settings"]["fee_rate"], case["settings"]["slippage_rate"])
    simulation, trades = simulate_trades(market, signals_of(case), costs)
    closed = trades[trades["reason"] != "open"]
    assert len(closed) == len(case["trades"])
    for (_, found), wanted in zip(closed.iterrows(), case["trades"], strict=True):
        assert [found[k] for k in ("direction", "entry_bar", "exit_bar", "reason", "ambiguous")] == [
            wanted[k] for k in ("direction", "entry_bar", "exit_bar", "reason", "ambiguous")
        ]
        for key in ("entry_price", "exit_price", "pnl"):
            assert found[key] == pytest.approx(wanted[key], abs=1e-9)
    np.testing.assert_allclose(simulation.equity, case["equity"], atol=1e-9, rtol=0)
