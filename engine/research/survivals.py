"""What runs survive, for pages: tried in the background, each backtest counted as a trial, the report kept in the ledger."""

from collections.abc import Callable
from datetime import datetime

from engine.errors import CampaignError
from engine.records import Failure, TrialBatch
from engine.research.background import Asked, Background
from engine.research.evaluation import Evaluator
from engine.research.results import Results
from engine.research.survival import SurvivalReport, report_of, survive
from engine.research.trials import batch_of
from engine.store.answers import RunRow
from engine.store.queries import Queries
from engine.store.survivals import KeptSurvivals
from engine.strategy.isolation import check_allowed

ORIGIN = "survives"


class Survivals:
    """Tries runs one after the other with their best sets. Thread-safe; `evaluator` should be one that no search uses.

    Close its pool between `stop` and `close`: that ends what is in work, which then raises Cancelled.
    """

    def __init__(
        self, queries: Queries, results: Results, evaluator: Evaluator, count: Callable[[TrialBatch], object], kept: KeptSurvivals
    ) -> None:
        self._queries, self._results, self._evaluator, self._count, self._kept = queries, results, evaluator, count, kept
        self._turns: Background[tuple[str, str], SurvivalReport] = Background("trial of what it survives")

    def begin(self, run_id: str, window: str = "train") -> Asked[SurvivalReport]:
        """What the run survives on that window, in the background; what was tried before is not tried again, unless it raised.

        Raises UnknownRun, CampaignError for a run without a result and for another window than train and validation, DataError.
        """
        run = self._queries.run(run_id)
        self._results.run_bed(run, window)  # what is wrong with run or window is told now
        return self._turns.begin((run_id, window), lambda asked: self._tried(run, window, asked))

    def known(self, run_id: str, window: str) -> Asked[SurvivalReport] | None:
        """What was asked for, None if nothing was."""
        return self._turns.known((run_id, window))

    def kept(self, run_id: str, window: str) -> tuple[datetime, SurvivalReport] | None:
        """When it was last found what the run survives on that window, and what; None if it never was."""
        found = self._kept.of(run_id, window)
        return found and (found[0], report_of(found[1]))

    def _tried(self, run: RunRow, window: str, asked: Asked[SurvivalReport]) -> SurvivalReport:
        check_allowed(run.arm)
        spec, bed = self._results.run_bed(run, window)
        ranges = self._evaluator.ranges(run.source)
        if isinstance(ranges, Failure):
            raise CampaignError(f"run {run.number} did not run again: {ranges.kind}")
        found = survive(
            run.source, run.params or {}, ranges, bed, self._evaluator, sides=spec.sides, capital=spec.capital,
            currency=spec.currency, tell=asked.tell,
        )  # fmt: skip
        scored = 1 if isinstance(found, Failure) else found.scored
        self._count(batch_of(bed, run.source, origin=ORIGIN, scenarios=scored))
        if isinstance(found, Failure):
            raise CampaignError(f"run {run.number} did not run again on {window}: {found.kind}")
        self._kept.keep(run.run_id, window, found.kept())
        return found

    def stop(self) -> None:
        """Begin nothing more."""
        self._turns.stop()

    def close(self) -> None:
        """Wait for the thread to end."""
        self._turns.close()
