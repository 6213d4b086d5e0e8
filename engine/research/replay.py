"""Replays: the same stored inputs with the prompt in force and with an edited one, several times each, side by side.

One answer of a random model proves nothing, and early runs against late ones compare markets and memories, not prompts.
"""

import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Literal

from engine.errors import EngineError, PromptError, UnknownEntry
from engine.model_records import CallPlace, CallRecord, CallStatus
from engine.proposal.asking import AskingEnded
from engine.proposal.exchange import CHART
from engine.proposal.prompt_book import Prompt, PromptBook, prompt_text
from engine.records import Failure
from engine.research.asides import Aside, Reply, summed, with_prompt
from engine.research.judging import Judge, median_of
from engine.research.model_desk import ModelDesk
from engine.store.model_queries import ModelQueries
from engine.strategy.sandbox import Cancelled

ORIGIN = "replay"
MAX_TIMES = 50
MAX_QUESTIONS = 500
"""Questions of one replay, both texts together."""
KEPT = 16
_AT_ONCE = 4

Which = Literal["old", "new"]


@dataclass(frozen=True)
class ReplayAnswer:
    """One answer to one stored call's inputs. `call_id`: of its last call, empty if none was made; `usd` None: no price is known.

    `failure`: why its strategy was refused; `traded` None: it never came so far, or the role writes none; `objective` on train
    with parameters in the middle of their ranges. `attempts`: calls until it could be read, or was given up.
    """

    call_id: str
    source_call_id: str
    fields: dict[str, str]
    status: CallStatus
    failure: Failure | None
    traded: bool | None
    objective: float | None
    usd: float | None
    tokens_in: int
    tokens_out: int
    has_passed: bool | None = None
    attempts: int = 1
    problem: str = ""


@dataclass(frozen=True)
class Side:
    """One of the two prompts with its answers so far, in the order of the stored calls; `text` as it is written in the book."""

    version: str
    text: str
    answers: tuple[ReplayAnswer, ...] = ()

    @property
    def parsed(self) -> int:
        return sum(answer.status == "answered" for answer in self.answers)

    @property
    def passed(self) -> int:
        """Strategies that stood every check but that they trade; 0 for a role that writes none."""
        return sum(answer.has_passed is True for answer in self.answers)

    @property
    def traded(self) -> int:
        return sum(answer.traded is True for answer in self.answers)

    @property
    def median_objective(self) -> float | None:
        """Of the answers that have an objective; None if none has."""
        return median_of([answer.objective for answer in self.answers if answer.objective is not None])

    @property
    def usd(self) -> float | None:
        """None if the price of one answer is not known."""
        return summed([answer.usd for answer in self.answers])

    @property
    def tokens(self) -> int:
        return sum(answer.tokens_in + answer.tokens_out for answer in self.answers)


@dataclass(frozen=True)
class Replay:
    """A replay as it stands. `inputs`: stored calls that are asked again, each `times` with either text; `problem`: why it ended
    before all were, empty if it did not."""

    replay_id: str
    role: str
    inputs: int
    times: int
    old: Side
    new: Side
    is_done: bool = False
    problem: str = ""

    @property
    def wanted(self) -> int:
        """Answers of either side when it is done."""
        return self.inputs * self.times


@dataclass
class _Work:
    """A replay in work: its state, what it asks with, and how much is left. Answers come in any order, under the lock."""

    state: Replay
    aside: Aside
    order: dict[str, int]
    left: int
    lock: threading.Lock = field(default_factory=threading.Lock)
    done: threading.Event = field(default_factory=threading.Event)

    def add(self, which: Which, answer: ReplayAnswer) -> None:
        with self.lock:
            side: Side = getattr(self.state, which)
            answers = sorted((*side.answers, answer), key=lambda a: self.order[a.source_call_id])
            new = replace(side, answers=tuple(answers))
            self.state = replace(self.state, old=new) if which == "old" else replace(self.state, new=new)

    def finished(self, keep: Callable[[str], None], _: "Future[None]") -> None:
        """One question is over, answered or not; `keep` takes why the replay ended early."""
        with self.lock:
            self.left -= 1
            if not self.left:
                if self.aside.problem:
                    keep(self.aside.problem)
                self.state = replace(self.state, is_done=True, problem=self.aside.problem)
                self.done.set()


