"""A strategy examined by itself, for a person: everything that a campaign would ask of it, without a figure and no trial."""

import time
from dataclasses import dataclass

from engine.backtest.sweep import TestBed
from engine.records import Failure
from engine.research.evaluation import Evaluator
from engine.research.gate import OF_THE_SET
from engine.strategy.isolation import isolation
from engine.strategy.params import spread

SETS = 10
"""Parameter sets that are screened: the default and some from end to end of each range."""
_PROBES, _DEFAULT_PROBES = 3, 8
_PATIENCE_S = 45.0
"""No set is begun after so long; how many were screened is said."""


@dataclass(frozen=True)
class Examination:
    """What was found. `failure` None: accepted. `isolation`: the level that holds strategy code here. `warm_up_bars` of the
    default set, None if its signals never settle or it was not measured. `sets`: parameter sets screened."""

    failure: Failure | None
    isolation: str
    warm_up_bars: int | None
    is_cross_sectional: bool | None
    sets: int
    wall_s: float

    @property
    def is_accepted(self) -> bool:
        return self.failure is None


def examine(source: str, bed: TestBed, evaluator: Evaluator, *, sides: str = "both", seed: int = 1) -> Examination:
    """Policy, contract, two equal runs, causality and warm-up of the default set, then of others along the ranges.

    The default set must run, one set must trade; what other sets raise is their own affair. Raises SandboxBroken when no
    process can be had.
    """
    began = time.monotonic()
    ranges = evaluator.ranges(source)
    if isinstance(ranges, Failure):
        return Examination(ranges, isolation().level, None, None, 0, time.monotonic() - began)
    failure: Failure | None = None
    warm_up, across, traded, screened, sets = None, None, False, 0, spread(ranges, SETS)
    for number, params in enumerate(sets):
        if number and time.monotonic() - began > _PATIENCE_S:
            break
        screened += 1
        probes = _PROBES if number else _DEFAULT_PROBES
        verdict = evaluator.screen(source, params, bed, seed=seed + number, sides=sides, k=probes)
        found = verdict.failure
        traded = traded or found is None
        if found is not None and found.kind not in (OF_THE_SET if number else ("no_trades",)):
            failure = found
            break
        if number == 0:
            warm_up, across, failure = verdict.warm_up_bars, verdict.is_cross_sectional, found
    if traded and failure is not None and failure.kind == "no_trades":
        failure = None
    return Examination(failure, isolation().level, warm_up, across, screened, time.monotonic() - began)
