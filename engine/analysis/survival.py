"""Does a strategy survive what it will meet? Each test with its figure, unit, threshold and margin, and the one verdict.

Pure: whoever runs the strategy again hands in what came of it. What the tests ask, and why, stands in `docs/survives.md`.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from engine.analysis.intervals import clustered_mean
from engine.analysis.twins import Twins
from engine.analysis.wording import change, percent
from engine.features.regimes import REGIMES

Verdict = Literal["survives", "does not survive", "not computable"]
Relation = Literal[">", ">="]

LEAST_TRADES = 30
"""Fewer trades, of the strategy or in a regime, say nothing."""
LEAST_DAYS = 10
"""On fewer days of entry the spread of a regime's trades is not known."""
BEST_TRADES = 0.01
HALVES, HALVES_SHARE, LEAST_ASSETS = 20, 0.9, 4
NEIGHBOURS_SHARE, NEIGHBOURS_MEDIAN = 0.75, 0.5
REGIME_ERRORS = 2.0
"""Standard errors below zero at which a regime's mean trade is a loss and not chance."""
DRAWS, DRAWS_SHARE = 500, 0.95
PERIODS, PERIODS_SHARE, LEAST_PERIODS = 6, 2 / 3, 3
VOLUME_SHARE = 0.05
"""Of its bar's dollar volume an entry may be so much."""

NEEDED = ("costs_doubled", "one_bar_late", "without_best_trades", "random_entries", "sub_periods")
"""Without these no strategy survives; any other test is left out where it cannot be made, and named."""


@dataclass(frozen=True)
class StressTest:
    """One test. `value` and `threshold` in `unit`: `fraction` of capital or of a trade, `share` of cases, or a currency; `passed`
    None where nothing could be computed, and then `sentence` says why."""

    name: str
    label: str
    value: float | None
    unit: str
    relation: Relation
    threshold: float | None
    passed: bool | None
    sentence: str

    @property
    def margin(self) -> float | None:
        """By how much it is passed; negative where it is not."""
        return None if self.value is None or self.threshold is None else self.value - self.threshold

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self) | {"margin": self.margin}


@dataclass(frozen=True)
class Survival:
    """All tests in their order; `trades`: of the strategy as it is, open positions counted."""

    tests: tuple[StressTest, ...]
    trades: int

    @property
    def failed(self) -> tuple[StressTest, ...]:
        return tuple(t for t in self.tests if t.passed is False)

    @property
    def not_computed(self) -> tuple[StressTest, ...]:
        return tuple(t for t in self.tests if t.passed is None)

    @property
    def verdict(self) -> Verdict:
        """It survives if no test fails and all NEEDED ones were made; with fewer than LEAST_TRADES trades nothing is told."""
        if self.trades < LEAST_TRADES:
            return "not computable"
        if self.failed:
            return "does not survive"
        return "not computable" if any(t.name in NEEDED for t in self.not_computed) else "survives"

    @property
    def sentence(self) -> str:
        """The verdict and what it rests on."""
        made = len(self.tests) - len(self.not_computed)
        if self.trades < LEAST_TRADES:
            return f"Not computable: it made {self.trades:,} trades, and fewer than {LEAST_TRADES} say nothing."
        left = f" Not computable: {_names(self.not_computed)}." if self.not_computed else ""
        if self.failed:
            return f"It does not survive: {len(self.failed)} of {made} tests failed ({_names(self.failed)}).{left}"
        if self.verdict == "survives":
            return f"It survives: all {made} tests that could be made are passed.{left}"
        return f"No verdict: the {made} tests that could be made are passed, but what it needs is missing.{left}"


def _names(tests: Sequence[StressTest]) -> str:
    return ", ".join(t.label[0].lower() + t.label[1:] for t in tests)


def bound(name: str, label: str, value: float, unit: str, relation: Relation, threshold: float, sentence: str) -> StressTest:
    """A test on a number; one that is no number is not computable."""
    if math.isnan(value):
        return unknown(name, label, unit, relation, threshold, sentence)
    passed = value > threshold if relation == ">" else value >= threshold
    return StressTest(name, label, float(value), unit, relation, float(threshold), bool(passed), sentence)


