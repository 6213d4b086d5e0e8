"""Packed signals: one bit a decision, 64 bars a word, one value a deciding cell."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from engine.records import Signals

BITS = ("entries", "exits", "short_entries", "short_exits")
RISKS = ("stop_loss", "take_profit", "trailing_stop", "size")


def words_for(bars: int) -> int:
    """Words of 64 bits that hold `bars` bits."""
    return (bars + 63) // 64


def pack_bits(flags: np.ndarray) -> np.ndarray:
    """uint64 words (assets, words) of a bool array (bars, assets); quick when it is asset-contiguous."""
    by_asset = np.ascontiguousarray(flags.T)
    packed = np.packbits(by_asset, axis=1, bitorder="little")
    out = np.zeros((by_asset.shape[0], words_for(by_asset.shape[1]) * 8), np.uint8)
    out[:, : packed.shape[1]] = packed
    return out.view("<u8")


def unpack_bits(words: np.ndarray, bars: int) -> np.ndarray:
    """Bool array (bars, assets) of packed words (assets, words)."""
    return np.unpackbits(words.view(np.uint8), axis=1, count=bars, bitorder="little").view(bool).T


def pack_signals(
    flags: Mapping[str, np.ndarray],
    risks: Mapping[str, float | np.ndarray | None],
    *,
    max_bars: int | None = None,
    cooldown: int = 0,
    rank: np.ndarray | None = None,
    tag: np.ndarray | None = None,
    tag_names: tuple[str, ...] = (),
) -> Signals:
    """Signals from plain arrays: bool (bars, assets) under the names in BITS, floats or (bars, assets) under those in RISKS.

    `rank` float and `tag` uint8 are (bars, assets). Nothing is checked here; `contract.read_answer` does that.
    """
    values = {name: risks.get(name) for name in RISKS} | {"rank": rank, "tag": tag}
    if any(isinstance(v, np.ndarray) for v in values.values()):
        cells = _deciding_cells(flags["entries"], flags.get("short_entries"))
        values = {name: v.T.reshape(-1)[cells] if isinstance(v, np.ndarray) else v for name, v in values.items()}
    bars, assets = flags["entries"].shape
    return Signals(
        bars=bars,
        assets=assets,
        **{name: pack_bits(flags[name]) if name in flags else None for name in BITS},  # type: ignore[arg-type]
        **values,  # type: ignore[arg-type]
        max_bars=max_bars,
        cooldown=cooldown,
        tag_names=tag_names,
    )


class Digester:
    """Digests of signals: 64 bits that differ if anything in them does. Tables that are the same object as in the signals
    before are not read again.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[np.ndarray, bytes]] = {}

    def digest(self, signals: Signals) -> int:
        arrays = {name: getattr(signals, name) for name in (*BITS, *RISKS, "rank", "tag")}
        known, self._known = self._known, {}
        parts = [repr((signals.bars, signals.assets, signals.max_bars, signals.cooldown, signals.tag_names)).encode()]
        for name, value in arrays.items():
            if isinstance(value, np.ndarray):
                kept = known.get(id(value))
                self._known[id(value)] = kept or (
                    value,
                    hashlib.blake2b(np.ascontiguousarray(value).data, digest_size=8).digest(),
                )
                parts += [name.encode(), self._known[id(value)][1]]
            else:
                parts.append(f"{name}={value!r}".encode())
        return int.from_bytes(hashlib.blake2b(b"|".join(parts), digest_size=8).digest(), "little")


def deciding_cells(signals: Signals) -> tuple[np.ndarray, np.ndarray]:
    """(asset, bar) of every deciding cell, in the order of the values that signals hold for them."""
    either = signals.entries if signals.short_entries is None else signals.entries | signals.short_entries
    return np.nonzero(unpack_bits(either, signals.bars).T)  # type: ignore[return-value]


def without_cells(signals: Signals, out: np.ndarray) -> Signals:
    """The signals without the entries at those deciding cells, bool a cell: they reverse nothing either; all else stays."""
    assets, bars = (of[out] for of in deciding_cells(signals))
    gone = np.zeros((signals.bars, signals.assets), bool, order="F")
    gone[bars, assets] = True
    kept = ~pack_bits(gone)
    less: dict[str, Any] = {"entries": signals.entries & kept}
    if signals.short_entries is not None:
        less["short_entries"] = signals.short_entries & kept
    for name in (*RISKS, "rank", "tag"):
        if isinstance(value := getattr(signals, name), np.ndarray):
            less[name] = value[~out]
    return replace(signals, **less)


def of_assets(signals: Signals, kept: np.ndarray) -> Signals:
    """The signals without entries of the assets that `kept`, bool (assets,), leaves out; all else stays."""
    return without_cells(signals, ~kept[deciding_cells(signals)[0]])


def _deciding_cells(entries: np.ndarray, short_entries: np.ndarray | None) -> np.ndarray:
    """Positions in (assets, bars) order at which an entry of either side is decided."""
    return np.flatnonzero((entries if short_entries is None else entries | short_entries).T)
