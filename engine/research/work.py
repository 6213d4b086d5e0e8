"""A campaign at work: its loop in a thread of its own, and what can be told of it meanwhile."""

import contextlib
import json
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from engine.analysis.benchmarks import meets_all
from engine.errors import EngineError
from engine.model_records import Story
from engine.records import Proposal, RunRecord, StopConditions, TrialBatch
from engine.research.loop import ResearchLoop
from engine.research.model_arm import ModelArm
from engine.research.mutate_arm import MutateArm
from engine.research.turns import MODEL, MUTATE, Turns
from engine.store.ledger import Ledger
from engine.store.queries import Queries
from engine.strategy.sandbox import Cancelled

State = Literal["idle", "starting", "running", "paused", "stopping"]
_AT_WORK = ("starting", "running", "paused")
_MOMENT_S = 0.5


@dataclass(frozen=True)
class ServiceStatus:
    """What the service does now and since when (UTC); `done` of `total` scenarios of the run in work; `arm` that of the run in
    work; `waiting`: strategies by hand that are to be run next; `making`: what the runs of the model's arm are at, a phrase
    each; `problem`: a sentence; `isolation_level`: a key of `isolation.LEVELS`, empty while it is tested. `model`: the one that
    is asked, empty without any; `model_trouble`: why its arm waits, in a sentence."""

    state: State = "idle"
    campaign_id: str | None = None
    campaign: str = ""
    theme: str = ""
    arm: str = ""
    dataset: str = ""
    synthetic: bool = False
    since: datetime | None = None
    run_number: int = 0
    stage: str = ""
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    waiting: int = 0
    making: tuple[str, ...] = ()
    problem: str | None = None
    isolation: str = ""
    isolation_level: str = ""
    model: str = ""
    model_trouble: str = ""


