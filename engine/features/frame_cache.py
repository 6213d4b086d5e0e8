"""Results kept for frames that cannot have changed since.

A frame is known here if its owner has promised that it never changes, or if it is a result that is made of known frames.
Everything else is a stranger, and nothing that depends on a stranger is ever kept.
"""

import itertools
import weakref
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.features.frames import Runs


@dataclass(eq=False)
class KnownFrame:
    """A frame that does not change: its `key` in the cache's terms, its `label` for people.

    `values` holds the frame's memory, so that its address cannot come to belong to anything else. `runs` is for whoever
    wants to find the frame's values once only.
    """

    ref: "weakref.ref[pd.DataFrame]"
    values: np.ndarray
    index: pd.Index
    columns: pd.Index
    key: Hashable
    label: str
    runs: Runs | None = None


class Kept:
    """What one call returned: its read-only frames, and a label for each."""

    def __init__(self, frames: tuple[pd.DataFrame, ...], labels: tuple[str, ...]) -> None:
        self.frames = frames
        self.labels = labels
        self.size = sum(frame.to_numpy().nbytes for frame in frames)


class FrameCache:
    """The least recently used results go first once they hold more than `size` bytes together. Not for use by several
    threads."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._used = 0
        self._results: OrderedDict[Hashable, Kept] = OrderedDict()
        self._known: dict[int, KnownFrame] = {}
        self._serials = itertools.count()

    def promise(self, frame: pd.DataFrame, name: str) -> None:
        """Make a frame known whose values will never change. It is held weakly.

        Raises ValueError unless its values are one read-only array.
        """
        if self.recall(frame) is not None:
            return
        if not np.shares_memory(frame.to_numpy(), frame.to_numpy()) or np.asarray(frame.iloc[:, 0].array).flags.writeable:
            raise ValueError(
                f"the values of {name} can still be written; wanted a frame over one read-only array: set "
                "array.flags.writeable = False and build the frame by DataFrame(array, copy=False)"
            )
        self._know(frame, ("promised", next(self._serials)), name)

    def recall(self, value: object) -> KnownFrame | None:
        """What is known of a frame; None for a stranger, and for one whose values or labels were replaced since."""
        known = self._known.get(id(value))
        if known is None or not isinstance(value, pd.DataFrame) or known.ref() is not value:
            return None
        # pandas cannot write into read-only memory: `frame[...] = x` and `frame += 1` put other memory in its place.
        values = value.to_numpy()
        same = values.shape == known.values.shape and values.ctypes.data == known.values.ctypes.data
        return known if same and value.index is known.index and value.columns is known.columns else None

    def get(self, key: Hashable) -> Kept | None:
        """The result under that key, if it is there and still what it was."""
        kept = self._results.get(key)
        if kept is None or not all(self.recall(frame) for frame in kept.frames):
            return None
        self._results.move_to_end(key)
        return kept

    def put(self, key: Hashable, kept: Kept) -> None:
        """Keep a result and make its frames known. One that is larger than the whole cache is only made known.

        The key must be made of the keys of known frames and of arguments. It names a computation and not an object, so a
        result that was dropped and is computed again has the key that it had before.
        """
        for output, (frame, label) in enumerate(zip(kept.frames, kept.labels, strict=True)):
            self._know(frame, (key, output), label)
        if key in self._results:
            self._used -= self._results.pop(key).size
        if kept.size > self._size:
            return
        self._results[key] = kept
        self._used += kept.size
        while self._used > self._size:
            self._used -= self._results.popitem(last=False)[1].size

    def _know(self, frame: pd.DataFrame, key: Hashable, label: str) -> None:
        known, at = self._known, id(frame)
        # An id is given again once its object is gone, so the entry has to go with the frame.
        ref = weakref.ref(frame, lambda _: known.pop(at, None))
        known[at] = KnownFrame(ref, frame.to_numpy(), frame.index, frame.columns, key, label)
