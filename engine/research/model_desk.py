"""All of a process that has to do with the model: whom to ask, with what prompts, what may be spent, where it is kept."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from engine.errors import CampaignError, PromptError
from engine.model_records import NO_MODEL, CallRecord, Caps, ModelChoice, SentCall, Spent
from engine.proposal.asked_prompts import InForce, Prompts
from engine.proposal.asking import Asker
from engine.proposal.budget import Budget
from engine.proposal.language_model import choice_from_environment, problem_of
from engine.proposal.prompt_book import PromptBook, prompt_text
from engine.proposal.prompt_file import PromptFile
from engine.research.asides import Aside
from engine.research.export_traces import TraceExport
from engine.research.model_trial import Trials
from engine.research.tried_prompts import DealtPrompts, drawn, with_text
from engine.settings import Settings
from engine.store.database import Database
from engine.store.model_ledger import ModelLedger
from engine.store.model_queries import ModelQueries
from engine.store.prompt_queries import Tried


class ModelDesk:
    """One for each open store. Safe from any thread. A change of model, caps or prompts holds from the next call on."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.ledger = ModelLedger(database, settings)
        self.queries = ModelQueries(database)
        self.prompts = PromptFile(settings.prompts_path)
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._chosen = self.queries.model_choice()
        self._noted: dict[str, str] = {}
        self.ledger.book_lost_calls()
        self.budget = Budget(
            self._spent_today, self.queries.spent_in_campaign, caps=self.queries.caps(), own=self.queries.own_caps(),
            keep=self._sent,
        )  # fmt: skip
        self.asker = Asker(
            self.prompts.book,
            lambda: self.choice,
            self._record,
            self.budget,
            clock=lambda: datetime.now(UTC),
            wait=self._ending.wait,
        )
        self.trials = Trials(self.prompts.book, self._record, self.budget)
        self._export = TraceExport.from_environment()

    @property
    def choice(self) -> ModelChoice | None:
        """The model that is asked: the one, or none, chosen on a page or by a command, else the environment's, else none."""
        if self._chosen is None:
            return choice_from_environment()
        return None if self._chosen == NO_MODEL else self._chosen

    def choose(self, choice: ModelChoice) -> None:
        """Ask that model, or none (`NO_MODEL`), from the next call on. Raises CampaignError for what cannot be the name or the
        address of a model, StoreError for an address that carries a key."""
        if choice != NO_MODEL and (problem := problem_of(choice)):
            raise CampaignError(problem)
        self.ledger.choose_model(choice)
        self._chosen = choice

    def set_caps(self, caps: Caps, campaign_id: str | None = None) -> None:
        """Spend no more than that from the next call on: that campaign, which need not have begun, or (None) all of them."""
        self.ledger.set_caps(campaign_id, caps)
        if campaign_id is None:
            self.budget.caps = caps
        else:
            self.budget.set_own(campaign_id, caps)

    def book(self) -> PromptBook:
        """The prompts as they are now. Raises PromptError if there has been no good book yet."""
        return self.prompts.book()

    def propose(self, role: str, instructions: str, why: str, who: str) -> bool:
        """Keep another text for a prompt, for a person to accept; False if it is no prompt."""
        book = self.book()
        text = prompt_text(replace(book[role], instructions=instructions))
        try:
            with_text(book, role, text)
        except PromptError:
            return False
        self.ledger.propose_prompt(role, text, why, who)
        return True

    def try_prompt(self, seq: int, share: float) -> None:
        """Try the proposal of that number on this share (above 0, at most 1) of the model arm's runs, from the next one that
        begins until it is ended, accepted or declined. Raises PromptError if its text is no prompt, and what the ledger does."""
        role, text = self.queries.proposal(seq)
        self.ledger.try_prompt(seq, share, with_text(self.book(), role, text)[role].version)

    def prompts_for(self, campaign_id: str, seed: int, number: int) -> Prompts:
        """The prompts for the calls of the run of that number, which begins now: those in force at each, but for the tried texts
        that it draws. A trial that has to be given up is told in an event of the campaign."""

        def end(one: Tried, why: str) -> None:
            self.ledger.end_try(one.seq, campaign_id=campaign_id, why=why)

        dealt = drawn(self.queries.tried_prompts(), seed, number)
        return DealtPrompts(dealt, self.book, self.queries.tried_prompts, end) if dealt else InForce(self.book)

    def aside(self, ended: threading.Event, most: int | None = None) -> Aside:
        """What asks for a replay or a compile: with the same model and caps, until `ended` or so many calls."""
        return Aside(lambda: self.choice, self._record, self.budget, ended, most)

    def close(self) -> None:
        """End all waiting; calls on their way end by themselves, and are recorded if the store is still open."""
        self.trials.close()
        self._ending.set()
        self._export.close()

    def _spent_today(self, campaign_id: str | None = None) -> Spent:
        return self.queries.spent_on_day(datetime.now(UTC).date(), campaign_id)

    def _sent(self, call: SentCall) -> None:
        with self._unless_ending():
            self.ledger.call_sent(call)

    @contextmanager
    def _unless_ending(self) -> Iterator[None]:
        """The store may be closed before a call on its way is back; it is told as lost when the store is opened again."""
        try:
            yield
        except Exception:
            if not self._ending.is_set():
                raise

    def _record(self, call: CallRecord) -> None:
        """Keep the call and, when its prompt is new, the text of that."""
        kept = False
        with self._unless_ending():
            self.ledger.record_call(call)
            kept = True
        if not kept:
            return
        self._export.add(call)
        with self._lock:
            if call.place.origin != "loop" or self._noted.get(call.role) == call.prompt_version:
                return
            self._noted[call.role] = call.prompt_version
        prompt = self.book().prompts.get(call.role)
        if prompt is not None and prompt.version == call.prompt_version:
            self.ledger.prompt_version(call.role, call.prompt_version, prompt_text(prompt), who="the file")
