"""The loop: propose, check, sweep on train, choose the best, check that deeper, evaluate on validation, record.

No threads, no sleep.
"""

import json
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd

from engine.analysis.causality import Verdict
from engine.analysis.chance import DRAWS, chance_maxima, with_given_up
from engine.analysis.evidence_inputs import candidates
from engine.analysis.metrics import daily_returns
from engine.backtest.sweep import Screen, TestBed
from engine.market.bars import Panel
from engine.records import CampaignSpec, Failure, ParamRange, Params, Proposal, RunRecord, TrialBatch
from engine.research.campaign import code_hash_of, rng_of, run_id_of
from engine.research.evaluation import Evaluator, Sweep, days_of, figures_of
from engine.research.gate import Gate, open_gate, void
from engine.research.objectives import objective_of
from engine.research.search import Searched, first_look_of, is_pruned, search
from engine.research.tuning import make_tuner
from engine.strategy.isolation import check_allowed

Tell = Callable[[str, int, int], None]
"""Told (stage, done, total) while a run is in work, from any thread."""
TrialsOf = Callable[[str], Sequence[tuple[Params, float]]]
"""Gives the parameter sets that a run has tried with their values, for its children to begin with."""


class Proposer(Protocol):
    """Makes candidates. `draw` takes all its randomness from `rng`, so that a run can be made again."""

    def draw(self, rng: np.random.Generator) -> Proposal: ...


