"""Compiling over the ledger: inputs of stored calls, how the runs they fed ended, and new answers judged on train alone."""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from engine.analysis.folds import fold_sharpes
from engine.errors import EngineError, PromptError
from engine.model_records import CallPlace, CallRecord
from engine.proposal.asking import AskingEnded
from engine.proposal.compiling import LEAST, Compiled, Example, Scored, compile_prompt, least_calls
from engine.proposal.exchange import CHART
from engine.proposal.prompt_book import Prompt, PromptBook
from engine.research.asides import Aside, with_prompt
from engine.research.judging import JUDGED, Judge, Judged, merit
from engine.research.model_desk import ModelDesk
from engine.store.queries import Queries
from engine.strategy.sandbox import Cancelled

ORIGIN = "compile"
CALLS, EXAMPLES = 60, 16
LOOKED_AT = 400
"""Latest calls of a role among which the examples are chosen."""
_AT_ONCE = 4


@dataclass(frozen=True)
class CompileState:
    """The compile that was begun last. `stage` in words; `made`: calls so far, of `most` at most; `usd` None: no price is known.

    When it `is_done`, `compiled` is what it found and `is_proposed` that a better text waits for a person; `problem`: why it
    ended early, or found nothing.
    """

    role: str
    most: int
    stage: str = "choosing stored calls"
    made: int = 0
    usd: float | None = 0.0
    compiled: Compiled | None = None
    is_proposed: bool = False
    is_done: bool = False
    problem: str = ""


