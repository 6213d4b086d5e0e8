"""What was known about an asset and its market when an entry was decided: figures that follow from past bars alone.

A value for (row, asset) uses bars up to the close of that row and nothing later. An asset's past is counted in bars of its own:
rows at which it has none are passed over.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numba import njit

from engine.features.regimes import REGIMES, horizons_of, market_moves, regimes, trailing_sums
from engine.market.bars import Panel

PAST = 500
"""So many bars a percentile is taken of, and the highest price."""
LEAST_PAST = 50
"""Of fewer bars neither is told."""
RECENT = 24
"""So many bars a recent move and the present volatility are measured over."""

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class State:
    """One state: its `name` as a column, what it is called, its unit, and whether it is one of a few `kinds` or a number."""

    name: str
    label: str
    unit: str
    kind: Literal["number", "class"]
    classes: tuple[str, ...] = ()


STATES = (
    State("hour", "hour of entry", "UTC", "class", tuple(f"{hour:02d}:00" for hour in range(24))),
    State("weekday", "weekday of entry", "UTC", "class", WEEKDAYS),
    State("month", "month of entry", "UTC", "class"),
    State("volume", "volume", f"percentile of the asset's last {PAST} bars", "number"),
    State("volatility", "volatility", f"percentile of the asset's last {PAST} bars", "number"),
    State("trend", "trend", "z of the asset's last moves", "number"),
    State("from_high", "price against its high", f"less the asset's highest in {PAST} bars", "number"),
    State("asset_move", "asset's move before", f"over {RECENT} bars", "number"),
    State("market_move", "market's move before", f"mean of all assets over {RECENT} bars", "number"),
    State("run", "bars in a row before", "up, or down below zero", "number"),
    State("regime", "regime of the market", "", "class", REGIMES),
)
"""Every state that needs bars alone, in the order of the columns."""

_VOLUME, _VOLATILITY, _TREND, _FROM_HIGH, _MOVE, _RUN = range(6)
_OF_ASSET = ("volume", "volatility", "trend", "from_high", "asset_move", "run")


def entry_states(panel: Panel, rows: np.ndarray, assets: np.ndarray) -> pd.DataFrame:
    """The states of the decisions at the close of `rows` (panel rows) for the assets in columns `assets`, one row each.

    Columns are the names of `STATES`: numbers as float, NaN where there is too little past; classes as int16 positions in their
    `classes`, -1 where unknown. `hour`, `weekday` and `month` (months since 1970-01) are those of the row behind, at whose open
    the entry fills.

    `volume`: share of the asset's last PAST bars before it with less volume, of equal ones half; `volatility` likewise of the
    mean square of the last RECENT log moves; `trend`: sum(r) / sqrt(sum(r^2)) of the log moves over the horizon of `regimes`;
    `from_high`: close over the highest high of the last PAST bars, less one; `run`: how many closes in a row rose, or fell
    below zero.
    """
    horizons = horizons_of(panel.bar_s)
    order = np.lexsort((rows, assets))
    starts = np.searchsorted(assets[order], np.arange(panel.assets + 1))
    found = np.full((len(_OF_ASSET), len(rows)), np.nan)
    _of_assets(panel.close, panel.high, panel.volume, rows[order], starts, horizons.trend_bars, found)
    in_order = np.empty_like(found)
    in_order[:, order] = found
    frame = pd.DataFrame(dict(zip(_OF_ASSET, in_order, strict=True)))
    times = pd.DatetimeIndex(panel.times_ns[np.minimum(rows + 1, panel.bars - 1)], tz="UTC")
    frame["hour"], frame["weekday"] = times.hour.astype(np.int16), times.day_of_week.astype(np.int16)
    frame["month"] = ((times.year - 1970) * 12 + times.month - 1).astype(np.int16)
    moves = market_moves(panel)
    frame["market_move"] = np.expm1(trailing_sums(moves, RECENT))[rows]
    frame["regime"] = regimes(moves, horizons)[rows].astype(np.int16)
    return frame[[s.name for s in STATES]]


def month_name(month: int) -> str:
    """`2024-03` of a number of months since 1970-01.

    >>> month_name(650)
    '2024-03'
    """
    return f"{1970 + month // 12}-{month % 12 + 1:02d}"


@njit(cache=True, nogil=True, error_model="numpy")
def _of_assets(
    close: np.ndarray, high: np.ndarray, volume: np.ndarray, rows: np.ndarray, starts: np.ndarray, trend_bars: int,
    found: np.ndarray,
) -> None:  # fmt: skip
    """Fill `found` (6, points) for points that stand in order of asset and row; those of asset a are starts[a]:starts[a + 1]."""
    bars, assets = close.shape
    highs, volumes, moves, squares = np.empty(bars), np.empty(bars), np.empty(bars), np.empty(bars)
    for asset in range(assets):
        own, row, last = 0, 0, 0.0
        for point in range(starts[asset], starts[asset + 1]):
            while row <= rows[point]:  # take the asset's own bars in, up to the one that decided
                price = close[row, asset]
                if not math.isnan(price):
                    highs[own], volumes[own] = high[row, asset], volume[row, asset]
                    moves[own] = math.log(price / last) if own else 0.0
                    recent = 0.0
                    for k in range(max(own - RECENT + 1, 1), own + 1):
                        recent += moves[k] * moves[k]
                    squares[own] = recent if own >= RECENT else math.nan
                    own, last = own + 1, price
                row += 1
            k = own - 1
            found[_VOLUME, point] = _percentile(volumes, k)
            found[_VOLATILITY, point] = _percentile(squares, k)
            found[_TREND, point] = _direction(moves, k, trend_bars)
            found[_FROM_HIGH, point] = last / highs[max(k - PAST + 1, 0) : k + 1].max() - 1.0 if k >= LEAST_PAST else math.nan
            found[_MOVE, point] = math.expm1(moves[k - RECENT + 1 : k + 1].sum()) if k >= RECENT else math.nan
            found[_RUN, point] = _run(moves, k)


@njit
def _percentile(values: np.ndarray, k: int) -> float:
    """Share of the PAST values before place k that lie below its own, of equal ones half; NaN of less than LEAST_PAST."""
    below, known, own = 0.0, 0, values[k]
    for i in range(max(k - PAST, 0), k):
        if not math.isnan(values[i]):
            known += 1
            below += 1.0 if values[i] < own else 0.5 if values[i] == own else 0.0
    return below / known if known >= LEAST_PAST and not math.isnan(own) else math.nan


@njit
def _direction(moves: np.ndarray, k: int, bars: int) -> float:
    if k < bars:
        return math.nan
    total, squares = 0.0, 0.0
    for i in range(k - bars + 1, k + 1):
        total += moves[i]
        squares += moves[i] * moves[i]
    return total / math.sqrt(squares) if squares > 0 else 0.0


@njit
def _run(moves: np.ndarray, k: int) -> float:
    """How many of the last moves have the sign of the last, negative for falls; 0 after none."""
    length = 0
    while k - length > 0 and moves[k - length] * moves[k] > 0:
        length += 1
    return math.copysign(length, moves[k]) if length else 0.0
