"""How steady a run is inside train: its Sharpe ratio on consecutive folds of the daily returns."""

import numpy as np

from engine.analysis.metrics import sharpe

FOLDS = 4
"""Quarters: enough to tell luck in one stretch from an edge in all, long enough for a Sharpe ratio each."""


def fold_sharpes(daily: np.ndarray, days_per_year: float, *, folds: int = FOLDS) -> tuple[float, ...]:
    """Annualised Sharpe ratio of each of `folds` consecutive parts of (days,) daily returns, the first parts a day longer
    where they do not divide evenly. NaN where a part has no variance or less than two days.

    The parameters were chosen on all of train: folds show how evenly a result came about, not what to expect of new data.
    """
    return tuple(float(sharpe(part, days_per_year)) for part in np.array_split(np.asarray(daily, float), folds))
