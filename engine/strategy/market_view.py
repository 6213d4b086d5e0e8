"""What a strategy sees as `market`: frames without names, dates or price levels from which history could be recited."""

import difflib
from typing import Any

import numpy as np
import pandas as pd

from engine.features.indicators import Indicators
from engine.market.bars import FIELDS
from engine.strategy.contract import Shape
from engine.strategy.params import ContractBreach

_HOUR_NS = 3_600_000_000_000
_DAY_NS = 24 * _HOUR_NS
FRAMES = (*FIELDS, "hour", "weekday")
FACTS = ("features", "timeframe", "bars_per_year")


class Named(dict[str, Any]):
    """A plain dict whose missing names are refused with what there is. `holder` is how the author writes it."""

    def __init__(self, values: dict[str, Any], holder: str) -> None:
        super().__init__(values)
        self._holder = holder

    def __missing__(self, name: object) -> Any:
        nearest = difflib.get_close_matches(str(name), self, n=1)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
        raise ContractBreach(f"{self._holder} has no {name!r:.60}; it holds {', '.join(self) or 'nothing'}{hint}")


class MarketFrames:
    """The frames of one window, made when first asked for and shared by the parameter sets of one child.

    Columns are A000 (the reference asset), A001, …; row labels are numbers from a drawn offset. Each asset's prices are
    multiplied by a power of two, which brings its first close between 1 and 256, and its volume is divided by it: exact in
    floating point, and dollar volume is kept.
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
        np.asarray(self.shape.index).flags.writeable = False  # pandas hands out these numbers, one array for all sets
        self.features: dict[str, pd.DataFrame] = {}
        self._has_volume = header["has_volume"]
        self._ta = ta
        self._frames: dict[str, tuple[pd.DataFrame, np.ndarray]] = {}
        self._raw = dict(zip(FIELDS, fields, strict=True))
        self._times_ns = times_ns
        self._scale = _scales(self._raw["close"], rng)[:, None]

    def _values(self, name: str) -> np.ndarray:
        """A new array (assets, bars)."""
        if name == "volume":
            return self._raw[name] / self._scale
        if name in self._raw:
            return self._raw[name] * self._scale
        days = self._times_ns // _DAY_NS
        line = (self._times_ns - days * _DAY_NS) // _HOUR_NS if name == "hour" else (days + 3) % 7  # 1970 began on a Thursday
        return np.repeat(line[None, :], len(self.shape.columns), axis=0)

    def frame(self, name: str) -> pd.DataFrame:
        """The read-only frame of that name, known to `ta` so that what is computed from it can be cached.

        Raises ContractBreach for the volume of a set that has none.
        """
        if name not in self._frames:
            if name == "volume" and not self._has_volume:
                raise ContractBreach(
                    "the strategy reads market.volume, but this dataset has no volume; use a dataset that has it"
                )
            values = self._values(name)
            values.flags.writeable = False
            frame = pd.DataFrame(values.T, index=self.shape.index, columns=self.shape.columns, copy=False)
            self._ta.register(frame, name)
            self._frames[name] = frame, values
        return self._frames[name][0]

    @property
    def scales(self) -> np.ndarray:
        """(assets,) what each asset's prices are multiplied by."""
        return self._scale[:, 0]

    def forget_altered(self) -> None:
        """Drop frames that a strategy has changed in place (a column set, labels renamed), so that they are made anew."""
        self.shape.index.name = self.shape.columns.name = None  # `rename(inplace=True)` writes them into the shared labels
        for name, (frame, values) in list(self._frames.items()):
            now = frame.to_numpy()
            same = now.shape == values.T.shape and now.ctypes.data == values.ctypes.data
            if not (same and frame.index is self.shape.index and frame.columns is self.shape.columns):
                del self._frames[name]


class MarketView:
    """The `market` argument of `signals`, for one parameter set; nothing can be assigned to it.

    `open`, `high`, `low`, `close`, `volume`: read-only frames (bars, assets). `hour` (0-23) and `weekday` (0-6, Monday 0):
    integer frames, UTC. `features`: further frames by name. `timeframe`, such as 1h; `bars_per_year`.
    """

    __slots__ = ("_frames", "features")

    def __init__(self, frames: MarketFrames) -> None:
        object.__setattr__(self, "_frames", frames)
        object.__setattr__(self, "features", Named(frames.features, "market.features"))

    def __getattr__(self, name: str) -> Any:
        frames: MarketFrames = object.__getattribute__(self, "_frames")
        if name in FRAMES:
            return frames.frame(name)
        if name in FACTS:
            return getattr(frames, name)
        known = (*FRAMES, *FACTS)
        nearest = [] if name.startswith("_") else difflib.get_close_matches(name.lower(), known, n=1)
        hint = f"; the nearest name is market.{nearest[0]}" if nearest else ""
        raise AttributeError(f"market has no {name!r:.60}, it holds {', '.join(known)}{hint}")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"market.{name} cannot be set; keep the new frame in a variable of your own")


def _scales(close: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """For each asset a power of two that brings its first close into [1, 256)."""
    first = np.argmax(~np.isnan(close), axis=1)
    price = close[np.arange(len(close)), first]
    level = np.floor(np.log2(np.where(price > 0, price, 1.0)))
    return np.ldexp(1.0, (rng.integers(0, 8, len(close)) - level).astype(int))
