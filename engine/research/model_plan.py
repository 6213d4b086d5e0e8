"""What a run of the model's arm sets out to do, drawn from its number and from what it may know."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.model_records import Operator, Steering
from engine.store.stories import PastRun

LESSON_EVERY, INDICATOR_EVERY, COACH_EVERY = 4, 6, 12
"""Every so many runs of the arm the market is described anew, a lesson and a theory are drawn, an indicator is written, and
the coach looks at a prompt."""
_SHARES: tuple[tuple[Operator, float], ...] = (
    ("draft", 0.15), ("improve", 0.50), ("crossover", 0.12), ("risk", 0.12), ("ranges", 0.11),
)  # fmt: skip
_RANK_POWER = 1.0
"""A parent is drawn with a chance that falls with its rank on train to this power."""


@dataclass(frozen=True)
class Plan:
    """An operator and what it works on; `steering`: what a person asked for that this run answers, `notes` in words."""

    operator: Operator
    parents: tuple[PastRun, ...] = ()
    steering: tuple[Steering, ...] = ()
    notes: str = ""


def make_plan(
    past: Sequence[PastRun], steering: Sequence[tuple[Steering, int]], rng: np.random.Generator, *, chosen: PastRun | None = None
) -> Plan:
    """The plan of a run that knows those past runs.

    `steering`: what persons asked for, each with the number of runs that have answered it. `chosen`: the run that the latest
    open *continue* names, which need not be among the past runs of the arm.
    """
    barred = {s.run_id for s, _ in steering if s.kind == "never"}
    notes = [s for s, answered in steering if s.kind == "try" and not answered]
    on = continued(steering)
    asked = tuple(notes) + ((on,) if on and chosen else ())
    words = "\n".join(s.note for s in asked if s.note)
    if on and chosen:
        return Plan("improve", (chosen,), asked, words)
    parents = ranked([run for run in past if run.run_id not in barred])
    operator = _draw_operator(len(parents), rng)
    drawn = _draw_parents(parents, 2 if operator == "crossover" else 0 if operator == "draft" else 1, rng)
    return Plan(operator, drawn, asked, words)


def continued(steering: Sequence[tuple[Steering, int]]) -> Steering | None:
    """The latest *continue from here* that has generations left."""
    going = [s for s, answered in steering if s.kind == "continue" and (s.generations is None or answered < s.generations)]
    return going[-1] if going else None


def ranked(past: Sequence[PastRun]) -> list[PastRun]:
    """Those that scored, best on train first."""
    scored = [run for run in past if run.failure is None and not np.isnan(run.objective)]
    return sorted(scored, key=lambda run: (-run.objective, run.number))


def _draw_operator(parents: int, rng: np.random.Generator) -> Operator:
    """Without anybody to start from a draft, with one alone no crossover."""
    drawn = rng.random()
    if not parents:
        return "draft"
    shares = [(name, share) for name, share in _SHARES if name != "crossover" or parents > 1]
    edges = np.cumsum([share for _, share in shares])
    return shares[int(np.searchsorted(edges, drawn * edges[-1], side="right"))][0]


def _draw_parents(parents: Sequence[PastRun], count: int, rng: np.random.Generator) -> tuple[PastRun, ...]:
    if not count:
        return ()
    chances = 1.0 / (np.arange(len(parents)) + 1.0) ** _RANK_POWER
    drawn = rng.choice(len(parents), size=min(count, len(parents)), replace=False, p=chances / chances.sum())
    return tuple(parents[i] for i in drawn)
