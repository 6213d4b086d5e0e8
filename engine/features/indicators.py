"""Indicators over whole panels: every TA-Lib function, each asset on its own bars, computed once and kept.

    ta = Indicators()
    ta.register(close, "close")
    fast = ta.ema(close, 20)                     # a frame like `close`
    bands = ta.bbands(close, 20, 2.0, 2.0)       # bands.upperband, bands.middleband, bands.lowerband
    entries = ta.crossed_above(fast, bands.middleband)

The only home of TA-Lib.
"""

import difflib
import inspect
import math
from collections import namedtuple
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd
from talib import __TA_FUNCTION_NAMES__, _ta_lib, abstract  # type: ignore[attr-defined]

from engine.features.frame_cache import FrameCache, Kept, KnownFrame
from engine.features.frames import Labels, describe, find_runs, join_runs, to_arrays, to_frame

Compute = Callable[[list[np.ndarray], list[KnownFrame | None]], list[np.ndarray]]
"""Makes outputs from inputs, all (assets, bars); beside each input what is known of its frame."""

NAMES: frozenset[str] = frozenset({*(name.lower() for name in __TA_FUNCTION_NAMES__), "crossed_above", "crossed_below"})
"""All names that `Indicators` answers to."""

C_INT_MAX = 2**31 - 1
REAL_MAX = 3e37  # TA-Lib's bound where a real parameter has no other; -4e37 means "default" to it


class Indicators:
    """TA-Lib by lower-case name: `ta.atr(high, low, close, 14)`.

    Arguments are those of `talib.NAME`: its inputs first, in its order, frames or arrays of one shape (bars, assets),
    cast to float64; then its parameters, by position or keyword. Each asset is computed on its own bars: a row where any
    of its inputs is NaN is left out and stays NaN. So does the warm-up of every output, candle patterns included.
    Functions named `*index` return how many of the asset's own bars ago the extreme stood.

    Returns a float64 frame with the labels of the first frame given, or a named tuple of frames with TA-Lib's output
    names. Results are read-only. The same call on the same registered frames, or on results of such calls, returns the
    same object until newer results have crowded it out of `cache_mb`; a call on any other frame is computed anew each
    time. Not for use by several threads.

    Raises AttributeError for an unknown name (with the nearest one), TypeError for wrong arguments, ValueError for
    parameters out of TA-Lib's range and for inputs that do not match each other.

    `calls`: set it to a list and every call appends (label, frame) for each output, cached or not; a label reads
    `ema(close, 20)`.
    """

    def __init__(self, *, cache_mb: float = 320) -> None:
        self.calls: list[tuple[str, pd.DataFrame]] | None = None
        self._cache = FrameCache(int(cache_mb * 2**20))
        self._labels: Labels | None = None

    def register(self, frame: pd.DataFrame, name: str = "frame") -> None:
        """Promise that `frame` never changes, so that what is computed from it is kept; `name` stands in labels.

        It is held weakly. The first one's labels are given to results of calls on arrays of its shape. Raises ValueError
        unless its values are one read-only array.
        """
        self._cache.promise(frame, name)
        self._labels = self._labels or (frame.index, frame.columns)

    def crossed_above(self, a: Any, b: Any) -> pd.DataFrame:
        """Bool frame: a > b at this row and a <= b on the row before. `b` is a frame or a number; NaN compares False."""
        return self._crossed("crossed_above", a, b, np.greater, np.less_equal)

    def crossed_below(self, a: Any, b: Any) -> pd.DataFrame:
        """Bool frame: a < b at this row and a >= b on the row before. `b` is a frame or a number; NaN compares False."""
        return self._crossed("crossed_below", a, b, np.less, np.greater_equal)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name in NAMES:
            return partial(self._indicator, _function(name))
        nearest = [] if name.startswith("_") else difflib.get_close_matches(name.lower(), sorted(NAMES), n=1, cutoff=0.5)
        hint = f"; the nearest name is ta.{nearest[0]}" if nearest else ""
        raise AttributeError(f"ta has no {name!r}, it holds TA-Lib's functions by their lower-case names{hint}")

    def _indicator(self, function: "_Function", *args: Any, **kwargs: Any) -> Any:
        inputs, parameters = function.bind(args, kwargs)
        compute = partial(function.over_assets, parameters=parameters)
        frames = self._kept(function.name, inputs, parameters, function.outputs, compute)
        return function.pack(*frames) if function.pack else frames[0]

    def _crossed(self, name: str, a: Any, b: Any, beyond: np.ufunc, short_of: np.ufunc) -> pd.DataFrame:
        level: tuple[float, ...] = ()
        inputs = {"a": a, "b": b}
        if not isinstance(b, pd.DataFrame | np.ndarray):
            level = (float(_number(b, f"ta.{name} wants b to be a frame or a number")),)
            del inputs["b"]

        def compute(arrays: list[np.ndarray], _: list[KnownFrame | None]) -> list[np.ndarray]:
            left, right = arrays[0], level[0] if level else arrays[1]
            crossed, before = beyond(left, right), short_of(left, right)
            crossed[:, 1:] &= before[:, :-1]
            crossed[:, :1] = False
            return [crossed]

        return self._kept(name, inputs, level, ("real",), compute)[0]

    def _kept(
        self, name: str, inputs: dict[str, Any], parameters: tuple[float, ...], outputs: tuple[str, ...], compute: Compute
    ) -> tuple[pd.DataFrame, ...]:
        """The frames of one call: from the cache where no input can have changed since, else computed."""
        known = [self._cache.recall(value) for value in inputs.values()]
        key = (name, tuple(k.key for k in known if k), parameters) if all(known) else None
        kept = self._cache.get(key) if key else None
        if kept is None:
            arrays, labels = to_arrays(f"ta.{name}", inputs, self._labels)
            frames = tuple(to_frame(array, labels) for array in compute(arrays, known))
            call = f"{name}({', '.join([*(k.label if k else 'expression' for k in known), *map(str, parameters)])})"
            kept = Kept(frames, tuple(f"{call}.{output}" for output in outputs) if len(outputs) > 1 else (call,))
            if key:
                self._cache.put(key, kept)
        if self.calls is not None:
            self.calls.extend(zip(kept.labels, kept.frames, strict=True))
        return kept.frames


