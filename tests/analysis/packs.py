"""A run with all that a statistics pack is made of, on a small market whose symbols would be known anywhere."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from engine.analysis.folds import fold_sharpes
from engine.analysis.metrics import asset_table, daily_returns, portfolio_table
from engine.analysis.statistics_pack import ParentFacts
from engine.backtest.portfolio import Result, run_signals
from engine.backtest.simulation import open_market
from engine.backtest.sweep import hold_outcomes
from engine.market.bars import Panel
from engine.records import Benchmarks, Costs, Signals, Window
from engine.strategy.packing import BITS, pack_signals
from tests.markets import panel_of, random_bars

TRAIN = Window("train", 0, 600)
SYMBOLS = ("BTCUSD", "ETHUSD", "SOLUSD", "DOGEUSD", "XRPUSD", "ADAUSD", "LTCUSD", "DOTUSD")


def known_panel(seed: int = 3, *, bars: int = 900) -> Panel:
    """Hourly bars with holes and a late asset, under symbols that a model has read of."""
    rng = np.random.default_rng(seed)
    prices = random_bars(rng, bars, len(SYMBOLS), missing=0.02)
    prices[: bars // 4, 1] = np.nan
    return replace(panel_of(prices, volume=rng.uniform(1, 9, prices.shape[:2])), symbols=SYMBOLS)


def random_signals(panel: Panel, window: Window, seed: int, *, stop: float = 0.02) -> Signals:
    """Decisions on both sides with a stop and a target, drawn from the seed alone."""
    rng = np.random.default_rng(seed)
    flags = {name: rng.random((window.bars, panel.assets)) < 0.06 for name in BITS}
    return pack_signals(flags, {"stop_loss": stop, "take_profit": 0.06})


def run_on(panel: Panel, window: Window = TRAIN, *, seed: int = 5, stop: float = 0.02, costs: Costs | None = None) -> Result:
    return run_signals(random_signals(panel, window, seed, stop=stop), open_market(panel, window), costs or Costs())


def figures_of(result: Result) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Portfolio figures, asset figures and daily returns of a result."""
    hold = hold_outcomes(result.market, result.costs)
    table = portfolio_table(result.outcomes, result.market, hold)
    assets = asset_table(result.outcomes, 0, result.market, hold)
    return table, assets, daily_returns(result.outcomes.daily_equity)[0]


def parent_of(result: Result) -> ParentFacts:
    table, assets, daily = figures_of(result)
    return ParentFacts(table.iloc[0].to_dict(), assets, fold_sharpes(daily, 365))


def material(panel: Panel, *, has_parent: bool = True, scenarios: int = 30) -> dict[str, Any]:
    """Keyword arguments of `statistics_pack` for a run on train whose objective rises with `fast`."""
    result = run_on(panel)
    table, assets, daily = figures_of(result)
    rng = np.random.default_rng(1)
    params = [
        {"fast": 5 + i, "burst": float(rng.uniform(1, 4)), "average": str(rng.choice(["ema", "sma"]))} for i in range(scenarios)
    ]
    return {
        "table": pd.concat([table] * scenarios, ignore_index=True), "values": np.arange(scenarios) / 10, "params": params,
        "best": scenarios - 1, "result": result, "assets": assets, "daily": daily, "benchmarks": Benchmarks(),
        "parent": parent_of(run_on(panel, seed=6, stop=0.03)) if has_parent else None, "objective": "sharpe", "min_trades": 10,
    }  # fmt: skip
