"""What a strategy sees as `market`: frames without names, dates or price levels from which history could be recited."""

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from engine.features.indicators import Indicators
from engine.market.bars import FIELDS
from engine.strategy.contract import Shape
from engine.strategy.params import ContractBreach

_HOUR_NS = 3_600_000_000_000
_DAY_NS = 24 * _HOUR_NS


class MarketView:
    """The `market` argument of `signals`.

    `open`, `high`, `low`, `close`, `volume`: read-only frames (bars, assets), made when first asked for. Columns are A000
    (the reference asset), A001, …; row labels are numbers from a drawn offset. Each asset's prices are multiplied by a power
    of two, which brings its first close between 1 and 256, and its volume is divided by it: exact in floating point, and
    dollar volume is kept. `hour` (0-23) and `weekday` (0-6, Monday 0): integer frames, UTC. `features`: further frames.
    """

    def __init__(
        self, header: dict[str, Any], times_ns: np.ndarray, fields: list[np.ndarray], *, ta: Indicators, rng: np.random.Generator
    ) -> None:
        rows, assets = header["rows"], header["assets"]
        offset = int(rng.integers(1_000, 1_000_000))
        self.timeframe: str = header["timeframe"]
        self.bars_per_year: float = header["bars_per_year"]
        self.shape = Shape(
            pd.RangeIndex(offset, offset + rows), pd.Index([f"A{i:03d}" for i in range(assets)]), header["lead_in"]
        )
        self.features: dict[str, pd.DataFrame] = {}
        self._ta = ta
        self._times = times_ns
        self._raw = dict(zip(FIELDS, fields, strict=True))
        self._has_volume = header["has_volume"]
        self._scale = _scales(self._raw["close"], rng)

    def _frame(self, name: str, by_asset: np.ndarray) -> pd.DataFrame:
        """A read-only frame over the array itself, known to `ta` so that what is computed from it can be cached."""
        by_asset.flags.writeable = False
        frame = pd.DataFrame(by_asset.T, index=self.shape.index, columns=self.shape.columns, copy=False)
        self._ta.register(frame, name)
        return frame

    def _price(self, name: str) -> pd.DataFrame:
        return self._frame(name, self._raw[name] * self._scale[:, None])

    @cached_property
    def open(self) -> pd.DataFrame:
        return self._price("open")

    @cached_property
    def high(self) -> pd.DataFrame:
        return self._price("high")

    @cached_property
    def low(self) -> pd.DataFrame:
        return self._price("low")

    @cached_property
    def close(self) -> pd.DataFrame:
        return self._price("close")

    @cached_property
    def volume(self) -> pd.DataFrame:
        if not self._has_volume:
            raise ContractBreach("the strategy reads market.volume, but this dataset has no volume; use a dataset that has it")
        return self._frame("volume", self._raw["volume"] / self._scale[:, None])

    @cached_property
    def hour(self) -> pd.DataFrame:
        return self._clock("hour", (self._times % _DAY_NS) // _HOUR_NS)

    @cached_property
    def weekday(self) -> pd.DataFrame:
        return self._clock("weekday", (self._times // _DAY_NS + 3) % 7)  # 1970-01-01 was a Thursday

    def _clock(self, name: str, values: np.ndarray) -> pd.DataFrame:
        return self._frame(name, np.repeat(values[None, :], len(self.shape.columns), axis=0))


def _scales(close: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """For each asset a power of two that brings its first close into [1, 256)."""
    first = np.argmax(~np.isnan(close), axis=1)
    price = close[np.arange(len(close)), first]
    level = np.floor(np.log2(np.where(price > 0, price, 1.0)))
    return np.ldexp(1.0, (rng.integers(0, 8, len(close)) - level).astype(int))
