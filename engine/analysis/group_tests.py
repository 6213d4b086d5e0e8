"""Is a group of trades different from the others, or could it be chance? Tests and intervals for many groups at once.

Trades of the same days rise and fall together, and a thousand of them in one week are hardly more than one week. So time is cut
into periods, each at least as long as nearly all trades last, and only periods count as independent.

**p-value.** The score of a group is the sum over its trades of return less the mean return of all, each trade weighed by whether
it is in the group, less the group's share of all trades. Without a difference each period's part of it is as likely to be of
either sign: the score is compared with what random signs of the periods make of it (the wild cluster bootstrap of the score with
Rademacher weights: Kline and Santos 2012, "A score based approach to wild bootstrap inference", Journal of Econometric Methods 1;
clusters: Cameron, Gelbach and Miller 2008, Review of Economics and Statistics 90). A group of few periods, or one that a single
period decides, cannot come out.

**q-value.** The share of false discoveries among all that are at least as surprising (Benjamini and Hochberg 1995).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr, stdtrit

from engine.market.bars import DAY_S

LEAST_TRADES, LEAST_PERIODS = 10, 8
"""Of fewer, in a group or beside it, nothing can be told."""
HELD_SHARE = 0.9
"""A period is at least as long as this share of the trades last."""
DRAWS = 2_000
_SMALL = 0.05


@dataclass(frozen=True, eq=False)
class Sample:
    """The trades of a result. `returns`: P/L per entry notional; `pnl`: P/L as a share of all starting capital; `period`: number
    of the period in which each was entered, from 0 on, without gaps; `period_days`: how long a period is."""

    returns: np.ndarray
    pnl: np.ndarray
    period: np.ndarray
    period_days: int

    @property
    def trades(self) -> int:
        return len(self.returns)

    @property
    def periods(self) -> int:
        return int(self.period.max()) + 1 if self.trades else 0


def sample_of(trades: pd.DataFrame, *, assets: int, bar_s: int) -> Sample:
    """The sample of trades as `simulate_trades` gives them, of that many assets in bars of that length in seconds."""
    held = (trades["exit_bar"] - trades["entry_bar"]).to_numpy(np.int64) + 1
    days = int(np.ceil(np.quantile(held, HELD_SHARE) * bar_s / DAY_S)) if len(held) else 1
    entered = trades["entry_time"].dt.as_unit("s").astype("int64").to_numpy() // (DAY_S * days)
    _, period = np.unique(entered, return_inverse=True)
    return Sample(trades["return"].to_numpy(float), trades["pnl"].to_numpy(float) / assets, period, days)


Partition = tuple[np.ndarray, int]
"""Which of so many groups each trade is in, (trades,) from 0 on, -1 for none; and how many groups there are."""


@dataclass(frozen=True, eq=False)
class GroupTests:
    """One value a group. `trades` and `periods` in it; `wins`: share of trades with P/L above 0; `expectancy`: mean return with
    its 95 % interval `low`, `high`; `others`: that of all other trades; `pnl`: sum of P/L with `pnl_low`, `pnl_high`; `p`: see
    above. NaN where too little stands behind a value."""

    trades: np.ndarray
    periods: np.ndarray
    wins: np.ndarray
    expectancy: np.ndarray
    low: np.ndarray
    high: np.ndarray
    others: np.ndarray
    pnl: np.ndarray
    pnl_low: np.ndarray
    pnl_high: np.ndarray
    p: np.ndarray


def group_tests(sample: Sample, partitions: Sequence[Partition], *, seed: int = 0) -> GroupTests:
    """The tests of all groups of some partitions of a sample, one partition's behind the other's."""
    numbers, returns, pnl, wins = (
        np.concatenate([_by_period(sample, *partition, w) for partition in partitions])
        for w in (None, sample.returns, sample.pnl, (sample.pnl > 0).astype(float))
    )
    trades, periods = numbers.sum(axis=1), (numbers > 0).sum(axis=1)
    expectancy, reach = _means(returns, numbers, periods)
    mean_pnl, pnl_reach = _means(pnl, numbers, periods)
    others = np.where(sample.trades > trades, sample.trades - trades, np.nan)
    return GroupTests(
        trades=trades.astype(np.int64), periods=periods, wins=_over(wins.sum(axis=1), trades),
        expectancy=expectancy, low=expectancy - reach, high=expectancy + reach,
        others=(sample.returns.sum() - returns.sum(axis=1)) / others,
        pnl=pnl.sum(axis=1), pnl_low=(mean_pnl - pnl_reach) * trades, pnl_high=(mean_pnl + pnl_reach) * trades,
        p=_p_where_enough(sample, numbers, returns, seed),
    )  # fmt: skip


def q_values(p: np.ndarray) -> np.ndarray:
    """The share of false discoveries among all that are at least as surprising, of the p-values that are not NaN.

    >>> q_values(np.array([0.01, 0.5, 0.02, np.nan])).round(3).tolist()
    [0.03, 0.5, 0.03, nan]
    """
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known])]
    ranked = p[order] * len(order) / np.arange(1, len(order) + 1)
    q = np.full(len(p), np.nan)
    q[order] = np.minimum.accumulate(ranked[::-1])[::-1]
    return np.minimum(q, 1.0)


def _p_where_enough(sample: Sample, numbers: np.ndarray, returns: np.ndarray, seed: int) -> np.ndarray:
    p, enough = np.full(len(numbers), np.nan), _enough(sample, numbers)
    if enough.any():
        p[enough] = _p_values(_scores(sample, numbers[enough], returns[enough]), seed)
    return p


def _by_period(sample: Sample, codes: np.ndarray, groups: int, weights: np.ndarray | None) -> np.ndarray:
    """(groups, periods) sums of the weights, None for one each."""
    known = codes >= 0
    places = codes[known] * sample.periods + sample.period[known]
    sums = np.bincount(places, None if weights is None else weights[known], minlength=groups * sample.periods)
    return sums.reshape(groups, sample.periods).astype(float)


def _over(sums: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    return np.divide(sums, numbers, out=np.full(len(sums), np.nan), where=numbers > 0)


def _means(sums: np.ndarray, numbers: np.ndarray, periods: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each group's mean and half its 95 % interval: the ratio estimator of cluster sampling (Cochran 1977, Sampling Techniques,
    chapter 3), with Student's quantile for the periods it has."""
    mean = _over(sums.sum(axis=1), numbers.sum(axis=1))
    rest = sums - np.nan_to_num(mean)[:, None] * numbers
    free = np.where(periods > 1, periods - 1, np.nan)
    error = np.sqrt((rest**2).sum(axis=1) * periods / free) / np.maximum(numbers.sum(axis=1), 1)
    return mean, stdtrit(free, 0.975) * error


