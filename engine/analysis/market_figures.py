"""What a window of a market was like, in figures: what the model is to read its regime and mood from.

No names, no dates, no price levels: every figure is a share, a ratio or a correlation.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from engine.analysis.wording import change, percent, ratio
from engine.market.bars import Panel
from engine.records import Window

MEAN_BARS = 200
HORIZON = 24
PARTS = 3


@dataclass(frozen=True, eq=False)
class _Stretch:
    """Some rows of a window. `returns` (bars, assets) of close on the close before, NaN where either is missing; `above`:
    close over its mean of the last MEAN_BARS, NaN where there is none; `traded`: dollar volume, over the asset's own mean in
    the window; `index`: growth of the mean of all assets' returns, rebalanced every bar."""

    returns: np.ndarray
    above: np.ndarray
    traded: np.ndarray
    index: np.ndarray
    bars_per_year: float

    def part(self, rows: slice) -> "_Stretch":
        return _Stretch(self.returns[rows], self.above[rows], self.traded[rows], self.index[rows], self.bars_per_year)


def market_figures(panel: Panel, window: Window) -> str:
    """A line for each figure: over the whole window, and over its first, second and last third.

    Only rows of the window are read. A figure that cannot be computed says so, such as volume in a market without.
    """
    whole = _stretch(panel, window)
    ends = np.linspace(0, window.bars, PARTS + 1).astype(int)
    parts = [whole.part(slice(a, b)) for a, b in pairwise(ends)]
    listed = int((~np.isnan(whole.returns)).any(axis=0).sum())
    head = f"{listed} assets, {window.bars} bars of {panel.timeframe}; figures over the whole window"
    lines = [f"{head} (first third, second third, last third)"]
    for label, show, figure in _FIGURES:
        texts = [show(figure(stretch)) for stretch in (whole, *parts)]
        lines.append(f"{label}: {texts[0]} ({', '.join(texts[1:])})")
    return "\n".join(lines)


