"""A strategy examined by itself, for a person: everything that a campaign would ask of it, without a figure and no trial."""

import time
from dataclasses import dataclass, replace

import numpy as np

from engine.backtest.sweep import TestBed
from engine.records import Failure, ParamRange, Params
from engine.research.evaluation import Evaluator
from engine.research.gate import OF_THE_SET
from engine.strategy.isolation import isolation
from engine.strategy.params import distinct_values, spread

SETS = 4
"""Parameter sets that are screened as before a sweep: the default and some from end to end of each range."""
_PROBES, _DEFAULT_PROBES = 3, 8
VALUES, LEVELS = 400, 24
"""Of a range of whole numbers or choices each value is tried, if they are no more than so many; of others so many levels."""
_PATIENCE_S = 45.0
"""No set is begun after so long; how many were tried is said."""


@dataclass(frozen=True)
class Examination:
    """What was found. `failure` None: accepted. `isolation`: the level that holds strategy code here. `warm_up_bars` of the
    default set, None if its signals never settle or it was not measured. `sets`: parameter sets tried, `planned` of them
    to be tried."""

    failure: Failure | None
    isolation: str
    warm_up_bars: int | None
    is_cross_sectional: bool | None
    sets: int
    planned: int
    wall_s: float

    @property
    def is_accepted(self) -> bool:
        return self.failure is None

    @property
    def is_whole(self) -> bool:
        """All sets were tried."""
        return self.sets == self.planned


def refused(failure: Failure) -> Examination:
    """The examination of what could not be run at all."""
    return Examination(failure, isolation().level, None, None, 0, 0, 0.0)


def examine(source: str, bed: TestBed, evaluator: Evaluator, *, sides: str = "both", seed: int = 1) -> Examination:
    """Policy, contract, two equal runs, causality and warm-up of the default set, then of others along the ranges; last a
    small probe of every value of each range.

    The default set must run, one set must trade; what other sets raise is their own affair. Raises SandboxBroken when no
    process can be had.
    """
    began = time.monotonic()
    ranges = evaluator.ranges(source)
    if isinstance(ranges, Failure):
        return replace(refused(ranges), wall_s=time.monotonic() - began)
    return _Examining(source, ranges, bed, evaluator, sides, seed, began).outcome()


@dataclass(frozen=True, eq=False)
class _Examining:
    source: str
    ranges: tuple[ParamRange, ...]
    bed: TestBed
    evaluator: Evaluator
    sides: str
    seed: int
    began: float

    def outcome(self) -> Examination:
        screened = spread(self.ranges, SETS)
        probed = [s for s in spread(self.ranges, 1 + _tries(self.ranges)) if s not in screened]
        np.random.default_rng(self.seed).shuffle(probed)  # so that what there is no time for lies anywhere
        planned = len(screened) + len(probed)
        found = self._screen(screened, planned)
        if found.is_accepted and found.sets == len(screened):
            failure, tried = self._spot_check(probed, found.is_cross_sectional is True)
            found = replace(found, failure=failure, sets=found.sets + tried)
        return replace(found, wall_s=self._elapsed_s)

    def _screen(self, sets: list[Params], planned: int) -> Examination:
        failure: Failure | None = None
        warm_up, across, traded, tried = None, None, False, 0
        for number, params in enumerate(sets):
            if number and self._elapsed_s > _PATIENCE_S:
                break
            tried += 1
            verdict = self.evaluator.screen(
                self.source, params, self.bed, seed=self.seed + number, sides=self.sides,
                k=_PROBES if number else _DEFAULT_PROBES,
            )  # fmt: skip
            found = verdict.failure
            traded = traded or found is None
            if found is not None and found.kind not in (OF_THE_SET if number else ("no_trades",)):
                failure = found
                break
            if number == 0:
                warm_up, across, failure = verdict.warm_up_bars, verdict.is_cross_sectional, found
        if traded and failure is not None and failure.kind == "no_trades":
            failure = None
        return Examination(failure, isolation().level, warm_up, across, tried, planned, 0.0)

    def _spot_check(self, sets: list[Params], is_cross_sectional: bool) -> tuple[Failure | None, int]:
        """(what is wrong with the first set that is refused, which is named; sets tried)."""
        failures = self.evaluator.spot_checks(
            self.source, sets, self.bed, seed=self.seed, sides=self.sides, is_cross_sectional=is_cross_sectional
        )
        for number, failure in enumerate(failures):
            if failure is not None and failure.kind not in OF_THE_SET:
                named = ", ".join(f"{name} = {value!r}" for name, value in sets[number].items())
                return replace(failure, message=f"{failure.message:.380} (with {named:.110})"), number + 1
            if self._elapsed_s > _PATIENCE_S:
                return None, number + 1
        return None, len(sets)

    @property
    def _elapsed_s(self) -> float:
        return time.monotonic() - self.began


def _tries(ranges: tuple[ParamRange, ...]) -> int:
    """How many sets have each value of each range that can be counted, and some of the others."""
    counted = [int(min(distinct_values(r), VALUES if r.kind != "float" else LEVELS)) for r in ranges]
    return max(counted, default=0)
