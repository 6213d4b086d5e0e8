"""A search over one strategy's parameter sets: the tuner asks, sets are swept, values are told, until it is done."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from engine.analysis.metrics import portfolio_table
from engine.backtest.first_look import Part, part_of
from engine.backtest.simulation import Room
from engine.backtest.sweep import ENDED_ITS_CHILD, Look, Screen, TestBed
from engine.figures import PORTFOLIO_FIGURES
from engine.records import Failure, ParamRange, Params, Signals
from engine.research.evaluation import Sweep, join_sweeps
from engine.research.objectives import Objective, objective_values
from engine.research.tuning import PRUNING, Tuner
from engine.strategy.sandbox import MAX_ENDED

PRUNED = "pruned"
"""Kind of the failure of a set that was given up after a first look: its signals were computed, its result was not."""
LEAST_KNOWN = 20
SPARE = 4
DOUBT = 2.5

Run = Callable[[list[Params], Screen | None, int], Sweep]
"""Sweeps sets behind a screen; told how many were done before."""


@dataclass(frozen=True, eq=False)
class Searched:
    """All that was tried, in the order asked: sets, their sweep, and the objective's values among them (NaN for none)."""

    params: list[Params]
    swept: Sweep
    values: np.ndarray

    @property
    def pruned(self) -> int:
        """How many sets were given up after a first look."""
        return sum(is_pruned(failure) for failure in self.swept.outcomes.failures)


def is_pruned(failure: Failure | None) -> bool:
    """The set was given up after a first look."""
    return failure is not None and failure.kind == PRUNED


def as_pruned(swept: Sweep, texts: Sequence[object]) -> Sweep:
    """The sweep, made in full, as it was recorded with those texts of failures: sets that were given up then have no figures."""
    kinds = [text.partition(":")[0] if isinstance(text, str) else "" for text in texts]
    rows = [row for row, kind in enumerate(kinds) if kind == PRUNED]
    failures = list(swept.outcomes.failures)
    for row in rows:
        failures[row] = Failure(PRUNED, "it was given up after a first look")
    table = swept.table.copy()
    table.loc[rows] = np.nan
    return replace(swept, table=table, outcomes=replace(swept.outcomes, failures=tuple(failures)))


@dataclass(eq=False)
class FirstLook:
    """A screen that learns, between sweeps, how values on the whole follow from looks at a part.

    The line of values over looks (least squares) plus DOUBT times the spread around it is what a set may reach at best; those
    that fall short of the SPARE-th best value known are given up. None is before LEAST_KNOWN sets are known by both.
    """

    part: Part
    objective: Objective
    least: float = -math.inf
    _aim: float = math.nan
    _looks: list[float] = field(default_factory=list)
    _values: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.objective.figure} on {self.part.told}"

    def opened(self) -> Look:
        room = Room(self.part.market.window.bars)

        def look(batch: Sequence[Signals]) -> np.ndarray:
            table = portfolio_table(self.part.outcomes(batch, room), self.part.market, self.part.hold)
            return objective_values(table, self.objective.figure, min_trades=0)

        return look

    def failure_of(self, look: float) -> Failure:
        label = PORTFOLIO_FIGURES[self.objective.figure].label
        aim = f"{self._aim:.3g}, the {SPARE}th best so far"
        return Failure(PRUNED, f"on {self.part.told} its {label} is {look:.3g}, too low to hope for {aim}")

    def learn(self, values: np.ndarray, looks: np.ndarray) -> None:
        """Take in what sets gave on the whole and on the part."""
        known = np.isfinite(values) & np.isfinite(looks)
        self._values += values[known].tolist()
        self._looks += looks[known].tolist()
        if len(self._values) < LEAST_KNOWN or np.ptp(self._looks) == 0:
            return
        x, y = np.array(self._looks), np.array(self._values)
        slope, base = np.polyfit(x, y, 1)
        doubt = DOUBT * float(np.std(y - base - slope * x, ddof=2))
        self._aim = float(np.sort(y)[-SPARE])
        self.least = (self._aim - doubt - float(base)) / float(slope) if slope > 0 else -math.inf


def first_look_of(method: str, bed: TestBed, objective: Objective, *, is_cross_sectional: bool | None) -> FirstLook | None:
    """The first look of a search by that method on that bed, None where all is done in full."""
    if method not in PRUNING:
        return None
    part = part_of(bed, is_joint=bool(is_cross_sectional))
    return None if part is None else FirstLook(part, objective)


def search(
    tuner: Tuner, ranges: Sequence[ParamRange], objective: Objective, run: Run, *, first_look: FirstLook | None = None,
    is_late: Callable[[], bool] = lambda: False,
) -> Searched:  # fmt: skip
    """What came of the search. It ends when the tuner is done, when sets have ended MAX_ENDED children, or, between two batches,
    when `is_late` says so. Raises what `run` raises, ValueError for a tuner that asks for nothing.
    """
    params: list[Params] = []
    parts: list[Sweep] = []
    ended = 0
    while (asked := tuner.ask()) and ended < MAX_ENDED and not (parts and is_late()):
        parts.append(swept := run(asked, first_look, len(params)))
        values = objective.values(swept)
        tuner.tell(asked, values)
        if first_look is not None:
            first_look.learn(values, swept.outcomes.looks)
        params += asked
        ended += sum(f is not None and f.kind in ENDED_ITS_CHILD for f in swept.outcomes.failures)
    joined = join_sweeps(parts)
    return Searched(params, joined, objective.final_values(ranges, params, joined))
