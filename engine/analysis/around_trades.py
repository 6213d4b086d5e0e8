"""What an asset and the whole market did before, during and after trades, read from the bars of the window alone."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.backtest.simulation import Market
from engine.features.entry_states import RECENT

_AT_OPEN = ("exit_signal", "reverse", "max_bars")
BEFORE, DURING, AFTER = "before", "during", "after"


@dataclass(frozen=True)
class Around:
    """Moves of the asset and of the mean of all assets over RECENT bars before, during and after; NaN where there are no bars."""

    asset: dict[str, float]
    market: dict[str, float]


class Surroundings:
    """The closes of a market's window, for moves between its bars."""

    def __init__(self, market: Market) -> None:
        window = market.window
        close = pd.DataFrame(market.panel.close[window.start : window.stop])
        self._close = close.ffill().to_numpy()
        returns = np.nan_to_num(self._close[1:] / self._close[:-1] - 1.0)
        known = ~np.isnan(self._close[:-1])
        mean = np.where(known, returns, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        self._market = np.cumprod(np.concatenate([[1.0], 1.0 + mean]))
        self._bars = window.bars

    def of_trade(self, trade: pd.Series) -> Around:
        """Around one row of a trade table."""
        last = int(trade["exit_bar"]) - (trade["reason"] in _AT_OPEN)
        return self.around(int(trade["asset"]), int(trade["entry_bar"]) - 1, last)

    def around(self, asset: int | None, decided: int, last: int) -> Around:
        """Around the bars from a deciding close to the last close; asset None: of the market alone."""
        first, end = max(decided - RECENT, 0), min(last + RECENT, self._bars - 1)
        spans = {BEFORE: (first, max(decided, 0)), DURING: (max(decided, 0), last), AFTER: (last, end)}
        own = {name: np.nan if asset is None else self._asset_move(asset, *span) for name, span in spans.items()}
        return Around(own, {name: self._market_move(*span) for name, span in spans.items()})

    def _asset_move(self, asset: int, start: int, stop: int) -> float:
        first, last = self._close[start, asset], self._close[stop, asset]
        return float(last / first - 1.0) if stop > start and not np.isnan(first) else float("nan")

    def _market_move(self, start: int, stop: int) -> float:
        return float(self._market[stop] / self._market[start] - 1.0) if stop > start else float("nan")
