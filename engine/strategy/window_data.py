"""One window of a panel as a sealed, read-only memory file: all that a child ever sees of the market."""

import contextlib
import fcntl
import json
import mmap
import os
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from engine.market.bars import FIELDS, Panel
from engine.records import Window

_ALIGN = 4096


@dataclass(eq=False)
class SealedWindow:
    """An open descriptor of the memory file, and what its bytes mean. It is closed when nothing holds this any more.

    Layout: times_ns int64 (rows,), then open, high, low, close, volume float64 (assets, rows) in C order, each from a page
    border. Rows are the lead-in and the window's bars.
    """

    fd: int
    rows: int
    assets: int
    lead_in: int
    timeframe: str
    bars_per_year: float
    has_volume: bool

    def __post_init__(self) -> None:
        weakref.finalize(self, os.close, self.fd)

    def header(self) -> dict[str, Any]:
        """What a child needs to know beside the bytes."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "fd"}


def _blocks(rows: int, assets: int) -> list[tuple[int, int]]:
    """(offset, bytes) of the times and the five fields, and the end."""
    sizes = [rows * 8] + [rows * assets * 8] * len(FIELDS)
    offset, out = 0, []
    for size in sizes:
        out.append((offset, size))
        offset += -(-size // _ALIGN) * _ALIGN
    out.append((offset, 0))
    return out


def _memory_file(size: int) -> int:
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("edgewise-window", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    else:  # no memory files on this system: an unlinked file is as good, but is not sealed
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.ftruncate(fd, size)
    return fd


def seal_window(panel: Panel, window: Window) -> SealedWindow:
    """Copy the window's rows, lead-in first, into a new sealed memory file. Raises OSError when memory runs out."""
    rows = slice(window.start - window.lead_in, window.stop)
    return seal_rows(
        panel.times_ns[rows], [getattr(panel, name).T[:, rows] for name in FIELDS], lead_in=window.lead_in,
        timeframe=panel.timeframe, bars_per_year=panel.bars_per_year, has_volume=panel.has_volume,
    )  # fmt: skip


def seal_rows(
    times_ns: np.ndarray, values: Sequence[np.ndarray], *, lead_in: int, timeframe: str, bars_per_year: float, has_volume: bool
) -> SealedWindow:
    """Copy these rows into a new sealed memory file: times (rows,) and the five fields (assets, rows), in the order of FIELDS.

    Raises OSError when memory runs out.
    """
    assets, rows = values[0].shape
    blocks = _blocks(rows, assets)
    fd = _memory_file(blocks[-1][0])
    data = SealedWindow(fd, rows, assets, lead_in, timeframe, bars_per_year, has_volume)
    _write(fd, times_ns, blocks[0][0])
    for (offset, _), field in zip(blocks[1:-1], values, strict=True):
        pieces = (field,) if field.flags.c_contiguous else field  # by asset, whose bars lie together: nothing is copied
        for number, piece in enumerate(pieces):
            _write(fd, piece, offset + number * rows * 8)
    if hasattr(fcntl, "F_ADD_SEALS"):
        with contextlib.suppress(OSError):
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    return data


def _write(fd: int, values: np.ndarray, offset: int) -> None:
    """Write all of it; one call moves at most 2 GiB."""
    view = np.ascontiguousarray(values).data.cast("B")
    while len(view):
        done = os.pwrite(fd, view, offset)
        view, offset = view[done:], offset + done


def map_window(fd: int, header: str) -> tuple[dict[str, Any], np.ndarray, list[np.ndarray]]:
    """(header, times_ns (rows,), five read-only arrays (assets, rows)) of a sealed window, mapped and not copied."""
    known = json.loads(header)
    rows, assets = known["rows"], known["assets"]
    blocks = _blocks(rows, assets)
    memory = mmap.mmap(fd, blocks[-1][0], mmap.MAP_SHARED, mmap.PROT_READ)
    times = np.frombuffer(memory, np.int64, rows, blocks[0][0])
    arrays = [np.frombuffer(memory, np.float64, rows * assets, offset).reshape(assets, rows) for offset, _ in blocks[1:-1]]
    return known, times, arrays
