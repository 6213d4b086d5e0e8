"""Which regime a market is in at each bar: its trend and its volatility, by trailing rules, in words.

**Trend.** The sum of the last `trend_bars` moves over what it would be if they had no direction: z = sum(r) / sqrt(sum(r^2)).
Rising above `TREND_Z`, falling below minus that, else sideways. A random walk is sideways for half of the time.

**Volatility.** The mean square of the last `calm_bars` moves against the median of that figure over the last `usual_bars`:
wild above it, else calm. A market is compared with its own past, so that both words occur in any market.

A label at bar t uses moves up to the close of t and nothing later. Richer regimes may come to stand beside these.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from engine.market.bars import DAY_S, Panel

TREND_Z = 0.674  # the upper quartile of a normal distribution
TRENDS, VOLATILITIES = ("falling", "sideways", "rising"), ("calm", "wild")
REGIMES = tuple(f"{trend} and {volatility}" for trend in TRENDS for volatility in VOLATILITIES)
"""What each label says: a label is a position in this tuple."""

UNKNOWN = -1
"""The label of a bar that has too little past."""


@dataclass(frozen=True)
class Horizons:
    """How far the rules look back, in bars. The first label stands at row `calm_bars + trend_bars - 1`: the usual volatility
    is the median of what there is, once there are `trend_bars` figures of it."""

    trend_bars: int
    calm_bars: int
    usual_bars: int


def horizons_of(bar_s: int) -> Horizons:
    """Horizons for bars of that length in seconds: 14, 3 and 90 days, but at least 50, 20 and 250 bars."""
    return Horizons(*(max(round(days * DAY_S / bar_s), least) for days, least in ((14, 50), (3, 20), (90, 250))))


def market_regimes(panel: Panel, horizons: Horizons | None = None) -> np.ndarray:
    """(bars,) int8: the regime of the market as a whole at each row, a position in `REGIMES`, or `UNKNOWN`.

    The market's move is the mean log move of the assets that have a bar, each since its last bar; 0 where none has moved.

    >>> [REGIMES[0], REGIMES[5]]
    ['falling and calm', 'rising and wild']
    """
    return regimes(market_moves(panel), horizons or horizons_of(panel.bar_s))


def market_moves(panel: Panel) -> np.ndarray:
    """(bars,) mean over assets of the log move since the asset's last bar; an asset's first bar makes none."""
    logs = np.log(panel.close)
    moves = logs - pd.DataFrame(logs).ffill().shift(1).to_numpy()
    known = ~np.isnan(moves)
    return np.where(known, moves, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)


def regimes(moves: np.ndarray, horizons: Horizons) -> np.ndarray:
    """(bars,) int8 labels of the log moves (bars,) of one price; the first move, which has no bar before it, is not used."""
    labels = np.full(len(moves), UNKNOWN, np.int8)
    moves = moves[1:]
    travelled = np.sqrt(trailing_sums(moves**2, horizons.trend_bars))
    z = np.divide(trailing_sums(moves, horizons.trend_bars), travelled, out=np.zeros(len(moves)), where=travelled > 0)
    size = pd.Series(trailing_sums(moves**2, horizons.calm_bars))
    usual = size.rolling(horizons.usual_bars, min_periods=min(horizons.trend_bars, horizons.usual_bars)).median().to_numpy()
    trend = 1 + (z > TREND_Z) - (z < -TREND_Z)
    known = ~np.isnan(usual) & ~np.isnan(travelled)
    labels[1:][known] = (trend * len(VOLATILITIES) + (size.to_numpy() > usual))[known]
    return labels


def trailing_sums(values: np.ndarray, bars: int) -> np.ndarray:
    """Sum of the last `bars` values at each place, NaN before there are so many. No running sum: a label must not hang on
    rounding left over from long ago.
    """
    out = np.full(len(values), np.nan)
    if len(values) >= bars:
        out[bars - 1 :] = sliding_window_view(values, bars).sum(axis=1)
    return out
