"""Frames of bars x assets as arrays to compute on, and back.

Inside, a frame is its transpose: float64 of shape (assets, bars), each asset's bars contiguous.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

Labels = tuple[pd.Index, pd.Index]
"""Index and columns of a frame."""


class Runs(NamedTuple):
    """Where assets have values: rows `start` to `stop` of each, less those where `holes` (assets, bars) is True.

    `holes` is None if no asset has a NaN between its first and its last value.
    """

    start: np.ndarray
    stop: np.ndarray
    holes: np.ndarray | None

    def rows(self, asset: int) -> slice | np.ndarray:
        """The asset's rows that have values: a slice where it can be one, so that nothing is copied."""
        start, stop = int(self.start[asset]), int(self.stop[asset])
        if self.holes is None or not self.holes[asset, start:stop].any():
            return slice(start, stop)
        return start + np.flatnonzero(~self.holes[asset, start:stop])


def find_runs(array: np.ndarray) -> Runs:
    """Where each row of an (assets, bars) array has values."""
    assets, bars = array.shape
    start, stop = np.zeros(assets, np.int64), np.full(assets, bars)
    holes = np.isnan(array)
    broken = False
    for asset in np.flatnonzero(holes.any(axis=1)):
        hole = holes[asset]
        start[asset] = bars if hole.all() else np.argmin(hole)
        stop[asset] = bars if hole.all() else bars - np.argmin(hole[::-1])
        broken = broken or bool(hole[start[asset] : stop[asset]].any())
    return Runs(start, stop, holes if broken else None)


def join_runs(runs: list[Runs]) -> Runs:
    """Where all of them have values."""
    if len(runs) == 1:
        return runs[0]
    start = np.maximum.reduce([r.start for r in runs])
    stop = np.maximum(np.minimum.reduce([r.stop for r in runs]), start)
    holes = [r.holes for r in runs if r.holes is not None]
    return Runs(start, stop, np.logical_or.reduce(holes) if holes else None)


def to_arrays(caller: str, inputs: dict[str, Any], fallback: Labels | None) -> tuple[list[np.ndarray], Labels]:
    """Inputs (frames or arrays, by name) as contiguous (assets, bars) arrays, and the labels that results carry.

    The labels are those of the first frame; where all inputs are arrays `fallback` if it fits, else numbers. A float64
    frame or array that is asset-contiguous is not copied. Raises TypeError for anything else than numbers in two
    dimensions and ValueError where shapes or labels differ.
    """
    arrays = [_to_array(value, f"{caller} wants {name} to be a frame of bars x assets") for name, value in inputs.items()]
    if len({array.shape for array in arrays}) > 1:
        found = ", ".join(f"{name} of {array.shape[::-1]}" for name, array in zip(inputs, arrays, strict=True))
        raise ValueError(f"{caller} wants frames of one shape, found {found}")
    frames = [value for value in inputs.values() if isinstance(value, pd.DataFrame)]
    if frames:
        index, columns = frames[0].index, frames[0].columns
        if not all(index.equals(other.index) and columns.equals(other.columns) for other in frames[1:]):
            raise ValueError(f"{caller} wants frames with the same rows and columns, found different labels: align them first")
        return arrays, (index, columns)
    assets, bars = arrays[0].shape
    if fallback is not None and (len(fallback[0]), len(fallback[1])) == (bars, assets):
        return arrays, fallback
    return arrays, (pd.RangeIndex(bars), pd.RangeIndex(assets))


def to_frame(array: np.ndarray, labels: Labels) -> pd.DataFrame:
    """A read-only frame over an (assets, bars) array, which is not copied and can no longer be written."""
    array.flags.writeable = False
    return pd.DataFrame(array.T, index=labels[0], columns=labels[1], copy=False)


def describe(value: Any) -> str:
    """What was found, for an error: `Series of shape (500,)`, `str 'close'`."""
    return type(value).__name__ + (f" of shape {value.shape}" if hasattr(value, "shape") else f" {value!r:.40}")


def _to_array(value: Any, wanted: str) -> np.ndarray:
    if isinstance(value, pd.DataFrame):
        values = value.to_numpy()
        if values.dtype.kind == "O":  # bools with None or NA among them
            try:
                values = value.to_numpy(dtype=np.float64, na_value=np.nan)
            except (TypeError, ValueError) as error:
                raise TypeError(f"{wanted}, found values that are no numbers: {error}") from error
    elif isinstance(value, np.ndarray) and value.ndim == 2:
        values = value
    else:
        raise TypeError(f"{wanted}, found {describe(value)}")
    if values.dtype.kind not in "fiub":
        raise TypeError(f"{wanted}, found values of type {values.dtype}")
    return np.ascontiguousarray(values.T, dtype=np.float64)
