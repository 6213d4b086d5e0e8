"""One run of the model's arm: a pipeline of calls with fixed inputs and outputs, and computing between them.

    market → plan → write → check (repair at most three times) → sweep → statistics → reviews → what held, what is kept
           → now and then a lesson, a theory, an indicator, a look at a prompt

The model gets no tools. What it is told is computed from train, but for one word on validation.
"""

import itertools
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from engine.analysis.benchmarks import benchmark_words
from engine.analysis.chart_picture import chart_picture
from engine.analysis.ladder import ladder_word
from engine.analysis.statistics_pack import Pack, statistics_pack
from engine.backtest.portfolio import Result
from engine.errors import EngineError, StrategyError
from engine.figures import PORTFOLIO_FIGURES
from engine.model_records import CallPlace, Ladder, Refusal, Story
from engine.proposal.asked_prompts import Prompts
from engine.proposal.asking import Asker, ReplyFault
from engine.proposal.beliefs import idea_text
from engine.proposal.code_text import (
    extract_code,
    is_same_logic,
    link_indicators,
    ranges_told,
    read_prediction,
    read_ranges,
    with_ranges,
)
from engine.proposal.exchange import CHART
from engine.proposal.roles import CROSSOVER, DRAFT, IMPROVE, MARKET, PORTFOLIO_REVIEW, RANGES, REPAIR, RISK, TRADE_REVIEW, Role
from engine.records import Benchmarks, Failure, Proposal, RunRecord, TrialBatch
from engine.research.campaign import rng_of
from engine.research.loop import Checked, ResearchLoop, Scored
from engine.research.market_words import MarketTurn, words_of
from engine.research.model_context import Context
from engine.research.model_plan import Plan
from engine.store.stories import PastRun

MAX_REPAIRS = 3
REPLY = "reply"
"""Kind of failure: no code, or no ranges that fit it, came back."""
_WRITERS: Mapping[str, Role] = {"draft": DRAFT, "improve": IMPROVE, "crossover": CROSSOVER, "risk": RISK, "indicator": DRAFT}
NOTHING = "none"


@dataclass(frozen=True, eq=False)
class ModelOutcome:
    """A run with its story: all that is recorded in one transaction."""

    record: RunRecord
    trials: tuple[TrialBatch, ...]
    story: Story


