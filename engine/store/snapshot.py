"""The ledger's snapshot: Parquet files beside it, from which other processes read while this one owns the ledger.

Tables only ever grow, so a snapshot writes the rows that are new since the last one, as one more part of each table, and
names all parts in a manifest that is replaced at the end. Eight parts of one size become one, up to `_PART_ROWS`, so that
10,000 runs lie in some hundred files and no snapshot is dear. Parts that were merged stay for a while, for readers of the
manifest before.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.errors import StoreError, StoreLocked
from engine.settings import Settings
from engine.store.database import Database, Reader, Writer, parquet_reader, quoted, utc_now
from engine.store.files import room_for, sync_file, write_atomically
from engine.store.model_queries import ModelQueries
from engine.store.queries import Queries
from engine.store.spool import read_spool

_MANIFEST = "manifest.json"
_FAN = 8
_PART_ROWS = 25_000
_RETIRED_S = 600.0


@dataclass(frozen=True)
class Part:
    """Rows [first, first + rows) of a table in one file; `level` counts how often its rows were merged."""

    file: str
    first: int
    rows: int
    level: int = 0


def write_snapshot(database: Database, snapshot_dir: Path, *, now: datetime | None = None) -> None:
    """Bring the snapshot up to the ledger's last commit. The one before stays readable until the new one stands.

    Raises StoreFull if there is no room; the ledger is not touched.
    """
    now = now or utc_now()
    with database.still() as ledger, room_for(snapshot_dir):
        identity = dict(ledger.execute("SELECT key, value FROM store_meta"))["store_id"]
        version = ledger.execute("SELECT max(version) FROM migrations")[0][0]
        before = _manifest(snapshot_dir)
        if before.get("store_id") != identity or before.get("version") != version:
            shutil.rmtree(snapshot_dir, ignore_errors=True)
            before = {}
        snapshot_dir.mkdir(parents=True, exist_ok=True)
        parts = {table: [Part(**part) for part in parts] for table, parts in before.get("tables", {}).items()}
        tables = {
            table: _grow(ledger, table, parts.get(table, []), snapshot_dir)
            for (table,) in ledger.execute("SELECT table_name FROM duckdb_tables() ORDER BY table_name")
        }
    plain = {table: [asdict(part) for part in parts] for table, parts in tables.items()}
    kept = {part.file for parts in tables.values() for part in parts}
    retired = _retire(before, kept, now, snapshot_dir)
    manifest = {"store_id": identity, "version": version, "written_at": now.isoformat(), "tables": plain, "retired": retired}
    write_atomically(snapshot_dir / _MANIFEST, json.dumps(manifest))


@contextmanager
def open_reader(settings: Settings, *, now: datetime | None = None) -> Iterator[Queries]:
    """The first of `open_readers`, for a command that asks nothing about the language model."""
    with open_readers(settings, now=now) as (queries, _):
        yield queries


@contextmanager
def open_readers(settings: Settings, *, now: datetime | None = None) -> Iterator[tuple[Queries, ModelQueries]]:
    """Queries on the store for a command that only reads: on the ledger if nobody owns it, else on the last snapshot.

    `source` and `age_s` of the first say which. A store without a ledger is empty. Raises StoreLocked if the ledger is
    owned and has no snapshot yet, and whatever else opening it raises.
    """
    pending = [batch for _, batch in read_spool(settings.spool_dir).batches]
    reader: Reader
    if not settings.database_path.exists():
        reader, source, age_s = parquet_reader({}), "empty", 0.0
    else:
        try:
            reader, source, age_s = Database(settings.database_path, read_only=True), "ledger", 0.0
        except StoreLocked:
            manifest = _manifest(settings.snapshot_dir)
            if not manifest:
                raise
            reader, source = _open_parts(manifest, settings.snapshot_dir), "snapshot"
            written_at = datetime.fromisoformat(manifest["written_at"])
            age_s = max(0.0, ((now or utc_now()) - written_at).total_seconds())
    try:
        yield Queries(reader, source=source, age_s=age_s, pending=pending), ModelQueries(reader)
    finally:
        reader.close()


def _open_parts(manifest: dict[str, Any], snapshot_dir: Path) -> Reader:
    parts = {table: [snapshot_dir / part["file"] for part in parts] for table, parts in manifest["tables"].items()}
    missing = [file.name for files in parts.values() for file in files if not file.exists()]
    if missing:
        raise StoreError(
            f"the snapshot {snapshot_dir} lacks {missing[0]}: delete the folder, the app writes it anew after its next run"
        )
    return parquet_reader(parts)


def _manifest(snapshot_dir: Path) -> dict[str, Any]:
    """What the snapshot holds; empty if there is none."""
    try:
        plain = json.loads((snapshot_dir / _MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return plain if isinstance(plain, dict) else {}


def _grow(ledger: Writer, table: str, parts: list[Part], directory: Path) -> list[Part]:
    """The table's parts once its new rows are in; the last ones merged where enough of them have one level."""
    rows = ledger.execute(f"SELECT count(*) FROM {table}")[0][0]
    there = sum(part.rows for part in parts)
    if rows < there:  # an older copy of the ledger was put in its place
        parts, there = [], 0
    if rows == there:
        return parts
    new = Part("", there, rows - there)
    while _can_merge(parts, new):
        taken = parts[1 - _FAN :]
        parts = parts[: 1 - _FAN]
        new = Part("", taken[0].first, new.first + new.rows - taken[0].first, new.level + 1)
    return [*parts, _write_part(ledger, table, new, directory)]


def _can_merge(parts: list[Part], new: Part) -> bool:
    last = parts[1 - _FAN :]
    alike = len(last) == _FAN - 1 and all(part.level == new.level for part in last)
    return alike and new.first + new.rows - last[0].first <= _PART_ROWS


def _write_part(ledger: Writer, table: str, part: Part, directory: Path) -> Part:
    """The part with its file, complete on disk. Row numbers are DuckDB's rowid: without deletions they have no holes."""
    name = f"{table}-{part.first:010d}-{part.rows:07d}.parquet"
    rows = f"SELECT * FROM {table} WHERE rowid >= {part.first} AND rowid < {part.first + part.rows}"
    temporary = directory / f".{name}.part"
    copied = ledger.execute(f"COPY ({rows}) TO {quoted(temporary)} (FORMAT parquet, COMPRESSION zstd)")[0][0]
    if copied != part.rows:
        raise StoreError(f"the snapshot of {table} holds {copied} rows, wanted {part.rows}: the ledger's row numbers have holes")
    sync_file(temporary)
    temporary.replace(directory / name)
    return Part(name, part.first, part.rows, part.level)


def _retire(before: dict[str, Any], kept: set[str], now: datetime, directory: Path) -> list[list[str]]:
    """Files that are no longer named, with the time that ended; those past `_RETIRED_S` are deleted."""
    named = [part["file"] for parts in before.get("tables", {}).values() for part in parts]
    retired = before.get("retired", []) + [[file, now.isoformat()] for file in named if file not in kept]
    waiting = []
    for file, since in retired:
        if (now - datetime.fromisoformat(since)).total_seconds() < _RETIRED_S:
            waiting.append([file, since])
        elif file not in kept:
            (directory / file).unlink(missing_ok=True)
    return waiting
