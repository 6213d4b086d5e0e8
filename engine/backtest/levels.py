"""Where the stop and the target of each trade lay, bar by bar: rule 2 of `docs/execution.md`."""

import numpy as np
import pandas as pd

from engine.backtest.simulation import Market


def trade_levels(market: Market, trades: pd.DataFrame) -> pd.DataFrame:
    """A row for each bar of the window at which one of these trades of one asset was open, from its entry's to its exit's.

    `trade`: position in `trades`; `bar`; `stop`: the tighter of stop and trailing stop; `trailing`: whether that is the trailing
    one; `target`. Prices, NaN where there is none. `trades`: rows of `simulate_trades`.
    """
    return pd.concat([_EMPTY] + [_one(market, at, trade) for at, (_, trade) in enumerate(trades.iterrows())], ignore_index=True)


_EMPTY = pd.DataFrame(
    {"trade": np.zeros(0, np.int64), "bar": np.zeros(0, np.int64), "stop": np.zeros(0), "trailing": np.zeros(0, bool),
     "target": np.zeros(0)}
)  # fmt: skip


def _one(market: Market, at: int, trade: pd.Series) -> pd.DataFrame:
    first, last, price = int(trade["entry_bar"]), int(trade["exit_bar"]), float(trade["entry_price"])
    asset = market.panel.symbols.index(str(trade["symbol"]))
    bars = market.panel.by_bar[asset, market.window.start + first : market.window.start + last + 1]
    is_long = trade["direction"] == "long"
    side = 1 if is_long else -1
    reached = bars[:-1, 1] if is_long else bars[:-1, 2]
    better = np.fmax if is_long else np.fmin
    best = better.accumulate(np.concatenate([[price], reached]))  # a missing bar moves nothing
    stop = price * (1 - side * float(trade["stop_loss"]))
    trailing = best * (1 - side * float(trade["trailing_stop"]))
    level = better(np.full(len(best), stop), trailing)
    return pd.DataFrame(
        {"trade": at, "bar": np.arange(first, last + 1), "stop": level,
         "trailing": (trailing == level) & ~(level == stop),
         "target": price * (1 + side * float(trade["take_profit"]))}
    )  # fmt: skip
