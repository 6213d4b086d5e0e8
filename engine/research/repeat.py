"""Repeating a run: every stored figure computed again from code, parameters, data and costs, and compared bit for bit."""

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.analysis.metrics import daily_returns
from engine.errors import DataError
from engine.figures import ASSET_FIGURES, PORTFOLIO_FIGURES
from engine.market.catalog import Catalog
from engine.records import CampaignSpec, Failure
from engine.research.campaign import code_hash_of
from engine.research.evaluation import Evaluator, Sweep
from engine.store.answers import RunRow
from engine.store.queries import Queries


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

    def arrays(self, what: str, stored: np.ndarray, found: np.ndarray, labels: list[str]) -> None:
        """Compare arrays of one row a label; NaN equals NaN."""
        if stored.shape != found.shape:
            self.note(f"{what}: {stored.shape} figures are stored, {found.shape} were computed")
            return
        self.compared += stored.size
        bad = np.argwhere((stored != found) & ~(np.isnan(stored) & np.isnan(found)))
        if len(bad):
            at = tuple(bad[0])
            self.note(f"{what}, {labels[at[0]]}: stored {stored[at]!r}, computed {found[at]!r}")

    def note(self, difference: str) -> None:
        self.difference = self.difference or difference


def repeat_run(run_id: str, queries: Queries, catalog: Catalog, evaluator: Evaluator) -> Repeat:
    """Compute that run again and compare. Raises UnknownRun, UnknownDataset, and DataError for bars that have changed."""
    run = queries.run(run_id)
    spec = queries.campaign(run.campaign_id).spec
    comparison = _Comparison()
    if code_hash_of(run.source) != run.code_hash:
        comparison.note("the stored code does not have the stored hash")
    elif run.scenarios == 0:
        _compare_refusal(run, evaluator, comparison)
    else:
        _compare_scored(run, spec, queries, catalog, evaluator, comparison)
    return Repeat(run_id, comparison.compared, comparison.difference)


def _compare_refusal(run: RunRow, evaluator: Evaluator, comparison: _Comparison) -> None:
    """A draft that was refused must be refused again, for the same reason."""
    again = evaluator.ranges(run.source)
    comparison.compared += 1
    if not isinstance(again, Failure) or again != run.failure:
        comparison.note(f"stored as refused ({run.failure}), now {again if isinstance(again, Failure) else 'it has ranges'}")


def _compare_scored(
    run: RunRow, spec: CampaignSpec, queries: Queries, catalog: Catalog, evaluator: Evaluator, comparison: _Comparison
) -> None:
    panel = catalog.open(spec.dataset)
    if panel.data_hash != spec.data_hash:
        raise DataError(
            f"the dataset {spec.dataset} is no longer that of run {run.run_id}; import the bars of {spec.data_hash} again"
        )

    def again(window: str, params: list) -> Sweep:
        bed = evaluator.bed(panel, spec.assets, spec.window(window), spec.costs)
        return evaluator.sweep(run.source, params, bed, sides=spec.sides)

    stored = queries.scenarios(run.run_id)
    params = [json.loads(p) for p in stored["params"]]
    train = again("train", params)
    names = list(PORTFOLIO_FIGURES)
    labels = [f"scenario {i}" for i in range(len(params))]
    comparison.arrays("train scenarios", _numbers(stored[names]), _numbers(train.table[names]), labels)
    if run.best_scenario is None or run.params is None:
        return
    if params[run.best_scenario] != run.params:
        comparison.note(
            f"the best set is stored as {run.params}, but scenario {run.best_scenario} has {params[run.best_scenario]}"
        )
    _compare_window(run, "train", train, run.best_scenario, queries, comparison)
    _compare_window(run, "validation", again("validation", [run.params]), 0, queries, comparison)


def _compare_window(run: RunRow, window: str, sweep: Sweep, row: int, queries: Queries, comparison: _Comparison) -> None:
    """Portfolio figures, asset figures and daily returns of the best set on one window."""
    names = list(PORTFOLIO_FIGURES)
    figures = run.figures.get(window, {})
    stored = np.array([figures.get(n, np.nan) for n in names])
    comparison.arrays(f"{window} figures", stored, _numbers(sweep.table[names].iloc[[row]])[0], names)
    assets, found = queries.run_assets(run.run_id, window), sweep.assets(row)
    columns = list(ASSET_FIGURES)
    comparison.arrays(f"{window} assets", _numbers(assets[columns]), _numbers(found[columns]), list(found.index))
    returns = daily_returns(sweep.outcomes.daily_equity[row]).astype(np.float32)
    series = queries.daily_returns(run.run_id, window)
    days = [str(day)[:10] for day in series.index]
    comparison.arrays(f"{window} daily returns", series.to_numpy(np.float32), returns, days)


def _numbers(frame: pd.DataFrame) -> np.ndarray:
    return frame.to_numpy(dtype=float, na_value=np.nan)
