"""What the model's arm learns from its runs now and then: a lesson, a theory, an indicator, another text for a prompt."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from engine.errors import StrategyError
from engine.features.indicators import NAMES
from engine.model_records import Belief, BeliefKind
from engine.proposal.asking import ReplyFault
from engine.proposal.code_text import extract_code, indicator_probe
from engine.proposal.prompt_book import PromptBook
from engine.proposal.roles import COACH, INDICATOR, LESSON, THEORY
from engine.records import Failure, Proposal
from engine.research.model_context import Context
from engine.research.model_plan import COACH_EVERY, INDICATOR_EVERY, LESSON_EVERY
from engine.research.model_run import ModelRun, numbers_in, one_line
from engine.store.stories import PastRun

_RESULTS = 12
_NAME = re.compile(r"[a-z][a-z0-9_]{2,30}")


@dataclass(frozen=True)
class NewIndicator:
    """A function that passed the checks as a strategy's part does."""

    name: str
    description: str
    source: str


@dataclass(frozen=True)
class NewText:
    """Another text for a prompt, which a person may accept."""

    role: str
    instructions: str
    why: str


@dataclass(frozen=True)
class Learned:
    """What a run has taught beside its result."""

    beliefs: tuple[Belief, ...] = ()
    indicator: NewIndicator | None = None
    text: NewText | None = None


def learn(run: ModelRun, turn: int, calls: pd.DataFrame, book: PromptBook) -> Learned:
    """What the arm's run of that turn (from 1) learns; `calls` are those of the runs it knows (columns role,
    status). Raises AskingEnded when told to stop."""
    beliefs, past = [], run.context.past
    if turn % LESSON_EVERY == 0 and past:
        beliefs += _belief(run, "lesson")
    if turn % LESSON_EVERY == LESSON_EVERY // 2 and past:
        beliefs += _belief(run, "theory")
    indicator = _indicator(run) if turn % INDICATOR_EVERY == 0 else None
    text = _coached(run, calls, book) if turn % COACH_EVERY == 0 and past else None
    return Learned(tuple(beliefs), indicator, text)


def _belief(run: ModelRun, kind: BeliefKind) -> list[Belief]:
    """A lesson or theory with the runs that the model names for and against it; none if it gave none."""
    context, role = run.context, LESSON if kind == "lesson" else THEORY
    known = context.lessons if kind == "lesson" else context.theories
    told = "\n".join(f"- {b.text} ({len(b.runs_for)} runs for it, {len(b.runs_against)} against)" for b in known)
    try:
        said = run.ask(role, {role.inputs[0]: told, "results": results_text(context.past)})
    except ReplyFault:
        return []
    text, ids = one_line(said[kind]), {past.number: past.run_id for past in context.past}
    named = [tuple(ids[n] for n in numbers_in(said[side]) if n in ids) for side in ("runs_for", "runs_against")]
    if not text:
        return []
    identity = f"{run.loop.campaign_id}:{run.number}:{kind}"
    return [Belief(
        hashlib.sha256(identity.encode()).hexdigest()[:12], kind, text, disproof=one_line(said.get("disproof", "")),
        theme=run.loop.spec.theme, regime=context.market, runs_for=named[0],
        runs_against=tuple(n for n in named[1] if n not in named[0]),
    )]  # fmt: skip


def results_text(past: Sequence[PastRun]) -> str:
    """The latest runs, a line each, with what they tried and what came of it on train."""
    return "\n".join(_result_line(run) for run in past[-_RESULTS:])


def _result_line(run: PastRun) -> str:
    story = run.story
    what = f"run {run.number}, {story.operator if story else run.arm}: {run.summary}"
    if run.failure is not None:
        return f"{what} It gave no result: {run.failure.kind}."
    figures = f"Sharpe {run.train.get('sharpe', float('nan')):.2f}, {run.train.get('trades_with_open', 0):.0f} trades on train"
    held = {True: "; the prediction held", False: "; the prediction did not hold", None: ""}[
        story.prediction_held if story else None
    ]
    return f"{what} {figures}; {story.verdict if story else ''}{held}."


def _indicator(run: ModelRun) -> NewIndicator | None:
    """A new causal function, if it is one."""
    context = run.context
    try:
        said = run.ask(INDICATOR, {
            "theme": run.loop.spec.theme, "market": context.market, "lessons": "\n".join(b.text for b in context.lessons),
            "indicators": "\n".join(f"- ta.{name}(market, n): {told}" for name, (told, _) in context.indicators.items()),
        })  # fmt: skip
    except ReplyFault:
        return None
    name = said["name"].strip().removeprefix("ta.").lower()
    if not _NAME.fullmatch(name) or name in NAMES or name in context.indicators:
        return None
    source = extract_code(said["code"])
    try:
        probe = Proposal(indicator_probe(source, name), "An indicator on trial.", "model")
    except StrategyError:
        return None
    if isinstance(run.loop.check(run.number, probe), Failure):
        return None
    return NewIndicator(name, one_line(said["description"]), source)


def _coached(run: ModelRun, calls: pd.DataFrame, book: PromptBook) -> NewText | None:
    """Another text for the prompt whose calls go wrong most often."""
    if calls.empty:
        return None
    wrong = calls.assign(wrong=calls["status"] != "answered").groupby("role")["wrong"].agg(["mean", "sum", "size"])
    worst = wrong.sort_values(["mean", "size"], ascending=False, kind="stable")
    role, made, failed = str(worst.index[0]), worst["size"].iloc[0], worst["sum"].iloc[0]
    if role not in book.prompts:
        return None
    faults = "\n".join(f"{kind}: {count}" for kind, count in _refusals(run.context).items())
    try:
        said = run.ask(COACH, {
            "role": role, "instructions": book.prompts[role].instructions, "faults": faults,
            "outcomes": f"{made:.0f} calls, {failed:.0f} without a usable answer\n"
            + results_text(run.context.past),
        })  # fmt: skip
    except ReplyFault:
        return None
    return NewText(role, said["instructions"].strip(), one_line(said["reason"]))


def _refusals(context: Context) -> dict[str, int]:
    """How often drafts were refused, by kind."""
    kinds = [refusal.kind for run in context.past if run.story for refusal in run.story.refusals]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}
