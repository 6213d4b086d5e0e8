"""Answers that take a while, in the background: asked for by a page, made one after the other, kept for a while."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from engine.errors import EngineError

KEPT = 64
K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


@dataclass(eq=False)
class Asked(Generic[T]):
    """An answer that was asked for, in work or done. `began` on the monotonic clock; `doing`: what is in work, in words, if it
    tells. `what` it is, as in "the check failed"."""

    what: str
    began: float
    future: Future[T] = field(init=False)
    doing: str = ""

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
            return f"the {self.what} was stopped"
        return str(error) if isinstance(error, EngineError) else f"the {self.what} failed: {type(error).__name__}: {error}"

    @property
    def waited_s(self) -> float:
        """Seconds since it was asked for."""
        return time.monotonic() - self.began

    def tell(self, doing: str) -> None:
        """Note what is in work."""
        self.doing = doing


class Background(Generic[K, T]):
    """One thread that answers in turn; the latest KEPT answers stay. Thread-safe."""

    def __init__(self, what: str) -> None:
        self._what, self._turns = what, ThreadPoolExecutor(1, what)
        self._lock = threading.Lock()
        self._asked: OrderedDict[K, Asked[T]] = OrderedDict()

    def begin(self, key: K, work: Callable[[Asked[T]], T]) -> Asked[T]:
        """The answer under that key, made by `work` unless it is there or in work; one that raised is made anew."""
        with self._lock:
            known = self._asked.get(key)
            if known is None or known.has_failed:
                known = Asked(self._what, time.monotonic())
                known.future = self._turns.submit(work, known)
            self._asked[key] = known
            self._asked.move_to_end(key)
            while len(self._asked) > KEPT:
                self._asked.popitem(last=False)
            return known

    def known(self, key: K) -> Asked[T] | None:
        """What was asked for under that key, None if nothing was."""
        return self._asked.get(key)

    def stop(self) -> None:
        """Begin nothing more."""
        self._turns.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Wait for the thread to end."""
        self._turns.shutdown()