class Compiling:
    """Compiles one prompt at a time in a thread of its own; what is better is proposed, and a person accepts it or not.

    Safe from any thread. Every call counts against the caps and is recorded with the origin `compile`, every scoring is a trial.
    """

    def __init__(self, desk: ModelDesk, judge: Judge, queries: Queries) -> None:
        self._desk, self._judge, self._queries = desk, judge, queries
        self._lock = threading.Lock()
        self._state: CompileState | None = None
        self._thread: threading.Thread | None = None
        self._aside: Aside | None = None
        self._is_closed = False

    @property
    def state(self) -> CompileState | None:
        """The compile that was begun last, None if there was none."""
        with self._lock:
            return self._state

    def begin(self, role: str, *, calls: int = CALLS, examples: int = EXAMPLES, seed: int = 1) -> None:
        """Compile that role's prompt with at most so many calls; returns at once. Where they are too few to try one other
        text none is made, and the state's `problem` says how many it takes.

        Raises PromptError for a role that cannot be compiled, and while another compile is in work.
        """
        self._desk.book()
        if role not in JUDGED:
            raise PromptError(
                f"of {role[:40]!r} nothing can be computed but whether replies can be read, and GEPA needs more; there are"
                f" {', '.join(JUDGED)}"
            )
        if calls < 2 or examples < 2:
            raise PromptError(f"{calls} calls and {examples} examples were asked for; wanted at least 2 of either")
        with self._lock:
            if self._is_closed or (self._state is not None and not self._state.is_done):
                raise PromptError("a compile is in work; wait for its end, or end it")
            self._state, aside = CompileState(role, calls), self._desk.aside(threading.Event(), calls)
            self._aside = aside
            work = (role, aside, examples, seed)
            self._thread = threading.Thread(target=self._work, args=work, name="compile", daemon=True)
            self._thread.start()

    def end(self, problem: str = "it was ended before its time") -> None:
        """End the compile that is in work; what it has found is proposed."""
        if self._aside is not None and self._state is not None and not self._state.is_done:
            self._aside.end(problem)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for its end; False if it has not come."""
        if self._thread is not None:
            self._thread.join(timeout_s)
        return self._state is None or self._state.is_done

    def stop(self) -> None:
        """End the compile and begin no more."""
        with self._lock:
            self._is_closed = True
        self.end("the program was closed")

    def close(self) -> None:
        """Wait for the thread to end."""
        self.wait()

    def _change(self, **changes: object) -> None:
        with self._lock:
            assert self._state is not None
            self._state = replace(self._state, **changes)  # type: ignore[arg-type]

    def _work(self, role: str, aside: Aside, examples: int, seed: int) -> None:
        """The thread."""
        problem = ""
        try:
            prompt = self._desk.book()[role]
            chosen = self._examples(prompt, examples)
            need = least_calls(len(chosen))
            if len(chosen) >= LEAST and need > (aside.most or CALLS):
                raise PromptError(
                    f"{aside.most} calls are too few: to try one other text on {len(chosen)} stored inputs takes {need};"
                    f" allow {need}, or fewer inputs"
                )
            self._change(stage=f"asking with {len(chosen)} stored inputs")
            with ThreadPoolExecutor(_AT_ONCE, ORIGIN) as threads:
                work = _Work(self, aside, chosen, threads)
                compiled = compile_prompt(
                    prompt, [example for example, _ in chosen], answers=work.answers, coach=work.coach, most=aside.most or CALLS,
                    check=lambda p: with_prompt(self._desk.book(), p), is_over=lambda: aside.is_over, seed=seed,
                )  # fmt: skip
            self._change(compiled=compiled, is_proposed=self._propose(compiled))
        except EngineError as error:
            problem = str(error)
        except Exception as error:  # the thread's border: a fault here must be shown, not lost with the thread
            problem = f"an unexpected fault, {type(error).__name__}: {error}; please report it"
        self._change(is_done=True, stage="done", problem=aside.problem or problem, made=aside.made)

    def _examples(self, prompt: Prompt, count: int) -> list[tuple[Example, CallRecord]]:
        """Stored calls of the role, spread evenly from the worst that came of them to the best."""
        calls = self._desk.queries.calls(role=prompt.role, status="answered", origin="loop", limit=LOOKED_AT)
        fed = calls[calls["run_id"].notna()].drop_duplicates("run_id")
        found = []
        for call_id, run_id in zip(fed["call_id"], fed["run_id"], strict=True):
            call = self._desk.queries.call(call_id)
            if all(name in call.inputs for name in prompt.inputs if name != CHART):
                worth, told = merit(self._outcome(run_id))
                found.append((Example(call_id, call.inputs, worth, told), call))
        found.sort(key=lambda pair: (pair[0].merit, pair[0].call_id))
        if len(found) <= count:
            return found
        return [found[round(i * (len(found) - 1) / (count - 1))] for i in range(count)]

    def _outcome(self, run_id: str) -> Judged:
        """How a recorded run ended, on train alone."""
        run = self._desk.queries.past_run(run_id)
        if run.failure is not None:
            return Judged(run.failure, traded=False if run.failure.kind == "no_trades" else None)
        daily = self._queries.daily_returns(run_id, "train")
        _, bed = self._judge.train(self._queries.run(run_id).campaign_id)
        folds = fold_sharpes(daily.to_numpy(), bed.market.panel.days_per_year)
        return Judged(None, run.train.get("trades_with_open", 0.0) > 0, run.objective, folds)

    def _propose(self, compiled: Compiled) -> bool:
        """Keep the better text for a person to accept."""
        if compiled.prompt is None:
            return False
        why = (
            f"mean worth {compiled.after:.2f} against {compiled.before:.2f} of the text in force, one answer to each of the same"
            f" {compiled.held_out} stored inputs; the best of {compiled.tried} texts, so expect less. {compiled.reason}"
        )
        return self._desk.propose(compiled.prompt.role, compiled.prompt.instructions, why.strip(), "compiled by GEPA")


class _Work:
    """Asks and judges for one compile."""

    def __init__(
        self, owner: Compiling, aside: Aside, chosen: Sequence[tuple[Example, CallRecord]], threads: ThreadPoolExecutor
    ) -> None:
        self._owner, self._aside, self._threads = owner, aside, threads
        self._calls = {example.call_id: call for example, call in chosen}
        self._place = CallPlace(chosen[0][1].place.campaign_id if chosen else "", 0, ORIGIN)
        self._usd: list[float | None] = []
        self._lock = threading.Lock()

    def answers(self, prompt: Prompt, examples: Sequence[Example]) -> list[Scored]:
        """New answers, a few at once, each judged; a batch that cannot be asked whole is not begun."""
        if not self._aside.has_room(len(examples)):
            self._aside.give_up()
            raise AskingEnded(f"fewer than {len(examples)} calls are left")
        book = with_prompt(self._owner._desk.book(), prompt)
        return list(self._threads.map(lambda example: self._answer(book, prompt.role, example), examples))

    def coach(self, inputs: Mapping[str, str]) -> Mapping[str, str]:
        """The coach's reply. Raises PromptError where it could not be read."""
        reply = self._aside.ask("coach", inputs, self._place, self._owner._desk.book())
        self._told(reply.usd)
        if reply.status != "answered":
            raise PromptError(f"the coach gave no usable reply: {reply.problem}")
        return reply.fields

    def _answer(self, book: PromptBook, role: str, example: Example) -> Scored:
        call = self._calls[example.call_id]
        reply = self._aside.ask(role, call.inputs, CallPlace(call.place.campaign_id, 0, ORIGIN), book)
        self._told(reply.usd)
        if reply.status != "answered":
            return Scored(0.0, f"no usable reply, {reply.status}: {reply.problem}")
        try:
            judged = self._owner._judge.judge(
                role, call.inputs, reply.fields, call.place, origin=ORIGIN, cancelled=self._aside.ended
            )  # fmt: skip
        except Cancelled:
            raise AskingEnded("the compile was ended") from None
        assert judged is not None  # only roles of JUDGED are compiled
        return Scored(*merit(judged))

    def _told(self, usd: float | None) -> None:
        """One question more was answered."""
        with self._lock:
            self._usd.append(usd)
            known = None if None in self._usd else sum(amount or 0.0 for amount in self._usd)
        self._owner._change(made=self._aside.made, usd=known)
