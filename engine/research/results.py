"""Results of recorded runs in full, made again from the ledger: a run keeps its figures, and code, parameters and bars give the
rest.
"""

import json
import threading
from collections import OrderedDict
from typing import Any

import numpy as np
import pandas as pd

from engine.analysis.fill_story import FillStory, fill_story
from engine.analysis.plateau import Plateau, plateau_of
from engine.backtest.portfolio import Result
from engine.backtest.sweep import TestBed
from engine.errors import CampaignError, DataError
from engine.market.bars import DAY_NS, Panel
from engine.market.catalog import Catalog
from engine.records import RUN_WINDOWS, CampaignSpec, Failure, Params
from engine.research.chart_lines import ChartLines
from engine.research.evaluation import Evaluator, RunResult, run_result
from engine.research.importances import Importances, importances_of
from engine.store.answers import RunRow
from engine.store.queries import Queries
from engine.strategy.param_space import ranges_tried

KEPT = 8
"""Results, and charts' lines, that are kept: the latest."""


class Results:
    """Answers for all recorded runs. Thread-safe."""

    def __init__(self, queries: Queries, catalog: Catalog, evaluator: Evaluator) -> None:
        self._queries, self._catalog, self._evaluator = queries, catalog, evaluator
        self._lock = threading.Lock()
        self._results: OrderedDict[tuple[str, str], RunResult] = OrderedDict()
        self._lines: OrderedDict[tuple[str, str], ChartLines] = OrderedDict()

    def result(self, run_id: str, window: str = "train") -> RunResult:
        """The whole result of a run's best set, computed again from the ledger. Raises UnknownRun, DataError, CampaignError."""
        with self._lock:
            if (run_id, window) in self._results:
                return self._results[run_id, window]
        answer = run_result(self.recompute(run_id, window)[1])
        with self._lock:
            _keep(self._results, (run_id, window), answer)
        return answer

    def recompute(self, run_id: str, window: str) -> tuple[CampaignSpec, Result]:
        """The run's specification and the backtest of its best set on one of its search windows."""
        run = self._queries.run(run_id)
        spec, bed = self.run_bed(run, window)
        result = self._evaluator.result(run.source, run.params or {}, bed, sides=spec.sides)
        if isinstance(result, Failure):
            raise CampaignError(f"run {run.number} did not run again on {window}: {result.kind}")
        return spec, result

    def run_bed(self, run: RunRow, window: str) -> tuple[CampaignSpec, TestBed]:
        """The run's specification, and one of its search windows as its best set was scored there. Raises CampaignError for a run
        without a result and for another window, DataError."""
        spec = self._queries.campaign(run.campaign_id).spec
        if run.params is None:
            raise CampaignError(f"run {run.number} has no result: {run.failure or run.reason}")
        if window not in RUN_WINDOWS:
            raise CampaignError(f"the window {window!r} of a run was asked for; there are train and validation")
        bed = self._evaluator.campaign_bed(self.panel(spec), spec, window)
        return spec, bed.after(run.warm_up_bars or 0) if window == "train" else bed

    def fill(self, run_id: str, window: str, number: int) -> FillStory:
        """How the trade at that position of the run's trades was counted, in the campaign's currency. Raises as `result`."""
        spec = self._queries.campaign(self._queries.run(run_id).campaign_id).spec
        whole = self.result(run_id, window).whole
        return fill_story(whole, number, unit=spec.capital / whole.market.panel.assets, currency=spec.currency)

    def said_of_trades(self, run_id: str, window: str, trades: pd.DataFrame, *, at_exit: bool = False) -> pd.DataFrame | None:
        """What the indicators of the run's best set said when each of these trades was decided or ended: see the evaluator's."""
        run = self._queries.run(run_id)
        spec, bed = self.run_bed(run, window)
        return self._evaluator.said_of_trades(run.source, run.params or {}, bed, trades, sides=spec.sides, at_exit=at_exit)

    def tried(self, run_id: str) -> list[tuple[Params, float]]:
        """The parameter sets of the run with their objective on train, NaN where there is none; empty for one without any."""
        rows = self._queries.scenarios(run_id)
        return [(json.loads(params), float(value)) for params, value in zip(rows["params"], rows["objective"], strict=True)]

    def importances(self, run_id: str) -> Importances:
        """Which parameters the run's objective hangs on. Raises as `tried`."""
        sets, values = self._searched(run_id)
        return importances_of(ranges_tried(sets), sets, values)

    def plateau(self, run: RunRow) -> Plateau | None:
        """Whether the run's best set stands on a plateau; None for a run without one. Raises as `tried`."""
        sets, values = self._searched(run.run_id)
        at = next((i for i, one in enumerate(sets) if one == run.params), None)
        return None if at is None else plateau_of(ranges_tried(sets), sets, values, at)

    def _searched(self, run_id: str) -> tuple[list[Params], np.ndarray]:
        """The sets of the run, and the objective of each."""
        found = self.tried(run_id)
        return [params for params, _ in found], np.array([value for _, value in found], float)

    def scenario(self, run_id: str, scenario: int) -> RunResult:
        """The whole result on train of one of the run's parameter sets, by its number in the ledger, computed again: a set that
        was scored already is no new trial. Raises as `result`, CampaignError for a set that there is not or that fails."""
        rows = self._queries.scenarios(run_id).set_index("scenario")
        if scenario not in rows.index:
            raise CampaignError(f"run {run_id} has no set {scenario}; it has {len(rows)}")
        run = self._queries.run(run_id)
        spec, bed = self.run_bed(run, "train")
        result = self._evaluator.result(run.source, json.loads(str(rows["params"][scenario])), bed, sides=spec.sides)
        if isinstance(result, Failure):
            raise CampaignError(f"set {scenario} of run {run.number} did not run again: {result}")
        return run_result(result)

    def lines(self, run_id: str, symbol: str) -> ChartLines:
        """What the run's strategy saw of that asset on train. Raises as `result`, CampaignError if it fails."""
        run = self._queries.run(run_id)
        if run.params is None:
            return ChartLines()
        with self._lock:
            if (run_id, symbol) in self._lines:
                return self._lines[run_id, symbol]
        spec, bed = self.train(run.campaign_id)
        lines = self._evaluator.lines(run.source, run.params, bed, symbol, sides=spec.sides)
        if isinstance(lines, Failure):
            raise CampaignError(f"run {run.number} gave no lines for {symbol}: {lines}")
        with self._lock:
            _keep(self._lines, (run_id, symbol), lines)
        return lines

    def candles(self, run_id: str, symbol: str, window: str = "train") -> pd.DataFrame:
        """Open, high, low, close, volume of one asset over the run's window, indexed by UTC time; missing bars left out."""
        spec = self._queries.campaign(self._queries.run(run_id).campaign_id).spec
        rows = spec.window(window)
        return self.panel(spec).candles(symbol, rows.start, rows.stop)

    def train(self, campaign_id: str) -> tuple[CampaignSpec, TestBed]:
        """The campaign's specification, as it was entered, and its train bed. Raises CampaignError, DataError."""
        spec, panel = self.opened(campaign_id)
        return spec, self._evaluator.campaign_bed(panel, spec, "train")

    def opened(self, campaign_id: str) -> tuple[CampaignSpec, Panel]:
        """The campaign's specification and the bars that it was made on. Raises CampaignError, DataError."""
        spec = self._queries.campaign(campaign_id).spec
        return spec, self.panel(spec)

    def span(self, campaign_id: str) -> tuple[int, int]:
        """(first, last) ns UTC of the bars that the campaign searches, train and validation. Where they are gone the days of its
        results, and where there are none either the widest span. Raises CampaignError."""
        spec = self._queries.campaign(campaign_id).spec
        try:
            times = self.panel(spec).times_ns
            return int(times[spec.window("train").start]), int(times[spec.window("validation").stop - 1])
        except DataError:
            days = [self._queries.evidence.days(campaign_id, window) for window in RUN_WINDOWS]
        first, last = (d[at] if len(d) else None for d, at in zip(days, (0, -1), strict=True))
        most = np.iinfo(np.int64)
        return int(most.min if first is None else first * DAY_NS), int(most.max if last is None else (last + 1) * DAY_NS - 1)

    def panel(self, spec: CampaignSpec) -> Panel:
        """The bars that the campaign was made on. Raises DataError if they are gone or have changed."""
        panel = self._catalog.open(spec.dataset)
        if panel.data_hash != spec.data_hash:
            raise DataError(
                f"the dataset {spec.dataset} has changed: the campaign was made on {spec.data_hash[:19]}…, now it is"
                f" {panel.data_hash[:19]}…; its results stay, but to go on import the old bars again or start a new campaign"
            )
        return panel


def _keep(known: OrderedDict[Any, Any], key: object, value: object) -> None:
    """Keep the latest of them."""
    known[key] = value
    while len(known) > KEPT:
        known.popitem(last=False)