@dataclass(eq=False)
class ModelRun:
    """The run of one number. `make` is pure but for its clock and the replies: equal contexts and replies give equal outcomes.
    `prompts`: those of its calls, read anew for each; None: those in force. `turn`: its place among the runs that want the market
    in words; None: it asks for itself.

    Raises Cancelled and AskingEnded when told to stop, StrategyError where a model's code must not run.
    """

    number: int
    loop: ResearchLoop
    asker: Asker
    context: Context
    plan: Plan
    first_seq: int
    takes_pictures: bool = False
    prompts: Prompts | None = None
    turn: MarketTurn | None = None
    refusals: list[Refusal] = field(default_factory=list)

    def __post_init__(self) -> None:
        counter, lock = itertools.count(self.first_seq), threading.Lock()

        def seq() -> int:
            with lock:
                return next(counter)

        self._seq = seq

    def ask(self, role: Role, inputs: Mapping[str, str], *, image: bytes | None = None) -> Mapping[str, str]:
        """What the model answers in that role, of all that the role can be given. Raises ReplyFault for no usable reply."""
        given = {name: inputs.get(name) or NOTHING for name in role.inputs if name != CHART}
        place = CallPlace(self.loop.campaign_id, self.number)
        self.loop.tell(f"asking: {role.name.replace('_', ' ')}", 0, 0)
        return self.asker.ask(
            role.name, given, place, seq=self._seq, image=image, cancelled=self.loop.cancelled, prompts=self.prompts
        ).fields  # fmt: skip

    def make(self) -> ModelOutcome:
        """The run, complete."""
        began = time.monotonic()
        story, proposal, checked = self.draft()
        if isinstance(checked, Failure):
            record = self.loop.refused(self.number, proposal, checked, time.monotonic() - began)
            story = replace(story, run_id=record.run_id, refusals=tuple(self.refusals), verdict="it never ran")
            return ModelOutcome(record, (), story)
        scored = self.loop.score(self.number, proposal, checked, rng_of(self.loop.spec.seed, self.number), began)
        story = self._reviewed(replace(story, run_id=scored.record.run_id, refusals=tuple(self.refusals)), scored)
        return ModelOutcome(replace(scored.record, elapsed_s=time.monotonic() - began), scored.trials, story)

    def draft(self) -> tuple[Story, Proposal, Checked | Failure]:
        """What is written, repaired where it was refused, and what the checker says of it in the end."""
        story = Story(
            run_id="", operator=self.plan.operator, parents=tuple(p.run_id for p in self.plan.parents), used=self.context.used,
            steering=self.plan.notes,
        )  # fmt: skip
        proposal = Proposal("", "The model gave no code.", "model", story.parents[0] if story.parents else None)
        try:
            self.context = replace(self.context, market=self._market())
            story = replace(story, market=self.context.market)
            story, proposal = self._write(story, proposal)
            return self._check(story, proposal)
        except (ReplyFault, StrategyError) as fault:
            return story, proposal, Failure(REPLY, str(fault))

    # Steps

    def _market(self) -> str:
        """The market in words: said before, or said now."""

        def ask() -> str:
            return words_of(self.ask(MARKET, {"figures": self.context.market_figures}))

        return self.turn.words(ask, self.loop.cancelled) if self.turn is not None else ask()

    def _write(self, story: Story, blank: Proposal) -> tuple[Story, Proposal]:
        """The draft with its hypothesis."""
        if self.plan.operator == "ranges":
            return self._new_ranges(story, blank)
        return self._written(story, blank)

    def _written(self, story: Story, blank: Proposal, refused: Failure | None = None) -> tuple[Story, Proposal]:
        """What the writer of this run gives; `refused`: what the checker said of the one in `blank`."""
        inputs = self._writer_inputs(story)
        if refused is not None:
            inputs["refused"] = quoted(refused)  # without its line, which small models copy
        said = self.ask(_WRITERS[self.plan.operator], inputs)
        figure, direction = read_prediction(said["prediction"])
        story = replace(
            story, hypothesis=one_line(said["hypothesis"]), predicted_figure=figure if figure in PORTFOLIO_FIGURES else "",
            predicted_direction=direction,
        )  # fmt: skip
        return story, replace(blank, source=extract_code(said["code"]), summary=story.hypothesis or "No hypothesis was given.")

    def _new_ranges(self, story: Story, blank: Proposal) -> tuple[Story, Proposal]:
        """The parent's code over the ranges that the adviser names; they stay as they are where it names none that fit."""
        (parent,) = self.plan.parents
        said = self.ask(RANGES, {"code": parent.source, "statistics": parent.story.pack if parent.story else ""})
        story = replace(story, hypothesis=one_line(said["reason"]), predicted_figure=self.loop.spec.objective)
        ranges = read_ranges(said["ranges"])
        source = with_ranges(parent.source, ranges)
        return story, replace(blank, source=source, summary=one_line(ranges_told(parent.source, ranges)))

    def _writer_inputs(self, story: Story) -> dict[str, str]:
        context, spec = self.context, self.loop.spec
        inputs = {
            "theme": spec.theme, "benchmarks": benchmark_text(spec.benchmarks), "market": story.market,
            "notes": "\n".join(text for text in (f"run {self.number}", self.plan.notes) if text),
            "ideas": "\n".join(f"- {idea_text(idea)}" for idea in context.ideas),
            "lessons": "\n".join(f"- {lesson.text}" for lesson in context.lessons),
            "theories": "\n".join(f"- {theory.text}" for theory in context.theories),
            "indicators": "\n".join(f"- ta.{name}(market, n): {told}" for name, (told, _) in context.indicators.items()),
        }  # fmt: skip
        for prefix, parent in zip(("parent", "other"), self.plan.parents, strict=False):
            inputs[f"{prefix}_code"] = parent.source
            inputs[f"{prefix}_statistics"] = parent.story.pack if parent.story else ""
        if self.plan.parents:
            inputs["parent_review"] = review_of(self.plan.parents[0])
        return inputs

    def _check(self, story: Story, proposal: Proposal) -> tuple[Story, Proposal, Checked | Failure]:
        """The draft as it may be swept, with its hypothesis; a refused one goes back to the model.

        The last time, and after a repair that changed nothing, another one is written: small models give the same code back, word
        for word, as often as they are asked to mend it.
        """
        sources = {name: source for name, (_, source) in self.context.indicators.items()}
        checked, is_new = self._checked(proposal := replace(proposal, source=link_indicators(proposal.source, sources))), True
        for times_left in range(MAX_REPAIRS, 0, -1):
            if not isinstance(checked, Failure):
                break
            if self.plan.operator != "ranges" and (times_left == 1 or not is_new):
                told, mended = self._written(story, proposal, checked)
            else:
                told, mended = story, self._repaired(proposal, checked)
            mended = replace(mended, source=link_indicators(mended.source, sources))
            is_new = mended.source.split() != proposal.source.split()
            if is_new:
                story, proposal, checked = told, mended, self._checked(mended)
        return story, proposal, checked

    def _checked(self, proposal: Proposal) -> Checked | Failure:
        checked: Checked | Failure
        if self.plan.operator != "ranges" and any(is_same_logic(proposal.source, p.source) for p in self.plan.parents):
            checked = Failure(REPLY, "it is the code of its parent but for words; change the logic")
        else:
            checked = self.loop.check(self.number, proposal)
        if isinstance(checked, Failure):
            self.refusals.append(Refusal(checked.kind, checked.message, checked.line))
        return checked

    def _repaired(self, proposal: Proposal, fault: Failure) -> Proposal:
        said = self.ask(REPAIR, {"code": proposal.source, "fault": quoted(fault), "line": line_of(proposal.source, fault.line)})
        return replace(proposal, source=extract_code(said["code"]))

    def _reviewed(self, story: Story, scored: Scored) -> Story:
        """The story with statistics, reviews and verdict."""
        record, parent = scored.record, self.plan.parents[0] if self.plan.parents else None
        if record.failure is not None or record.best is None or record.params is None:
            return replace(story, verdict=f"it has no result: {record.failure.kind if record.failure else record.reason}")
        self.loop.tell("statistics", 0, 0)
        result = self._result(scored)
        pack = self._pack(scored, result, parent)
        picture = chart_picture(result) if self.takes_pictures else None
        story = replace(story, ladder=self._ladder(record))
        told = f"{pack.text}\nOn validation, against the best before: {story.ladder}."
        story = with_reviews = self._judged(replace(story, pack=told), record, pack.folds, parent)
        try:
            said = self.ask(PORTFOLIO_REVIEW, {
                "theme": self.loop.spec.theme, "benchmarks": benchmark_text(self.loop.spec.benchmarks), "statistics": told,
                "hypothesis": story.hypothesis, "prediction": prediction_text(story),
                "parent_statistics": parent.story.pack if parent and parent.story else "",
            }, image=picture)  # fmt: skip
            with_reviews = replace(story, review=said["review"].strip(), next_change=said["next_change"].strip())
            said = self.ask(TRADE_REVIEW, {"code": record.proposal.source, "trades": pack.trades})
            change = "\n".join(text for text in (with_reviews.next_change, said["next_change"].strip()) if text)
            with_reviews = replace(with_reviews, patterns=said["patterns"].strip(), next_change=change)
        except ReplyFault:
            pass  # a run without a review is a run all the same; its calls tell what went wrong
        return with_reviews

    def _result(self, scored: Scored) -> Result:
        """The best set's result on train, with its trades. Raises EngineError if it does not run again."""
        record = scored.record
        assert record.params is not None
        result = self.loop.evaluator.result(record.proposal.source, record.params, scored.swept.bed, sides=self.loop.spec.sides)
        if isinstance(result, Failure):
            raise EngineError(f"run {self.number} did not run again on train: {result.kind}; repeat it to see why")
        return result

    def _pack(self, scored: Scored, result: Result, parent: PastRun | None) -> Pack:
        record, spec = scored.record, self.loop.spec
        assert record.best is not None
        full = scored.in_full()
        said = self.loop.evaluator.said_of_trades(
            record.proposal.source, record.params or {}, scored.swept.bed, result.trades, sides=spec.sides
        )
        return statistics_pack(
            table=scored.swept.table.iloc[full].reset_index(drop=True), values=scored.values[full],
            params=[scored.params[row] for row in full], best=full.index(record.best), result=result,
            assets=record.assets["train"], daily=record.daily_returns["train"], benchmarks=spec.benchmarks,
            parent=self.context.facts(parent), objective=spec.objective, min_trades=spec.min_trades,
            indicators=said,
        )  # fmt: skip

    def _ladder(self, record: RunRecord) -> Ladder:
        judged = record.figures["validation"].get("sharpe", float("nan")), len(record.daily_returns["validation"])
        return ladder_word(self.context.ladder, judged, days_per_year=self.loop.panel.days_per_year)

    def _judged(self, story: Story, record: RunRecord, folds: tuple[float, ...], parent: PastRun | None) -> Story:
        """Whether the prediction held and the run is kept: on train and its folds, computed, never asked of the model."""
        facts = self.context.facts(parent)
        if facts is None:
            return replace(story, is_kept=True, verdict="kept: a first draft that ran")
        before, now = (f.get(story.predicted_figure, float("nan")) for f in (facts.figures, record.figures["train"]))
        held: bool | None = None
        if np.isfinite([before, now]).all():
            held = bool(now > before if story.predicted_direction == "up" else now < before)
        old, new = (float(np.median(f)) if len(f) else float("nan") for f in (facts.folds, folds))
        kept = bool(new > old) or (np.isnan(old) and not np.isnan(new))
        told = f"median Sharpe over folds of train {new:.2f}, the parent's {old:.2f}"
        return replace(story, prediction_held=held, is_kept=bool(kept), verdict=f"{'kept' if kept else 'rejected'}: {told}")


