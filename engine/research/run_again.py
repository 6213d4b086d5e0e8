"""What the ledger does not keep of a run, made again for its evidence: returns of every parameter set, and trades.

Only train and validation are read. A look for evidence scores nothing that was not scored before, so it counts no trial.
"""

import json
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from engine.analysis.fold_evidence import FoldEvidence, fold_evidence, gaps_in_days, not_folded
from engine.analysis.metrics import daily_returns
from engine.analysis.resampling import daily_trades
from engine.backtest.sweep import TestBed
from engine.errors import EngineError
from engine.records import RUN_WINDOWS, CampaignSpec, Failure
from engine.research.evaluation import Evaluator, days_of
from engine.research.vault import PanelOf
from engine.store.answers import RunRow
from engine.store.queries import Queries

KEPT = 8


@dataclass(frozen=True, eq=False)
class RunAgain:
    """`folds` on train; `by_day`: for each window the `resampling.daily_trades`; `why_not`: why a window has none."""

    folds: FoldEvidence
    by_day: dict[str, dict[str, np.ndarray]]
    why_not: dict[str, str]


class RunsAgain:
    """Runs made again when asked for; the latest are kept, a run never changes. Thread-safe as its evaluator is."""

    def __init__(self, queries: Queries, evaluator: Evaluator, panel_of: PanelOf) -> None:
        self._queries, self._evaluator, self._panel_of = queries, evaluator, panel_of
        self._known: OrderedDict[str, RunAgain] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, run_id: str) -> RunAgain:
        """The run made again; what cannot be says why. Raises UnknownRun, DataError where the bars are gone or have changed."""
        with self._lock:
            if run_id not in self._known:
                self._known[run_id] = self._make(self._queries.run(run_id))
                while len(self._known) > KEPT:
                    self._known.popitem(last=False)
            return self._known[run_id]

    def is_known(self, run_id: str) -> bool:
        """Whether it is made already."""
        return run_id in self._known

    def _make(self, run: RunRow) -> RunAgain:
        if run.params is None or run.failure is not None:
            why = f"the run has no result: {run.failure or run.reason}"
            return RunAgain(not_folded(why), {}, dict.fromkeys(RUN_WINDOWS, why))
        spec, by_day, why_not = self._queries.campaign(run.campaign_id).spec, {}, {}
        begun, held = time.perf_counter(), np.empty(0, np.int64)
        for window in RUN_WINDOWS:
            bed = self._bed(run, spec, window)
            found = self._evaluator.result(run.source, run.params, bed, sides=spec.sides)
            if isinstance(found, Failure):
                why_not[window] = f"it did not run again: {found.kind}"
                continue
            by_day[window] = daily_trades(found.trades, days_of(bed))
            if window == "train":
                held = found.trades["bars_held"].to_numpy(np.int64)
        folds = not_folded(why_not["train"]) if "train" in why_not else self._folded(run, spec, held, begun)
        return RunAgain(folds, by_day, why_not)

    def _folded(self, run: RunRow, spec: CampaignSpec, held: np.ndarray, begun: float) -> FoldEvidence:
        """Every set of the run scored again on train, cut into folds."""
        if run.warm_up_bars is None:
            return not_folded("the warm-up is not known: signals never settle, or it was not measured")
        sets = [json.loads(params) for params in self._queries.scenarios(run.run_id)["params"]]
        if len(sets) < 2:
            return not_folded(f"{len(sets)} parameter set was scored; wanted at least 2, to choose one")
        bed = self._bed(run, spec, "train")
        try:
            swept = self._evaluator.sweep(run.source, sets, bed, sides=spec.sides, says_why=False)
        except EngineError as error:
            return not_folded(f"the sets did not run again: {error}")
        rows = spec.window("train")
        gaps = gaps_in_days(run.warm_up_bars, held, max((rows.stop - rows.start) / len(days_of(bed)), 1e-9))
        return fold_evidence(
            daily_returns(swept.outcomes.daily_equity), gaps, days_per_year=bed.market.panel.days_per_year,
            seconds=time.perf_counter() - begun,
        )  # fmt: skip

    def _bed(self, run: RunRow, spec: CampaignSpec, window: str) -> TestBed:
        """The window as the run's sets were scored there."""
        bed = self._evaluator.campaign_bed(self._panel_of(spec), spec, window)
        return bed.after(run.warm_up_bars or 0) if window == "train" else bed
