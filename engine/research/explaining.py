"""What is explained: a strategy on a test bed, or a run of the ledger made again as it was scored."""

from dataclasses import dataclass

from engine.backtest.portfolio import Result
from engine.backtest.sweep import TestBed
from engine.errors import CampaignError
from engine.records import Failure
from engine.research.evaluation import Evaluator
from engine.research.vault import PanelOf
from engine.store.answers import RunRow
from engine.store.queries import Queries


@dataclass(frozen=True, eq=False)
class Explained:
    """A run of the ledger with what its best set did on a window again."""

    run: RunRow
    bed: TestBed
    result: Result


def run_to_explain(run_id: str, window: str, queries: Queries, evaluator: Evaluator, panel_of: PanelOf) -> Explained:
    """The run's best set on train or validation, made again: that scores nothing new, so it counts no trial.

    Raises UnknownRun, DataError where the bars are gone or have changed, CampaignError for a run without a result.
    """
    run = queries.run(run_id)
    if run.params is None or run.failure is not None:
        why = run.failure or run.reason
        raise CampaignError(f"the run {run_id} has no trades to explain: {why}; choose a run that was scored")
    spec = queries.campaign(run.campaign_id).spec
    bed = evaluator.campaign_bed(panel_of(spec), spec, window)
    bed = bed.after(run.warm_up_bars or 0) if window == "train" else bed
    found = evaluator.result(run.source, run.params, bed, sides=spec.sides)
    if isinstance(found, Failure):
        raise CampaignError(f"the run {run_id} did not run again on {window}: {found.kind}; `repeat` says where it differs")
    return Explained(run, bed, found)