def _enough(sample: Sample, numbers: np.ndarray) -> np.ndarray:
    """Which groups have trades and periods enough, in them and beside them."""
    beside = np.bincount(sample.period, minlength=sample.periods) - numbers
    return np.logical_and.reduce(
        [(n.sum(axis=1) >= LEAST_TRADES) & ((n > 0).sum(axis=1) >= LEAST_PERIODS) for n in (numbers, beside)]
    )


def _scores(sample: Sample, numbers: np.ndarray, returns: np.ndarray) -> np.ndarray:
    """(groups, periods) parts of each group's score."""
    mean = sample.returns.mean() if sample.trades else 0.0
    rest = np.bincount(sample.period, sample.returns - mean, minlength=sample.periods)
    share = numbers.sum(axis=1) / max(sample.trades, 1)
    return returns - mean * numbers - share[:, None] * rest


def _p_values(scores: np.ndarray, seed: int) -> np.ndarray:
    """Two-sided p-values of the groups' scores: drawn, and where they are small by what a sum of random signs comes to."""
    p = (_reached(scores, np.random.default_rng(seed)) + 1) / (DRAWS + 1)
    small = p < _SMALL
    p[small] = sign_chance(scores[small])
    return p


def _reached(scores: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """In how many draws random signs of the periods make as much of each score as there is."""
    signs = rng.integers(0, 2, (DRAWS, scores.shape[1]), np.int8) * np.float32(2) - np.float32(1)
    return (np.abs(signs @ scores.T.astype(np.float32)) >= np.abs(scores.sum(axis=1)) * (1 - 1e-6)).sum(axis=0)


def sign_chance(scores: np.ndarray) -> np.ndarray:
    """The chance that random signs make as much of each row as its sum: Lugannani and Rice 1980, "Saddle point approximation for
    the distribution of the sum of independent random variables", with K(t) = sum(log cosh(t u)); never below that of all signs
    alike."""
    size = np.abs(scores) / np.abs(scores).max(axis=1, keepdims=True)
    reach = np.abs(scores.sum(axis=1)) / np.abs(scores).max(axis=1)
    alike = 2.0 ** (1 - (size > 0).sum(axis=1))
    inside = reach < size.sum(axis=1) * (1 - 1e-9)
    size, reach = size[inside], reach[inside]
    point = _saddle_points(size, reach)
    t = point[:, None] * size
    log_mean = (np.logaddexp(t, -t) - np.log(2)).sum(axis=1)
    spread = ((size / np.cosh(np.minimum(t, 300))) ** 2).sum(axis=1)
    w = np.sqrt(2 * np.maximum(point * reach - log_mean, 1e-300))
    chance = ndtr(-w) + np.exp(-(w**2) / 2) / np.sqrt(2 * np.pi) * (1 / (point * np.sqrt(spread)) - 1 / w)
    p = alike.copy()
    p[inside] = np.clip(2 * chance, alike[inside], 1.0)
    return p


def _saddle_points(size: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """The t of each row at which sum(u tanh(t u)) is its reach, by bisection of its logarithm."""
    low, high = np.full(len(size), -12.0), np.full(len(size), 12.0)
    for _ in range(45):
        middle = (low + high) / 2
        below = (size * np.tanh(np.exp(middle)[:, None] * size)).sum(axis=1) < reach
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.exp((low + high) / 2)
