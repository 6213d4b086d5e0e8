"""The strategy contract, child side: what `signals` is given, and the reading of what it returns."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from engine.records import Signals
from engine.strategy.packing import BITS, RISKS, pack_signals
from engine.strategy.params import ContractBreach

KEYS = (*BITS, *RISKS, "max_bars", "cooldown", "rank", "plot")
MAX_TAGS = 8
_DOMAINS: dict[str, tuple[Callable[..., Any], str]] = {
    "stop_loss": (lambda v: (v > 0) & (v < 1), "in (0, 1)"),
    "trailing_stop": (lambda v: (v > 0) & (v < 1), "in (0, 1)"),
    "take_profit": (lambda v: (v > 0) & np.isfinite(v), "above 0"),
    "size": (lambda v: (v > 0) & (v <= 1), "in (0, 1]"),
}


@dataclass(frozen=True)
class Shape:
    """What every frame must look like: the market's rows and columns, of which the first `lead_in` rows are not traded."""

    index: pd.Index
    columns: pd.Index
    lead_in: int

    @property
    def size(self) -> tuple[int, int]:
        return len(self.index), len(self.columns)


def _found(value: Any) -> str:
    if isinstance(value, pd.DataFrame):
        kinds = sorted({str(d) for d in value.dtypes})
        return f"a frame of {value.shape[0]} x {value.shape[1]} with {', '.join(kinds[:3])} values"
    if isinstance(value, pd.Series):
        return f"a series of {len(value)} {value.dtype} values"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} with {value.dtype} values"
    return f"{value!r:.40} ({type(value).__name__})" if isinstance(value, int | float | str) else f"a {type(value).__name__}"


def _values(key: str, value: Any, shape: Shape, wanted: str) -> np.ndarray:
    """The array of a frame or array that has the market's shape, rows and columns."""
    rows, assets = shape.size
    if isinstance(value, pd.DataFrame) and value.shape == shape.size:
        same_rows = value.index is shape.index or value.index.equals(shape.index)
        if not (same_rows and (value.columns is shape.columns or value.columns.equals(shape.columns))):
            raise ContractBreach(f"{key!r} has the rows or columns of the market in another order or under other labels")
        return value.to_numpy()
    if type(value) is np.ndarray and value.shape == shape.size:
        return value
    raise ContractBreach(f"{key!r} is {_found(value)}; wanted {wanted} of {rows} bars x {assets} assets, as market.close is")


def _flags(key: str, value: Any, shape: Shape) -> np.ndarray:
    values = _values(key, value, shape, "a boolean frame or array")
    if values.dtype != np.bool_:
        raise ContractBreach(
            f"{key!r} is {_found(value)}; wanted booleans (compare with > or <, and use shift(1, fill_value=False))"
        )
    return values[shape.lead_in :]


def _floats(key: str, value: Any, shape: Shape) -> np.ndarray:
    values = _values(key, value, shape, "a float frame")
    if values.dtype.kind not in "fiu":
        raise ContractBreach(f"{key!r} is {_found(value)}; wanted float values")
    return values[shape.lead_in :].astype(np.float64, copy=False)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _risk(key: str, value: Any, shape: Shape, cells: np.ndarray) -> float | np.ndarray | None:
    """A risk value in its domain; of a frame only the deciding cells matter, where NaN forbids the entry."""
    if value is None:
        return None
    fits, wanted = _DOMAINS[key]
    if _is_scalar(value):
        if not fits(np.float64(value)):
            raise ContractBreach(f"{key!r} is {float(value):g}; wanted a value {wanted}")
        return float(value)
    values = _floats(key, value, shape)
    decided = values[cells]
    bad = ~fits(decided) & ~np.isnan(decided)
    if bad.any():
        raise ContractBreach(
            f"{key!r} is {decided[bad][0]:g} at one of {int(bad.sum())} entries; wanted values {wanted}, or NaN for none"
        )
    return values


def _count(key: str, value: Any, least: int) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or not least <= value <= 2**31:
        raise ContractBreach(f"{key!r} is {_found(value)}; wanted a whole number of at least {least}, or None")
    return int(value)


def _tagged(value: dict[Any, Any], shape: Shape) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """OR of named entries, and for each cell the index of the first true name."""
    if not 1 <= len(value) <= MAX_TAGS or not all(isinstance(n, str) and 0 < len(n) <= 40 for n in value):
        raise ContractBreach(
            f"'entries' is a dict of {len(value)}; wanted 1 to {MAX_TAGS} named frames with names of 1 to 40 letters"
        )
    named = [_flags(f"entries[{name!r}]", frame, shape) for name, frame in value.items()]
    entries = np.logical_or.reduce(named)
    return entries, np.argmax(np.stack(named), axis=0).astype(np.uint8), tuple(value)


def read_answer(answer: Any, shape: Shape, *, with_shorts: bool = True) -> Signals:
    """Packed signals of what `signals` returned, the lead-in cut off; on request without the short side.

    Raises ContractBreach: what was found and wanted.
    """
    if not isinstance(answer, dict):
        raise ContractBreach(
            f"signals returned {_found(answer)}; wanted a dict with 'entries' and, at will, {', '.join(KEYS[1:])}"
        )
    for key in answer:
        if key not in KEYS:
            raise ContractBreach(f"signals returned the unknown key {key!r:.60}; allowed are {', '.join(KEYS)}")
    if "entries" not in answer:
        raise ContractBreach("signals returned no 'entries'; wanted a boolean frame under that key")
    flags: dict[str, np.ndarray] = {}
    tag: np.ndarray | None = None
    names: tuple[str, ...] = ()
    if isinstance(answer["entries"], dict):
        flags["entries"], tag, names = _tagged(answer["entries"], shape)
    for key in BITS:
        if key not in flags and answer.get(key) is not None:
            flags[key] = _flags(key, answer[key], shape)
    if not with_shorts:
        flags = {key: frame for key, frame in flags.items() if not key.startswith("short")}
    if "entries" not in flags:
        raise ContractBreach("'entries' is None; wanted a boolean frame")
    cells = flags["entries"] | flags["short_entries"] if "short_entries" in flags else flags["entries"]
    if not isinstance(answer.get("plot", {}), dict):
        raise ContractBreach(f"'plot' is {_found(answer['plot'])}; wanted a dict of names to frames")
    return pack_signals(
        flags,
        {key: _risk(key, answer.get(key), shape, cells) for key in RISKS},
        max_bars=_count("max_bars", answer.get("max_bars"), 1),
        cooldown=_count("cooldown", answer.get("cooldown"), 0) or 0,
        rank=None if answer.get("rank") is None else _floats("rank", answer["rank"], shape),
        tag=tag,
        tag_names=names,
    )