def unknown(name: str, label: str, unit: str, relation: Relation, threshold: float | None, reason: str) -> StressTest:
    """A test that cannot be made, and why."""
    return StressTest(name, label, None, unit, relation, threshold, None, reason)


def profitable(name: str, label: str, total_return: float, own: float, what: str, *, reason: str = "") -> StressTest:
    """Still a profit under changed conditions. `own`: return of the strategy as it is; `what` was changed; `reason`: why that
    says nothing of this strategy, if so."""
    if reason:
        return unknown(name, label, "fraction", ">", 0.0, reason)
    told = f"{what} it returns {change(total_return)}, as it is {change(own)}"
    return bound(name, label, total_return, "fraction", ">", 0.0, told)


def without_best_trades(pnl: np.ndarray, assets: int) -> StressTest:
    """`pnl` (trades,) in units of a sleeve's capital, of so many sleeves; what is left is added up, not compounded anew."""
    label = "Without the best 1 % of trades"
    if not len(pnl):
        return unknown("without_best_trades", label, "fraction", ">", 0.0, "there are no trades")
    out = math.ceil(BEST_TRADES * len(pnl))
    left = float(np.sort(pnl)[:-out].sum()) / assets
    told = f"the other {len(pnl) - out:,} of {len(pnl):,} trades add up to {change(left)} of capital, all to"
    return bound("without_best_trades", label, left, "fraction", ">", 0.0, f"{told} {change(float(pnl.sum()) / assets)}")


