"""Every trade of a result with what it went through and what was known when it was decided: what all explanation starts from."""

import numpy as np
import pandas as pd

from engine.backtest.excursions import excursions
from engine.backtest.portfolio import Result
from engine.backtest.simulation import Market
from engine.features.entry_states import RECENT, STATES, entry_states

STOPS = ("stop_loss", "trailing_stop")
STATE_NAMES = tuple(state.name for state in STATES)
INDICATOR = "ta."
"""Begins the names of columns with what the strategy's own indicators said."""


def trade_table(result: Result, indicators: pd.DataFrame | None = None) -> pd.DataFrame:
    """The trades of a result in order of asset and entry, with the columns of `simulate_trades` and these behind them.
    `indicators`: what the strategy's own said when each trade was decided, if that is known: a row a trade; these come last.

    `asset`: column of the panel. `mae`, `mfe`, `mae_bar`, `mfe_bar`: `backtest.excursions`. `gap`: open of the entry's bar over
    the close at which it was decided, less one. `stops_before`: how many trades of the asset in a row before this one were
    stopped out at a loss, each entered within RECENT bars of the stop before it, this one too. `market_during`: mean return of
    all assets from the deciding close to the last close at which the trade was held. Then the columns of `entry_states` at the
    deciding close.
    """
    market, trades = result.market, result.trades
    table = trades.assign(asset=asset_of(market, trades))
    found = excursions(market, trades)
    table = table.assign(
        mae=found.adverse, mfe=found.favourable, mae_bar=found.adverse_bar, mfe_bar=found.favourable_bar,
        gap=_gaps(market, table), stops_before=stops_before(table), market_during=_market_during(market, table),
    )  # fmt: skip
    states = entry_states(market.panel, decided_rows(market, trades), table["asset"].to_numpy())
    said = pd.DataFrame(index=table.index) if indicators is None else indicators.set_axis(table.index).add_prefix(INDICATOR)
    return pd.concat([table, states, said], axis=1)


def indicator_columns(table: pd.DataFrame) -> list[str]:
    """The columns of a trade table with what the strategy's own indicators said."""
    return [str(name) for name in table if str(name).startswith(INDICATOR)]


def asset_of(market: Market, trades: pd.DataFrame) -> np.ndarray:
    """The panel's column of each trade."""
    return pd.Index(market.panel.symbols).get_indexer(pd.Index(trades["symbol"])).astype(np.int64)


def decided_rows(market: Market, trades: pd.DataFrame) -> np.ndarray:
    """The panel's row at whose close each trade was decided."""
    return market.window.start + trades["entry_bar"].to_numpy(np.int64) - 1


def last_rows(market: Market, trades: pd.DataFrame) -> np.ndarray:
    """The panel's row of the last close before the bar in which each trade ended."""
    return market.window.start + trades["exit_bar"].to_numpy(np.int64) - 1


def is_stopped(table: pd.DataFrame) -> np.ndarray:
    """Which trades were stopped out at a loss."""
    return (table["reason"].isin(STOPS) & (table["pnl"] < 0)).to_numpy()


def follows(table: pd.DataFrame, bars: int = RECENT) -> np.ndarray:
    """Which trades were entered within so many bars of the end of the asset's trade before."""
    asset = table["asset"].to_numpy()
    entry, leave = table["entry_bar"].to_numpy(np.int64), table["exit_bar"].to_numpy(np.int64)
    out = np.zeros(len(table), bool)
    out[1:] = (asset[1:] == asset[:-1]) & (entry[1:] - leave[:-1] <= bars)
    return out


def stops_before(table: pd.DataFrame, bars: int = RECENT) -> np.ndarray:
    """How many entries in a row before each trade were stopped out, each within so many bars of the next."""
    place, chasing = np.arange(len(table)), follows(table, bars)
    chasing[1:] &= is_stopped(table)[:-1]
    return place - np.maximum.accumulate(np.where(chasing, 0, place)) if len(table) else place


def _gaps(market: Market, table: pd.DataFrame) -> np.ndarray:
    rows, asset = decided_rows(market, table), table["asset"].to_numpy()
    return market.panel.open[rows + 1, asset] / market.panel.close[rows, asset] - 1.0


def _market_during(market: Market, table: pd.DataFrame) -> np.ndarray:
    """Growth of the mean of all assets' returns, each since its last bar, while each trade was held."""
    rows = slice(max(market.window.start - 1, 0), market.window.stop)
    close = pd.DataFrame(market.panel.close[rows]).ffill().to_numpy()
    returns = close[1:] / close[:-1] - 1.0
    known = ~np.isnan(returns)
    mean = np.where(known, returns, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    growth = np.cumprod(np.concatenate([np.ones(1 + (market.window.start == 0)), 1.0 + mean]))
    entry, leave = table["entry_bar"].to_numpy(np.int64), table["exit_bar"].to_numpy(np.int64)
    last = leave - table["reason"].isin(("exit_signal", "reverse", "max_bars")).to_numpy()
    return growth[last + 1] / growth[entry] - 1.0
