"""What a campaign maximises, and how the best of a sweep is chosen."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.analysis.folds import FOLDABLE, fold_figures
from engine.analysis.metrics import daily_returns
from engine.analysis.plateau import around
from engine.figures import PORTFOLIO_FIGURES
from engine.records import ParamRange, Params, Terms
from engine.research.evaluation import Sweep
from engine.strategy.param_space import neighbours

OBJECTIVES = ("sharpe", "sortino", "calmar", "total_return", "profit_factor_with_open", "sqn_with_open", "expectancy_with_open")
"""Figures that can be an objective; higher is better for each. Their definitions stand in `engine/figures.py`."""
ROBUST_OBJECTIVES = FOLDABLE
"""Those that the method `robust` can take apart into folds."""
ROBUST_FOLDS = 8
SPREAD_WEIGHT, PEAK_WEIGHT = 0.5, 0.5
"""Half of the distance between a set's quartile folds, and half of its lead over its neighbours, are taken off its score."""


def definition_of(objective: str) -> str:
    """What that objective means."""
    return PORTFOLIO_FIGURES[objective].definition


def objective_values(table: pd.DataFrame, objective: str, min_trades: int) -> np.ndarray:
    """The objective of each scenario, NaN where it failed, was not computed, or has fewer trades than the minimum."""
    values = table[objective].to_numpy(float)
    enough = table["trades_with_open"].to_numpy(float) >= min_trades
    return np.where(enough & np.isfinite(values), values, np.nan)


@dataclass(frozen=True)
class Objective:
    """What a set is scored by: a figure of train, for sets with at least `min_trades` trades; steadied if it `is_robust`."""

    figure: str
    min_trades: int
    is_robust: bool = False

    def values(self, swept: Sweep) -> np.ndarray:
        """The value of each scenario by itself, which a search is told: NaN where there is none. A robust one is less the
        spread of its folds."""
        plain = objective_values(swept.table, self.figure, self.min_trades)
        if not self.is_robust:
            return plain
        daily = daily_returns(swept.outcomes.daily_equity)
        folds = fold_figures(daily, self.figure, swept.bed.market.panel.days_per_year, folds=ROBUST_FOLDS)
        return np.where(np.isnan(plain), np.nan, steady_values(folds))

    def final_values(self, ranges: Sequence[ParamRange], params: Sequence[Params], swept: Sweep) -> np.ndarray:
        """The value of each scenario among all that were tried, by which the best is chosen. A robust one is less its lead over
        its neighbours, too."""
        values = self.values(swept)
        return without_peaks(values, neighbours(ranges, params)) if self.is_robust else values

    def best(self, table: pd.DataFrame, values: np.ndarray, *, pruned: int = 0) -> tuple[int | None, str]:
        """As `choose_best`, with words that fit; `pruned` sets were given up after a first look."""
        label = PORTFOLIO_FIGURES[self.figure].label
        words = f"median {label} over {ROBUST_FOLDS} folds of train, less spread and peaks," if self.is_robust else ""
        best, reason = choose_best(table, values, self.figure, self.min_trades, words=words)
        return best, reason + (f"; {pruned} sets were given up after a first look" if pruned else "")


def objective_of(spec: Terms) -> Objective:
    """The objective of a campaign on those terms."""
    return Objective(spec.objective, spec.min_trades, is_robust=spec.method == "robust")


def steady_values(folds: np.ndarray) -> np.ndarray:
    """(scenarios,) of (scenarios, folds): the median less SPREAD_WEIGHT times the distance between the quartiles.

    NaN where half of the folds or more have no figure: what does not trade there has shown nothing. Quartiles and medians
    because a single wild fold must not decide.
    """
    out = np.full(len(folds), np.nan)
    shown = 2 * np.isfinite(folds).sum(axis=1) > folds.shape[1]
    if shown.any():
        low, middle, high = np.nanquantile(np.where(np.isfinite(folds[shown]), folds[shown], np.nan), (0.25, 0.5, 0.75), axis=1)
        out[shown] = middle - SPREAD_WEIGHT * (high - low)
    return out


def without_peaks(values: np.ndarray, near: np.ndarray) -> np.ndarray:
    """The values less PEAK_WEIGHT times what each is above the median of its neighbours (`plateau.around`), rows of `near`
    (scenarios, k). NaN stays NaN; without neighbours, or without any value, nothing is taken off.
    """
    if near.shape[1] == 0 or np.isnan(values).all():
        return values
    return values - PEAK_WEIGHT * np.maximum(values - around(values, near), 0.0)


def choose_best(
    table: pd.DataFrame, values: np.ndarray, objective: str, min_trades: int, *, words: str = ""
) -> tuple[int | None, str]:
    """(row of the best scenario, why in one sentence); None if no scenario ran.

    The highest objective wins, of equals the first. Where no scenario has one, that with most trades stands, so that there
    is something to look at; its objective is NaN and ranks last. `words` say what was highest, if it is no plain figure.
    """
    label = PORTFOLIO_FIGURES[objective].label
    if not np.isnan(values).all():
        best = int(np.nanargmax(values))
        what = words or f"train {label}"
        return best, f"highest {what} of {len(values)} scenarios with at least {min_trades} trades"
    trades = table["trades_with_open"].to_numpy(float)
    if np.isnan(trades).all():
        return None, "no scenario ran"
    most = int(np.nanargmax(trades))
    return (
        most,
        f"no scenario has a {label} with at least {min_trades} trades; this one has most ({trades[most]:.0f}) and ranks last",
    )