def one_line(text: str) -> str:
    """The text as one line, cut where it is long."""
    return " ".join(text.split())[:400]


def quoted(failure: Failure) -> str:
    """A failure as data, each line marked: it may hold what a strategy has written."""
    return "\n".join(f"> {line}" for line in f"{failure.kind}: {failure.message}".splitlines())


def line_of(source: str, line: int | None) -> str:
    """The line at which a fault was found, with its number."""
    lines = source.splitlines()
    return f"{line}: {lines[line - 1].strip()}" if line and line <= len(lines) else "none"


def prediction_text(story: Story) -> str:
    """What was predicted, as it is told to the reviewer."""
    return f"{story.predicted_figure} {story.predicted_direction}" if story.predicted_figure else ""


def review_of(run: PastRun) -> str:
    """What the reviewers said of a run."""
    story = run.story
    return "" if story is None else "\n".join(text for text in (story.review, story.patterns, story.next_change) if text)


def benchmark_text(asked: Benchmarks) -> str:
    """The benchmarks as figures, but those on the vault, of which the search knows nothing."""
    parts = (
        ("total return at least", asked.total_return, ".0%"), ("trades at least", asked.trades, ",d"),
        ("assets traded at least", asked.assets, ",d"), ("win rate above", asked.win_rate, ".0%"),
    )  # fmt: skip
    told = [f"{what} {value:{form}}" for what, value, form in parts if value is not None]
    return "; ".join([*told, *(benchmark_words(b) for b in asked.more if b.window != "vault")])


def numbers_in(text: str) -> tuple[int, ...]:
    """Run numbers that a reply names."""
    return tuple(dict.fromkeys(int(n) for n in re.findall(r"\d{1,6}", text)))