def _stretch(panel: Panel, window: Window) -> _Stretch:
    rows = slice(window.start, window.stop)
    close = pd.DataFrame(panel.close[rows])
    with np.errstate(over="ignore"):
        dollars = panel.volume[rows] * close.to_numpy()
    returns = np.full(close.shape, np.nan)
    returns[1:] = close.to_numpy()[1:] / close.to_numpy()[:-1] - 1.0
    mean = close.rolling(MEAN_BARS, min_periods=MEAN_BARS // 2).mean().to_numpy()
    above = np.where(np.isnan(mean) | close.isna().to_numpy(), np.nan, close.to_numpy() > mean)
    scale = _mean(dollars, axis=0)
    traded = dollars / np.where(scale > 0, scale, np.nan)
    growth = np.nan_to_num(_mean(returns, axis=1))
    return _Stretch(returns, above, traded, np.cumprod(1.0 + growth), panel.bars_per_year)


def _mean(values: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Mean of what is there, NaN where nothing is."""
    count = (~np.isnan(values)).sum(axis=axis)
    return np.where(count > 0, np.nansum(values, axis=axis) / np.maximum(count, 1), np.nan)


def _median(values: np.ndarray) -> float:
    values = values[~np.isnan(values)]
    return float(np.median(values)) if len(values) else float("nan")


def _spread(values: np.ndarray, axis: int) -> np.ndarray:
    """Standard deviation (ddof 1) of what is there, NaN of less than two."""
    count = (~np.isnan(values)).sum(axis=axis)
    centred = values - np.expand_dims(_mean(values, axis=axis), axis)
    return np.sqrt(np.where(count > 1, np.nansum(centred**2, axis=axis) / np.maximum(count - 1, 1), np.nan))


def _index_returns(s: _Stretch) -> np.ndarray:
    return s.index[1:] / s.index[:-1] - 1.0


def _growth(s: _Stretch) -> float:
    return float(np.prod(1.0 + np.nan_to_num(_mean(s.returns, axis=1))) - 1.0)


def _volatility(s: _Stretch) -> float:
    return _median(_spread(s.returns, 0)) * float(np.sqrt(s.bars_per_year))


def _index_volatility(s: _Stretch) -> float:
    returns = _index_returns(s)
    return float(returns.std(ddof=1) * np.sqrt(s.bars_per_year)) if len(returns) > 1 else float("nan")


def _variance_ratio(s: _Stretch) -> float:
    """Median over assets of Var(sum of HORIZON log returns) / (HORIZON Var(log return)), overlapping sums.

    Lo & MacKinlay 1988: 1 for a random walk, above it where moves run on, below it where they turn back.
    """
    logs = np.log1p(s.returns)
    missing = np.isnan(logs)
    total = np.cumsum(np.where(missing, 0.0, logs), axis=0)
    gaps = np.cumsum(missing, axis=0)
    sums = np.where(gaps[HORIZON:] == gaps[:-HORIZON], total[HORIZON:] - total[:-HORIZON], np.nan)
    one, many = _spread(logs, 0), _spread(sums, 0) if len(sums) else np.full(logs.shape[1], np.nan)
    return _median(many**2 / (HORIZON * np.where(one > 0, one, np.nan) ** 2))


def _correlation(s: _Stretch) -> float:
    """Mean correlation of all pairs of assets, each pair by the bars it has in common: the mean product of standardised
    returns, sum over bars of ((sum z)^2 - sum z^2) over the number of products."""
    spread = _spread(s.returns, 0)
    z = (s.returns - _mean(s.returns, axis=0)) / np.where(spread > 0, spread, np.nan)
    present = (~np.isnan(z)).sum(axis=1)
    pairs = float((present * (present - 1)).sum())
    products = float((np.nansum(z, axis=1) ** 2 - np.nansum(z**2, axis=1)).sum())
    return products / pairs if pairs else float("nan")


def _autocorrelation(lag: int) -> Callable[[_Stretch], float]:
    def figure(s: _Stretch) -> float:
        centred = s.returns - _mean(s.returns, axis=0)
        if len(centred) <= lag:
            return float("nan")
        return _median(_mean(centred[lag:] * centred[:-lag], axis=0) / _positive(_mean(centred**2, axis=0)))

    return figure


def _positive(values: np.ndarray) -> np.ndarray:
    return np.where(values > 0, values, np.nan)


def _drawdown(s: _Stretch) -> float:
    """Deepest fall of the mean of all assets below its highest so far in these rows."""
    return float((s.index / np.maximum.accumulate(s.index) - 1.0).min()) if len(s.index) else float("nan")


def _up_bars(s: _Stretch) -> float:
    known = s.returns[~np.isnan(s.returns)]
    return float((known > 0).mean()) if len(known) else float("nan")


_FIGURES: tuple[tuple[str, Callable[[float], str], Callable[[_Stretch], float]], ...] = (
    ("return of the mean of all assets", change, _growth),
    ("max. drawdown of that mean", change, _drawdown),
    ("annualised volatility of that mean", percent, _index_volatility),
    ("annualised volatility of the median asset", percent, _volatility),
    (f"trend strength (variance ratio over {HORIZON} bars; 1 is a random walk, more is trend, less is reversal)", ratio,
     _variance_ratio),
    ("autocorrelation of returns at 1 bar, median asset", ratio, _autocorrelation(1)),
    (f"autocorrelation of returns at {HORIZON} bars, median asset", ratio, _autocorrelation(HORIZON)),
    (f"assets above their mean of {MEAN_BARS} bars, share over all bars", percent, lambda s: float(_mean(s.above))),
    ("up bars, share", percent, _up_bars),
    ("mean correlation of pairs of assets", ratio, _correlation),
    ("dispersion (standard deviation of returns across assets in a bar, mean)", percent,
     lambda s: float(_mean(_spread(s.returns, 1)))),
    ("dollar volume over the whole window's mean, median asset", ratio, lambda s: _median(_mean(s.traded, axis=0))),
)  # fmt: skip
