"""Runs explained for pages, and changed on trial: each change is simulated anew and counts as a trial of arm `human`."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from engine.analysis.explanation import Explanation, explain
from engine.analysis.metrics import portfolio_table
from engine.analysis.names import names_for_people
from engine.analysis.what_if import WhatIf, what_if
from engine.analysis.whole_trades import whole_trades
from engine.backtest.portfolio import Result
from engine.backtest.sweep import hold_outcomes
from engine.records import CampaignSpec, TrialBatch
from engine.research.evaluation import figures_of
from engine.research.results import Results
from engine.research.trials import batch_of
from engine.store.queries import Queries

KEPT = 4
ORIGIN = "what_if"


@dataclass(frozen=True, eq=False)
class ExplainedRun:
    """A run's best set on one window, with its explanation."""

    spec: CampaignSpec
    result: Result
    found: Explanation


@dataclass(frozen=True, eq=False)
class Changed:
    """A change that was tried: portfolio figures before and after, equity after, and how many trials the bars of that window have
    now, by anyone."""

    change: WhatIf
    before: dict[str, float]
    after: dict[str, float]
    equity: pd.Series
    trials: int


class Explanations:
    """Explains runs when asked; the latest are kept, a run never changes. Thread-safe."""

    def __init__(self, queries: Queries, results: Results, count: Callable[[TrialBatch], object]) -> None:
        self._queries, self._results, self._count = queries, results, count
        self._known: OrderedDict[tuple[str, str], ExplainedRun] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, run_id: str, window: str = "train") -> ExplainedRun:
        """The run explained. Raises UnknownRun, DataError where its bars are gone, CampaignError for a run without a result."""
        with self._lock:
            if (run_id, window) not in self._known:
                spec = self._queries.campaign(self._queries.run(run_id).campaign_id).spec
                result = self._results.result(run_id, window).whole
                said = self._results.said_of_trades(run_id, window, result.trades)
                found = explain(result, names_for_people(result.market), indicators=said)
                self._known[run_id, window] = ExplainedRun(spec, result, found)
                while len(self._known) > KEPT:
                    self._known.popitem(last=False)
            self._known.move_to_end((run_id, window))
            return self._known[run_id, window]

    def whole_trades(self, run_id: str, window: str) -> pd.DataFrame:
        """Every trade of the run with all that is known of it: see `analysis.whole_trades`. Raises as `of`."""
        explained = self.of(run_id, window)
        at_exit = self._results.said_of_trades(run_id, window, explained.result.trades, at_exit=True)
        return whole_trades(explained.result, explained.found, at_exit)

    def what_if(self, run_id: str, window: str, change: WhatIf) -> Changed:
        """The run with that change, simulated on the window and counted. Raises as `of`, CannotChange, StoreFull."""
        explained, run = self.of(run_id, window), self._queries.run(run_id)
        after = what_if(explained.result, explained.found, change)
        _, bed = self._results.run_bed(run, window)
        self._count(batch_of(bed, run.source, origin=ORIGIN, scenarios=1))
        return Changed(change, _figures(explained.result), _figures(after), after.equity, self.looks(run_id, window))

    def looks(self, run_id: str, window: str) -> int:
        """How often anyone has scored anything on bars of that window of the run."""
        run = self._queries.run(run_id)
        _, bed = self._results.run_bed(run, window)
        batch = batch_of(bed, run.source, origin=ORIGIN, scenarios=0)
        return self._queries.trials(batch.symbols, batch.first_ns, batch.last_ns).total


def _figures(result: Result) -> dict[str, float]:
    hold = hold_outcomes(result.market, result.costs)
    return figures_of(portfolio_table(result.outcomes, result.market, hold), 0)
