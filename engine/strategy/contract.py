"""The strategy contract, child side: the reading of what `signals` returns."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from engine.records import Signals
from engine.strategy.packing import BITS, RISKS, pack_signals
from engine.strategy.params import ContractBreach

KEYS = (*BITS, *RISKS, "max_bars", "cooldown", "rank", "plot")
MAX_TAGS = 8
MAX_LINES = 12
MAX_NAME = 40
MAX_COUNT = 2**31
DOMAINS: dict[str, tuple[Callable[..., Any], str]] = {
    "stop_loss": (lambda v: (v > 0) & (v < 1), "in (0, 1)"),
    "trailing_stop": (lambda v: (v > 0) & (v < 1), "in (0, 1)"),
    "take_profit": (lambda v: (v > 0) & np.isfinite(v), "above 0"),
    "size": (lambda v: (v > 0) & (v <= 1), "in (0, 1]"),
}
"""Of each risk setting: which values fit, in whatever array, and how that is written."""


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
        return f"a {type(value).__name__} of shape {value.shape} with {value.dtype} values"
    return f"{value!r:.40} ({type(value).__name__})" if isinstance(value, int | float | str) else f"a {type(value).__name__}"


def _advice(value: Any, shape: Shape) -> str:
    """How a value of another shape most often came about."""
    rows, assets = shape.size
    if isinstance(value, pd.DataFrame) and value.shape[1] == rows + assets:
        return "; a series with one value a bar was put beside a frame: use frame.div(series, axis=0), frame.gt(series, axis=0)"
    if isinstance(value, pd.DataFrame) and value.shape[1] == assets and value.shape[0] < rows:
        return "; rows were lost: keep all of them, without dropna, iloc or resampling"
    if isinstance(value, pd.Series) and len(value) in (rows, assets):
        return "; one value a bar or an asset is not enough: compare whole frames"
    return ""


def _values(key: str, value: Any, shape: Shape, wanted: str) -> np.ndarray:
    """The array of a frame or array that has the market's shape, rows and columns."""
    rows, assets = shape.size
    if isinstance(value, pd.DataFrame) and value.shape == shape.size:
        same_rows = value.index is shape.index or value.index.equals(shape.index)
        if not (same_rows and (value.columns is shape.columns or value.columns.equals(shape.columns))):
            raise ContractBreach(
                f"{key} has rows or columns in another order or under other labels than the market; wanted those of market.close"
            )
        return value.to_numpy()
    if type(value) is np.ndarray and value.shape == shape.size:
        return value
    raise ContractBreach(
        f"{key} is {_found(value)}; wanted {wanted} of {rows} bars x {assets} assets, as market.close is{_advice(value, shape)}"
    )


def _flags(key: str, value: Any, shape: Shape) -> np.ndarray:
    values = _values(key, value, shape, "a boolean frame or array")
    if values.dtype == np.bool_:
        return values[shape.lead_in :]
    if values.dtype.kind == "O":
        how = "shift leaves gaps that turn booleans into objects: use shift(1, fill_value=False); else .astype(bool)"
    else:
        how = "compare with > or <, as in x > 0"
    raise ContractBreach(f"{key} is {_found(value)}; wanted plain booleans ({how})")


def _floats(key: str, value: Any, shape: Shape, wanted: str) -> np.ndarray:
    values = _values(key, value, shape, wanted)
    if values.dtype.kind not in "fiu":
        raise ContractBreach(f"{key} is {_found(value)}; wanted float values")
    return values[shape.lead_in :].astype(np.float64, copy=False)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _risk(key: str, value: Any, shape: Shape) -> float | np.ndarray | None:
    """A risk setting: None, a scalar in its domain, or floats (bars, assets) that are not yet checked."""
    if value is None:
        return None
    if not _is_scalar(value):
        return _floats(f"{key!r}", value, shape, "a number, None, or a float frame")
    fits, wanted = DOMAINS[key]
    try:
        number = float(value)
    except OverflowError:  # an int beyond all floats
        number = np.inf
    if not fits(np.float64(number)):
        raise ContractBreach(f"{key!r} is {number:g}; wanted a value {wanted}, or None")
    return number


def _check_cells(signals: Signals) -> Signals:
    """The signals, if what their risk frames say at the deciding cells fits; NaN there forbids the entry."""
    for key, (fits, wanted) in DOMAINS.items():
        values = getattr(signals, key)
        if isinstance(values, np.ndarray) and (bad := ~fits(values) & ~np.isnan(values)).any():
            raise ContractBreach(
                f"{key!r} is {values[bad][0]:g} at one of {int(bad.sum())} entries that do not fit;"
                f" wanted values {wanted}, or NaN for no entry"
            )
    return signals


