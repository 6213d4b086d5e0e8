"""Asking the model beside the research, for work that a person waits for: replays and compiling."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from engine.model_records import CallPlace, CallRecord, CallStatus, ModelChoice
from engine.proposal.asking import Asker, AskingEnded, ReplyFault
from engine.proposal.budget import Budget
from engine.proposal.prompt_book import Prompt, PromptBook, book_text, parse_book

PATIENCE_S = 120.0
"""How long a model that is away is waited for; the research itself waits for ever."""


@dataclass(frozen=True)
class Reply:
    """What the model said, in as many calls as were made for it. `fields` is empty unless the status is answered."""

    fields: Mapping[str, str]
    status: CallStatus
    problem: str
    calls: tuple[CallRecord, ...]

    @property
    def usd(self) -> float | None:
        """Dollars of all its calls; None if the price of one is not known. A call that got no reply is taken to cost nothing."""
        return summed([call.usd for call in self.calls if call.reply or call.usd is not None])

    @property
    def tokens_in(self) -> int:
        return sum(call.tokens_in or 0 for call in self.calls)

    @property
    def tokens_out(self) -> int:
        return sum(call.tokens_out or 0 for call in self.calls)


@dataclass
class Aside:
    """Asks within the caps, every call recorded and counted like those of the research. Safe from several threads.

    Where a run would wait for ever (a cap, a rejected key, no model, a model that stays away) it gives up: calls on their way
    come to their end, nothing else is asked, and `problem` says why. `ended` ends those on their way too. `most`: calls that
    are sent, at most, those for a reply that could not be read too; `begun`: how many were, `made`: how many have ended.
    """

    choice: Callable[[], ModelChoice | None]
    record: Callable[[CallRecord], None]
    budget: Budget
    ended: threading.Event
    most: int | None = None
    problem: str = ""
    begun: int = 0
    made: int = 0
    has_given_up: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, role: str, inputs: Mapping[str, str], place: CallPlace, book: PromptBook) -> Reply:
        """What the model answers to the book's prompt for that role. Raises AskingEnded when it is to end, or did."""
        if self.is_over:
            raise AskingEnded(self.problem or "no further call is to be made")
        calls: list[CallRecord] = []

        def record(call: CallRecord) -> None:
            calls.append(call)
            self.record(call)

        def wait(seconds: float) -> bool:
            return self._gives_up(asker) or self.ended.wait(seconds) or self.has_given_up

        asker = Asker(lambda: book, self.choice, record, self.budget, clock=_now, wait=wait, begin=self._begin)
        try:
            answer = asker.ask(role, inputs, place, seq=self._next, cancelled=self.ended)
        except ReplyFault as fault:
            return Reply({}, fault.status, str(fault), tuple(calls))
        return Reply(answer.fields, "answered", "", tuple(calls))

    @property
    def is_over(self) -> bool:
        """Nothing more will be asked."""
        return self.ended.is_set() or self.has_given_up or not self.has_room(1)

    def has_room(self, calls: int) -> bool:
        """So many may still be sent."""
        return self.most is None or self.begun + calls <= self.most

    def end(self, problem: str = "") -> None:
        """End it all, calls on their way too; the first problem told is kept."""
        self.give_up(problem)
        self.ended.set()

    def give_up(self, problem: str = "") -> None:
        """Ask nothing else; the first problem told is kept."""
        with self._lock:
            self.problem, self.has_given_up = self.problem or problem, True

    def _begin(self) -> None:
        """One call more is sent. Raises AskingEnded when all are."""
        with self._lock:
            if not self.has_room(1):
                raise AskingEnded(f"all of {self.most:,} calls are made")
            self.begun += 1

    def _next(self) -> int:
        """Counts the calls from 1."""
        with self._lock:
            self.made += 1
            return self.made

    def _gives_up(self, asker: Asker) -> bool:
        trouble = asker.trouble
        if trouble is None or (trouble.kind == "away" and _now() - trouble.since < timedelta(seconds=PATIENCE_S)):
            return False
        self.give_up(trouble.message)
        return True


def with_prompt(book: PromptBook, prompt: Prompt) -> PromptBook:
    """The book with that prompt in its role's place. Raises PromptError if it is no prompt that the pipeline could use."""
    return parse_book(book_text(PromptBook({**book.prompts, prompt.role: prompt})))


def summed(amounts: list[float | None]) -> float | None:
    """The sum; None if one of them is not known."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None


def _now() -> datetime:
    return datetime.now(UTC)
