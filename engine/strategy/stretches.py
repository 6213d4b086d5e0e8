"""Windows for checking strategies at many bars in one run: real bars with made-up stretches between them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from engine.strategy.probe_windows import CLOSE, VOLUME, Excerpt, seal_excerpt
from engine.strategy.window_data import SealedWindow

_STEP, _DRIFT = 6.0, 0.2
"""How far a stretch leaves the last known close at once, and then with every bar, in standard deviations of a bar's return."""
_BUSYNESS = 1.5
_VOLATILITIES = (1e-4, 0.1)


class Stretches:
    """An excerpt in which stretches of so many bars can be made up. Equal seeds give equal bars."""

    def __init__(self, excerpt: Excerpt, bars: int) -> None:
        self._excerpt, self._bars = excerpt, bars
        self._close = pd.DataFrame(excerpt.fields[CLOSE].T).ffill().to_numpy().T
        returns = pd.DataFrame(np.log(self._close).T).diff()
        self._volatility = np.clip(returns.std().fillna(0.0).to_numpy(), *_VOLATILITIES)
        self._volume = pd.DataFrame(excerpt.fields[VOLUME].T).median().fillna(1.0).to_numpy()

    def seal(self, starts: Sequence[np.ndarray], *, seed: int, side: int) -> SealedWindow:
        """The excerpt with bars made up behind each start, and the real ones before and after them.

        `starts`: for each asset the bars at which a stretch begins. It goes on from the last known close, up or down by a wide
        step and then by a drift, in more or less volume; with the other `side` (1 or -1) the other way, and with side 0 there
        are no bars in it. An asset that had no bar yet has none made up.
        """
        excerpt, rng = self._excerpt, np.random.default_rng(seed)
        asset = np.repeat(np.arange(excerpt.assets), [len(own) for own in starts])
        row = np.concatenate([*starts, np.zeros(0, np.int64)]).astype(np.int64) + excerpt.lead_in
        listed = (row > 0) & ~np.isnan(self._close[asset, np.maximum(row - 1, 0)])
        asset, row = asset[listed], row[listed]
        made = self._made_up(asset, row, side * rng.choice([-1.0, 1.0], len(row)), rng)
        if not side:
            made[:] = np.nan
        rows = row[:, None] + np.arange(self._bars)
        inside = rows < excerpt.rows
        assets = np.broadcast_to(asset[:, None], rows.shape)[inside]
        fields = excerpt.fields.copy()
        fields[:, assets, rows[inside]] = made[:, inside]
        return seal_excerpt(replace(excerpt, fields=fields))

    def _made_up(self, asset: np.ndarray, row: np.ndarray, side: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(5, starts, bars) of made-up bars."""
        volatility = self._volatility[asset][:, None]
        last = self._close[asset, row - 1][:, None]
        path = np.cumsum(rng.standard_normal((len(row), self._bars)) + _DRIFT * side[:, None], axis=1) + _STEP * side[:, None]
        close = last * np.exp(volatility * path)
        opened = np.concatenate([last * np.exp(volatility * _STEP * side[:, None]), close[:, :-1]], axis=1)
        reach = np.exp(0.5 * volatility * np.abs(rng.standard_normal((2, *close.shape))))
        high, low = np.maximum(opened, close) * reach[0], np.minimum(opened, close) / reach[1]
        busy = np.exp(_BUSYNESS * side[:, None] + 0.5 * rng.standard_normal(close.shape))
        return np.stack([opened, high, low, close, self._volume[asset][:, None] * busy])
