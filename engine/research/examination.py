"""A strategy examined by itself, for a person: everything that a campaign would ask of it, without a figure and no trial."""

import time
from dataclasses import dataclass, replace

import numpy as np

from engine.analysis.causality import Verdict
from engine.backtest.sweep import TestBed
from engine.records import Failure, ParamRange, Params
from engine.research.evaluation import Evaluator
from engine.research.gate import is_of_the_set
from engine.strategy.isolation import isolation
from engine.strategy.params import different, distinct_values, spread

SETS = 4
"""Parameter sets that are screened as before a sweep: the default and some from end to end of each range."""
_PROBES, _DEFAULT_PROBES = 3, 8
VALUES, LEVELS = 400, 24
"""Of a range of whole numbers or choices each value is tried, if they are no more than so many; of others so many levels."""
_PATIENCE_S = 45.0
"""No set is begun after so long; how many were tried is said."""


@dataclass(frozen=True)
class Examination:
    """What was found. `failure` None: accepted. `isolation`: the level that holds strategy code here. `warm_up_bars` and
    `is_cross_sectional` of the first set that was accepted, the default if it is; None if there is none, and the first also if
    signals never settle. `sets`: parameter sets tried, `planned` of them to be tried."""

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


def examine(
    source: str, bed: TestBed, evaluator: Evaluator, *, ends: tuple[int, ...] = (), sides: str = "both", seed: int = 1
) -> Examination:
    """Policy, contract, two equal runs, causality and warm-up of the default set, then of others along the ranges; last a
    small probe of every value of each range.

    `ends`: rows of the other windows, as for `causality.screen`. The default set must run, one set must trade; that others
    raise or never trade is their own affair. Raises SandboxBroken when no process can be had.
    """
    began = time.monotonic()
    ranges = evaluator.ranges(source)
    if isinstance(ranges, Failure):
        return replace(refused(ranges), wall_s=time.monotonic() - began)
    return _Examining(source, ranges, bed, evaluator, ends, sides, seed, began).outcome()


@dataclass(frozen=True, eq=False)
class _Examining:
    source: str
    ranges: tuple[ParamRange, ...]
    bed: TestBed
    evaluator: Evaluator
    ends: tuple[int, ...]
    sides: str
    seed: int
    began: float

    def outcome(self) -> Examination:
        screened = spread(self.ranges, SETS)
        probed = different([*screened, *spread(self.ranges, 1 + _tries(self.ranges))])[len(screened) :]
        np.random.default_rng(self.seed).shuffle(probed)  # so that what there is no time for lies anywhere
        found = self._screen(screened)
        if found.is_accepted and found.sets == len(screened):
            failure, tried = self._spot_check(probed, found.is_cross_sectional is True)
            found = replace(found, failure=failure, sets=found.sets + tried)
        return replace(found, planned=len(screened) + len(probed), wall_s=self._elapsed_s)

    def _screen(self, sets: list[Params]) -> Examination:
        """What the first sets are told; the measures are those of the first that is accepted."""
        failure: Failure | None = None
        accepted: Verdict | None = None
        tried = 0
        for number, params in enumerate(sets):
            if number and self._elapsed_s > _PATIENCE_S:
                break
            tried += 1
            probes = _PROBES if number else _DEFAULT_PROBES
            verdict = self.evaluator.screen(
                self.source, params, self.bed, seed=self.seed + number, sides=self.sides, k=probes, ends=self.ends
            )  # fmt: skip
            if verdict.failure is None:
                accepted = accepted or verdict
            elif not is_of_the_set(verdict) or (number == 0 and verdict.failure.kind != "no_trades"):
                return Examination(verdict.failure, isolation().level, None, None, tried, 0, 0.0)
            else:
                failure = failure or verdict.failure
        if accepted is None:
            return Examination(failure, isolation().level, None, None, tried, 0, 0.0)
        return Examination(None, isolation().level, accepted.warm_up_bars, accepted.is_cross_sectional, tried, 0, 0.0)

    def _spot_check(self, sets: list[Params], is_cross_sectional: bool) -> tuple[Failure | None, int]:
        """(what is wrong with the first set that is refused, which is named; sets tried)."""
        failures = self.evaluator.spot_checks(
            self.source, sets, self.bed, seed=self.seed, sides=self.sides, is_cross_sectional=is_cross_sectional
        )
        for number, failure in enumerate(failures):
            if failure is not None:
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
