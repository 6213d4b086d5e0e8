"""A campaign with a model's arm, recorded as such an arm records it, without asking a model."""

from dataclasses import dataclass, replace
from datetime import timedelta

from engine.model_records import Belief, CallPlace, Idea, Refusal, Story
from engine.records import Failure, Proposal, RunRecord
from engine.research.campaign import code_hash_of, run_id_of
from engine.research.service import ResearchService
from tests.pages.conftest import CHOICES
from tests.store.model_samples import START, call
from tests.store.samples import assets, failed_run, run

HOSTILE = "Volume <b>leads</b> price, $x$ # so [go](http://elsewhere) `wide`"
"""A text that Markdown or HTML would change."""
IDEA = Idea("idea-1", "Heavy volume", "What fell on heavy volume and closed near its high recovers. " + HOSTILE, weight=2.0)
LESSON = Belief("lesson-1", "lesson", "Stops of two ATR are hit by noise. " + HOSTILE, theme="volume", regime="A falling market.")
THEORY = Belief("theory-1", "theory", "Volume leads price by a day.", disproof="No lead on any fold.", theme="volume")


@dataclass(frozen=True)
class Recorded:
    """The campaign, and the ids of its runs by number."""

    campaign_id: str
    runs: dict[int, str]


def record_campaign(service: ResearchService) -> Recorded:
    """Seven runs: 1, 3, 5, 7 of the model (a draft, a better one, a worse one, one without code), the others drawn."""
    campaign = service.enter(service.draft("small", replace(CHOICES, name="With a model", proposer="model+random")))
    runs = {number: run_id_of(campaign, number) for number in range(1, 8)}
    memory = service.model.ledger
    memory.add_idea(IDEA)
    memory.record_belief(replace(LESSON, runs_for=(runs[1], runs[3]), runs_against=(runs[5],)), campaign, runs[1])
    memory.record_belief(THEORY, campaign, runs[1])
    for number, story in _stories(runs).items():
        failed = number == 7
        record = _record(service, campaign, number, "model", story.hypothesis, story.parents, failed=failed)
        service.ledger.record_run(record, [], story)
        at = START + timedelta(minutes=number)
        one = call(number, 1, campaign=campaign, role=story.operator, prompt_version="v1" if number < 5 else "v2", at_utc=at)
        memory.record_call(replace(one, place=CallPlace(campaign, number)))
    for number in (2, 4, 6):
        service.ledger.record_run(_record(service, campaign, number, "random", "A draw.", (), failed=number == 4), [])
    return Recorded(campaign, runs)


def _stories(runs: dict[int, str]) -> dict[int, Story]:
    refused = (
        Refusal("policy", "`import os` is not allowed: " + HOSTILE, 3),
        Refusal("lookahead", "decisions before bar 900 changed when later bars did", 12),
    )
    draft = Story(
        runs[1], "draft", hypothesis="Bursts of volume lead price.", pack="Sharpe 0.80 on train.", market="Calm, then falling.",
        review="It trades too often.", is_kept=True, verdict="kept: a first draft that ran", ladder="better",
    )  # fmt: skip
    better = Story(
        runs[3], "improve", (runs[1],), hypothesis=HOSTILE, predicted_figure="sharpe", predicted_direction="up",
        prediction_held=True, pack="Sharpe 1.10 on train.\n| asset | P/L |", review="Fewer trades, " + HOSTILE,
        patterns="Losses come in pairs.", next_change="Widen the stop.", ladder="not shown", is_kept=True,
        verdict="kept: median Sharpe over folds of train 0.91, the parent's 0.70", refusals=refused,
        used=(IDEA.idea_id, LESSON.belief_id, "gone-1"), market="Calm, then falling.", steering="keep the entry",
    )  # fmt: skip
    worse = replace(
        better, run_id=runs[5], operator="risk", parents=(runs[3],), prediction_held=False, is_kept=False, ladder="worse",
        verdict="rejected: median Sharpe over folds of train 0.40, the parent's 0.91", refusals=(), steering="",
    )  # fmt: skip
    failed = Story(runs[7], "crossover", (runs[1], runs[3]), verdict="it never ran")
    return {1: draft, 3: better, 5: worse, 7: failed}


def _record(service: ResearchService, campaign: str, number: int, arm: str, summary: str, parents: tuple[str, ...], *,
            failed: bool) -> RunRecord:  # fmt: skip
    """The best strategy of the store's finished campaign, recorded anew under that number; or a failed one."""
    board = service.queries.campaigns().set_index("campaign_id")
    best = service.queries.run(str(board["best_run_id"].dropna().iloc[0]))
    parent = parents[0] if parents else None
    if failed:
        kind = "reply" if arm == "model" else "error"
        made = replace(failed_run(number, campaign), failure=Failure(kind, "there is no code in it", None))
        source = ""
    else:
        source = best.source + "".join(f"\n# change {n}" for n in range(1, number + 1) if n % 2)
        made = run(number, campaign=campaign, params=best.params, validation=number / 10)
        frames = {window: assets(number, tuple(service.spec(campaign).assets)) for window in ("train", "validation")}
        figures = {window: dict(best.figures[window]) for window in frames}
        figures["train"]["sharpe"], figures["validation"]["sharpe"] = number / 5, number / 10
        made = replace(made, assets=frames, figures=figures)
    proposal = Proposal(source, summary or "The model gave no code.", arm, parent)
    return replace(made, run_id=run_id_of(campaign, number), proposal=proposal, code_hash=code_hash_of(source))
