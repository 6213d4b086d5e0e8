"""Asking the model: each call recorded, counted against the caps, and asked again where that can help.

Nothing is ever made up in place of an answer: a model that is away is waited for, a reply that cannot be read is a ReplyFault.
"""

import hashlib
import json
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from engine.errors import EngineError
from engine.model_records import AWAY, CallPlace, CallRecord, CallStatus, ModelChoice, SentCall
from engine.proposal.asked_prompts import InForce, Prompts
from engine.proposal.budget import Budget, CapReached, PriceUnknown, Reservation
from engine.proposal.exchange import CHART, Outcome, Request, fill, send
from engine.proposal.language_model import for_prompt, output_limit, price_of
from engine.proposal.prompt_book import Prompt, PromptBook
from engine.proposal.redaction import redact
from engine.settings import read_environment

READINGS = 3
"""How often the same is asked for a reply that can be read."""
_BACK_OFF_S = (1.0, 2.0, 4.0, 8.0)
_AWAY_S = 60.0
_SLICE_S = 2.0  # a new model, key, prompt or cap is noticed within this
_PASSING_S = 1.0


class ReplyFault(EngineError):
    """The model answered, and in as many attempts as are made nothing that can be used; or the prompt is too long for it."""

    def __init__(self, status: CallStatus, message: str, call_ids: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.call_ids = call_ids


class AskingEnded(EngineError):
    """Whoever asked was told to end before an answer came."""


@dataclass(frozen=True)
class Answer:
    """The fields read from a reply, and the ids of all calls it took, the one that answered last."""

    fields: Mapping[str, str]
    call_ids: tuple[str, ...]


@dataclass(frozen=True)
class Trouble:
    """Why a call waits, in a sentence, and since when."""

    kind: Literal["no model", "away", "rejected", "cap", "price"]
    since: datetime
    message: str


@dataclass
class _Question:
    """One `ask` on its way."""

    role: str
    inputs: Mapping[str, str]
    place: CallPlace
    seq: Callable[[], int]
    image: bytes | None
    cancelled: threading.Event
    prompts: Prompts
    call_ids: list[str] = field(default_factory=list)
    setbacks: int = 0
    faults: int = 0


class Asker:
    """Asks the model on behalf of runs. Safe from several threads at once; one `ask` has one call in flight.

    `book()` and `choice()` are read anew for every call, so that an edited prompt or another model serves the next one.
    `record` gets each call before `ask` goes on, also those that failed. `wait(seconds)` sleeps and returns True when told to
    end. `clock()` is the wall clock, UTC. `environment()` tells where keys are. `begin()` is called before each call is sent;
    what it raises ends the `ask`.
    """

    def __init__(
        self,
        book: Callable[[], PromptBook],
        choice: Callable[[], ModelChoice | None],
        record: Callable[[CallRecord], None],
        budget: Budget,
        *,
        clock: Callable[[], datetime],
        wait: Callable[[float], bool],
        environment: Callable[[], Mapping[str, str]] = read_environment,
        begin: Callable[[], object] = lambda: None,
    ) -> None:
        self._in_force, self._choice, self._record, self._budget = InForce(book), choice, record, budget
        self._clock, self._wait, self._environment, self._begin = clock, wait, environment, begin
        self._lock = threading.Lock()
        self._troubles: dict[int, Trouble] = {}

    @property
    def trouble(self) -> Trouble | None:
        """What keeps a call waiting now, the oldest where several wait; None if nothing does."""
        with self._lock:
            return min(self._troubles.values(), key=lambda trouble: trouble.since, default=None)

    def ask(
        self,
        role: str,
        inputs: Mapping[str, str],
        place: CallPlace,
        *,
        seq: Callable[[], int],
        image: bytes | None = None,
        cancelled: threading.Event,
        prompts: Prompts | None = None,
    ) -> Answer:
        """The model's answer in that role, waited for as long as it takes.

        `inputs` has all inputs of the role; keys in them are hidden before they are sent. `seq()` gives the run's next free
        call number, `image` a PNG for a prompt that lists `chart`; `prompts` are asked instead of those in force.

        A model that is away is asked again after 1, 2, 4, 8 s, then every minute; one that rejects the call (key, money,
        unknown model), a cap, or no model at all wait for a change or a minute; `trouble` tells it. A prompt on trial that is to
        blame for that itself is given up, and the one in force asked. A reply that cannot be read is asked for `READINGS` times
        in all. Raises ReplyFault, AskingEnded.
        """
        environment = self._environment()
        clean = {name: redact(_sendable(text), environment) for name, text in inputs.items()}
        question = _Question(role, clean, place, seq, image, cancelled, prompts or self._in_force)
        try:
            while True:
                if cancelled.is_set():
                    raise AskingEnded(f"the call for {role} was ended before an answer came")
                tried = self._try(question)
                if tried is not None and (answer := self._judge(question, *tried)) is not None:
                    return answer
        finally:
            self._release(question)

    def _judge(self, question: _Question, prompt: Prompt, choice: ModelChoice, outcome: Outcome) -> Answer | None:
        """The answer; None, after a pause if one is due, where the same is to be asked again."""
        if outcome.status == "answered":
            return Answer(outcome.fields, tuple(question.call_ids))
        if outcome.status == "stopped":
            return None
        if outcome.status in AWAY:
            pause = _BACK_OFF_S[question.setbacks] if question.setbacks < len(_BACK_OFF_S) else _AWAY_S
            question.setbacks += 1
            self._hold(question, "away", _away_in_words(choice, outcome) + _whose(question, prompt))
            self._pause(question, min(max(pause, outcome.retry_after_s or 0.0), _AWAY_S))
        elif outcome.status == "rejected" and not outcome.is_too_long:
            self._blocked(question, prompt, "rejected", _rejected_in_words(choice, outcome))
        else:
            self._release(question)
            question.setbacks, question.faults = 0, question.faults + 1
            if question.faults == READINGS or outcome.is_too_long:
                raise ReplyFault(outcome.status, outcome.problem, tuple(question.call_ids))
        return None

    # --- one attempt

    def _try(self, question: _Question) -> tuple[Prompt, ModelChoice, Outcome] | None:
        """One call, recorded; None if none could be made now, after a pause."""
        prompt = self._prompt(question)
        chosen = self._choice()
        if chosen is None:
            self._hold(question, "no model", "no language model is chosen; name one by MODEL or on the Research page")
            self._pause(question, _AWAY_S)
            return None
        choice = for_prompt(chosen, prompt.model)
        request = fill(prompt, question.inputs, image=question.image)
        held = self._reserve(question, prompt, choice, request.tokens_guess)
        if held is None:
            return None
        environment, at = self._environment(), self._clock()
        calls: list[CallRecord] = []
        try:
            self._begin()
            sent = _sent(question, prompt, choice, request.tokens_guess, held, at, environment)
            self._budget.keep(sent)
            outcome = send(request, choice, environment=environment, is_ended=question.cancelled.is_set)
            outcome = _redacted(outcome, environment)
            calls.append(replace(_recorded(question, prompt, choice, request, outcome, at, environment), sent_id=sent.sent_id))
            question.call_ids.append(calls[0].call_id)
        finally:
            self._budget.settle(held, lambda: [self._record(call) for call in calls])
        return prompt, choice, outcome

    def _reserve(self, question: _Question, prompt: Prompt, choice: ModelChoice, tokens_in: int) -> Reservation | None:
        """Room in the budget for the call; None, after a pause, if there is none now."""
        prices, tokens_out = price_of(choice), output_limit(choice)
        usd = (tokens_in * prices[0] + tokens_out * prices[1]) / 1e6 if prices else None
        try:
            return self._budget.reserve(question.place, tokens_in + tokens_out, usd)
        except CapReached as full:
            if not full.is_passing:
                self._hold(question, "cap", str(full))
            self._pause(question, _PASSING_S if full.is_passing else _AWAY_S)
        except PriceUnknown as unknown:
            self._blocked(question, prompt, "price", str(unknown))
        return None

    def _prompt(self, question: _Question) -> Prompt:
        return question.prompts.book().prompts[question.role]

    # --- waiting

    def _blocked(self, question: _Question, prompt: Prompt, kind: Literal["rejected", "price"], message: str) -> None:
        """Waits for a person, unless the prompt is on trial and itself to blame: then the next one is asked at once."""
        if question.prompts.give_up(prompt, message):
            self._release(question)
        else:
            self._hold(question, kind, message + _whose(question, prompt))
            self._pause(question, _AWAY_S)

    def _pause(self, question: _Question, seconds: float) -> None:
        """Waits so long, or until the model, the prompt or the caps have changed. Raises AskingEnded when told to end."""
        before, left = self._state(question), seconds
        while left > 0:
            if self._wait(min(_SLICE_S, left)) or question.cancelled.is_set():
                raise AskingEnded(f"the call for {question.role} was ended while it waited")
            left -= _SLICE_S
            if self._state(question) != before:
                return

    def _state(self, question: _Question) -> tuple[object, ...]:
        prompt = self._prompt(question)
        caps = self._budget.caps, self._budget.own(question.place.campaign_id)
        return self._choice(), prompt.version, caps, tuple(sorted(self._environment().items()))

    def _hold(self, question: _Question, kind: Literal["no model", "away", "rejected", "cap", "price"], message: str) -> None:
        with self._lock:
            known = self._troubles.get(id(question))
            since = known.since if known is not None and known.kind == kind else self._clock()
            self._troubles[id(question)] = Trouble(kind, since, f"{message}; so since {since:%Y-%m-%d %H:%M:%S} UTC")

    def _release(self, question: _Question) -> None:
        with self._lock:
            self._troubles.pop(id(question), None)


def _away_in_words(choice: ModelChoice, outcome: Outcome) -> str:
    what = {
        "rate_limited": "limits how often it is asked",
        "server_error": "answers with an error of its own",
        "timeout": "does not answer in time",
        "unreachable": "cannot be reached",
    }[outcome.status]
    return f"the model {_named(choice)} {what} ({outcome.problem}); it is asked again every minute"


def _rejected_in_words(choice: ModelChoice, outcome: Outcome) -> str:
    return f"the model {_named(choice)} rejected the call ({outcome.problem}); check its name, its key and its credit"


def _whose(question: _Question, prompt: Prompt) -> str:
    """Which prompt the call was made with, where it may be what holds it: one on trial, or one that names the model."""
    if trial := question.prompts.trial_of(prompt):
        return f"; it was asked with {trial}"
    return f"; the prompt {prompt.role}, version {prompt.version}, names that model" if prompt.model else ""


def _named(choice: ModelChoice) -> str:
    return redact(f"{choice.model} at {choice.api_base}" if choice.api_base else choice.model)


def _redacted(outcome: Outcome, environment: Mapping[str, str]) -> Outcome:
    """The outcome without keys, which an echo or a provider's message can hold."""
    fields = {name: redact(text, environment) for name, text in outcome.fields.items()}
    hidden = {name: redact(getattr(outcome, name), environment) for name in ("problem", "reply")}
    return Outcome(**{**vars(outcome), **hidden, "fields": fields})


def _sendable(text: str) -> str:
    """The text without lone surrogates, which no provider can receive."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _sent(
    question: _Question, prompt: Prompt, choice: ModelChoice, tokens_in: int, held: Reservation, at: datetime,
    environment: Mapping[str, str],
) -> SentCall:  # fmt: skip
    return SentCall(
        uuid.uuid4().hex[:16], question.place, question.role, prompt.version, redact(choice.model, environment), tokens_in,
        held.tokens - tokens_in, held.usd, at,
    )  # fmt: skip


def _recorded(
    question: _Question,
    prompt: Prompt,
    choice: ModelChoice,
    request: Request,
    outcome: Outcome,
    at: datetime,
    environment: Mapping[str, str],
) -> CallRecord:
    seq = question.seq()
    shown = {name: question.inputs[name] for name in prompt.inputs if name != CHART}
    if CHART in request.values:
        shown[CHART] = (
            f"PNG, {len(question.image or b''):,} bytes, sha256 {hashlib.sha256(question.image or b'').hexdigest()[:16]}"
        )
    return CallRecord(
        call_id=_call_id(question.place, seq),
        place=question.place,
        seq=seq,
        role=question.role,
        prompt_version=prompt.version,
        model=redact(choice.model, environment),  # of the environment, which nobody has refused
        inputs=shown,
        prompt=redact(request.shown, environment),
        reply=outcome.reply,
        fields=outcome.fields,
        status=outcome.status,
        problem=outcome.problem,
        attempt=len(question.call_ids) + 1,
        tokens_in=outcome.tokens_in,
        tokens_out=outcome.tokens_out,
        usd=outcome.usd,
        latency_s=outcome.latency_s,
        at_utc=at,
    )


def _call_id(place: CallPlace, seq: int) -> str:
    """The loop's calls have ids that follow from their place, so that equal replies give equal ledgers; others happen when a
    person wants, as often as he wants.
    """
    if place.origin != "loop":
        return uuid.uuid4().hex[:16]
    told = json.dumps([place.campaign_id, place.number, seq])
    return hashlib.sha256(told.encode()).hexdigest()[:16]
