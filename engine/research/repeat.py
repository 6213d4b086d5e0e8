"""Repeating a run: every stored figure computed again from code, parameters, data and costs, and compared bit for bit."""

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.analysis.causality import Verdict
from engine.analysis.metrics import daily_returns
from engine.backtest.sweep import TestBed
from engine.errors import DataError
from engine.figures import ASSET_FIGURES, PORTFOLIO_FIGURES
from engine.market.bars import Panel
from engine.market.catalog import Catalog
from engine.records import CampaignSpec, Failure, Params
from engine.research.campaign import code_hash_of
from engine.research.evaluation import Evaluator, Sweep, days_of
from engine.research.gate import GATE_KINDS, open_gate
from engine.research.objectives import objective_of
from engine.research.search import as_pruned
from engine.store.answers import RunRow
from engine.store.queries import Queries

_SCORED = ["objective", *PORTFOLIO_FIGURES]


@dataclass(frozen=True)
class Repeat:
    """How a repetition went: figures compared, and the first that differs in words, or None if all are equal."""

    run_id: str
    compared: int
    difference: str | None

    @property
    def is_equal(self) -> bool:
        return self.difference is None


class _Comparison:
    """Counts equal figures and keeps the first difference."""

    def __init__(self) -> None:
        self.compared, self.difference = 0, None  # type: int, str | None

    def frames(self, what: str, stored: pd.DataFrame, found: pd.DataFrame) -> None:
        """Compare numbers under the same labels; NaN equals NaN."""
        if list(stored.index) != list(found.index):
            self.note(f"{what}: rows {_ends(stored.index)} are stored, {_ends(found.index)} were computed")
            return
        old, new = (f.to_numpy(dtype=float, na_value=np.nan) for f in (stored[list(found.columns)], found))
        self.compared += old.size
        bad = np.argwhere((old != new) & ~(np.isnan(old) & np.isnan(new)))
        if len(bad):
            row, column = bad[0]
            place = f"{what}, {found.index[row]}, {found.columns[column]}"
            self.note(f"{place}: stored {float(old[row, column])!r}, computed {float(new[row, column])!r}")

    def values(self, what: str, stored: object, found: object) -> None:
        """Compare two plain values."""
        self.compared += 1
        if stored != found:
            self.note(f"{what}: stored {stored!r}, computed {found!r}")

    def note(self, difference: str) -> None:
        self.difference = self.difference or difference


def repeat_run(run_id: str, queries: Queries, catalog: Catalog, evaluator: Evaluator) -> Repeat:
    """Compute that run again and compare; bars that are gone or have changed are a difference. Raises UnknownRun."""
    run = queries.run(run_id)
    spec = queries.campaign(run.campaign_id).spec
    comparison = _Comparison()
    if code_hash_of(run.source) != run.code_hash:
        comparison.note("the stored code does not have the stored hash")
    else:
        try:
            if run.scenarios == 0:
                _compare_refusal(run, spec, catalog, evaluator, comparison)
            else:
                _compare_scored(run, spec, queries, catalog, evaluator, comparison)
        except DataError as error:
            comparison.note(str(error))
    return Repeat(run_id, comparison.compared, comparison.difference)


def _compare_refusal(run: RunRow, spec: CampaignSpec, catalog: Catalog, evaluator: Evaluator, comparison: _Comparison) -> None:
    """A draft that was refused must be refused again, for the same reason."""
    again: object = evaluator.ranges(run.source)
    if isinstance(again, tuple):
        gate = open_gate(evaluator, _panel_of(run, spec, catalog), spec, run.number)
        again = gate.screen(run.source, again).failure
    comparison.values("the draft's refusal", str(run.failure), str(again))


def _panel_of(run: RunRow, spec: CampaignSpec, catalog: Catalog) -> Panel:
    panel = catalog.open(spec.dataset)
    if panel.data_hash != spec.data_hash:
        raise DataError(
            f"the dataset {spec.dataset} is no longer that of run {run.run_id}; import the bars of {spec.data_hash} again"
        )
    return panel


def _compare_scored(
    run: RunRow, spec: CampaignSpec, queries: Queries, catalog: Catalog, evaluator: Evaluator, comparison: _Comparison
) -> None:
    panel = _panel_of(run, spec, catalog)
    gate = open_gate(evaluator, panel, spec, run.number)
    known = Verdict(None, run.warm_up_bars, run.is_cross_sectional)

    def again(bed: TestBed, params: list[Params]) -> Sweep:
        return evaluator.sweep(run.source, params, bed, sides=spec.sides)

    stored = queries.scenarios(run.run_id)
    params = [json.loads(p) for p in stored["params"]]
    ranges, objective = evaluator.ranges(run.source), objective_of(spec)
    if isinstance(ranges, Failure):
        comparison.note(f"its code is refused now: {ranges}")
        return
    train = as_pruned(again(gate.masked(known), params), stored["failure"].tolist())
    values = objective.final_values(ranges, params, train)
    best, _ = objective.best(train.table, values)
    validation = evaluator.campaign_bed(panel, spec, "validation")
    if run.failure is not None and run.failure.kind in GATE_KINDS and best is not None:
        leak = gate.confirm(run.source, params, train, best, known).failure
        leak = leak or gate.confirm_judged(run.source, params[best], again(validation, [params[best]]), known)
        comparison.values("the refusal of the best set", str(run.failure), str(leak))
        return
    comparison.frames("train scenario", stored[_SCORED], train.table.assign(objective=values)[_SCORED])
    kinds = [None if pd.isna(text) else text.partition(":")[0] for text in stored["failure"]]  # a text may name an address
    comparison.values("kinds of failure", kinds, [None if f is None else f.kind for f in train.outcomes.failures])
    comparison.values("the best scenario", run.best_scenario, best)
    if best is None:
        return
    comparison.values("the best parameters", run.params, params[best])
    comparison.frames("run", pd.DataFrame({"objective": [run.objective]}), pd.DataFrame({"objective": [values[best]]}))
    _compare_window(run, "train", train, best, queries, comparison)
    _compare_window(run, "validation", again(validation, [params[best]]), 0, queries, comparison)


def _compare_window(run: RunRow, window: str, sweep: Sweep, row: int, queries: Queries, comparison: _Comparison) -> None:
    """Portfolio figures, asset figures and daily returns of the best set on one window."""
    names = list(PORTFOLIO_FIGURES)
    figures = run.figures.get(window, {})
    stored = pd.DataFrame([[figures.get(n, np.nan) for n in names]], columns=names, index=["best set"])
    comparison.frames(window, stored, sweep.table.iloc[[row]][names].set_axis(["best set"]))
    comparison.frames(f"{window} assets", queries.run_assets(run.run_id, window), sweep.assets(row)[list(ASSET_FIGURES)])
    returns = daily_returns(sweep.outcomes.daily_equity[row]).astype(np.float32)
    found = pd.DataFrame({"return": returns}, index=_dates(pd.to_datetime(days_of(sweep.bed), unit="D", utc=True)))
    series = queries.daily_returns(run.run_id, window)
    comparison.frames(f"{window} day", pd.DataFrame({"return": series.to_numpy()}, index=_dates(series.index)), found)


def _dates(times: pd.Index) -> list[str]:
    return [f"{time:%Y-%m-%d}" for time in times]


def _ends(labels: pd.Index) -> str:
    return f"{labels[0]} to {labels[-1]} ({len(labels)})" if len(labels) else "none"
