"""The datasets of one store: import, save, open, describe, remove.

On disk a dataset is `NAME.json`, its description, and the folder that this names, `NAME.<random>`, with one array a field.
The folder is written first and the description last, in one rename: a kill or a full disk at any moment leaves the old set.
"""

import difflib
import re
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.errors import DataError, ImportRefused, UnknownDataset
from engine.market.assemble import assemble
from engine.market.bars import Panel
from engine.market.disk import Shelf
from engine.market.quality import QualityReport, assess
from engine.market.sources import read_bars

DEMO_NAMES = ("demo", "demo-null")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")


@dataclass(frozen=True)
class ImportResult:
    """What an import has stored. `replaced` says that another set of this name stood there before."""

    name: str
    panel: Panel
    quality: QualityReport
    description: dict[str, Any]
    replaced: bool


class Catalog:
    """All datasets in one folder. Thread-safe; several processes may use one folder, each change is whole or not at all.

    `demo` and `demo-null` are made when first named.
    """

    def __init__(self, bars_dir: Path) -> None:
        self._shelf = Shelf(bars_dir)
        self._lock = threading.RLock()
        self._open: dict[str, tuple[str, Panel]] = {}

    def names(self) -> list[str]:
        """Names of the datasets that are stored, sorted."""
        return self._shelf.names()

    def open(self, name: str) -> Panel:
        """The panel, memory-mapped and read-only; the same object while the stored set is the same.

        Raises UnknownDataset, which names those that are near, and DataError for a damaged set.
        """
        with self._lock:
            description = self.describe(name)
            known = self._open.get(name)
            if known and known[0] == description["folder"]:
                return known[1]
            panel = self._shelf.load_panel(description)
            self._open[name] = (description["folder"], panel)
            return panel

    def describe(self, name: str) -> dict[str, Any]:
        """What the dataset is, JSON-ready: source, extent, hash, labels, counts of what was reported. Raises UnknownDataset."""
        if name in DEMO_NAMES and not self._shelf.holds(name):
            self._make_demo(name)
        if not (_NAME.fullmatch(name) and self._shelf.holds(name)):
            near = difflib.get_close_matches(name, sorted({*self.names(), *DEMO_NAMES}), n=3, cutoff=0.5)
            hint = (
                f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(sorted({*self.names(), *DEMO_NAMES}))}."
            )
            raise UnknownDataset(f"no dataset {name!r}; {hint} Or bring one in: python -m engine data import PATH --name {name}")
        return self._shelf.describe(name)

    def quality(self, name: str) -> QualityReport:
        """The quality report, as it was made on import. Raises UnknownDataset."""
        return self._shelf.load_quality(self.describe(name))

    def import_path(self, path: Path, name: str, *, reference: str | None = None, replace: bool = False) -> ImportResult:
        """Reads, checks and stores the bars under `path`. Raises ImportRefused and StoreFull; what was there stays then."""
        _check_name(name)
        if name in DEMO_NAMES:
            raise ImportRefused(f"{name!r} is the name of a built-in demo market; choose another name")
        self._check_free(name, replace=replace)
        panel, intake = assemble(read_bars(Path(path)), name, reference=reference)
        quality = assess(panel, intake)
        replaced = self._shelf.holds(name)
        description = self.save(panel, source=Path(path).name, quality=quality, replace=replace)
        return ImportResult(name, self.open(name), quality, description, replaced)

    def save(
        self,
        panel: Panel,
        *,
        source: str,
        quality: QualityReport,
        extra_meta: dict[str, Any] | None = None,
        replace: bool = False,
    ) -> dict[str, Any]:
        """Stores the panel under its name and returns its description, `extra_meta` included.

        Raises ImportRefused where the name is taken and `replace` is not set, StoreFull where the disk has no room.
        """
        _check_name(panel.name)
        description = {
            **_describe(panel, quality),
            "source": source,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            **(extra_meta or {}),
        }
        with self._shelf.writing():
            self._check_free(panel.name, replace=replace)
            return self._shelf.store(panel, description, quality)

    def remove(self, name: str) -> None:
        """Deletes the dataset; panels that are open stay readable. Raises UnknownDataset."""
        with self._lock, self._shelf.writing():
            if not (_NAME.fullmatch(name) and self._shelf.holds(name)):
                raise UnknownDataset(f"no dataset {name!r} to remove; there are {', '.join(self.names()) or 'none'}")
            self._shelf.remove(name)
            self._open.pop(name, None)

    def ensure_demo(self) -> None:
        """Makes both demo markets where they are missing."""
        for name in DEMO_NAMES:
            self.describe(name)

    def _make_demo(self, name: str) -> None:
        # Only here: nobody else who opens bars needs the generator.
        from engine.market.demo import DEMO_EDGE, DEMO_STRENGTH, describe_edge, make_demo

        with self._lock:
            if self._shelf.holds(name):
                return
            panel = make_demo(name)
            edge, strength = (DEMO_EDGE, DEMO_STRENGTH) if name == "demo" else (None, 0.0)
            meta = {"edge": edge, "edge_strength": strength, "edge_text": describe_edge(edge, strength)}
            # Another process may have made the same bars meanwhile.
            self.save(panel, source="SYNTHETIC", quality=assess(panel), extra_meta=meta, replace=True)

    def _check_free(self, name: str, *, replace: bool) -> None:
        if self._shelf.holds(name) and not replace:
            there = self._shelf.describe(name)
            raise ImportRefused(
                f"a dataset {name!r} is there already ({there['assets']} assets, {there['first'][:10]} to {there['last'][:10]});"
                " choose another name, or import with replace"
            )


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise DataError(f"found dataset name {name!r}; wanted 1 to 60 letters, digits, - or _: choose for example crypto100")


def _describe(panel: Panel, quality: QualityReport) -> dict[str, Any]:
    market = quality.market
    counted = (
        "file_rows", "unsorted", "duplicates", "gaps", "nan_rows", "ohlc_violations", "zero_volume", "outlier_moves",
        "wrong_closes", "bars_out_of_place", "listed_late", "ended_early",
    )  # fmt: skip
    return {
        "name": panel.name,
        "rows": panel.bars,
        "assets": panel.assets,
        "bars": market["bars"],
        "symbols": list(panel.symbols),
        "reference": panel.symbols[0],
        "first": market["first"],
        "last": market["last"],
        "timeframe": panel.timeframe,
        "bar_s": panel.bar_s,
        "days_per_year": panel.days_per_year,
        "data_hash": panel.data_hash,
        "synthetic": panel.synthetic,
        "survivors_only": panel.survivors_only,
        "has_volume": panel.has_volume,
        "reported": {key: market[key] for key in counted} | {"outages": len(market["outages"])},
    }
