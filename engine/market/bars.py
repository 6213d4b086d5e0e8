"""The panel: all bars of one dataset as aligned arrays, and the rules that make it."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from engine.errors import DataError

FIELDS = ("open", "high", "low", "close", "volume")
DAY_S = 86_400
DAY_NS = DAY_S * 1_000_000_000


@dataclass(frozen=True, eq=False)
class Panel:
    """Bars of one dataset.

    `open`, `high`, `low`, `close`, `volume`: float64 of shape (bars, assets), asset-contiguous (Fortran order), often
    memory-mapped and never to be written. Where an asset has no bar all five are NaN; without a volume column volume is
    NaN throughout. `times_ns`: int64 nanoseconds since 1970 UTC of each bar's open, strictly increasing: the union of the
    times that occur. Column 0 is the reference asset. `last_row`: each asset's last row that holds a bar; an asset whose
    last row is not the panel's last is *delisted* then. `days_per_year` counts days with bars: 365, 252 where markets close
    on weekends, 52 for weekly bars.
    """

    name: str
    symbols: tuple[str, ...]
    times_ns: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray
    data_hash: str
    bar_s: int
    days_per_year: int
    has_volume: bool = True
    synthetic: bool = False

    @property
    def bars(self) -> int:
        return int(self.close.shape[0])

    @property
    def assets(self) -> int:
        return int(self.close.shape[1])

    @cached_property
    def exists(self) -> np.ndarray:
        """Bool (bars, assets), Fortran order: the asset has a bar."""
        return ~np.isnan(self.close)

    @cached_property
    def by_bar(self) -> np.ndarray:
        """(assets, bars, 4) of open, high, low, close: each bar in one piece of memory; made once, shared by all windows."""
        return np.stack([self.open.T, self.high.T, self.low.T, self.close.T], axis=2)

    @cached_property
    def first_row(self) -> np.ndarray:
        """Each asset's first row with a bar."""
        return np.argmax(self.exists, axis=0)

    @cached_property
    def last_row(self) -> np.ndarray:
        """Each asset's last row with a bar."""
        return self.bars - 1 - np.argmax(self.exists[::-1], axis=0)

    @property
    def survivors_only(self) -> bool:
        """No asset ends before the panel does: results carry survivorship bias."""
        return bool((self.last_row == self.bars - 1).all())

    @cached_property
    def bars_per_year(self) -> float:
        """Rows in a year of this market, for annualisation: days_per_year times the median rows in a UTC day.

        For bars longer than a day, of which none falls on most days, the bars that a calendar year holds.
        """
        if self.bar_s > DAY_S:
            return 365 * DAY_S / self.bar_s
        _, rows = np.unique(self.days, return_counts=True)
        return float(self.days_per_year * np.median(rows))

    @cached_property
    def days(self) -> np.ndarray:
        """UTC day number of each row."""
        return self.times_ns // DAY_NS

    @property
    def timeframe(self) -> str:
        """The bar length as traders write it: 15m, 1h, 1d."""
        for unit, seconds in (("w", 7 * DAY_S), ("d", DAY_S), ("h", 3_600), ("m", 60)):
            if self.bar_s % seconds == 0:
                return f"{self.bar_s // seconds}{unit}"
        return f"{self.bar_s}s"

    def candles(self, symbol: str, start: int, stop: int) -> pd.DataFrame:
        """The asset's bars in rows [start, stop), indexed by the UTC time of their open. Raises DataError if not held."""
        if symbol not in self.symbols:
            raise DataError(
                f"no asset {symbol!r} in {self.name}; choose one of its {self.assets} assets, such as {self.symbols[0]}"
            )
        column, rows = self.symbols.index(symbol), slice(start, stop)
        times = pd.DatetimeIndex(self.times_ns[rows], tz="UTC", name="time")
        frame = pd.DataFrame({field: getattr(self, field)[rows, column] for field in FIELDS}, index=times)
        return frame[frame["close"].notna()]

    def select(self, symbols: tuple[str, ...]) -> "Panel":
        """The panel with only those assets, in that order, all rows kept. Raises KeyError for an unknown symbol."""
        if symbols == self.symbols:
            return self
        at = {s: i for i, s in enumerate(self.symbols)}
        columns = [at[s] for s in symbols]
        arrays: dict[str, Any] = {f: np.asfortranarray(getattr(self, f)[:, columns]) for f in FIELDS}
        return replace(self, symbols=tuple(symbols), **arrays)
