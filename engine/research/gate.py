"""The gate as a campaign uses it: a drawn set before the sweep, the winning set after it."""

import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.analysis.causality import Verdict
from engine.backtest.sweep import TestBed
from engine.records import ParamRange, Params
from engine.research.evaluation import Evaluator, Sweep
from engine.strategy.params import draw

GATE_KINDS = ("nondeterministic", "lookahead", "start_dependent", "no_trades")
"""Kinds of failure that the gate finds, and nothing else does."""
_OF_THE_SET = ("error", "contract", "no_trades")
DRAWS = 5


def gate_seed(campaign_id: str, number: int) -> int:
    """What the gate draws from for that run: always the same."""
    return zlib.crc32(f"{campaign_id}:{number}:gate".encode())


def is_of_the_set(verdict: Verdict) -> bool:
    """The failure is of that parameter set and says nothing of others: it raises, or never trades, on the real bars."""
    return verdict.is_of_real_bars and verdict.failure is not None and verdict.failure.kind in _OF_THE_SET


@dataclass(frozen=True)
class Gate:
    """Checks of one candidate on one bed. Equal seeds give equal verdicts."""

    evaluator: Evaluator
    bed: TestBed
    sides: str
    seed: int

    def screen(self, source: str, ranges: tuple[ParamRange, ...], *, cancelled: threading.Event | None = None) -> Verdict:
        """The verdict on one drawn parameter set; on another one if that fails or never trades, which others may not."""
        for drawn in draw(ranges, DRAWS, np.random.default_rng(self.seed)):
            verdict = self.evaluator.screen(source, drawn, self.bed, seed=self.seed, sides=self.sides, cancelled=cancelled)
            if not is_of_the_set(verdict):
                break
        return verdict

    def masked(self, verdict: Verdict) -> TestBed:
        """The bed without entries while the strategy warms up."""
        return self.bed.after(verdict.warm_up_bars or 0)

    def confirm(
        self, source: str, params: Sequence[Params], swept: Sweep, best: int, verdict: Verdict, *,
        cancelled: threading.Event | None = None,
    ) -> Verdict:  # fmt: skip
        """The verdict on the set that won its sweep."""
        return self.evaluator.confirm(
            source, params[best], int(swept.outcomes.digests[best]), verdict, self.bed, seed=self.seed, sides=self.sides,
            cancelled=cancelled,
        )  # fmt: skip


def void(swept: Sweep) -> Sweep:
    """The sweep without its figures: those of a candidate that saw the future are none."""
    return replace(swept, table=swept.table * np.nan)