def halves_of(listed: np.ndarray, *, seed: int) -> list[np.ndarray]:
    """HALVES draws of half of the assets, bool (assets,); `listed` bool (assets,). Empty with fewer than LEAST_ASSETS."""
    rng, columns = np.random.default_rng(seed), np.flatnonzero(listed)
    if len(columns) < LEAST_ASSETS:
        return []
    drawn = [rng.permutation(columns)[: len(columns) // 2] for _ in range(HALVES)]
    return [np.isin(np.arange(len(listed)), chosen) for chosen in drawn]


def half_the_assets(returns: np.ndarray, assets: int) -> StressTest:
    """`returns` (halves,) of the strategy on half of so many assets at a time."""
    label = "Half the assets"
    if not len(returns):
        told = f"there are {assets} assets; wanted at least {LEAST_ASSETS}"
        return unknown("half_the_assets", label, "share", ">=", HALVES_SHARE, told)
    share = float(np.mean(returns > 0))
    told = f"{percent(share)} of {len(returns)} drawn halves make a profit; the worst returns {change(float(returns.min()))}"
    return bound("half_the_assets", label, share, "share", ">=", HALVES_SHARE, told)


def neighbours(returns: np.ndarray, own: float, parameters: int) -> tuple[StressTest, StressTest]:
    """`returns` (neighbours,) one step away, NaN for one that failed: the share with a profit, and their median against `own`."""
    labels = "Neighbours with a profit", "Median of the neighbours"
    least = NEIGHBOURS_MEDIAN * own
    if not len(returns):
        reason = "it has no parameters" if not parameters else "its parameters have no other values"
        return (
            unknown("neighbours_profitable", labels[0], "share", ">=", NEIGHBOURS_SHARE, reason),
            unknown("neighbours_median", labels[1], "fraction", ">=", None, reason),
        )
    known = np.where(np.isnan(returns), -1.0, returns)  # one that fails is worth nothing
    share, median = float(np.mean(known > 0)), float(np.median(known))
    told = f"{percent(share)} of {len(known)} parameter sets one step away make a profit"
    first = bound("neighbours_profitable", labels[0], share, "share", ">=", NEIGHBOURS_SHARE, told)
    told = f"one step away it returns {change(median)} in the median, here {change(own)}"
    if own <= 0:
        reason = f"{told}: half of a loss is no aim"
        return first, unknown("neighbours_median", labels[1], "fraction", ">=", None, reason)
    return first, bound("neighbours_median", labels[1], median, "fraction", ">=", least, told)


def regimes(returns: np.ndarray, labels: np.ndarray, days: np.ndarray) -> list[StressTest]:
    """A test for each regime. `returns` (trades,) per notional; `labels` (trades,) of the regime at the deciding close; `days`
    (trades,) of entry: trades of one day count as one draw of chance.

    A regime fails if its mean trade is a loss of more than REGIME_ERRORS standard errors.
    """
    out = []
    for label, words in enumerate(REGIMES):
        own = labels == label
        name, title, n = f"regime_{words.replace(' ', '_')}", f"No loss beyond chance, {words}", int(own.sum())
        if n < LEAST_TRADES or len(np.unique(days[own])) < LEAST_DAYS:
            told = f"{n:,} trades on {len(np.unique(days[own])):,} days; wanted {LEAST_TRADES} on {LEAST_DAYS}"
            out.append(unknown(name, title, "fraction", ">=", None, told))
            continue
        mean, error = clustered_mean(returns[own], days[own])
        least = -REGIME_ERRORS * error
        loss = ", a loss that chance alone explains" if least <= mean < 0 else ""
        told = f"the mean of {n:,} trades is {change(mean)}{loss}; chance alone reaches down to {change(least)}"
        out.append(bound(name, title, mean, "fraction", ">=", least, told))
    return out


def random_times(found: Twins, reason: str) -> StressTest:
    """Against as many entries at random times, by Sharpe ratio."""
    label = "Random entry times"
    if reason:
        return unknown("random_entries", label, "share", ">=", DRAWS_SHARE, reason)
    known = found.twins[np.isfinite(found.twins)]
    told = (
        f"its Sharpe ratio {found.own:.2f} beats {percent(found.beaten)} of {len(known)} draws that enter as often and hold as"
        f" long at random times; their median is {np.median(known):.2f}"
    )
    return bound("random_entries", label, found.beaten, "share", ">=", DRAWS_SHARE, told)


def sub_periods(equity: np.ndarray, entry: np.ndarray, leave: np.ndarray) -> StressTest:
    """Profit in equal parts of the window. `equity` (bars,), starting capital 1; `entry`, `leave` (trades,) bars."""
    label, bars = "Sub-periods", len(equity)
    edges = [round(i * bars / PERIODS) for i in range(PERIODS + 1)]
    if bars < PERIODS:
        return unknown("sub_periods", label, "share", ">=", PERIODS_SHARE, f"{bars} bars; wanted {PERIODS}")
    worth = np.array([1.0, *(equity[edge - 1] for edge in edges[1:])])
    traded = np.array([bool(((entry < b) & (leave >= a)).any()) for a, b in pairwise(edges)])
    if traded.sum() < LEAST_PERIODS:
        told = f"it traded in {traded.sum()} of {PERIODS} parts of the window; wanted {LEAST_PERIODS}"
        return unknown("sub_periods", label, "share", ">=", PERIODS_SHARE, told)
    before = worth[:-1]
    returns = (np.divide(worth[1:], before, out=np.zeros(PERIODS), where=before > 0) - 1.0)[traded]
    gained = int((returns > 0).sum())
    told = f"a profit in {gained} of the {len(returns)} parts of the window in which it traded; the worst returns"
    share = gained / len(returns)
    return bound("sub_periods", label, share, "share", ">=", PERIODS_SHARE, f"{told} {change(float(returns.min()))}")


def capacity(notional: np.ndarray, volume: np.ndarray, capital: float, currency: str) -> StressTest:
    """The capital at which the median entry is VOLUME_SHARE of its bar's dollar volume. `notional` (trades,) of each entry as a
    fraction of the starting capital; `volume` (trades,) of its bar in money, NaN where unknown."""
    label, known = "Capacity", np.isfinite(volume)
    if not known.any():
        return unknown("capacity", label, currency, ">=", capital, "there is no volume, or there are no trades")
    with np.errstate(divide="ignore"):
        median = np.median(notional[known] / volume[known])  # infinite in bars without any volume
        most = float(VOLUME_SHARE / median)
    told = f"with more than {most:,.0f} {currency} the median entry exceeds {percent(VOLUME_SHARE)} of its bar's dollar volume"
    return bound("capacity", label, most, currency, ">=", capital, told)
