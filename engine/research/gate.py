"""The gate as a campaign uses it: a drawn set before the sweep, the winning set after it, and again where it is judged."""

import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.analysis.causality import Verdict
from engine.backtest.sweep import TestBed
from engine.market.bars import Panel
from engine.records import CampaignSpec, Failure, ParamRange, Params, Window
from engine.research.evaluation import Evaluator, Sweep
from engine.strategy.params import draw

GATE_KINDS = ("nondeterministic", "lookahead", "start_dependent", "no_trades")
"""Kinds of failure that the gate finds, and nothing else does."""
_OF_THE_SET = ("error", "contract", "no_trades")
DRAWS = 5
JUDGED_PROBES = 6


def gate_seed(seed: int, number: int) -> int:
    """What the gate draws from for that run: always the same, and the same whatever the bars behind train are."""
    return zlib.crc32(f"{seed}:{number}:gate".encode())


def is_of_the_set(verdict: Verdict) -> bool:
    """The failure is of that parameter set and says nothing of others: it raises, or never trades, on the real bars."""
    return verdict.is_of_real_bars and verdict.failure is not None and verdict.failure.kind in _OF_THE_SET


@dataclass(frozen=True)
class Gate:
    """Checks of one candidate on a campaign's train bed, and on the one where it is judged. Equal seeds give equal verdicts.

    `ends`: rows of the windows that are not train, lead-in included.
    """

    evaluator: Evaluator
    bed: TestBed
    sides: str
    seed: int
    ends: tuple[int, ...]

    def screen(self, source: str, ranges: tuple[ParamRange, ...], *, cancelled: threading.Event | None = None) -> Verdict:
        """The verdict on one drawn parameter set; on another one if that fails or never trades, which others may not."""
        for drawn in draw(ranges, DRAWS, np.random.default_rng(self.seed)):
            verdict = self.evaluator.screen(
                source, drawn, self.bed, seed=self.seed, sides=self.sides, ends=self.ends, cancelled=cancelled
            )
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
            ends=self.ends, cancelled=cancelled,
        )  # fmt: skip

    def confirm_judged(
        self, source: str, params: Params, judged: Sweep, verdict: Verdict, *, cancelled: threading.Event | None = None
    ) -> Failure | None:
        """Why the winning set is refused on the window where it was judged: what is honest on train may look ahead there.

        Nothing but the kind comes back, since the text could carry prices.
        """
        found = self.evaluator.confirm(
            source, params, int(judged.outcomes.digests[0]), verdict, judged.bed, seed=self.seed, sides=self.sides,
            k=JUDGED_PROBES, cancelled=cancelled,
        ).failure  # fmt: skip
        return found and Failure(found.kind, "so it is on the window where it was judged, though not on train; no more is told")


def open_gate(evaluator: Evaluator, panel: Panel, spec: CampaignSpec, number: int) -> Gate:
    """The gate for the campaign's run of that number."""
    bed = evaluator.campaign_bed(panel, spec, "train")
    return Gate(evaluator, bed, spec.sides, gate_seed(spec.seed, number), ends_of(spec.windows))


def ends_of(windows: Sequence[Window]) -> tuple[int, ...]:
    """Rows, lead-in included, of those windows that are not train."""
    return tuple(w.lead_in + w.bars for w in windows if w.name != "train")


def void(swept: Sweep) -> Sweep:
    """The sweep without its figures: those of a candidate that saw the future are none."""
    return replace(swept, table=swept.table * np.nan)
