"""A run against its benchmarks, on every window: found, how sure, how far to go, and whether it takes any skill to get there."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd

from engine.analysis.folds import FOLDS, fold_figures
from engine.analysis.meter import BASELINES
from engine.analysis.resampling import Interval, block_bootstrap_interval
from engine.analysis.window_facts import Luck, WindowFacts, luck_alone
from engine.records import Benchmark

State = Literal["reached", "not reached", "not computable", "sealed"]
WORST: Final = "worst case"
FOLDED: Final = ("sharpe", "sortino", "calmar")
"""Figures that a quarter of a window has as the whole has; sums such as a return or a number of trades grow with time."""
_OF_TRADES: Final = ("win_rate", "expectancy", "profit_factor", "sqn", "average_pnl")
_RESAMPLED: Final = {"sharpe": "sharpe", "total_return": "total_return", "win_rate": "win_rate", "expectancy": "expectancy"}


_NO_INTERVAL: Final = Interval(math.nan, math.nan, math.nan, 0.95, math.nan, "nothing is known")
_NO_LUCK: Final = Luck(math.nan, "nothing is known")


@dataclass(frozen=True)
class Cell:
    """One benchmark on one window, or its worst case.

    `gap`: what is missing to it, in the figure's unit; 0 or less where it is reached. `n` of `n_of`: what stands behind the
    figure. `beside`: expectancy, for a win rate. `hold`: the same figure of buy-and-hold, `excess` what is found beyond it.
    `rivals_met` of `rivals` runs of baselines meet it. `no_skill`: why it takes no skill to meet it here, empty where it is not
    met or nothing else meets it. `where`: the stretch that is the worst case. All figures NaN where not computed.
    """

    window: str
    state: State
    found: float = math.nan
    gap: float = math.nan
    n: float = math.nan
    n_of: str = ""
    interval: Interval = _NO_INTERVAL
    beside: float = math.nan
    luck: Luck = _NO_LUCK
    hold: float = math.nan
    excess: float = math.nan
    rivals: int = 0
    rivals_met: int = 0
    no_skill: str = ""
    where: str = ""
    why_not: str = ""


@dataclass(frozen=True)
class Row:
    """A benchmark with its cells: each window in order, then the worst case."""

    benchmark: Benchmark
    cells: tuple[Cell, ...]

    @property
    def asked(self) -> tuple[Cell, ...]:
        """The cells of the windows on which it is asked for."""
        return tuple(c for c in self.cells if c.window in self.benchmark.windows)

    @property
    def state(self) -> State:
        """Reached only if it is on each window that is asked; else the first that keeps it from that."""
        return next((c.state for c in self.asked if c.state != "reached"), "reached")

    @property
    def without_skill(self) -> bool:
        """It is reached, and on a window that is asked buy-and-hold or a baseline meets it too."""
        return self.state == "reached" and any(c.no_skill for c in self.asked)


def scorecard(asked: Sequence[Benchmark], facts: Mapping[str, WindowFacts], *, arm: str, days_per_year: float) -> tuple[Row, ...]:
    """A row for each benchmark, with a cell for each of the windows in `facts` and one for the worst case. `arm`: who wrote
    the run; what a baseline reaches takes no skill. Intervals: block bootstrap; nothing is estimated from what is not there."""
    rows = []
    for of in asked:
        cells = tuple(_cell(of, window, known, arm, days_per_year) for window, known in facts.items())
        rows.append(Row(of, (*cells, _worst(of, cells, facts, days_per_year))))
    return tuple(rows)


def _cell(of: Benchmark, window: str, known: WindowFacts, arm: str, days_per_year: float) -> Cell:
    if known.why_not:
        return Cell(window, "sealed" if known.is_sealed else "not computable", why_not=known.why_not)
    found = float(known.figures.get(of.figure, math.nan))
    n, n_of = _behind(of.figure, known)
    hold = float(known.hold.get(of.figure, math.nan))
    rivals = known.rivals[of.figure].astype(float).dropna() if of.figure in known.rivals else pd.Series(dtype=float)
    met = sum(of.is_met(value) for value in rivals)
    is_met = of.is_met(found)
    return Cell(
        window, _state(found, is_met), found, _gap(of, found), n, n_of, _interval(of.figure, known, days_per_year),
        _beside(of.figure, known), luck_alone(of.figure, known, days_per_year), hold, found - hold, len(rivals), met,
        _no_skill(of, hold, met, len(rivals), arm) if is_met else "",
        why_not="" if math.isfinite(found) else _no_figure(known),
    )  # fmt: skip


def _state(found: float, is_met: bool) -> State:
    return ("reached" if is_met else "not reached") if math.isfinite(found) else "not computable"


def _no_figure(known: WindowFacts) -> str:
    return "there is no trade" if known.figures.get("trades_with_open") == 0 else "the figure is not in the ledger"


def _gap(of: Benchmark, found: float) -> float:
    return of.value - found if of.relation in (">=", ">") else found - of.value


def _no_skill(of: Benchmark, hold: float, met: int, rivals: int, arm: str) -> str:
    """Who else meets it, in words; empty if nobody does."""
    others = []
    if of.is_met(hold):
        others.append("buy-and-hold meets it")
    if met:
        others.append(f"{met:,} of {rivals:,} runs of the baselines meet it")
    elif arm in BASELINES:
        others.append(f"the run is of the {arm} arm, a baseline")
    return "; ".join(others)


def _form(figure: str) -> tuple[str, str]:
    """(figure without its form, the form): win_rate and _with_open."""
    plain = figure.removesuffix("_with_open")
    return plain, figure[len(plain) :]


def _behind(figure: str, known: WindowFacts) -> tuple[float, str]:
    plain, form = _form(figure)
    if plain in _OF_TRADES:
        return float(known.figures.get(f"trades{form}", math.nan)), "trades"
    if figure == "assets_traded":
        return float(known.figures.get("assets_listed", math.nan)), "assets listed"
    return float(len(known.daily)), "days"


def _beside(figure: str, known: WindowFacts) -> float:
    plain, form = _form(figure)
    return float(known.figures.get(f"expectancy{form}", math.nan)) if plain == "win_rate" else math.nan


def _interval(figure: str, known: WindowFacts, days_per_year: float) -> Interval:
    plain, form = _form(figure)
    of, found = _RESAMPLED.get(plain), float(known.figures.get(figure, math.nan))
    why = ""
    if figure in ("trades", "trades_with_open", "assets_traded", "assets_listed"):
        why = "a count"
    elif of is None or (of in ("win_rate", "expectancy") and not form):
        why = "no bootstrap of it"
    elif of in ("win_rate", "expectancy") and plain not in known.by_day:
        why = known.no_trades
    if why or of is None:
        return Interval(found, math.nan, math.nan, 0.95, math.nan, why)
    days = known.by_day[plain] if plain in _OF_TRADES else known.daily
    return block_bootstrap_interval(days, of, days_per_year=days_per_year)  # type: ignore[arg-type]


def _worst(of: Benchmark, cells: Sequence[Cell], facts: Mapping[str, WindowFacts], days_per_year: float) -> Cell:
    """The value furthest from the benchmark over the windows that are known and, where it can be told of them, their quarters."""
    missing = next((c for c in cells if c.state == "not computable"), None)
    if missing is not None:
        return Cell(WORST, "not computable", why_not=f"{missing.window}: {missing.why_not}")
    found = [(c.found, c.window, c.n, c.n_of, c.beside) for c in cells if c.state != "sealed"]
    for window, known in facts.items():
        if not known.why_not:
            found += _quarters(of.figure, window, known, days_per_year)
    if not found:
        return Cell(WORST, "not computable", why_not="nothing is known on any window")
    choose = min if of.relation in (">=", ">") else max
    value, where, n, n_of, beside = choose(found, key=lambda stretch: stretch[0])
    return Cell(
        WORST, _state(value, of.is_met(value)), value, _gap(of, value), n, n_of,
        Interval(value, math.nan, math.nan, 0.95, math.nan, "the worst of several stretches"), beside,
        luck=Luck(math.nan, "the worst of several stretches"), where=where,
    )  # fmt: skip


def _quarters(figure: str, window: str, known: WindowFacts, days_per_year: float) -> list[tuple[float, str, float, str, float]]:
    """(value, stretch, n, of what, expectancy beside a win rate) for each quarter of the window that has the figure."""
    plain, form = _form(figure)
    besides = np.full(FOLDS, math.nan)
    if figure in FOLDED and len(known.daily):
        values = fold_figures(np.asarray(known.daily, float), figure, days_per_year, folds=FOLDS)
        sizes, of = [float(len(part)) for part in np.array_split(known.daily, FOLDS)], "days"
    elif plain in known.by_day and form:
        (values, sizes), of = _means(known.by_day[plain]), "trades"
        if plain == "win_rate" and "expectancy" in known.by_day:
            besides, _ = _means(known.by_day["expectancy"])
    else:
        return []
    stretches = zip(values, sizes, besides, strict=True)
    return [
        (float(v), f"quarter {i} of {window}", n, of, float(b)) for i, (v, n, b) in enumerate(stretches, 1) if math.isfinite(v)
    ]


def _means(by_day: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """(quarters,) mean of (2, days) sums and numbers, NaN without any, and the numbers."""
    sums = [part.sum(axis=1) for part in np.array_split(by_day, FOLDS, axis=1)]
    return np.array([above / n if n else math.nan for above, n in sums]), [float(n) for _, n in sums]
