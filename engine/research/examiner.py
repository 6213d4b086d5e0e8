"""Examinations in the background: asked for by a page, made one after the other, their answers kept for a while."""

from concurrent.futures import ThreadPoolExecutor

from engine.research.background import Asked, Background
from engine.research.campaign import code_hash_of
from engine.research.evaluation import Evaluator
from engine.research.examination import Examination, examine
from engine.research.gate import ends_of
from engine.research.results import Results
from engine.strategy.sandbox import SandboxPool


class Examiner:
    """Examines for a campaign, with threads of its own and slots that no sweep uses, so that neither waits for the other.
    Thread-safe.

    Close `pool` between `stop` and `close`: that ends an examination in work, which then raises Cancelled.
    """

    def __init__(self, results: Results, pool: SandboxPool) -> None:
        self._results = results
        self._turns: Background[tuple[str, str], Examination] = Background("check")
        self._probes = ThreadPoolExecutor(pool.slots, "probe")  # a screening must not run on a thread that it waits for
        self._evaluator = Evaluator(pool, self._probes)

    def examine(self, source: str, campaign_id: str) -> Examination:
        """What the campaign would ask of that source on its train window; waits for it. Raises as `examine` does, DataError."""
        return self.begin(source, campaign_id).future.result()

    def begin(self, source: str, campaign_id: str) -> Asked[Examination]:
        """The same in the background; what was examined before is not examined again, unless it raised. Raises CampaignError,
        DataError."""
        self._results.opened(campaign_id)  # what is wrong with the campaign is told now

        def work(_: Asked[Examination]) -> Examination:
            spec, bed = self._results.train(campaign_id)
            return examine(source, bed, self._evaluator, ends=ends_of(spec.windows), sides=spec.sides)

        return self._turns.begin((campaign_id, code_hash_of(source)), work)

    def known(self, source: str, campaign_id: str) -> Asked[Examination] | None:
        """The examination of that source that was asked for, None if there was none."""
        return self._turns.known((campaign_id, code_hash_of(source)))

    def stop(self) -> None:
        """Begin nothing more."""
        self._turns.stop()
        self._probes.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Wait for the threads to end."""
        self._turns.close()
        self._probes.shutdown()
