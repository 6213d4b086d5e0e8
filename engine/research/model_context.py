"""What one run of the model's arm may know: the runs of its arm that were recorded long enough before, and what persons said.

Everything but the words of persons depends on the run's number alone, so that equal replies give equal ledgers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.analysis.folds import fold_sharpes
from engine.analysis.statistics_pack import ParentFacts
from engine.market.bars import Panel
from engine.model_records import Belief, Idea, Steering
from engine.proposal.beliefs import SHOWN_LESSONS, SHOWN_THEORIES, sample_ideas, shown
from engine.records import CampaignSpec
from engine.research.campaign import rng_of, run_id_of
from engine.research.model_plan import Plan, continued, make_plan
from engine.research.turns import MODEL
from engine.store.model_queries import ModelQueries
from engine.store.queries import Queries
from engine.store.stories import PastRun

_PLAN, _IDEAS = 1, 2


@dataclass(frozen=True, eq=False)
class Context:
    """What a run knows. `past`: runs of its arm, by number (runs by hand can be parents too); `market`: the market in words, of
    those runs until this one has its own; `indicators`: (description, source) by name; `ladder`: (validation Sharpe, days) of
    past runs, for the one word; `parents`: facts on train of the runs it starts from, by run id."""

    past: tuple[PastRun, ...]
    ideas: tuple[Idea, ...]
    lessons: tuple[Belief, ...]
    theories: tuple[Belief, ...]
    indicators: Mapping[str, tuple[str, str]]
    market: str
    market_figures: str
    ladder: tuple[tuple[float, int], ...]
    parents: Mapping[str, ParentFacts]

    @property
    def used(self) -> tuple[str, ...]:
        """Ids of all that the writer is shown."""
        return (*(i.idea_id for i in self.ideas), *(b.belief_id for b in (*self.lessons, *self.theories)))

    def facts(self, parent: PastRun | None) -> ParentFacts | None:
        """What the parent did on train."""
        return None if parent is None else self.parents.get(parent.run_id)


@dataclass(frozen=True, eq=False)
class Library:
    """Where a context comes from. `market_figures` were computed once, from train."""

    campaign_id: str
    spec: CampaignSpec
    panel: Panel
    queries: Queries
    memory: ModelQueries
    market_figures: str

    def open(self, number: int, seen: int, now: datetime) -> tuple[Context, Plan]:
        """Context and plan of the run of that number, which knows runs up to `seen`."""
        past = self.memory.past_runs(self.campaign_id, MODEL, seen)
        own = run_id_of(self.campaign_id, number)
        steering = [
            (asked, sum(run_id != own for run_id in answers)) for asked, answers in self.memory.steering(self.campaign_id)
        ]
        starts = self.memory.past_runs(self.campaign_id, "human", number - 1)
        plan = make_plan([*past, *starts], steering, rng_of(self.spec.seed, number, _PLAN), chosen=self._chosen(steering))
        beliefs = self.memory.beliefs(campaign_id=self.campaign_id, up_to_number=seen)
        known = next((run.story.market for run in reversed(past) if run.story and run.story.market), "")
        about = f"{self.spec.theme} {known} {' '.join(run.failure.kind for run in past[-5:] if run.failure)}"
        ideas = sample_ideas([idea for idea, _ in self.memory.ideas(now)], rng_of(self.spec.seed, number, _IDEAS))
        context = Context(
            past=tuple(past), ideas=tuple(ideas),
            lessons=tuple(shown([b for b in beliefs if b.kind == "lesson"], about, SHOWN_LESSONS)),
            theories=tuple(shown([b for b in beliefs if b.kind == "theory"], about, SHOWN_THEORIES)),
            indicators={i.name: (i.description, i.source) for i in self.memory.indicators(self.campaign_id, seen)},
            market=known, market_figures=self.market_figures,
            ladder=tuple((run.validation_sharpe, run.validation_days) for run in past if run.failure is None),
            parents={run.run_id: self._facts(run) for run in plan.parents},
        )  # fmt: skip
        return context, plan

    def _chosen(self, steering: Sequence[tuple[Steering, int]]) -> PastRun | None:
        asked = continued(steering)
        return None if asked is None or asked.run_id is None else self.memory.past_run(asked.run_id)

    def _facts(self, run: PastRun) -> ParentFacts:
        daily = self.queries.daily_returns(run.run_id, "train").to_numpy()
        return ParentFacts(
            dict(run.train), self.queries.run_assets(run.run_id, "train"), fold_sharpes(daily, self.panel.days_per_year)
        )
