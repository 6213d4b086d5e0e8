"""Intervals for headline figures from days drawn anew in blocks: what else could have come about with days like these.

Stationary bootstrap: Politis and Romano 1994; block length: Politis and White 2004 with the correction of Patton, Politis and
White 2009. Expanded percentile intervals: Hesterberg 2015. Days that follow each other are drawn together, so that a run of bad
days stays one.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import ndtr, stdtrit

from engine.analysis.evidence_inputs import LEAST_DAYS
from engine.analysis.metrics import LEAST

Resampled = Literal["sharpe", "total_return", "win_rate", "expectancy"]
_RATIOS = ("win_rate", "expectancy")
_DAY_NS = 86_400_000_000_000
LEAST_DAYS_TRADED = 10
"""Fewer days with a trade say too little of the others."""


@dataclass(frozen=True)
class Interval:
    """`value` of a figure with the bounds that hold the true one in `level` of cases; `block_days`: mean length of the blocks
    that were drawn. NaN, with the `reason`, where they cannot be computed."""

    value: float
    low: float
    high: float
    level: float
    block_days: float
    reason: str = ""


def trades_by_day(day: np.ndarray, value: np.ndarray, days: int) -> np.ndarray:
    """(2, days) sum of `value` and number of trades of each day, for a win rate (value 1 for a win, else 0) or an expectancy
    (value: return of the trade). `day`: (trades,) the day each trade was closed, from 0 to days - 1."""
    day = np.asarray(day, np.int64)
    sums = np.bincount(day, weights=np.asarray(value, float), minlength=days)
    return np.stack([sums, np.bincount(day, minlength=days).astype(float)])


def daily_trades(trades: pd.DataFrame, days: np.ndarray) -> dict[str, np.ndarray]:
    """`trades_by_day` for "win_rate" and "expectancy". `trades` as in `backtest.portfolio.Result`, open ones closed on the last
    day; `days`: ascending UTC day numbers of the window."""
    closed = trades["exit_time"].dt.as_unit("ns").astype("int64").to_numpy() // _DAY_NS
    day = np.clip(np.searchsorted(days, closed), 0, len(days) - 1)
    values = {"win_rate": trades["pnl"].to_numpy() > 0, "expectancy": trades["return"].to_numpy()}
    return {figure: trades_by_day(day, value, len(days)) for figure, value in values.items()}


def optimal_block_length(values: np.ndarray) -> np.ndarray:
    """Mean block length, in days and at least 1, with which the stationary bootstrap of the mean of (..., days) errs least.

    (2 G^2 / D)^(1/3) days^(1/3) with a flat-top window over the autocovariances up to the lag behind which five in a row
    are insignificant; at most min(3 sqrt(days), days / 3). Politis and White 2004, Patton, Politis and White 2009. 1 for
    constant values; NaN for fewer than 10 days.
    """
    centred = np.asarray(values, float)
    days = centred.shape[-1]
    if days < LEAST_DAYS:
        return np.full(centred.shape[:-1], np.nan)
    centred = centred - centred.mean(axis=-1, keepdims=True)
    run = max(5, int(math.log10(days)))
    most = min(math.ceil(math.sqrt(days)) + run, days - 2)
    covariances = np.stack([(centred[..., lag:] * centred[..., : days - lag]).sum(-1) for lag in range(most + 1)], -1) / days
    lags = np.arange(most + 1.0)
    reach = _last_telling_lag(centred, covariances, run)
    share = lags / reach[..., None]
    window = np.where(share <= 0.5, 1.0, np.maximum(2 * (1 - share), 0.0)) * np.where(lags == 0, 0.5, 1.0)
    growth = (2 * window * lags * covariances).sum(-1)
    long_run = (2 * window * covariances).sum(-1)
    ratio = np.divide(growth**2, long_run**2, out=np.zeros_like(growth), where=long_run != 0)
    return np.clip(np.cbrt(ratio * days), 1.0, math.ceil(min(3 * math.sqrt(days), days / 3)))


def _last_telling_lag(centred: np.ndarray, covariances: np.ndarray, run: int) -> np.ndarray:
    """Half-width of the window: twice the lag before the first `run` autocorrelations that are all insignificant."""
    days, most = centred.shape[-1], covariances.shape[-1] - 1
    limit = 2 * math.sqrt(math.log10(days) / days)
    squares = centred**2
    total = squares.sum(-1)
    norms = [np.sqrt(squares[..., lag + 1 :].sum(-1) * squares[..., : days - lag - 1].sum(-1)) for lag in range(most + 1)]
    small = np.stack([np.abs(covariances[..., lag]) * days < limit * norms[lag] for lag in range(most + 1)], -1)
    quiet = np.stack([small[..., lag - run : lag].all(-1) for lag in range(run, most + 1)], -1)
    first = np.where(quiet.any(-1), quiet.argmax(-1), most)
    return np.where(total > 0, np.minimum(2 * np.maximum(first, 1), most), 1)


def stationary_draws(days: int, block_days: float, draws: int, rng: np.random.Generator) -> np.ndarray:
    """(draws, days) positions of days: blocks that begin anywhere, last `block_days` on average and wrap round at the end."""
    starts = rng.random((draws, days)) < 1.0 / block_days
    starts[:, 0] = True
    first = np.where(starts, np.arange(days), 0)
    np.maximum.accumulate(first, axis=1, out=first)
    begun = rng.integers(days, size=(draws, days))
    return (np.take_along_axis(begun, first, axis=1) + np.arange(days) - first) % days


def draw_counts(positions: np.ndarray) -> np.ndarray:
    """(draws, days) how often each day was drawn, so that sums over a draw are one matrix product."""
    draws, days = positions.shape
    flat = (positions + np.arange(draws)[:, None] * days).ravel()
    return np.bincount(flat, minlength=draws * days).reshape(draws, days).astype(float)


def block_bootstrap_interval(
    daily: np.ndarray, figure: Resampled, *, level: float = 0.95, draws: int = 2_000, seed: int = 0, days_per_year: float = 365.0
) -> Interval:
    """A figure and its interval. `daily`: (days,) returns for "sharpe" (annualised) and "total_return" (over as many days);
    (2, days) sums and numbers of `trades_by_day` for "win_rate" and "expectancy", so that trades of one day, which rise and fall
    together, are drawn together.

    The block length is that of the figure's influence function, the part of it that is a mean over days. Bounds are NaN where
    fewer than 10 days, or days with trades, stand behind the figure, or where every draw gives the same.
    """
    rows = np.atleast_2d(np.asarray(daily, float))
    reason = _why_not(rows, figure)
    if reason:
        return Interval(_value(rows, figure, days_per_year), math.nan, math.nan, level, math.nan, reason)
    value = _value(rows, figure, days_per_year)
    block = float(optimal_block_length(_influence(rows, figure)))
    counts = draw_counts(stationary_draws(rows.shape[1], block, draws, np.random.default_rng(seed)))
    drawn = _of_counts(rows, figure, counts, days_per_year)
    tail = _tail(level, rows.shape[1] / block)
    low, high = np.nanquantile(drawn, (tail, 1 - tail))
    if not high - low > LEAST:
        return Interval(value, math.nan, math.nan, level, block, "every draw of days gives the same figure")
    return Interval(value, float(low), float(high), level, block)


def _tail(level: float, blocks: float) -> float:
    """Share of draws below the interval: (1 - level) / 2, less what makes up for the few `blocks` that stand behind them.

    Percentile intervals are too narrow as normal quantiles are beside Student's: the expanded percentile interval of Hesterberg
    2015, "What teachers should know about the bootstrap", The American Statistician 69.
    """
    number = max(blocks, 2.0)
    return float(ndtr(-math.sqrt(number / (number - 1)) * stdtrit(number - 1, (1 + level) / 2)))


def _why_not(rows: np.ndarray, figure: Resampled) -> str:
    days = rows.shape[1]
    if len(rows) != (2 if figure in _RATIOS else 1):
        return f"{len(rows)} rows of days; wanted {'sums and numbers of trades' if figure in _RATIOS else 'one row of returns'}"
    if not np.isfinite(rows).all():
        return f"{int((~np.isfinite(rows)).any(axis=0).sum())} of {days} days have no value"
    if days < LEAST_DAYS:
        return f"{days} days; wanted at least {LEAST_DAYS}"
    if figure in _RATIOS and (traded := int((rows[1] > 0).sum())) < LEAST_DAYS_TRADED:
        return f"{traded} days with trades; wanted at least {LEAST_DAYS_TRADED}"
    if figure not in _RATIOS and np.ptp(rows) < LEAST:
        return "the returns are the same every day, so they have no spread"
    return ""


def _value(rows: np.ndarray, figure: Resampled, days_per_year: float) -> float:
    """The figure itself; NaN where even that cannot be computed."""
    fits = len(rows) == (2 if figure in _RATIOS else 1) and rows.shape[1] > 1
    return float(_of_counts(rows, figure, np.ones((1, rows.shape[1])), days_per_year)[0]) if fits else math.nan


def _of_counts(rows: np.ndarray, figure: Resampled, counts: np.ndarray, days_per_year: float) -> np.ndarray:
    """(draws,) the figure when each day counts as often as (draws, days) `counts` say; NaN where it has no value."""
    days = rows.shape[1]
    if figure in _RATIOS:
        above, below = counts @ rows[0], counts @ rows[1]
        return np.divide(above, below, out=np.full(len(counts), np.nan), where=below > 0)
    if figure == "total_return":
        with np.errstate(divide="ignore"):
            return np.expm1(counts @ np.log(np.maximum(1.0 + rows[0], 1e-300)))
    centre = rows[0].mean()
    first, second = counts @ (rows[0] - centre), counts @ (rows[0] - centre) ** 2
    variance = (second - first**2 / days) / (days - 1)
    root = np.sqrt(np.where(variance > LEAST**2, variance, np.nan))
    return (first / days + centre) / root * math.sqrt(days_per_year)


def _influence(rows: np.ndarray, figure: Resampled) -> np.ndarray:
    """(days,) what each day adds to the figure, to first order and up to a factor."""
    if figure in _RATIOS:
        return rows[0] - rows[1] * (rows[0].sum() / rows[1].sum())
    if figure == "total_return":
        return np.log(np.maximum(1.0 + rows[0], 1e-300))
    scores = (rows[0] - rows[0].mean()) / rows[0].std()
    return scores - rows[0].mean() / rows[0].std() / 2 * (scores**2 - 1)
