"""How far what was counted or averaged may lie from what stands behind it: a share, a mean, a lead over others."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv, stdtrit

Z_95 = 1.959964  # the 97.5 % point of the normal distribution
LEAST_RUNS = 5
"""With fewer runs on a side its spread is not known well enough to say anything."""


@dataclass(frozen=True)
class Lift:
    """By how much some runs lead others on average, and its 95 % interval; NaN with too few runs. `runs` and `others` are
    how many were compared."""

    mean: float
    low: float
    high: float
    runs: int
    others: int


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


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean of the finite values with the lower and upper bound of its 95 % interval (Student 1908); the bounds are NaN with
    fewer than five values, all three without any.

    >>> [round(bound, 2) for bound in mean_interval([2.0, 2.2, 1.8, 2.1, 1.9])]
    [2.0, 1.8, 2.2]
    """
    found = _finite(values)
    if not len(found):
        return math.nan, math.nan, math.nan
    mean = float(found.mean())
    if len(found) < LEAST_RUNS:
        return mean, math.nan, math.nan
    reach = float(stdtrit(len(found) - 1, 0.975)) * float(found.std(ddof=1)) / math.sqrt(len(found))
    return mean, mean - reach, mean + reach


def lift_interval(campaigns: Sequence[tuple[Sequence[float], Sequence[float]]]) -> Lift:
    """The mean lead of own runs over others, from (own objectives, the others' objectives) of each campaign.

    Own runs are compared with the others of their campaign alone, and campaigns count by their own runs: objectives of
    different markets are never mixed. Values that are not finite and campaigns without five others are left out. The spread
    of own runs within their campaigns is pooled; Welch 1947 with Satterthwaite's degrees of freedom for the interval. Runs
    that build on each other are not independent, so the true uncertainty is wider.

    >>> lift = lift_interval([([2.0, 2.2, 1.8, 2.1, 1.9], [1.0, 1.2, 0.8, 1.1, 0.9])])
    >>> round(lift.mean, 2), round(lift.low, 2), round(lift.high, 2), lift.runs
    (1.0, 0.77, 1.23, 5)
    """
    pairs = [(_finite(own), _finite(others)) for own, others in campaigns]
    pairs = [(own, others) for own, others in pairs if len(own) and len(others) >= LEAST_RUNS]
    n, against = sum(len(own) for own, _ in pairs), sum(len(others) for _, others in pairs)
    free = n - len(pairs)
    if n < LEAST_RUNS or free < LEAST_RUNS - 1:
        return Lift(math.nan, math.nan, math.nan, n, against)
    lead = sum(len(own) * (own.mean() - others.mean()) for own, others in pairs) / n
    within = sum(float(((own - own.mean()) ** 2).sum()) for own, _ in pairs) / free
    parts = [(within / n, free)]
    parts += [((len(own) / n) ** 2 * others.var(ddof=1) / len(others), len(others) - 1) for own, others in pairs]
    variance = sum(part for part, _ in parts)
    if variance == 0:
        return Lift(float(lead), float(lead), float(lead), n, against)
    freedom = variance**2 / sum(part**2 / df for part, df in parts)
    reach = float(stdtrit(freedom, 0.975)) * math.sqrt(variance)
    return Lift(float(lead), float(lead - reach), float(lead + reach), n, against)


def _finite(values: Sequence[float]) -> np.ndarray:
    found = np.asarray(values, dtype=float)
    return found[np.isfinite(found)]


def exact_interval(hits: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Lower and upper bound of the share behind `hits` of n independent cases; NaN, NaN for n < 1.

    Clopper and Pearson 1934, "The use of confidence or fiducial limits": never covers less than `level`, whatever the share.

    >>> [round(bound, 3) for bound in exact_interval(0, 120)]
    [0.0, 0.03]
    """
    if n < 1:
        return math.nan, math.nan
    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else float(betaincinv(hits, n - hits + 1, tail))
    high = 1.0 if hits == n else float(betaincinv(hits + 1, n - hits, 1 - tail))
    return low, high


def clustered_mean(values: np.ndarray, clusters: np.ndarray) -> tuple[float, float]:
    """Mean of (n,) values and its standard error where those of one cluster, (n,) labels, rise and fall together; the error is
    NaN for fewer than two clusters. The ratio estimator of cluster sampling (Cochran 1977, Sampling Techniques, chapter 3)."""
    _, place = np.unique(clusters, return_inverse=True)
    number = np.bincount(place)
    mean, groups = float(np.mean(values)), len(number)
    if groups < 2:
        return mean, math.nan
    rest = np.bincount(place, weights=values) - mean * number
    return mean, float(math.sqrt((rest**2).sum() * groups / (groups - 1)) / len(values))