def _count(key: str, value: Any, least: int) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or not least <= value <= MAX_COUNT:
        raise ContractBreach(f"{key!r} is {_found(value)}; wanted a whole number from {least} to {MAX_COUNT}, or None")
    return int(value)


def _check_names(key: str, named: Mapping[Any, Any]) -> None:
    for name in named:
        if not (isinstance(name, str) and 0 < len(name) <= MAX_NAME and name.isprintable()):
            raise ContractBreach(f"{key} has the name {name!r:.60}; wanted a text of 1 to {MAX_NAME} printable letters")


def _tagged(value: dict[Any, Any], shape: Shape) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """OR of named entries, and for each cell the index of the first true name."""
    if not 1 <= len(value) <= MAX_TAGS:
        raise ContractBreach(f"'entries' is a dict of {len(value)} frames; wanted 1 to {MAX_TAGS}")
    _check_names("'entries'", value)
    named = [_flags(f"'entries' {name!r}", frame, shape) for name, frame in value.items()]
    entries, tag = named[0].copy(order="K"), np.zeros_like(named[0], np.uint8)
    for i, flags in list(enumerate(named))[1:]:
        np.copyto(tag, np.uint8(i), where=flags & ~entries)
        entries |= flags
    return entries, tag, tuple(value)


def _check_plot(value: Any, shape: Shape) -> None:
    if not isinstance(value, dict):
        raise ContractBreach(f"'plot' is {_found(value)}; wanted a dict of names to frames")
    if len(value) > MAX_LINES:
        raise ContractBreach(f"'plot' has {len(value)} frames; wanted at most {MAX_LINES}")
    _check_names("'plot'", value)
    for name, frame in value.items():
        if _values(f"'plot' {name!r}", frame, shape, "a frame").dtype.kind not in "fiub":
            raise ContractBreach(f"'plot' {name!r} is {_found(frame)}; wanted numbers or booleans")


def _check_keys(answer: Any) -> None:
    if not isinstance(answer, dict):
        raise ContractBreach(
            f"signals returned {_found(answer)}; wanted a dict with 'entries' and, at will, {', '.join(KEYS[1:])}"
        )
    for key in answer:
        if key not in KEYS:
            nearest = difflib.get_close_matches(str(key), KEYS, n=1)
            hint = f"; did you mean {nearest[0]!r}?" if nearest else "; take it out of the dict behind return"
            raise ContractBreach(f"signals returned the unknown key {key!r:.60}; allowed are {', '.join(KEYS)}{hint}")
    if answer.get("entries") is None:
        found = "None as" if "entries" in answer else "no"
        raise ContractBreach(f"signals returned {found} 'entries'; wanted a boolean frame under that key")


def read_lines(answer: Any, shape: Shape, asset: int) -> dict[str, np.ndarray]:
    """The lines of `plot` for one asset, by name: floats, one a bar behind the lead-in, NaN where nothing is to be drawn.

    The answer is one that `read_answer` has let through.
    """
    frames = answer.get("plot") or {}
    columns = {name: _values(name, frame, shape, "a frame")[shape.lead_in :, asset] for name, frame in frames.items()}
    lines = {name: column.astype(np.float64) for name, column in columns.items()}
    return {name: np.where(np.isfinite(line), line, np.nan) for name, line in lines.items()}


def read_answer(answer: Any, shape: Shape, *, with_shorts: bool = True) -> Signals:
    """Packed signals of what `signals` returned, the lead-in cut off; on request without the short side.

    All of the answer is checked, the short side too if it is left out; but of risk frames only the deciding cells.
    Raises ContractBreach: what was found and wanted.
    """
    _check_keys(answer)
    flags: dict[str, np.ndarray] = {}
    tag: np.ndarray | None = None
    names: tuple[str, ...] = ()
    if isinstance(answer["entries"], dict):
        flags["entries"], tag, names = _tagged(answer["entries"], shape)
    for key in BITS:
        if key not in flags and answer.get(key) is not None:
            flags[key] = _flags(f"{key!r}", answer[key], shape)
    if not with_shorts:
        flags = {key: frame for key, frame in flags.items() if not key.startswith("short")}
    if answer.get("plot") is not None:
        _check_plot(answer["plot"], shape)
    rank = answer.get("rank")
    return _check_cells(
        pack_signals(
            flags,
            {key: _risk(key, answer.get(key), shape) for key in RISKS},
            max_bars=_count("max_bars", answer.get("max_bars"), 1),
            cooldown=_count("cooldown", answer.get("cooldown"), 0) or 0,
            rank=None if rank is None else _floats("'rank'", rank, shape, "a float frame"),
            tag=tag,
            tag_names=names,
        )
    )
