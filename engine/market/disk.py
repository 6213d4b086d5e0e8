"""How a dataset lies on disk, and how it gets there whole or not at all."""

import fcntl
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engine.errors import DataError, StoreError, StoreFull, says_no_room
from engine.market.bars import FIELDS, Panel
from engine.market.quality import QualityReport

FORMAT = 1


class Shelf:
    """The files of all datasets in `bars_dir`. Writers hold `writing()`; readers need no lock."""

    def __init__(self, bars_dir: Path) -> None:
        self._dir = bars_dir

    def names(self) -> list[str]:
        """Names of all datasets, sorted."""
        return sorted(p.stem for p in self._dir.glob("*.json"))

    def holds(self, name: str) -> bool:
        """A dataset of that name is stored."""
        return (self._dir / f"{name}.json").is_file()

    def describe(self, name: str) -> dict[str, Any]:
        """The stored description. Raises DataError for one that is damaged or of a newer format."""
        path = self._dir / f"{name}.json"
        try:
            description = json.loads(path.read_text())
            written = description["format"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"dataset {name!r}: {path.name} cannot be read ({error}); import it again with replace") from error
        if written > FORMAT:
            raise DataError(f"dataset {name!r} has format {written}; this version reads up to {FORMAT}: update Edgewise")
        return description

    def load_panel(self, description: dict[str, Any]) -> Panel:
        """The panel with its arrays memory-mapped, read-only. Raises DataError for missing or damaged files."""
        name, folder = description["name"], self._dir / description["folder"]
        shape = (description["assets"], description["rows"])
        try:
            # asarray: numpy's memmap class costs time in every slice, a plain view of it does not.
            arrays = {f: np.asarray(np.load(folder / f"{f}.npy", mmap_mode="r", allow_pickle=False)) for f in FIELDS}
            times_ns = np.load(folder / "times_ns.npy", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"dataset {name!r} is damaged ({error}); import it again with replace") from error
        if {a.shape for a in arrays.values()} != {shape} or times_ns.shape != shape[1:]:
            raise DataError(f"dataset {name!r} is damaged (arrays of another shape than {shape}); import it again with replace")
        times_ns.flags.writeable = False
        return Panel(
            name=name,
            symbols=tuple(description["symbols"]),
            times_ns=times_ns,
            open=arrays["open"].T,
            high=arrays["high"].T,
            low=arrays["low"].T,
            close=arrays["close"].T,
            volume=arrays["volume"].T,
            data_hash=description["data_hash"],
            bar_s=description["bar_s"],
            days_per_year=description["days_per_year"],
            has_volume=description["has_volume"],
            synthetic=description["synthetic"],
        )

    def load_quality(self, description: dict[str, Any]) -> QualityReport:
        """The stored report. Raises DataError for missing or damaged files."""
        folder = self._dir / description["folder"]
        try:
            words = json.loads((folder / "quality.json").read_text())
            assets = pd.read_parquet(folder / "quality.parquet")
        except (OSError, ValueError) as error:
            raise DataError(f"dataset {description['name']!r} is damaged ({error}); import it again with replace") from error
        return QualityReport(assets, words["market"], tuple(words["messages"]))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One writer at a time, over all processes; a process that dies lets go."""
        try:
            self._dir.mkdir(parents=True, exist_ok=True)
            lock = (self._dir / ".lock").open("w")
        except OSError as error:
            kind = StoreFull if says_no_room(error) else StoreError
            raise kind(f"{self._dir} cannot be written ({error.strerror}); make it writable or choose another store") from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def store(self, panel: Panel, description: dict[str, Any], quality: QualityReport) -> dict[str, Any]:
        """Writes all files and returns the description as stored. Raises StoreFull; the old set then stays as it was."""
        self._sweep(panel.name)
        folder = self._dir / f"{panel.name}.{uuid.uuid4().hex[:12]}"
        stored = {"format": FORMAT, "folder": folder.name, **description}
        draft = folder / "description.json"
        try:
            folder.mkdir()
            for field in FIELDS:
                _write_array(folder / f"{field}.npy", getattr(panel, field).T)
            _write_array(folder / "times_ns.npy", panel.times_ns)
            quality.assets.to_parquet(folder / "quality.parquet")
            (folder / "quality.json").write_text(json.dumps({"market": quality.market, "messages": quality.messages}))
            draft.write_text(json.dumps(stored))
            os.replace(draft, self._dir / f"{panel.name}.json")
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            size_mb = sum(getattr(panel, f).nbytes for f in FIELDS) / 1e6
            what = f"{size_mb:,.0f} MB of dataset {panel.name!r} could not be written to {self._dir}"
            if says_no_room(error):
                raise StoreFull(f"{what}: the disk is full; make room and try again, nothing has changed") from error
            raise StoreError(f"{what} ({error.strerror or error}); nothing has changed") from error
        self._sweep(panel.name)
        return stored

    def remove(self, name: str) -> None:
        """Deletes the files of a dataset that is stored."""
        (self._dir / f"{name}.json").unlink()
        self._sweep(name)

    def _sweep(self, name: str) -> None:
        """Deletes folders of that name that no description names: replaced sets and the remains of killed writers."""
        current = None
        with suppress(DataError):
            current = self.describe(name)["folder"] if self.holds(name) else None
        for folder in self._dir.glob(f"{name}.*"):
            if folder.is_dir() and folder.name != current:
                shutil.rmtree(folder, ignore_errors=True)


def _write_array(path: Path, array: np.ndarray) -> None:
    """One .npy file, C-contiguous and on the disk for certain: a full disk may show only when it is flushed."""
    with path.open("wb") as file:
        np.save(file, np.ascontiguousarray(array), allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
