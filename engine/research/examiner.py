"""Examinations in the background: asked for by a page, made one after the other, their answers kept for a while."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from engine.errors import EngineError
from engine.research.evaluation import Evaluator
from engine.research.examination import Examination
from engine.strategy.sandbox import SandboxPool

KEPT = 64


@dataclass(frozen=True, eq=False)
class Examining:
    """An examination that was asked for, in work or done; `began` on the monotonic clock."""

    future: Future[Examination]
    began: float

    @property
    def is_done(self) -> bool:
        return self.future.done()

    @property
    def has_failed(self) -> bool:
        """It ended without an answer; asked for again it is made anew."""
        return self.is_done and (self.future.cancelled() or self.future.exception() is not None)

    @property
    def problem(self) -> str:
        """Why there is no answer, in a sentence."""
        error = None if self.future.cancelled() else self.future.exception()
        if error is None:
            return "the check was stopped"
        return str(error) if isinstance(error, EngineError) else f"the check failed: {type(error).__name__}: {error}"

    @property
    def waited_s(self) -> float:
        """Seconds since it was asked for."""
        return time.monotonic() - self.began


class Examiner:
    """Examines with threads of its own and slots that no sweep uses, so that neither waits for the other. Thread-safe.

    Close `pool` between `stop` and `close`: that ends an examination in work, which then raises Cancelled.
    """

    def __init__(self, pool: SandboxPool) -> None:
        self._turns = ThreadPoolExecutor(1, "examination")
        self._probes = ThreadPoolExecutor(pool.slots, "probe")  # a screening must not run on a thread that it waits for
        self._evaluator = Evaluator(pool, self._probes)
        self._lock = threading.Lock()
        self._asked: OrderedDict[Hashable, Examining] = OrderedDict()

    def begin(self, key: Hashable, examine: Callable[[Evaluator], Examination]) -> Examining:
        """Have it made; what was asked for under that key before is not made again, unless it raised."""
        with self._lock:
            known = self._asked.get(key)
            if known is None or known.has_failed:
                known = Examining(self._turns.submit(examine, self._evaluator), time.monotonic())
            self._asked[key] = known
            self._asked.move_to_end(key)
            while len(self._asked) > KEPT:
                self._asked.popitem(last=False)
            return known

    def known(self, key: Hashable) -> Examining | None:
        """What was asked for under that key."""
        return self._asked.get(key)

    def stop(self) -> None:
        """Begin nothing more."""
        for executor in (self._turns, self._probes):
            executor.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Wait for the threads to end."""
        for executor in (self._turns, self._probes):
            executor.shutdown()
