"""How far a trade went against and for its holder while it was open: MAE and MFE, after Sweeney 1996.

Only prices count of which it is known that the trade was open at them. Of the bar in which it ended these are the open and the
fill of its exit: which of the bar's other prices came before the exit nobody knows. So a trade's return before fees lies between
the two.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.backtest.simulation import Market

_THROUGHOUT = ("delisted", "open")
"""Reasons with which a trade sees all of its last bar."""


@dataclass(frozen=True, eq=False)
class Excursions:
    """One value a trade. `adverse` <= 0 and `favourable` >= 0: fractions of the entry price, before fees, 0 where price
    never went that way; `adverse_bar` and `favourable_bar`: bars (panel rows) since the entry's at which it stood there first."""

    adverse: np.ndarray
    favourable: np.ndarray
    adverse_bar: np.ndarray
    favourable_bar: np.ndarray


def excursions(market: Market, trades: pd.DataFrame) -> Excursions:
    """The excursions of trades as `simulate_trades` gives them."""
    if not len(trades):
        none = np.zeros(0)
        return Excursions(none, none, none.astype(np.int64), none.astype(np.int64))
    panel, first = market.panel, market.window.start
    asset = pd.Index(panel.symbols).get_indexer(pd.Index(trades["symbol"]))
    entry, leave = trades["entry_bar"].to_numpy(np.int64), trades["exit_bar"].to_numpy(np.int64)
    reason = trades["reason"].to_numpy(object).astype(str)
    price_in, price_out = trades["entry_price"].to_numpy(float), trades["exit_price"].to_numpy(float)
    rows = leave - entry + 1
    starts = np.cumsum(rows) - rows
    trade = np.repeat(np.arange(len(trades)), rows)
    since = np.arange(len(trade)) - starts[trade]
    cells = panel.by_bar[asset[trade], first + entry[trade] + since]
    low, high = cells[:, 2].copy(), cells[:, 1].copy()
    ends = starts + rows - 1  # the bar of the exit
    whole, opened = np.isin(reason, _THROUGHOUT), cells[ends, 0]
    low[ends] = np.minimum(np.where(whole, low[ends], opened), price_out)
    high[ends] = np.maximum(np.where(whole, high[ends], opened), price_out)
    is_long = (trades["direction"] == "long").to_numpy()
    at = price_in[trade]
    worst = np.where(is_long[trade], low / at - 1.0, 1.0 - high / at)
    best = np.where(is_long[trade], high / at - 1.0, 1.0 - low / at)
    adverse, adverse_bar = _first_least(np.minimum(worst, 0.0), starts, rows, trade, since)
    favourable, favourable_bar = _first_least(np.minimum(-best, 0.0), starts, rows, trade, since)
    return Excursions(adverse, 0.0 - favourable, adverse_bar, favourable_bar)


def _first_least(
    values: np.ndarray, starts: np.ndarray, rows: np.ndarray, trade: np.ndarray, since: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Each trade's least value and the bars until it first stood there; missing bars, NaN, are passed over."""
    least = np.fmin.reduceat(values, starts)
    places = np.where(values == least[trade], since, rows[trade])
    return least, np.minimum.reduceat(places, starts)