@dataclass
class ResearchLoop:
    """One campaign's loop over one panel. `step` is pure but for its clock: equal numbers give equal records, unless the campaign
    limits the seconds of a search.

    With `checks_best` False the set that won is not checked for looks ahead again: for who promotes runs at once, and knows
    that promotion checks it at every signal.
    """

    campaign_id: str
    spec: CampaignSpec
    panel: Panel
    proposer: Proposer
    evaluator: Evaluator
    trials_of: TrialsOf = field(default=lambda run_id: ())
    tell: Tell = field(default=lambda stage, done, total: None)
    cancelled: threading.Event = field(default_factory=threading.Event)
    checks_best: bool = True

    def step(self, number: int, proposal: Proposal | None = None) -> tuple[RunRecord, tuple[TrialBatch, ...]]:
        """The run of that number, complete, and the trials it is to be counted as. Raises Cancelled when told to stop,
        StrategyError where code of the proposal's arm must not run.

        With a `proposal` that is run and none is drawn; all else is drawn from campaign and number as ever.
        """
        began = time.monotonic()
        rng = rng_of(self.spec.seed, number)
        self.tell("proposal", 0, 0)
        proposal = proposal or self.proposer.draw(rng)
        checked = self.check(number, proposal)
        if isinstance(checked, Failure):
            return self.refused(number, proposal, checked, time.monotonic() - began), ()
        scored = self.score(number, proposal, checked, rng, began)
        return scored.record, scored.trials

    def check(self, number: int, proposal: Proposal) -> "Checked | Failure":
        """What is known of a draft before it is swept, or why it is not. Raises Cancelled and StrategyError as `step`."""
        check_allowed(proposal.arm)
        ranges = self.evaluator.ranges(proposal.source)
        if isinstance(ranges, Failure):
            return ranges
        gate = open_gate(self.evaluator, self.panel, self.spec, number)
        self.tell("check", 0, 1)
        verdict = gate.screen(proposal.source, ranges, cancelled=self.cancelled)
        return verdict.failure or Checked(ranges, gate, verdict)

    def score(self, number: int, proposal: Proposal, checked: "Checked", rng: np.random.Generator, began: float) -> "Scored":
        """The run of a draft that was checked; `began` on the monotonic clock. Raises Cancelled as `step`."""
        verdict, warm = checked.verdict, self._warm(proposal)
        searched = self._search(proposal, checked, rng, warm)
        params = searched.params
        chosen = self._choose(proposal, searched, checked.gate, verdict)
        swept, best, reason = chosen.swept, chosen.best, chosen.reason + _gain(chosen, warm)
        trials = [self._trials(number, proposal, "train", swept.bed, len(params))]
        if chosen.judged is not None:
            trials.append(self._trials(number, proposal, "validation", chosen.judged.bed, 1))
        windows: dict[str, tuple[Sweep, int]] = {}
        if best is not None and chosen.judged is not None:
            windows = {"train": (swept, best), "validation": (chosen.judged, 0)}
        record = RunRecord(
            **self._identity(number, proposal),
            params=None if best is None else params[best],
            objective=float("nan") if best is None else float(chosen.values[best]),
            scenarios=_scenario_table(params, swept, chosen.values),
            best=best,
            figures={name: figures_of(s.table, row) for name, (s, row) in windows.items()},
            assets={name: s.assets(row) for name, (s, row) in windows.items()},
            daily_returns={n: daily_returns(s.outcomes.daily_equity[row]).astype(np.float32) for n, (s, row) in windows.items()},
            failure=chosen.failure,
            reason=reason,
            elapsed_s=time.monotonic() - began,
            days={n: days_of(s.bed) for n, (s, _) in windows.items()},
            warm_up_bars=verdict.warm_up_bars,
            is_cross_sectional=verdict.is_cross_sectional,
            luck_maxima=_luck_maxima(swept, zlib.crc32(run_id_of(self.campaign_id, number).encode())),
        )
        return Scored(record, tuple(trials), swept, chosen.values, params)

    def _warm(self, proposal: Proposal) -> Sequence[tuple[Params, float]]:
        """What the proposal's parent has tried; nothing without a parent."""
        return () if proposal.parent_run_id is None else self.trials_of(proposal.parent_run_id)

    def _search(
        self, proposal: Proposal, checked: "Checked", rng: np.random.Generator, warm: Sequence[tuple[Params, float]]
    ) -> Searched:
        """All parameter sets that the campaign's method tries on train."""
        spec, objective, bed = self.spec, objective_of(self.spec), checked.gate.masked(checked.verdict)
        tuner = make_tuner(spec.method, checked.ranges, spec.scenarios, rng, warm=warm)
        look = first_look_of(spec.method, bed, objective, is_cross_sectional=checked.verdict.is_cross_sectional)
        began = time.monotonic()

        def run(sets: list[Params], screen: Screen | None, before: int) -> Sweep:
            return self._sweep(proposal, sets, bed, screen, before, tuner.most)

        def is_late() -> bool:
            return spec.search_s is not None and time.monotonic() - began > spec.search_s

        return search(tuner, checked.ranges, objective, run, first_look=look, is_late=is_late)

    def _choose(self, proposal: Proposal, searched: Searched, gate: Gate, verdict: Verdict) -> "_Chosen":
        """The best set of those tried on train, judged on validation; none if no set ran or if the best does not stand the deeper
        checks."""
        swept, values, params = searched.swept, searched.values, searched.params
        best, reason = objective_of(self.spec).best(swept.table, values, pruned=searched.pruned)
        if best is None:
            return _Chosen(swept, values, None, reason, _common_failure(swept), None)
        judged, leak = None, None
        if self.checks_best:
            self.tell("check of the best", 0, 1)
            leak = gate.confirm(proposal.source, params, swept, best, verdict, cancelled=self.cancelled).failure
        if leak is None:
            self.tell("validation", 0, 1)
            judged = self._judge(proposal, params[best])
            if (failed := judged.outcomes.failures[0]) is not None:
                return _Chosen(swept, values, best, f"{reason}; on validation it failed ({failed.kind})", None, judged)
            if self.checks_best:
                leak = gate.confirm_judged(proposal.source, params[best], judged, verdict, cancelled=self.cancelled)
        if leak is None:
            return _Chosen(swept, values, best, reason, None, judged)
        return _Chosen(
            void(swept), values * np.nan, None, "the best set was refused, and with it all that was swept", leak, judged
        )

    def _bed(self, window: str) -> TestBed:
        return self.evaluator.campaign_bed(self.panel, self.spec, window)

    def _sweep(
        self, proposal: Proposal, params: list[Params], bed: TestBed, screen: Screen | None, before: int, most: int
    ) -> Sweep:
        if not before:
            self.tell("sweep", 0, most)
        return self.evaluator.sweep(
            proposal.source, params, bed, sides=self.spec.sides, cancelled=self.cancelled, screen=screen,
            progress=lambda done: self.tell("sweep", before + done, most),
        )  # fmt: skip

    def _judge(self, proposal: Proposal, params: Params) -> Sweep:
        """The best set on validation. Only figures come back from there: a failure's text could carry prices."""
        return self.evaluator.sweep(
            proposal.source, [params], self._bed("validation"), sides=self.spec.sides, cancelled=self.cancelled, says_why=False
        )

    def _trials(self, number: int, proposal: Proposal, window: str, bed: TestBed, scenarios: int) -> TrialBatch:
        rows, panel = self.spec.window(window), bed.market.panel
        return TrialBatch(
            batch_id=f"{run_id_of(self.campaign_id, number)}:{window}", origin="loop", arm=proposal.arm,
            data_hash=self.spec.data_hash, symbols=panel.symbols, first_ns=int(panel.times_ns[rows.start]),
            last_ns=int(panel.times_ns[rows.stop - 1]), window=window, scenarios=scenarios,
            code_hash=code_hash_of(proposal.source),
        )  # fmt: skip

    def refused(self, number: int, proposal: Proposal, failure: Failure, elapsed_s: float) -> RunRecord:
        """A draft that never ran: no scenario, no trial, but recorded."""
        return RunRecord(
            **self._identity(number, proposal), params=None, objective=float("nan"),
            scenarios=pd.DataFrame(columns=["params", "objective", "failure"]), best=None, figures={}, assets={},
            daily_returns={}, failure=failure, reason="the draft was refused", elapsed_s=elapsed_s,
        )  # fmt: skip

    def _identity(self, number: int, proposal: Proposal) -> dict[str, Any]:
        """The fields of a record that are known before anything is run."""
        return {
            "run_id": run_id_of(self.campaign_id, number), "campaign_id": self.campaign_id, "number": number,
            "proposal": proposal, "code_hash": code_hash_of(proposal.source),
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Checked:
    """A draft that may be swept: its ranges, and the gate with what it said."""

    ranges: tuple[ParamRange, ...]
    gate: Gate
    verdict: Verdict


@dataclass(frozen=True, eq=False)
class Scored:
    """A run with what its figures were made of: the sweep on train, the objective's values (scenarios,), the sets."""

    record: RunRecord
    trials: tuple[TrialBatch, ...]
    swept: Sweep
    values: np.ndarray
    params: list[Params]

    def in_full(self) -> list[int]:
        """Rows of the sets that were not given up after a first look."""
        return [row for row, failure in enumerate(self.swept.outcomes.failures) if not is_pruned(failure)]


@dataclass(frozen=True, eq=False)
class _Chosen:
    """A sweep with the objective's `values`, the row of its best set or None, why, the failure if there is no best, and the
    best set on validation if it came so far."""

    swept: Sweep
    values: np.ndarray
    best: int | None
    reason: str
    failure: Failure | None
    judged: Sweep | None


def _gain(chosen: _Chosen, warm: Sequence[tuple[Params, float]]) -> str:
    """What the best set has gained over the best that the parent has tried, in words; nothing where either is not known."""
    known = [value for _, value in warm if np.isfinite(value)]
    if chosen.best is None or not known or np.isnan(own := chosen.values[chosen.best]):
        return ""
    return f"; the best of the parent's {len(warm)} sets had {max(known):.2f}, this one {own:.2f} ({own - max(known):+.2f})"


def _scenario_table(params: list[Params], swept: Sweep, values: np.ndarray) -> pd.DataFrame:
    table = swept.table.copy()
    table.insert(0, "params", [json.dumps(p) for p in params])
    table["objective"] = values
    table["failure"] = [None if f is None else str(f) for f in swept.outcomes.failures]
    return table


def _luck_maxima(swept: Sweep, seed: int) -> np.ndarray:
    """What the scenarios that ran would show at best by luck, so that trials of many runs can be counted together."""
    kept, reason = candidates(daily_returns(swept.outcomes.daily_equity))
    if reason:
        return np.full(DRAWS, -np.inf)
    return with_given_up(chance_maxima(kept), len(kept), sum(is_pruned(f) for f in swept.outcomes.failures), seed)


def _common_failure(swept: Sweep) -> Failure:
    """The failure that most scenarios share; of equals the first."""
    failures = [f for f in swept.outcomes.failures if f is not None]
    return max(failures, key=failures.count)
