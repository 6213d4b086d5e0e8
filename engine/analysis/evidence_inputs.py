"""What statistics of evidence can be computed from: daily returns that are finite, long enough and not all the same.

Every statistic that cannot be computed is NaN and says why in `reason`; bad returns are a result, not an exception.
"""

from typing import Final

import numpy as np

from engine.analysis.metrics import LEAST

LEAST_DAYS: Final = 10
"""With fewer days third and fourth moments are noise, and so is all that is built on them."""


def series(daily: np.ndarray) -> tuple[np.ndarray, str]:
    """One candidate's (days,) returns as float64, and why nothing can be computed from them ("" where it can)."""
    found = np.asarray(daily, float).ravel()
    if len(found) < LEAST_DAYS:
        return found, f"{len(found)} days of returns; wanted at least {LEAST_DAYS}"
    if not np.isfinite(found).all():
        return found, f"{int((~np.isfinite(found)).sum())} of {len(found)} days have no return"
    if np.ptp(found) < LEAST:
        return found, "the returns are the same every day, so they have no spread"
    return found, ""


def candidates(returns: np.ndarray, *, least: int = 1) -> tuple[np.ndarray, str]:
    """Those of the (candidates, days) returns that are finite and vary, as float64, and why they are not enough ("" if they are).

    A candidate that failed on a day or never traded has no Sharpe ratio and cannot come out best, so it is left out.
    """
    found = np.atleast_2d(np.asarray(returns, float))
    if found.ndim != 2 or found.shape[1] < LEAST_DAYS:
        days = found.shape[-1] if found.size else 0
        return found[:0], f"{days} days of returns; wanted at least {LEAST_DAYS}"
    kept = found[np.isfinite(found).all(axis=1)]
    kept = kept[np.ptp(kept, axis=1) >= LEAST]
    if len(kept) < least:
        return kept, f"{len(kept)} of {len(found)} candidates have returns on every day that vary; wanted at least {least}"
    return kept, ""
