"""How steady a run is inside train: its figures on consecutive folds of the daily returns."""

import numpy as np

from engine.analysis.metrics import LEAST, sharpe, sortino

FOLDABLE = ("sharpe", "sortino", "calmar", "total_return")
"""Figures that daily returns alone give, so that a fold of them has one too."""

FOLDS = 4
"""Quarters: enough to tell luck in one stretch from an edge in all, long enough for a Sharpe ratio each."""


def fold_sharpes(daily: np.ndarray, days_per_year: float, *, folds: int = FOLDS) -> tuple[float, ...]:
    """Annualised Sharpe ratio of each of `folds` consecutive parts of (days,) daily returns, the first parts a day longer
    where they do not divide evenly. NaN where a part has no variance or less than two days.

    The parameters were chosen on all of train: folds show how evenly a result came about, not what to expect of new data.
    """
    return tuple(float(sharpe(part, days_per_year)) for part in np.array_split(np.asarray(daily, float), folds))


def fold_figures(daily: np.ndarray, figure: str, days_per_year: float, *, folds: int) -> np.ndarray:
    """(…, folds) one of the FOLDABLE figures on each part of (…, days) daily returns, cut as `fold_sharpes` cuts them; NaN where
    it cannot be computed. Drawdowns are those of the days' last closes, within the fold. Raises KeyError for another figure.
    """
    figures = {"sharpe": sharpe, "sortino": sortino, "calmar": _calmar, "total_return": _total_return}
    return np.stack([figures[figure](part, days_per_year) for part in np.array_split(daily, folds, axis=-1)], axis=-1)


def _total_return(returns: np.ndarray, _: float) -> np.ndarray:
    return np.prod(1.0 + returns, axis=-1) - 1.0 if returns.shape[-1] else np.full(returns.shape[:-1], np.nan)


def _calmar(returns: np.ndarray, days_per_year: float) -> np.ndarray:
    equity = np.cumprod(1.0 + returns, axis=-1)
    if not equity.shape[-1]:
        return np.full(returns.shape[:-1], np.nan)
    peak = np.maximum(np.maximum.accumulate(equity, axis=-1), 1.0)
    fall = np.max(1.0 - equity / peak, axis=-1)
    with np.errstate(over="ignore"):
        annual = np.maximum(equity[..., -1], 0.0) ** (days_per_year / equity.shape[-1]) - 1.0
    known = (fall >= LEAST) & np.isfinite(annual)
    return np.divide(annual, fall, out=np.full(fall.shape, np.nan), where=known)
