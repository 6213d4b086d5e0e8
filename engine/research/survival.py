"""The reruns behind "Survives?": a strategy under other costs, later, with other parameters, on fewer assets, at random times.

Its signals are computed once; where only costs, fills or assets change, the kernel runs on these.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from engine.analysis import survival as tests
from engine.analysis.decisions import unpack_signals
from engine.analysis.metrics import portfolio_table
from engine.analysis.random_entries import random_entries
from engine.analysis.survival import StressTest, Survival
from engine.analysis.twins import shifted
from engine.analysis.wording import percent
from engine.backtest import kernel
from engine.backtest.portfolio import Result
from engine.backtest.simulation import simulate_signals
from engine.backtest.sweep import TestBed
from engine.features.regimes import market_regimes
from engine.records import Costs, Failure, ParamRange, Params, Signals, StrictTargets
from engine.research.evaluation import Evaluator, figures_of
from engine.strategy.packing import of_assets
from engine.strategy.param_space import one_step_each_way

Tell = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class SurvivalReport:
    """What was found on that window. `figures`: the portfolio's, of the strategy as it is; `scored`: backtests of the strategy
    that were made, each a trial; `wall_s` is kept apart from results."""

    survival: Survival
    params: Params
    window: str
    capital: float
    currency: str
    seed: int
    figures: dict[str, float]
    scored: int
    wall_s: float

    def plain(self) -> dict[str, Any]:
        """As the command prints it; NaN where nothing was computed."""
        return {
            "verdict": self.survival.verdict, "sentence": self.survival.sentence,
            "tests": [test.plain() for test in self.survival.tests], "portfolio": self.figures, "params": self.params,
            "capital": self.capital, "currency": self.currency, "seed": self.seed, "scored": self.scored,
            "wall_s": round(self.wall_s, 3),
        }  # fmt: skip

    def kept(self) -> dict[str, Any]:
        """As JSON can hold all of it."""
        return asdict(self)


def report_of(kept: dict[str, Any]) -> SurvivalReport:
    """The report that was `kept`."""
    tests = tuple(StressTest(**test) for test in kept["survival"]["tests"])
    return SurvivalReport(**kept | {"survival": Survival(tests, kept["survival"]["trades"])})


def survive(
    source: str, params: Params, ranges: tuple[ParamRange, ...], bed: TestBed, evaluator: Evaluator, *, sides: str = "both",
    capital: float = 100_000.0, currency: str = "USD", seed: int = 1, tell: Tell = lambda told: None,
) -> SurvivalReport | Failure:  # fmt: skip
    """Every test of the strategy with those parameters on the bed's window, or why it did not run.

    `tell` is told what is in work. Draws are of no candidates and count as no trials. Equal inputs and seeds give equal figures.
    Raises SandboxBroken when no process can be had.
    """
    began = time.monotonic()
    tell("the strategy as it is")
    result = evaluator.result(source, params, bed, sides=sides)
    if isinstance(result, Failure):
        return result
    rerun = _Reruns(result, seed)
    tell("changed costs and fills")
    made = rerun.other_fills()
    tell("fewer trades and assets")
    made += rerun.fewer()
    near = [] if result.trades.empty else one_step_each_way(ranges, params)
    tell(f"{len(near)} parameter sets one step away")
    returns = evaluator.sweep(source, near, bed, sides=sides).table["total_return"].to_numpy(float) if near else np.zeros(0)
    made += tests.neighbours(returns, rerun.own, len(ranges))
    tell("regimes and sub-periods")
    made += rerun.slices()
    tell(f"{tests.DRAWS} draws of random entry times")
    made += [rerun.at_random(), rerun.capacity(capital, currency)]
    if result.trades.empty:
        told = f"it made no trade on {bed.market.window.name}"
        made = [replace(test, value=None, passed=None, sentence=told) for test in made]
    figures = figures_of(portfolio_table(result.outcomes, bed.market, bed.hold), 0)
    return SurvivalReport(
        Survival(tuple(made), len(result.trades)), params, bed.market.window.name, capital, currency, seed, figures,
        1 + rerun.made + len(near),
        time.monotonic() - began,
    )  # fmt: skip


class _Reruns:
    """The tests of one result. `own`: its total return; `made`: backtests of the strategy so far."""

    def __init__(self, result: Result, seed: int) -> None:
        self._of, self._seed = result, seed
        self.own, self.made = float(result.simulation.daily_equity[-1]) - 1.0, 0

    def _return(self, signals: Signals, costs: Costs) -> float:
        self.made += 1
        ran = simulate_signals(self._of.market, signals, costs, self._of.shared_cash)
        return float(ran.daily_equity[-1]) - 1.0

    def other_fills(self) -> list[StressTest]:
        """Costs twice as high, decisions a bar late, the loss first where a bar holds both, targets only beyond their level."""
        of, costs, own = self._of, self._of.costs, self.own
        twice = Costs(2 * costs.fee_rate, 2 * costs.slippage_rate)
        free = "costs are zero, and twice nothing is nothing" if twice == costs else ""
        late = shifted(of.signals, unpack_signals(of.signals), 1, wraps=False)
        has_target = of.signals.take_profit is not None
        strict = StrictTargets(costs.fee_rate, costs.slippage_rate)
        no_target = "" if has_target else "it sets no target"
        if has_target and not costs.slippage_rate:
            no_target = "slippage is zero, so that touching is as much as going beyond"
        return [
            tests.profitable(
                "costs_doubled", "Costs twice as high", own if free else self._return(of.signals, twice), own,
                f"with fees of {percent(twice.fee_rate)} and slippage of {percent(twice.slippage_rate)} a fill", reason=free,
            ),
            tests.profitable("one_bar_late", "One bar late", self._return(late, costs), own, "with every decision a bar later"),
            self._worst_order(),
            tests.profitable(
                "strict_targets", "Targets only beyond their level", own if no_target else self._return(of.signals, strict), own,
                "with targets filled only where the price goes one slippage beyond them", reason=no_target,
            ),
        ]  # fmt: skip

    def _worst_order(self) -> StressTest:
        """The kernel takes the stop wherever a bar touches both, so that the result is that of the worst order already."""
        signals, trades = self._of.signals, self._of.trades
        has_stop = signals.stop_loss is not None or signals.trailing_stop is not None
        reason = "" if has_stop and signals.take_profit is not None else "no bar can hold both: it does not set stop and target"
        both, n = int(trades["ambiguous"].sum()), len(trades)
        what = f"in {both:,} of {n:,} trades one bar touched stop and target; with the loss first in all of them"
        return tests.profitable("worst_order", "Worst order inside a bar", self.own, self.own, what, reason=reason)

    def fewer(self) -> list[StressTest]:
        """Without what earned most, and on half of the assets."""
        market, sums = self._of.market, self._of.simulation.sums
        listed = market.listed_bars > 0
        best = int(np.argmax(np.where(listed, sums[:, kernel.FINAL], -np.inf)))
        others = listed & (np.arange(len(listed)) != best)
        reason = "" if others.any() else "there is one asset"
        left = self._of_assets(others) if others.any() else self.own
        halves = tests.halves_of(listed, seed=self._seed)
        return [
            tests.profitable(
                "without_best_asset", "Without the best asset", left, self.own,
                f"without {market.panel.symbols[best]}, which earned most,", reason=reason,
            ),
            tests.without_best_trades(self._of.trades["pnl"].to_numpy(float), len(listed)),
            tests.half_the_assets(np.array([self._of_assets(half) for half in halves]), int(listed.sum())),
        ]  # fmt: skip

    def _of_assets(self, kept: np.ndarray) -> float:
        """Total return if the others had not been traded. Sleeves know nothing of each other; an account is run again."""
        if self._of.shared_cash is not None:
            return self._return(of_assets(self._of.signals, kept), self._of.costs)
        return float(self._of.simulation.sums[kept, kernel.FINAL].mean()) - 1.0

    def slices(self) -> list[StressTest]:
        """Its trades by regime, and its equity part by part of the window."""
        panel, window, trades = self._of.market.panel, self._of.market.window, self._of.trades
        rows = window.start + trades["entry_bar"].to_numpy(np.int64)
        labels = market_regimes(panel)[rows - 1]  # what was known when the entry was decided
        returns = trades["return"].to_numpy(float)
        entry, leave = trades["entry_bar"].to_numpy(), trades["exit_bar"].to_numpy()
        return [
            *tests.regimes(returns, labels, panel.days[rows]), tests.sub_periods(self._of.simulation.equity, entry, leave),
        ]  # fmt: skip

    def at_random(self) -> StressTest:
        """Beside as many entries at random times."""
        of = self._of
        drawn = random_entries(
            of.signals, of.trades, of.market, of.costs, n=tests.DRAWS, seed=self._seed, shared_cash=of.shared_cash
        )
        return tests.random_times(*drawn)

    def capacity(self, capital: float, currency: str) -> StressTest:
        """How much money it bears."""
        panel, trades = self._of.market.panel, self._of.trades
        rows = self._of.market.window.start + trades["entry_bar"].to_numpy(np.int64)
        column = pd.Index(panel.symbols).get_indexer(pd.Index(trades["symbol"]))
        notional = (trades["entry_price"] * trades["quantity"]).to_numpy(float) / panel.assets
        return tests.capacity(notional, panel.volume[rows, column] * panel.close[rows, column], capital, currency)
