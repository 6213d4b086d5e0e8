"""Outcomes that were computed before, found again by what they follow from: in memory, and in files beside the ledger."""

import functools
import hashlib
import json
import threading
import uuid
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from engine.backtest.sweep import Keep, Outcomes, Progress, Screen, TestBed, give_up, join
from engine.records import Failure, Params

IN_MEMORY_BYTES = 64 << 20
ON_DISK_BYTES = 256 << 20
_ROWS_A_FILE = 64
_ROOMS = ("market", "features", "strategy", "backtest")
_LIBRARIES = ("numpy", "pandas", "TA-Lib", "numba")
_FIELDS = ("sums", "daily_equity", "curve", "digests", "looks")

Row = tuple[np.ndarray, ...]


class OutcomeCache:
    """Outcomes of single parameter sets, kept within limits of size, the oldest going first. Thread-safe.

    Only what ran is kept, never a failure. `folder` None: in memory alone. Files that cannot be read or written are no loss: what
    they hold is computed again.
    """

    def __init__(self, folder: Path | None, *, in_memory: int = IN_MEMORY_BYTES, on_disk: int = ON_DISK_BYTES) -> None:
        self._folder, self._in_memory, self._on_disk = folder, in_memory, on_disk
        self._rows: OrderedDict[str, Row] = OrderedDict()
        self._bytes = 0
        self._waiting: dict[str, list[str]] = {}
        self._read: set[str] = set()
        self._lock = threading.Lock()

    def get(self, context: str, params: Sequence[Params]) -> list[Row | None]:
        """The row of each set under that context, None where it is not known."""
        with self._lock:
            keys = [key_of_set(context, p) for p in params]
            if context not in self._read and not all(key in self._rows for key in keys):
                self._read.add(context)
                self._read_files(context)
            for key in keys:
                if key in self._rows:
                    self._rows.move_to_end(key)
            return [self._rows.get(key) for key in keys]

    def put(self, context: str, params: Sequence[Params], outcomes: Outcomes) -> None:
        """Keep those outcomes that are none of a failure; they reach a file when there are enough for one, or with `flush`."""
        arrays = [getattr(outcomes, name) for name in _FIELDS]
        with self._lock:
            waiting = self._waiting.setdefault(context, [])
            for i, (values, failure) in enumerate(zip(params, outcomes.failures, strict=True)):
                key = key_of_set(context, values)
                if failure is None and key not in self._rows:
                    self._keep(key, tuple(array[i].copy() for array in arrays))
                    waiting.append(key)
            if len(waiting) >= _ROWS_A_FILE:
                self._write_file(context)

    def flush(self, context: str) -> None:
        """Put what waits of that context into a file."""
        with self._lock:
            self._write_file(context)

    def _keep(self, key: str, row: Row) -> None:
        self._rows[key] = row
        self._bytes += _size(row)
        while self._bytes > self._in_memory and len(self._rows) > 1:
            _, gone = self._rows.popitem(last=False)
            self._bytes -= _size(gone)

    def _read_files(self, context: str) -> None:
        if self._folder is None:
            return
        for path in sorted(self._folder.glob(f"{context}-*.npz")):
            try:
                with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
                    keys, arrays = data["keys"].tolist(), [data[name] for name in _FIELDS]
            except (OSError, ValueError, KeyError, EOFError, AttributeError, zipfile.BadZipFile):
                path.unlink(missing_ok=True)
                continue
            for i, key in enumerate(keys):
                if key not in self._rows:
                    self._keep(key, tuple(array[i].copy() for array in arrays))

    def _write_file(self, context: str) -> None:
        keys = [key for key in self._waiting.pop(context, []) if key in self._rows]
        if self._folder is None or not keys:
            return
        arrays: dict[str, Any] = {name: np.stack([self._rows[key][i] for key in keys]) for i, name in enumerate(_FIELDS)}
        path = self._folder / f"{context}-{uuid.uuid4().hex}.npz"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            with part.open("wb") as file:
                np.savez(file, keys=np.array(keys), **arrays)
            part.replace(path)  # whole or not at all
            self._make_room()
        except OSError:
            return

    def _make_room(self) -> None:
        """Delete the files that were written first until the rest fits."""
        assert self._folder is not None
        files = sorted((path.stat().st_mtime_ns, path.stat().st_size, path) for path in self._folder.glob("*.npz"))
        size = sum(bytes_ for _, bytes_, _ in files)
        for _, bytes_, path in files:
            if size <= self._on_disk:
                break
            path.unlink(missing_ok=True)
            size -= bytes_


Run = Callable[[Sequence[Params], Progress | None, Keep | None], Outcomes]


def with_known(
    cache: OutcomeCache, context: str, params: Sequence[Params], run: Run, *, screen: Screen | None, progress: Progress | None
) -> Outcomes:
    """The outcomes of all sets, in their order, of which only those that the cache does not know are run: the same bits as of
    `run` for all. What is run is kept from then on, and what there is of it if `run` raises."""
    rows = cache.get(context, params)
    old, new = ([i for i, row in enumerate(rows) if (row is None) == is_new] for is_new in (False, True))
    if progress is not None and old:
        progress(len(old))
    parts = [_outcomes([row for row in rows if row is not None], screen)] if old else []
    if new:
        told = None if progress is None else lambda done: progress(len(old) + done)
        try:
            parts.append(run([params[i] for i in new], told, lambda sets, outcomes: cache.put(context, sets, outcomes)))
        finally:
            cache.flush(context)
    return give_up(join(parts).rows(np.argsort([*old, *new]).tolist()))


def _outcomes(rows: Sequence[Row], screen: Screen | None) -> Outcomes:
    """Outcomes of rows that are known, those that the screen would not let pass without their figures."""
    values = {name: np.stack([row[i] for row in rows]) for i, name in enumerate(_FIELDS)}
    failures: list[Failure | None] = [None] * len(rows)
    if screen is not None:
        for i in np.flatnonzero(values["looks"] < screen.least).tolist():
            failures[i] = screen.failure_of(float(values["looks"][i]))
            for name in ("sums", "daily_equity", "curve"):
                values[name][i] = np.nan
    return Outcomes(**values, failures=tuple(failures))


def context_of(source: str, bed: TestBed, *, sides: str, look: str) -> str:
    """What all sets of a sweep have in common, as a hash: code, data, assets, window, costs, cash, sides, the first look, and
    what computes them, since another version of this program or of its libraries may give other bits."""
    panel, terms = bed.market.panel, repr((bed.market.window, bed.costs, bed.shared_cash))
    parts = _program(), source, panel.data_hash, panel.symbols, terms, sides, look
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def key_of_set(context: str, params: Params) -> str:
    """The identity of one set under a context."""
    return hashlib.sha256(f"{context}{json.dumps(params)}".encode()).hexdigest()[:32]


@functools.cache
def _program() -> str:
    """A hash of the rooms that outcomes follow from, and of the libraries under them."""
    engine = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256(repr([version(name) for name in _LIBRARIES]).encode())
    for path in sorted(p for room in _ROOMS for p in (engine / room).rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _size(row: Row) -> int:
    return sum(value.nbytes for value in row)
