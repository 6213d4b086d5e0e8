"""The arm that has all of the model's loop but the model: plans, parents and repairs as there, what changes is drawn at random.

A run's genome follows from its lineage: the same draws, from the genomes of its parents, write the same text again. A run whose
text is not what they write, because another version of the grammar wrote it, is no parent. No text is ever read for it.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.analysis.folds import fold_sharpes
from engine.model_records import Operator, Refusal, Story
from engine.proposal.genome import Genome, source_of, summary_of
from engine.proposal.mutation import Child, Mutator
from engine.records import Failure, Proposal, RunRecord, TrialBatch
from engine.research.campaign import rng_of, run_id_of
from engine.research.loop import Checked, ResearchLoop
from engine.research.model_plan import Plan, make_plan, ranked
from engine.research.model_run import MAX_REPAIRS
from engine.research.proposers import make_proposer
from engine.research.turns import MUTATE, Turns
from engine.store.model_queries import ModelQueries
from engine.store.queries import Queries
from engine.store.stories import PastRun

_PLAN, _CHANGE = 1, 3


@dataclass(frozen=True, eq=False)
class Mutated:
    """A run of the arm: all that is recorded in one transaction."""

    record: RunRecord
    trials: tuple[TrialBatch, ...]
    story: Story


class MutateArm:
    """Makes runs of one campaign, from one thread.

    A run knows the runs of its own arm that the model's arm would know in its place, and depends on them and on its number
    alone: equal seeds give equal ledgers, whenever a process ends in between.
    """

    def __init__(self, loop: ResearchLoop, turns: Turns, queries: Queries, memory: ModelQueries) -> None:
        self._loop, self._turns, self._queries, self._memory = loop, turns, queries, memory
        self._mutator = Mutator(make_proposer(loop.spec, loop.panel))
        self._past: dict[str, PastRun] = {}
        self._known_to = 0
        self._genomes: dict[str, Genome | None] = {}

    def make(self, number: int) -> Mutated:
        """The run of that number, complete. Raises Cancelled when told to stop."""
        began, loop = time.monotonic(), self._loop
        loop.tell("proposal", 0, 0)
        plan, parents = self._plan(number)
        child, proposal, checked, refusals = self._checked(number, plan, parents)
        story = Story(
            run_id=run_id_of(loop.campaign_id, number), operator=plan.operator, parents=tuple(p.run_id for p in plan.parents),
            hypothesis=child.words, refusals=refusals,
        )  # fmt: skip
        if isinstance(checked, Failure):
            record = loop.refused(number, proposal, checked, time.monotonic() - began)
            return Mutated(record, (), replace(story, verdict="it never ran"))
        scored = loop.score(number, proposal, checked, rng_of(loop.spec.seed, number), began)
        return Mutated(scored.record, scored.trials, self._judged(story, scored.record))

    def _checked(
        self, number: int, plan: Plan, parents: Sequence[Genome]
    ) -> tuple[Child, Proposal, Checked | Failure, tuple[Refusal, ...]]:
        """A child that may be swept, and the refusals of those drawn before it: as many as the model has repairs, at most."""
        refusals: list[Refusal] = []
        while True:
            child = self._child(number, len(refusals), plan.operator, parents)
            first = plan.parents[0].run_id if plan.parents else None
            proposal = Proposal(source_of(child.genome), summary_of(child.genome), MUTATE, first)
            checked = self._loop.check(number, proposal)
            if not isinstance(checked, Failure):
                return child, proposal, checked, tuple(refusals)
            refusals.append(Refusal(checked.kind, checked.message, checked.line))
            if len(refusals) > MAX_REPAIRS:
                return child, proposal, checked, tuple(refusals)

    def _child(self, number: int, attempt: int, operator: Operator, parents: Sequence[Genome]) -> Child:
        return self._mutator.child(operator, parents, rng_of(self._loop.spec.seed, number, _CHANGE, attempt))

    def _plan(self, number: int) -> tuple[Plan, list[Genome]]:
        """What the run does, and the genomes of its parents."""
        past = self._seen_by(number)
        while True:
            plan = make_plan(past, (), rng_of(self._loop.spec.seed, number, _PLAN))
            genomes = [self._genome_of(run) for run in plan.parents]
            known = [genome for genome in genomes if genome is not None]
            if len(known) == len(genomes):
                return plan, known
            past = [run for run in past if self._genomes.get(run.run_id, run) is not None]

    def _seen_by(self, number: int) -> list[PastRun]:
        """The runs of this arm that one of that number may know of."""
        seen = self._turns.seen_by(number)
        if seen > self._known_to:
            new = self._memory.past_runs(self._loop.campaign_id, MUTATE, seen, after_number=self._known_to)
            self._past |= {run.run_id: run for run in ranked(new)}
            self._known_to = seen
        return [run for run in self._past.values() if run.number <= seen]

    def _genome_of(self, run: PastRun) -> Genome | None:
        """The genome that writes the run's text; None if ours do not. Its whole lineage is drawn again, oldest first."""
        line = {run.run_id: run}
        waiting = [run]
        while waiting:
            one = waiting.pop()
            parents = [self._past[p] for p in _parents(one) if p in self._past and p not in self._genomes and p not in line]
            line |= {parent.run_id: parent for parent in parents}
            waiting += parents
        for one in sorted(line.values(), key=lambda r: r.number):
            if one.run_id not in self._genomes:
                self._genomes[one.run_id] = self._drawn_again(one)
        return self._genomes[run.run_id]

    def _drawn_again(self, run: PastRun) -> Genome | None:
        parents = [genome for p in _parents(run) if (genome := self._genomes.get(p)) is not None]
        if run.story is None or len(parents) < len(run.story.parents):
            return None
        genome = self._child(run.number, len(run.story.refusals), run.story.operator, parents).genome
        return genome if source_of(genome) == run.source else None

    def _judged(self, story: Story, record: RunRecord) -> Story:
        """The story with what came of it, judged as a run of the model's is: on folds of train, against its first parent."""
        if record.failure is not None or "train" not in record.daily_returns:
            return replace(story, verdict=f"it has no result: {record.failure.kind if record.failure else record.reason}")
        if not story.parents:
            return replace(story, is_kept=True, verdict="kept: a first draft that ran")
        before = self._queries.daily_returns(story.parents[0], "train").to_numpy()
        old, new = (self._median_fold(daily) for daily in (before, record.daily_returns["train"]))
        kept = new > old or (np.isnan(old) and not np.isnan(new))
        told = f"median Sharpe over folds of train {new:.2f}, the parent's {old:.2f}"
        return replace(story, is_kept=bool(kept), verdict=f"{'kept' if kept else 'rejected'}: {told}")

    def _median_fold(self, daily: np.ndarray) -> float:
        folds = fold_sharpes(daily, self._loop.panel.days_per_year)
        return float(np.median(folds)) if folds else float("nan")


def _parents(run: PastRun) -> tuple[str, ...]:
    return run.story.parents if run.story else ()
