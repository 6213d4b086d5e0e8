"""The best of many candidates without skill, and how many independent ones a correlated set amounts to.

Hundreds of parameter sets of one strategy are near-copies of each other: counted one by one they would be punished too much,
counted as one too little. The number that matters is the one that luck depends on: how many *independent* candidates would have
the same expected best. It is measured directly. Without skill the mean of the returns points no more to the candidates than any
other direction among the days does, so random directions take its place: a rotation test (Langsrud 2005, "Rotation tests",
Statistics and Computing 15), exact for normal returns, and for others the Gaussian multiplier bootstrap of a maximum, which holds
for far more candidates than days (Chernozhukov, Chetverikov and Kato 2013, Annals of Statistics 41). The mean of the candidates'
best is turned into the number of independent ones that has it. A count of eigenvalues cannot exceed the number of days and is
deaf to a few independent candidates beside a thousand copies; this one is neither.
"""

from functools import lru_cache
from typing import Final

import numpy as np
from scipy.special import log_ndtr, ndtri, stdtr

EULER_GAMMA: Final = 0.5772156649015329
DRAWS: Final = 2_000
"""Leaves an error of about 3 % in the number of independent candidates."""
SEED: Final = 20_140_711
"""Maxima of different candidates on the same days can only be joined if their draws are the same."""
_CHUNK: Final = 4_096


def expected_maximum(n: np.ndarray | float) -> np.ndarray:
    """Approximate mean of the best of n independent standard normals, n >= 1 real; 0 for n = 1, NaN below 1.

    (1 - g) z(1 - 1/n) + g z(1 - 1/(n e)) with g Euler's constant and z the normal quantile: Bailey, Borwein, Lopez de Prado and
    Zhu 2014, "Pseudo-mathematics and financial charlatanism", proposition 1. It is 2 % too high at n = 10 and 0.5 % at 1,000;
    between 1 and 1.3, where it would be negative, it is 0.

    >>> round(float(expected_maximum(100)), 3)
    2.531
    """
    number = np.asarray(n, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        # ndtri(1 - 1/n) loses all digits for great n; the lower tail does not.
        value = -(1 - EULER_GAMMA) * ndtri(1 / number) - EULER_GAMMA * ndtri(1 / (number * np.e))
    return np.where(number >= 1, np.maximum(np.where(np.isfinite(value), value, 0.0), 0.0), np.nan)


def maximum_quantile(n: np.ndarray | float, share: float) -> np.ndarray:
    """The value that the best of n independent standard normals stays below in that share of cases: z(share^(1/n))."""
    number = np.asarray(n, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        # 1 - share^(1/n), without loss of digits where n is great
        above = -np.expm1(np.log(share) / number)
        return np.where(number >= 1, -ndtri(above), np.nan)


def chance_maxima(returns: np.ndarray, *, draws: int = DRAWS, seed: int = SEED) -> np.ndarray:
    """(draws,) best t-value, as a normal score, of (candidates, days) returns had none of them skill; -inf without candidates.

    Returns have to be finite and to vary, on at least 4 days (`evidence_inputs.candidates`). Candidates on the same days share
    their draws: the elementwise maximum of two results is the result of both sets together, so that a whole campaign's number of
    independent trials can be kept as one small array and never needs all returns at once.
    """
    days = returns.shape[1]
    directions = np.random.default_rng(seed).standard_normal((days, draws))
    directions -= directions.mean(axis=0)
    directions /= np.sqrt((directions**2).sum(axis=0))
    best = np.full(draws, -1.0)
    for start in range(0, len(returns), _CHUNK):
        part = np.asarray(returns[start : start + _CHUNK], float)
        part = part - part.mean(axis=1, keepdims=True)
        part /= np.sqrt((part**2).sum(axis=1, keepdims=True))
        np.maximum(best, (part @ directions).max(axis=0), out=best)
    if not len(returns):
        return np.full(draws, -np.inf)
    # The share of a candidate's variance along a direction of days - 1 is that of Student's t on days - 2 degrees of freedom.
    best = np.clip(best, -1 + 1e-12, 1 - 1e-12)
    return normal_score(best * np.sqrt((days - 2) / (1 - best**2)), days - 2)


def normal_score(t_value: np.ndarray | float, freedom: int) -> np.ndarray:
    """The standard normal value that is as rare as that t-value with so many degrees of freedom."""
    value = np.asarray(t_value, float)
    return np.sign(value) * -ndtri(stdtr(freedom, -np.abs(value)))


def independent_maxima(trials: float, seed: int) -> np.ndarray:
    """(DRAWS,) best of so many independent standard normals: z(u^(1/n)), u uniform."""
    uniform = np.random.default_rng(seed).random(DRAWS)
    return np.asarray(-ndtri(-np.expm1(np.log(uniform) / max(trials, 1))))


def with_given_up(maxima: np.ndarray, kept: int, given_up: int, seed: int) -> np.ndarray:
    """(DRAWS,) `chance_maxima` of `kept` candidates and of those that were given up after a first look at them.

    The best of those that were kept is, by and large, the best of all: whoever counted only these would count a search as
    smaller than it was. What was given up is as correlated as what was kept, and counts as so many more independent ones.
    """
    if not kept or not given_up:
        return maxima
    return np.maximum(maxima, independent_maxima(independent_trials(maxima) * given_up / kept, seed))


def independent_trials(maxima: np.ndarray) -> float:
    """How many independent candidates have the expected best of these `chance_maxima`; NaN without candidates.

    The exact mean of the best of n normals is inverted, not the approximation above.
    """
    mean = float(np.mean(maxima)) if len(maxima) else np.nan
    if not np.isfinite(mean):
        return float("nan")
    numbers, means = _exact_maxima()
    return float(np.exp(np.interp(mean, means, np.log(numbers))))


@lru_cache(maxsize=1)
def _exact_maxima() -> tuple[np.ndarray, np.ndarray]:
    """n from 1 to 1e9 and the mean of the best of n standard normals: the integral of 1 - F^n above 0 less F^n below."""
    numbers = np.geomspace(1.0, 1e9, 361)
    grid = np.linspace(0.0, 10.0, 1_001)
    above = -np.expm1(numbers[:, None] * log_ndtr(grid))
    below = np.exp(numbers[:, None] * log_ndtr(-grid))
    return numbers, np.trapezoid(above - below, grid, axis=1)
