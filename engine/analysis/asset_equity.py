"""What each asset's trades had made at each close, open positions at their price."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from engine.backtest.portfolio import Result


def asset_equity(result: Result, symbols: Sequence[str]) -> pd.DataFrame:
    """A column for each of these assets over the window's bars (UTC opens): P/L at the close in shares of a sleeve's starting
    capital. Over all assets their sum, divided by the number of assets, is portfolio equity less one.

    An open position counts at the close, its costs of entry paid, those of an exit not yet.
    """
    market = result.market
    rows = slice(market.window.start, market.window.stop)
    made = np.zeros((market.window.bars, len(symbols)))
    for place, symbol in enumerate(symbols):
        close = pd.Series(market.panel.close[rows, market.panel.symbols.index(symbol)]).ffill().to_numpy()
        for trade in result.trades[result.trades["symbol"] == symbol].to_dict("records"):
            entry, leave = int(trade["entry_bar"]), int(trade["exit_bar"]) + (trade["reason"] == "open")
            side, quantity, price = 1 if trade["direction"] == "long" else -1, trade["quantity"], trade["entry_price"]
            paid = result.costs.fee_rate * quantity * price
            made[entry:leave, place] += side * quantity * (close[entry:leave] - price) - paid
            if trade["reason"] != "open":
                made[leave:, place] += trade["pnl"]
    return pd.DataFrame(made, result.times, columns=list(symbols))
