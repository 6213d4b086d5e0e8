"""The one word that is told of validation, so that asking it a thousand times teaches next to nothing about it.

The Ladder (Blum & Hardt 2015, "The Ladder: a reliable leaderboard for machine learning competitions"): the best so far moves
only when a new value exceeds it by a margin, and whoever asks learns nothing but that it moved. The margin is one standard
error of the difference, as in its parameter-free form. That paper says nothing on losers; `worse` is its mirror image and
tells a little more, one word a run at most.
"""

import math
from collections.abc import Sequence

from engine.model_records import Ladder

Measured = tuple[float, int]
"""An annualised Sharpe ratio and the number of daily returns that it was computed from."""

NOTHING: Measured = (0.0, 0)
"""Where the recursion starts: a Sharpe ratio of 0, known without error. Doing nothing has it."""


def sharpe_error(measured: Measured, days_per_year: float) -> float:
    """Standard error of an annualised Sharpe ratio S of n daily returns: sqrt((q + S^2 / 2) / n) with q days in a year.

    That is sqrt(q) times Lo's sqrt((1 + s^2 / 2) / n) for the daily s = S / sqrt(q) of independent, identically distributed
    normal returns (Lo 2002, "The Statistics of Sharpe Ratios", eq. 9). 0 for `NOTHING`.
    """
    value, days = measured
    return math.sqrt((days_per_year + value * value / 2.0) / days) if days > 0 else 0.0


def ladder_word(history: Sequence[Measured], new: Measured, *, days_per_year: float = 365.0) -> Ladder:
    """Whether `new` is better or worse than the best of `history` beyond one standard error, or not shown to be either.

    `history` holds what was measured before, in order. The recursion: best := NOTHING; for each earlier value, best := value
    if value - best > error(value, best). Then `new` is held against best: above by more than the error is better, below by
    more than it is worse. error(a, b) = sqrt(error(a)^2 + error(b)^2), as if the two were independent; strategies on the same
    days mostly move together, so this errs to the side of telling less. A value that is NaN or of less than two days moves
    nothing and is not shown. The word depends on nothing else, so that it can be found again from the ledger.

    >>> ladder_word([], (2.0, 365)), ladder_word([(2.0, 365)], (2.5, 365)), ladder_word([(2.0, 365)], (-1.0, 365))
    ('better', 'not shown', 'worse')
    """
    best = NOTHING
    for measured in history:
        if _word(best, measured, days_per_year) == "better":
            best = measured
    return _word(best, new, days_per_year)


def _word(best: Measured, new: Measured, days_per_year: float) -> Ladder:
    if not math.isfinite(new[0]) or new[1] < 2:
        return "not shown"
    gap = new[0] - best[0]
    error = math.hypot(sharpe_error(new, days_per_year), sharpe_error(best, days_per_year))
    if gap > error:
        return "better"
    return "worse" if gap < -error else "not shown"