@dataclass(frozen=True, eq=False)
class _Function:
    """One TA-Lib function: its inputs, its parameters with their defaults, its outputs."""

    name: str
    call: Callable[..., Any]
    inputs: tuple[str, ...]
    defaults: dict[str, Any]
    outputs: tuple[str, ...]
    pack: Callable[..., Any] | None
    described: Any

    @property
    def usage(self) -> str:
        return f"ta.{self.name}({', '.join([*self.inputs, *(f'{k}={v}' for k, v in self.defaults.items())])})"

    def bind(self, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[dict[str, Any], tuple[float, ...]]:
        """Inputs by name, and all parameters in TA-Lib's order."""
        names = (*self.inputs, *self.defaults)
        if len(args) > len(names):
            raise TypeError(f"found {len(args)} arguments, wanted {self.usage}")
        given = dict(zip(names, args, strict=False))
        for key, value in kwargs.items():
            if key not in names or key in given:
                raise TypeError(f"keyword {key} is {'given twice' if key in given else 'unknown'}, wanted {self.usage}")
            given[key] = value
        missing = [name for name in self.inputs if name not in given]
        if missing:
            raise TypeError(f"no frame given for {' and '.join(missing)}, wanted {self.usage}")
        parameters = tuple(self._parameter(name, given.get(name, default)) for name, default in self.defaults.items())
        return {name: given[name] for name in self.inputs}, parameters

    def _parameter(self, name: str, value: Any) -> float:
        whole = isinstance(self.defaults[name], int)
        wanted = f"{self.usage} wants {name} to be a {'whole' if whole else 'finite'} number"
        number = _number(value, wanted)
        if not math.isfinite(number):
            raise ValueError(f"{wanted}, found {value}")
        if whole and number != int(number):
            raise TypeError(f"{wanted}, found {value}")
        return int(number) if whole else float(number)

    def lookback(self, parameters: Sequence[float]) -> int:
        """How many of an asset's bars come before its first value; -1 where TA-Lib refuses the parameters."""
        if any(abs(p) > (C_INT_MAX if isinstance(p, int) else REAL_MAX) for p in parameters):
            return -1
        self.described.parameters = dict(zip(self.defaults, parameters, strict=True))
        return int(self.described.lookback)

    def over_assets(
        self, arrays: list[np.ndarray], known: list[KnownFrame | None], *, parameters: tuple[float, ...]
    ) -> list[np.ndarray]:
        """The outputs as (assets, bars); where a known frame has values is noted in it."""
        lookback = self.lookback(parameters)
        if lookback < 0:
            raise ValueError(self._refusal(parameters))
        found = [k.runs if k and k.runs else find_runs(array) for array, k in zip(arrays, known, strict=True)]
        for frame, run in zip(known, found, strict=True):
            if frame:
                frame.runs = run
        runs = join_runs(found)
        outputs: list[np.ndarray] = [np.empty(arrays[0].shape) for _ in self.outputs]
        for asset in range(len(arrays[0])):
            rows = runs.rows(asset)
            lines = self._one_asset([array[asset, rows] for array in arrays], parameters, lookback)
            for output, line in zip(outputs, lines, strict=True):
                if len(line) < output.shape[1]:
                    output[asset] = np.nan
                output[asset, rows] = line
        return outputs

    def _one_asset(self, columns: list[np.ndarray], parameters: tuple[float, ...], lookback: int) -> list[np.ndarray]:
        bars = len(columns[0])
        if bars <= lookback:
            return [np.full(bars, np.nan) for _ in self.outputs]
        values = self.call(*columns, *parameters)
        lines = []
        for value in values if self.pack else (values,):
            line = np.arange(bars) - value if self.name.endswith("index") else value
            line = line.astype(np.float64, copy=False)
            line[:lookback] = np.nan  # TA-Lib's whole-number outputs say 0 there, which is a value
            lines.append(line)
        return lines

    def _refusal(self, parameters: tuple[float, ...]) -> str:
        """Names the parameter that TA-Lib refuses and the range that it takes, the others being at their defaults."""

        def accepts(name: str, value: float) -> bool:
            return self.lookback(list({**self.defaults, name: value}.values())) >= 0

        for (name, default), value in zip(self.defaults.items(), parameters, strict=True):
            if not accepts(name, value):
                end = C_INT_MAX if isinstance(default, int) else REAL_MAX
                low, high = (_furthest(partial(accepts, name), default, outside) for outside in (-end, end))
                return f"ta.{self.name} was given {name}={value}, refused by TA-Lib, which takes {low:.10g} to {high:.10g}"
        given = ", ".join(f"{name}={value}" for name, value in zip(self.defaults, parameters, strict=True))
        return f"ta.{self.name} was given {given}, refused by TA-Lib in this combination"


@cache
def _function(name: str) -> _Function:
    described = abstract.Function(name)  # type: ignore[attr-defined]
    # The public function is a wrapper that looks for pandas and polars series in each call.
    call = inspect.unwrap(getattr(_ta_lib, name.upper()))
    inputs = tuple(p.name for p in inspect.signature(call).parameters.values() if p.default is p.empty)
    outputs = tuple(described.output_names)
    pack = namedtuple(name.upper(), outputs) if len(outputs) > 1 else None  # type: ignore[misc]
    return _Function(name, call, inputs, dict(described.parameters), outputs, pack, described)


def output_names() -> frozenset[str]:
    """Names of the outputs of all functions that have several, as `upperband` of `bbands`."""
    return frozenset(output for name in __TA_FUNCTION_NAMES__ for output in _function(name.lower()).outputs)


def _furthest(accepts: Callable[[float], bool], inside: float, outside: float) -> float:
    """The value nearest to `outside` that is accepted, for an interval around `inside`."""
    if accepts(outside):
        return outside
    while True:
        middle = (inside + outside) // 2 if isinstance(inside, int) else (inside + outside) / 2
        if middle in (inside, outside) or abs(outside - inside) < 1e-12:
            return inside
        inside, outside = (middle, outside) if accepts(middle) else (inside, middle)


def _number(value: Any, wanted: str) -> float:
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{wanted}, found {describe(value)}")
    return int(value) if isinstance(value, int | np.integer) else float(value)
