"""What a campaign maximises, and how the best of a sweep is chosen."""

import numpy as np
import pandas as pd

from engine.figures import PORTFOLIO_FIGURES

OBJECTIVES = ("sharpe", "sortino", "calmar", "total_return", "profit_factor_with_open", "sqn_with_open", "expectancy_with_open")
"""Figures that can be an objective; higher is better for each. Their definitions stand in `engine/figures.py`."""


def definition_of(objective: str) -> str:
    """What that objective means."""
    return PORTFOLIO_FIGURES[objective].definition


def objective_values(table: pd.DataFrame, objective: str, min_trades: int) -> np.ndarray:
    """The objective of each scenario, NaN where it failed, was not computed, or has fewer trades than the minimum."""
    values = table[objective].to_numpy(float)
    enough = table["trades_with_open"].to_numpy(float) >= min_trades
    return np.where(enough & np.isfinite(values), values, np.nan)


def choose_best(table: pd.DataFrame, values: np.ndarray, objective: str, min_trades: int) -> tuple[int | None, str]:
    """(row of the best scenario, why in one sentence); None if no scenario ran.

    The highest objective wins, of equals the first. Where no scenario has one, that with most trades stands, so that there
    is something to look at; its objective is NaN and ranks last.
    """
    label = PORTFOLIO_FIGURES[objective].label
    if not np.isnan(values).all():
        best = int(np.nanargmax(values))
        return best, f"highest train {label} of {len(values)} scenarios with at least {min_trades} trades"
    trades = table["trades_with_open"].to_numpy(float)
    if np.isnan(trades).all():
        return None, "no scenario ran"
    most = int(np.nanargmax(trades))
    return (
        most,
        f"no scenario has a {label} with at least {min_trades} trades; this one has most ({trades[most]:.0f}) and ranks last",
    )
