"""The model's arm of a campaign: its runs in threads of their own, a few at once, and what is kept of them."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from engine.proposal.asking import AskingEnded, Trouble
from engine.proposal.language_model import takes_pictures
from engine.proposal.roles import MARKET
from engine.research.loop import ResearchLoop
from engine.research.market_words import MarketWords, words_of
from engine.research.model_context import Library
from engine.research.model_desk import ModelDesk
from engine.research.model_memory import Learned, learn
from engine.research.model_plan import Plan
from engine.research.model_run import ModelOutcome, ModelRun
from engine.research.turns import IN_FLIGHT, MODEL, Turns
from engine.store.ledger import Ledger
from engine.strategy.sandbox import Cancelled


@dataclass(frozen=True, eq=False)
class Made:
    """A run of the arm with all that is to be recorded of it."""

    outcome: ModelOutcome
    learned: Learned
    plan: Plan


class ModelArm:
    """Makes runs of one campaign with the model's help, a few at once: `begin`, `finished`, `keep`, all from one thread.

    Its own threads are not waited for: a call on its way ends when it ends, and what it costs is recorded.
    """

    def __init__(self, loop: ResearchLoop, library: Library, desk: ModelDesk, turns: Turns) -> None:
        self._loop, self._library, self._desk, self._turns = loop, library, desk, turns
        self._making: dict[int, Future[Made]] = {}
        self._stages: dict[int, str] = {}
        self._words = MarketWords(self._told)

    @property
    def trouble(self) -> Trouble | None:
        """Why calls wait, if they do."""
        return self._desk.asker.trouble

    @property
    def is_making(self) -> bool:
        """Runs are being made, or wait to be recorded."""
        return bool(self._making)

    @property
    def stages(self) -> tuple[str, ...]:
        """What each of them is at."""
        return tuple(f"run {number:,}: {stage}" for number, stage in sorted(self._stages.copy().items()))

    def begin(self, is_wanted: Callable[[int], bool], cancelled: threading.Event) -> None:
        """Begin as many of the wanted runs as may be made at once."""
        while len(self._making) < IN_FLIGHT:
            number = self._turns.next_of(MODEL)
            if not is_wanted(number) or not self._turns.may_begin(MODEL, number):
                return
            self._turns.take(number)
            self._stages[number] = "begins"
            self._making[number] = self._begin(number, cancelled)

    def finished(self) -> list[Made]:
        """What is made, in the order of its numbers, each once. Raises what `ModelRun.make` does, but for being told to end."""
        made = []
        while self._making and (future := self._making[min(self._making)]).done():
            number = min(self._making)
            del self._making[number], self._stages[number]
            if isinstance(future.exception(), Cancelled | AskingEnded):
                self._turns.give_back(number)
            else:
                made.append(future.result())
        return made

    def wait(self, seconds: float) -> bool:
        """Wait until the run that is to be recorded next is there, at most so long; False if none is being made."""
        if self._making:
            wait([self._making[min(self._making)]], timeout=seconds)
        return bool(self._making)

    def _begin(self, number: int, cancelled: threading.Event) -> "Future[Made]":
        """Make the run of that number in a thread."""

        def tell(stage: str, done: int, total: int) -> None:
            if number in self._stages:
                self._stages[number] = stage

        loop = replace(self._loop, tell=tell, cancelled=cancelled)
        made: Future[Made] = Future()
        context, plan = self._library.open(number, self._turns.seen_by(number), datetime.now(UTC))
        seq, choice = self._desk.queries.next_seq(loop.campaign_id, number), self._desk.choice
        prompts = self._desk.prompts_for(loop.campaign_id, loop.spec.seed, number)
        turn = self._words.enter(prompts.book()[MARKET.name].version)
        run = ModelRun(
            number, loop, self._desk.asker, context, plan, seq, takes_pictures=choice is not None and takes_pictures(choice),
            prompts=prompts, turn=turn,
        )  # fmt: skip

        def work() -> None:
            try:
                made.set_result(self._make(run))
            except BaseException as error:  # the thread's border: whoever waits for the future gets it
                made.set_exception(error)
            finally:
                turn.leave()

        threading.Thread(target=work, name=f"model run {number}", daemon=True).start()
        return made

    def _told(self, version: str) -> str:
        """The market in words as earlier runs were told by that version of the prompt; empty if none was."""
        call = self._desk.queries.first_answer(self._loop.campaign_id, MARKET.name, version)
        if call is None or call.inputs.get("figures", self._library.market_figures) != self._library.market_figures:
            return ""
        return words_of(call.fields)

    def _make(self, run: ModelRun) -> Made:
        outcome = run.make()
        calls = self._desk.queries.statuses(run.loop.campaign_id, self._turns.seen_by(run.number))
        turn = self._turns.turn_of(run.number)
        return Made(outcome, learn(run, turn, calls, self._desk.book()), run.plan)

    def keep(self, made: Made, ledger: Ledger) -> None:
        """Record the run, then what it has taught; a run that is there already changes nothing."""
        record, story = made.outcome.record, made.outcome.story
        if not ledger.record_run(record, made.outcome.trials, story):
            return
        for steering in made.plan.steering:
            self._desk.ledger.steering_used(steering.seq, record.run_id)
        if story.is_kept is not None and story.parents:
            for belief_id in self._shown_beliefs(story.used):
                self._desk.ledger.belief_evidence(belief_id, record.run_id, story.is_kept)
        for belief in made.learned.beliefs:
            self._desk.ledger.record_belief(belief, record.campaign_id, record.run_id)
        if (new := made.learned.indicator) is not None:
            self._desk.ledger.indicator(record.campaign_id, new.name, new.description, new.source, record.run_id)
        if (text := made.learned.text) is not None:
            self._desk.propose(text.role, text.instructions, text.why, f"the coach, run {record.number:,}")

    def _shown_beliefs(self, used: tuple[str, ...]) -> list[str]:
        known = {belief.belief_id for belief in self._desk.queries.beliefs()}
        return [identity for identity in used if identity in known]
