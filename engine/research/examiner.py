"""Examinations in the background: asked for by a page, made one after the other, their answers kept for a while."""

import threading
import time
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from engine.errors import EngineError
from engine.research.campaign import code_hash_of
from engine.research.evaluation import Evaluator
from engine.research.examination import Examination, examine
from engine.research.gate import ends_of
from engine.research.results import Results
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
    """Examines for a campaign, with threads of its own and slots that no sweep uses, so that neither waits for the other.
    Thread-safe.

    Close `pool` between `stop` and `close`: that ends an examination in work, which then raises Cancelled.
    """

    def __init__(self, results: Results, pool: SandboxPool) -> None:
        self._results = results
        self._turns = ThreadPoolExecutor(1, "examination")
        self._probes = ThreadPoolExecutor(pool.slots, "probe")  # a screening must not run on a thread that it waits for
        self._evaluator = Evaluator(pool, self._probes)
        self._lock = threading.Lock()
        self._asked: OrderedDict[tuple[str, str], Examining] = OrderedDict()

    def examine(self, source: str, campaign_id: str) -> Examination:
        """What the campaign would ask of that source on its train window; waits for it. Raises as `examine` does, DataError."""
        return self.begin(source, campaign_id).future.result()

    def begin(self, source: str, campaign_id: str) -> Examining:
        """The same in the background; what was examined before is not examined again, unless it raised. Raises CampaignError,
        DataError."""
        self._results.opened(campaign_id)  # what is wrong with the campaign is told now

        def work() -> Examination:
            spec, bed = self._results.train(campaign_id)
            return examine(source, bed, self._evaluator, ends=ends_of(spec.windows), sides=spec.sides)

        with self._lock:
            key = campaign_id, code_hash_of(source)
            known = self._asked.get(key)
            if known is None or known.has_failed:
                known = Examining(self._turns.submit(work), time.monotonic())
            self._asked[key] = known
            self._asked.move_to_end(key)
            while len(self._asked) > KEPT:
                self._asked.popitem(last=False)
            return known

    def known(self, source: str, campaign_id: str) -> Examining | None:
        """The examination of that source that was asked for, None if there was none."""
        return self._asked.get((campaign_id, code_hash_of(source)))

    def stop(self) -> None:
        """Begin nothing more."""
        for executor in (self._turns, self._probes):
            executor.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Wait for the threads to end."""
        for executor in (self._turns, self._probes):
            executor.shutdown()