class CampaignWork:
    """One campaign's loop in the background, from `begin` until it is told to stop or a condition is met. Thread-safe.

    `conditions` gives the campaign's stop conditions as they are now; they are asked before each run. `recorded` is called
    after each run. With `after` the work waits for that one to end. Each work has a status of its own, so that one that ends
    late does not speak for the next.

    Strategies in `by_hand` are run before any is drawn; what a stop leaves there is run when the campaign goes on. With
    `only_by_hand` they are all that is run, stop conditions do not matter, and the campaign's state stays what it was; then a
    stop gives them up.
    """

    def __init__(
        self, loop: ResearchLoop, ledger: Ledger, queries: Queries, *, turns: Turns, model: ModelArm | None,
        mutate: MutateArm | None, conditions: Callable[[], StopConditions], recorded: Callable[[], None],
        by_hand: deque[Proposal], only_by_hand: bool = False, after: "CampaignWork | None" = None,
    ) -> None:  # fmt: skip
        self._loop, self._ledger, self._queries = loop, ledger, queries
        self._conditions, self._recorded, self._after = conditions, recorded, after
        self._by_hand, self._only_by_hand = by_hand, only_by_hand
        self._turns, self._model, self._mutate = turns, model, mutate
        self._rarer: int | None = None
        self._in_work: Proposal | None = None
        self._lock = threading.RLock()
        self._stop, self._go = threading.Event(), threading.Event()
        self._go.set()
        self._last_word = ("stopped", "")
        loop.tell, loop.cancelled = _Teller(self._set), self._stop
        spec, name = loop.spec, queries.campaign(loop.campaign_id).name
        self._status = ServiceStatus(
            state="starting", campaign_id=loop.campaign_id, campaign=name, theme=spec.theme, arm=spec.proposer,
            dataset=spec.dataset, synthetic=loop.panel.synthetic, since=datetime.now(UTC),
        )  # fmt: skip
        self._thread = threading.Thread(target=self._run, name="research", daemon=True)

    @property
    def campaign_id(self) -> str:
        return self._loop.campaign_id

    @property
    def status(self) -> ServiceStatus:
        """What goes on now."""
        with self._lock:
            status = replace(self._status, waiting=len(self._by_hand))
            if self._model is None or not self._model.is_making:
                return status
            trouble = self._model.trouble
            return replace(status, model_trouble=trouble.message if trouble else "", making=self._model.stages)

    def begin(self) -> None:
        """Start; called once."""
        if not self._only_by_hand:
            self._ledger.campaign_event(self.campaign_id, "started")
        self._thread.start()

    def take(self, proposal: Proposal) -> bool:
        """Have it made the next run, behind those that wait; what is there already is not added again.

        False if this work has ended or is about to.
        """
        with self._lock:
            if self._status.state not in _AT_WORK:
                return False
            if proposal not in (self._in_work, *self._by_hand):
                self._by_hand.append(proposal)
            return True

    def make_rarer(self, every: int) -> bool:
        """Give the baselines their turn in every so manieth round only, from the next run on that nobody has begun.

        False if this work has ended or is about to.
        """
        with self._lock:
            if self._status.state not in _AT_WORK:
                return False
            self._rarer = every
            return True

    def go_on(self) -> bool:
        """Go on after a pause, and with drawn runs after those by hand; False if this work has ended or is about to, so that a
        new one is needed."""
        with self._lock:
            if self._only_by_hand and self._status.state in _AT_WORK:
                self._ledger.campaign_event(self.campaign_id, "started")
                self._only_by_hand = False
            if self._status.state == "paused":
                self._ledger.campaign_event(self.campaign_id, "resumed")
                self._turn("running")
                self._go.set()
            return self._status.state in ("starting", "running")

    def pause(self) -> None:
        """Hold after the run in work; work that is only for runs by hand ends by itself and does not hold."""
        with self._lock:
            if self._status.state in ("starting", "running") and not self._only_by_hand:
                self._ledger.campaign_event(self.campaign_id, "paused")
                self._turn("paused")
                self._go.clear()

    def stop(self, why: str = "by a person") -> None:
        """End; the run in work is dropped and will be made again, a run by hand only where the campaign was at work.

        Returns at once.
        """
        self._end_with("stopped", why)

    def interrupt(self, why: str) -> None:
        """As `stop`, but work that was going on is marked to be taken up by the next process."""
        with self._lock:
            self._end_with("stopped" if self._status.state in ("paused", "stopping") else "interrupted", why)

    def _end_with(self, event: str, why: str) -> None:
        with self._lock:
            self._last_word = (event, why)
            if self._status.state not in ("idle", "stopping"):
                self._turn("stopping")
                if self._only_by_hand:
                    self._by_hand.clear()
            self._stop.set()
            self._go.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end; False if it has not come."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    # The thread

    def _turn(self, state: State) -> None:
        """The state from now on; the lock is held."""
        self._status = replace(self._status, state=state, since=datetime.now(UTC))

    def rename(self, name: str) -> None:
        """The campaign is shown under that name from now on."""
        self._set(campaign=name)

    def _set(self, **changes: Any) -> None:
        with self._lock:
            self._status = replace(self._status, **changes)

    def _run(self) -> None:
        if self._after is not None:
            self._after.wait()
            self._after = None
        try:
            event, detail = self._steps()
        except Cancelled:
            event, detail = self._last_word[0], f"{self._last_word[1]}; the run in work was dropped"
        except EngineError as error:
            event, detail = "failed", str(error)
        except Exception as error:  # the thread's border: a fault here must be shown, not lost with the thread
            event, detail = "failed", f"an unexpected fault, {type(error).__name__}: {error}; please report it"
        problem = detail if event == "failed" else None
        with contextlib.suppress(EngineError):
            self._deal_anew()
            if not self._only_by_hand:
                self._ledger.campaign_event(self.campaign_id, event, detail)
            elif event != "finished":
                self._ledger.campaign_event(self.campaign_id, "by_hand", f"given up: {detail}")
        with self._lock:
            self._turn("idle")
            self._set(stage="", done=0, total=0, seconds_left=None, problem=problem)

    def _steps(self) -> tuple[str, str]:
        """Runs until told to stop or a condition is met; (event, its reason)."""
        while True:
            is_making = self._model is not None and self._model.is_making
            self._go.wait(0.0 if is_making else None)
            self._record_made()
            self._deal_anew()
            if self._stop.is_set():
                return self._last_word
            if self._go.is_set() and self._by_hand:
                self._make(self._turns.next_by_hand(), by_hand=True)
            elif is_making and (not self._go.is_set() or self._condition_met()):
                self._wait_a_moment()
            elif reason := self._end():
                return "finished", reason
            else:
                self._next_of_arms()

    def _deal_anew(self) -> None:
        with self._lock:
            every, self._rarer = self._rarer, None
        if every is not None:
            rarer = self._turns.make_rarer(every)
            self._ledger.campaign_event(self.campaign_id, "baselines", json.dumps(asdict(rarer)))

    def _next_of_arms(self) -> None:
        """Begin what the model's arm may begin, and make one run of another arm that is not ahead of it."""
        if self._model is not None:
            self._model.begin(self._is_wanted, self._stop)
        number = self._drawn_number()
        if number is not None:
            self._make(number, by_hand=False)
        else:
            self._wait_a_moment()

    def _drawn_number(self) -> int | None:
        """The next run of the arms that draw; None while the model's arm, which does not wait for its model, is behind."""
        drawn = [self._turns.next_of(arm) for arm in self._turns.arms if arm != MODEL]
        number = min((n for n in drawn if self._is_wanted(n)), default=None)
        if number is None or self._model is None or self._model.trouble is not None:
            return number
        own = self._turns.first_open(MODEL)
        return number if not self._is_wanted(own) or number <= self._turns.ahead_of(own) else None

    def _is_wanted(self, number: int) -> bool:
        """The stop conditions allow a run of that number."""
        runs = self._conditions().runs
        return runs is None or number <= runs

    def _make(self, number: int, *, by_hand: bool) -> None:
        """Make and record the run of that number here."""
        record, trials, story = self._step(number, by_hand=by_hand)
        self._ledger.record_run(record, trials, story)
        self._recorded_run(record)

    def _record_made(self) -> None:
        """Record what the model's arm has finished, in the order of its numbers."""
        if self._model is None:
            return
        for made in self._model.finished():
            self._model.keep(made, self._ledger)
            self._recorded_run(made.outcome.record)

    def _wait_a_moment(self) -> None:
        if self._model is None or not self._model.wait(_MOMENT_S):
            self._stop.wait(_MOMENT_S)

    def _recorded_run(self, record: RunRecord) -> None:
        self._turns.record(record.number)
        self._tell_of(record)
        self._recorded()

    def _step(self, number: int, *, by_hand: bool) -> tuple[RunRecord, tuple[TrialBatch, ...], Story | None]:
        """The run of that number: of the strategy by hand that waits longest, or one that is drawn."""
        with self._lock:
            if self._stop.is_set():
                raise Cancelled("the work was stopped")
            proposal = self._in_work = self._by_hand.popleft() if by_hand else None
            state = self._status.state
            arm = self._turns.arm_of(number) if proposal is None else proposal.arm
            self._set(state="running" if state == "starting" else state, run_number=number, arm=arm)
        try:
            if proposal is None and arm == MUTATE and self._mutate is not None:
                mutated = self._mutate.make(number)
                return mutated.record, mutated.trials, mutated.story
            return *self._loop.step(number, proposal), None
        except Cancelled:
            if proposal is not None and not self._only_by_hand:
                self._by_hand.appendleft(proposal)
            raise
        finally:
            self._in_work = None

    def _end(self) -> str:
        """Why no more runs are made, or nothing. From then on `go_on` and `take` say False: nothing asked for later must be
        lost."""
        if not self._condition_met():
            return ""
        with self._lock:
            reason = self._condition_met()  # again, for new conditions may have come meanwhile
            if reason:
                self._turn("stopping")
            return reason

    def _condition_met(self) -> str:
        """Which stop condition is met, in words, or nothing. What was handed in is run in any case."""
        if self._by_hand:
            return ""
        if self._only_by_hand:
            return "what was handed in is done"
        stop = self._conditions()
        if stop.runs is not None and all(self._turns.first_open(arm) > stop.runs for arm in self._turns.arms):
            return f"{stop.runs} runs are done"
        if stop.hours is not None:
            worked_s = float(self._queries.progress(self.campaign_id)["elapsed_s"].sum())
            if worked_s >= stop.hours * 3600:
                return f"{stop.hours:g} hours of work are done"
        if stop.benchmarks_met:
            best = self._queries.best_run(self.campaign_id)
            asked = self._loop.spec.benchmarks
            if best is not None and meets_all(best.figures, asked):
                return f"run {best.number} meets the benchmarks on train and on validation"
        return ""

    def _tell_of(self, record: RunRecord) -> None:
        if record.failure is not None:
            self._ledger.campaign_event(record.campaign_id, "run_failed", f"run {record.number}: {record.failure}")
            return
        best = self._queries.best_run(record.campaign_id)
        if best is not None and best.run_id == record.run_id:
            sharpe = record.figures["validation"]["sharpe"]
            self._ledger.campaign_event(record.campaign_id, "new_best", f"run {record.number}: validation Sharpe {sharpe:.2f}")


class _Teller:
    """Turns a loop's progress into status, with the time left of the sweep in work."""

    def __init__(self, put: Callable[..., None]) -> None:
        self._put = put
        self._stage, self._began, self._last = "", 0.0, 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._began, self._last = stage, now, 0.0
        if done < total and now - self._last < 0.1:
            return
        self._last = now
        left = (now - self._began) / done * (total - done) if done else None
        self._put(stage=stage, done=done, total=total, seconds_left=left)
