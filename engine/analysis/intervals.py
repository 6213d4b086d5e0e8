"""How far a share that was counted may lie from the share that stands behind it."""

import math

Z_95 = 1.959964  # the 97.5 % point of the normal distribution


def share_interval(share: float, n: float, *, z: float = Z_95) -> tuple[float, float]:
    """Lower and upper bound of a share found in n independent cases, 95 % by default; NaN, NaN for n < 1 or a NaN share.
    Raises ValueError for a share outside [0, 1].

    Wilson 1927: stays within [0, 1] and is honest for few cases and for shares near 0 and 1. Trades overlap in time and
    assets move together, so the true uncertainty of a win rate is wider than this.

    >>> [round(bound, 3) for bound in share_interval(0.5, 100)]
    [0.404, 0.596]
    """
    if not n >= 1 or math.isnan(share):
        return math.nan, math.nan
    if not 0 <= share <= 1:
        raise ValueError(f"the share is {share:g}; wanted a fraction from 0 to 1")
    middle = share + z * z / (2 * n)
    reach = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return (middle - reach) / (1 + z * z / n), (middle + reach) / (1 + z * z / n)