class Replays:
    """Replays in threads of their own: the running research is not touched, but for the caps that all calls count against.

    Safe from any thread. Those of before are read from the ledger, where each answer is kept as it comes.
    """

    def __init__(self, desk: ModelDesk, judge: Judge) -> None:
        self._desk, self._judge = desk, judge
        self._lock = threading.Lock()
        self._works: OrderedDict[str, _Work] = OrderedDict()
        self._is_closing = False
        self._threads = ThreadPoolExecutor(_AT_ONCE, ORIGIN)

    def begin(self, call_ids: Sequence[str], prompt: Prompt, times: int = 5) -> str:
        """Ask the model `times` with the inputs of each of those calls, with the role's text in force and with that prompt; the
        replay's id, at once. That is 2 · calls · `times` questions, to the model that is chosen now.

        Raises PromptError where there is nothing to compare or the prompt is none, UnknownEntry for an unknown call.
        """
        calls = [self._desk.queries.call(call_id) for call_id in dict.fromkeys(call_ids)]
        book = self._desk.book()
        edited = with_prompt(book, prompt)
        _check(calls, book[prompt.role], edited[prompt.role], times)
        old, new = (Side(some[prompt.role].version, prompt_text(some[prompt.role])) for some in (book, edited))
        state = Replay(uuid.uuid4().hex[:12], prompt.role, len(calls), times, old, new)
        self._desk.ledger.begin_replay(
            state.replay_id, state.role, [call.call_id for call in calls], times, (old.version, old.text), (new.version, new.text)
        )
        aside = self._desk.aside(threading.Event())
        work = _Work(state, aside, {call.call_id: at for at, call in enumerate(calls)}, 2 * len(calls) * times)
        with self._lock:
            self._works[state.replay_id] = work
            while len(self._works) > KEPT:
                self._works.popitem(last=False)[1].aside.end("it was put aside for later replays")
        books: tuple[tuple[Which, PromptBook], ...] = (("old", book), ("new", edited))
        keep = partial(self._keep_end, state.replay_id)
        for _ in range(times):
            for call in calls:
                for which, some in books:  # in turn, so that a replay which is ended has about as many of either
                    self._threads.submit(self._ask, work, which, some, call).add_done_callback(partial(work.finished, keep))
        return state.replay_id

    def state(self, replay_id: str) -> Replay:
        """That replay as it stands, or as the ledger has it. Raises UnknownEntry."""
        with self._lock:
            work = self._works.get(replay_id)
        return work.state if work is not None else _kept(self._desk.queries, replay_id)

    def past(self, role: str) -> list[tuple[str, datetime]]:
        """(id, begin) of all replays of that role, the latest first."""
        return self._desk.queries.replays(role)

    def end(self, replay_id: str) -> None:
        """End it; the answers that it has stay. Raises UnknownEntry."""
        self._work(replay_id).aside.end("it was ended before all was asked")

    def wait(self, replay_id: str, timeout_s: float | None = None) -> bool:
        """Wait for its end; False if it has not come. Raises UnknownEntry."""
        return self._work(replay_id).done.wait(timeout_s)

    def stop(self) -> None:
        """End all replays and begin no more; `close` waits for the threads, once the judge's pool is closed."""
        with self._lock:
            self._is_closing = True
            for work in self._works.values():
                work.aside.end("the program was closed")
        self._threads.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Wait for the threads to end."""
        self._threads.shutdown()

    def _work(self, replay_id: str) -> _Work:
        with self._lock:
            if replay_id not in self._works:
                raise UnknownEntry(f"no replay {replay_id!r} is in work")
            return self._works[replay_id]

    def _keep_end(self, replay_id: str, problem: str) -> None:
        if not self._is_closing:  # the program's own end may come unannounced, and the ledger be closed
            self._desk.ledger.end_replay(replay_id, problem)

    def _ask(self, work: _Work, which: Which, book: PromptBook, call: CallRecord) -> None:
        """One question with its answer judged, in a thread."""
        try:
            place = CallPlace(call.place.campaign_id, 0, ORIGIN)
            reply = work.aside.ask(call.role, call.inputs, place, book)
            answer = self._answer(call, reply, work.aside.ended)
            made = [made.call_id for made in reply.calls]
            self._desk.ledger.replay_answer(work.state.replay_id, which, call.call_id, made, _plain(answer))
            work.add(which, answer)
        except (AskingEnded, Cancelled):
            pass
        except EngineError as error:
            work.aside.end(str(error))
        except Exception as error:  # the thread's border: a fault here must be shown, not lost with the thread
            work.aside.end(f"an unexpected fault, {type(error).__name__}: {error}; please report it")

    def _answer(self, call: CallRecord, reply: Reply, ended: threading.Event) -> ReplayAnswer:
        judged = None
        if reply.status == "answered":
            judged = self._judge.judge(call.role, call.inputs, reply.fields, call.place, origin=ORIGIN, cancelled=ended)
        return ReplayAnswer(
            call_id=reply.calls[-1].call_id if reply.calls else "",
            source_call_id=call.call_id,
            fields=dict(reply.fields),
            status=reply.status,
            failure=judged.failure if judged else None,
            traded=judged.traded if judged else None,
            objective=judged.objective if judged else None,
            usd=reply.usd,
            tokens_in=reply.tokens_in,
            tokens_out=reply.tokens_out,
            has_passed=judged.has_passed if judged else None,
            attempts=len(reply.calls),
            problem=reply.problem,
        )


def _plain(answer: ReplayAnswer) -> dict[str, Any]:
    """The answer as plain data; its fields are those of its last call, which is in the ledger."""
    plain = asdict(answer)
    del plain["fields"], plain["source_call_id"]
    return plain


def _kept(queries: ModelQueries, replay_id: str) -> Replay:
    """A replay of before, from the ledger. Raises UnknownEntry."""
    kept = queries.replay(replay_id)
    order = {call_id: at for at, call_id in enumerate(kept.calls)}
    sides: dict[str, list[ReplayAnswer]] = {"old": [], "new": []}
    for side, source, plain in sorted(kept.answers, key=lambda one: order[one[1]]):
        failure = None if plain["failure"] is None else Failure(**plain["failure"])
        fields = dict(queries.call(plain["call_id"]).fields) if plain["call_id"] and plain["status"] == "answered" else {}
        sides[side].append(ReplayAnswer(**plain | {"failure": failure, "fields": fields, "source_call_id": source}))
    old, new = (Side(*texts, tuple(sides[side])) for side, texts in (("old", kept.old), ("new", kept.new)))
    found = Replay(kept.replay_id, kept.role, len(kept.calls), kept.times, old, new, True, kept.problem)
    if kept.problem or min(len(old.answers), len(new.answers)) == found.wanted:
        return found
    return replace(found, problem="the program was closed before all was asked")


def _check(calls: Sequence[CallRecord], old: Prompt, new: Prompt, times: int) -> None:
    """Raises PromptError where these calls cannot be asked again with both texts."""
    if not calls:
        raise PromptError("no call was chosen; choose at least one whose inputs are to be asked again")
    if not 1 <= times <= MAX_TIMES or 2 * len(calls) * times > MAX_QUESTIONS:
        raise PromptError(
            f"{len(calls)} calls, {times} times with either text, were asked for; wanted 1 to {MAX_TIMES} times and at most"
            f" {MAX_QUESTIONS} questions in all"
        )
    for call in calls:
        if call.role != new.role:
            raise PromptError(
                f"the call {call.call_id} was for {call.role}, the prompt is for {new.role}; choose calls of its role"
            )
        for prompt in (old, new):
            if lacking := [name for name in prompt.inputs if name not in call.inputs and name != CHART]:
                raise PromptError(
                    f"the call {call.call_id} was made without {', '.join(lacking)}, which the prompt of version {prompt.version}"
                    " needs; choose later calls, or leave that input out"
                )
