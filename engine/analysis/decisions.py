"""Signals unpacked into plain arrays, and where those of two runs differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.records import Signals
from engine.strategy.packing import BITS, RISKS

OUTPUTS = (*BITS, *RISKS, "rank", "tag")
CONSTANTS = ("max_bars", "cooldown", "tag_names")
ROUNDING = 1e-9
"""Values that differ by less, relatively, count as equal: no trade could tell, and some libraries centre on all values before
they sum, which moves the last digits."""


@dataclass(frozen=True, eq=False)
class Decisions:
    """What a strategy decided. `flags`: bool (assets, bars) by name. `values`: floats (assets, bars) of the risk settings, rank
    and tag that were given as frames, NaN where no entry is decided; `constants`: all that holds for every bar."""

    bars: int
    assets: int
    flags: dict[str, np.ndarray]
    values: dict[str, np.ndarray]
    constants: dict[str, Any]

    @property
    def deciding(self) -> np.ndarray:
        """Bool (assets, bars): an entry of either side is decided."""
        return self.flags["entries"] | self.flags["short_entries"]

    @property
    def signalling(self) -> np.ndarray:
        """Bool (assets, bars): anything is decided."""
        return np.logical_or.reduce(list(self.flags.values()))

    def first(self, bars: int) -> "Decisions":
        """Those of the first bars alone."""
        return self._part(slice(0, bars), bars)

    def last(self, bars: int) -> "Decisions":
        """Those of the last bars alone."""
        return self._part(slice(self.bars - bars, self.bars), bars)

    def _part(self, part: slice, bars: int) -> "Decisions":
        return Decisions(
            bars, self.assets, {k: v[:, part] for k, v in self.flags.items()}, {k: v[:, part] for k, v in self.values.items()},
            self.constants,
        )  # fmt: skip


def unpack_signals(signals: Signals, columns: Sequence[int] | np.ndarray | None = None) -> Decisions:
    """The decisions of all assets, or of those columns in that order."""
    chosen = np.arange(signals.assets) if columns is None else np.asarray(columns)
    nothing = np.zeros((len(chosen), signals.bars), bool)
    flags = {}
    for name in BITS:
        words = getattr(signals, name)
        flags[name] = nothing if words is None else _flags(words[chosen], signals.bars)
    found = {name: getattr(signals, name) for name in (*OUTPUTS[len(BITS) :], *CONSTANTS)}
    frames = [name for name, value in found.items() if isinstance(value, np.ndarray)]
    values: dict[str, np.ndarray] = {}
    if frames:
        either = signals.entries if signals.short_entries is None else signals.entries | signals.short_entries
        ends = np.cumsum(np.bitwise_count(either).sum(axis=1, dtype=np.int64))
        starts = np.concatenate([[0], ends[:-1]])
        cells = np.concatenate([np.arange(starts[c], ends[c]) for c in chosen])
        deciding = flags["entries"] | flags["short_entries"]
        for name in frames:
            values[name] = np.full(deciding.shape, np.nan)
            values[name][deciding] = found[name][cells]
    constants = {name: "a frame" if name in values else value for name, value in found.items()}
    return Decisions(signals.bars, len(chosen), flags, values, constants)


def _flags(words: np.ndarray, bars: int) -> np.ndarray:
    return np.unpackbits(np.ascontiguousarray(words).view(np.uint8), axis=1, count=bars, bitorder="little").view(bool)


def differences(a: Decisions, b: Decisions, *, tolerance: float = ROUNDING) -> dict[str, np.ndarray]:
    """Bool (assets, bars) of each output that differs anywhere; a constant that differs, or became a frame, does so on all bars.

    Values are compared where both decide an entry, those of `tolerance` beside each other relatively being equal.
    """
    out: dict[str, np.ndarray] = {}
    for name, flags in a.flags.items():
        unequal = flags ^ b.flags[name]
        if unequal.any():
            out[name] = unequal
    both = a.deciding & b.deciding
    for name in a.values.keys() & b.values.keys():
        unequal = both & ~np.isclose(a.values[name], b.values[name], rtol=tolerance, atol=1e-12, equal_nan=True)
        if unequal.any():
            out[name] = unequal
    for name, value in a.constants.items():
        if value != b.constants[name]:
            out[name] = np.ones((a.assets, a.bars), bool)
    return {name: out[name] for name in (*OUTPUTS, *CONSTANTS) if name in out}


def changed_cells(a: Decisions, b: Decisions, *, tolerance: float) -> np.ndarray:
    """Bool (assets, bars): any output differs."""
    found = differences(a, b, tolerance=tolerance)
    return np.logical_or.reduce(list(found.values())) if found else np.zeros((a.assets, a.bars), bool)


@dataclass(frozen=True)
class Change:
    """An output that was another at `bar` when the asset's bars from `cut` on were replaced."""

    output: str
    is_constant: bool
    asset: int
    bar: int
    cut: int

    @property
    def ahead(self) -> int:
        """How many bars after the one that was decided on the decision looked, at least."""
        return self.cut - self.bar


def furthest_change(before: Decisions, after: Decisions, cuts: np.ndarray, *, until: int | None = None) -> Change | None:
    """The change before the assets' `cuts` (assets,) that looks furthest ahead, of bars up to `until`; None if there is none."""
    kept = np.arange(before.bars) < (cuts if until is None else np.minimum(cuts, until + 1))[:, None]
    best: Change | None = None
    for name, unequal in differences(before, after).items():
        hit = unequal & kept
        first = np.where(hit.any(axis=1), hit.argmax(axis=1), cuts)
        asset = int(np.argmax(cuts - first))
        change = Change(name, before.constants.get(name) != after.constants.get(name), asset, int(first[asset]), int(cuts[asset]))
        if change.ahead > (best.ahead if best else 0):
            best = change
    return best
