"""The one DuckDB connection of a process: who owns the file, which version it has, reading and writing without surprises.

DuckDB 2.0 lets one process hold the file; a connection object is unsafe across threads, its cursors are not; same-row
updates from several threads fail. Hence a fresh cursor for each read and one write lock. POSIX drops a process's file
locks as soon as it closes *any* handle of the file, so the ledger's file must never be opened by other means while it is
connected; the backup is therefore made through DuckDB.
"""

import os
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from engine.errors import StoreError, StoreLocked, StoreTooNew, says_no_room
from engine.store import migrations
from engine.store.files import store_full
from engine.store.owner import owner_in_words, owner_path, write_owner

_OFFLINE: dict[str, Any] = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


def utc_now() -> datetime:
    """The wall clock, UTC."""
    return datetime.now(UTC)


class Reader:
    """Answers SQL from any thread; `revision` grows by one with each commit, so that a page can cache on it."""

    def __init__(self, connection: Any, place: Path) -> None:
        self._connection = connection
        self._place = place
        self._cursors = threading.Lock()
        self._revision = 0

    @property
    def revision(self) -> int:
        return self._revision

    def read(self, sql: str, params: Sequence[Any] = ()) -> pd.DataFrame:
        """The rows of a query; SQL's NULL reads as NaN, times carry UTC. Raises StoreError if the file fails."""
        with self._cursor() as cursor:
            frame: pd.DataFrame = cursor.execute(sql, list(params)).df()
        for name in frame.select_dtypes("datetime64").columns:
            frame[name] = frame[name].dt.tz_localize("UTC")
        return frame

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a small query as tuples, NULL as None."""
        with self._cursor() as cursor:
            return list(cursor.execute(sql, list(params)).fetchall())

    def close(self) -> None:
        """Let go of the connection. Closing twice is fine."""
        self._connection.close()

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        try:
            with self._cursors:
                cursor = self._connection.cursor()
            try:
                yield cursor
            finally:
                cursor.close()
        except duckdb.Error as error:
            trouble = _trouble(error, self._place)
            if trouble is None:
                raise
            raise trouble from error

    @contextmanager
    def still(self) -> Iterator["Writer"]:
        """One unchanging state of the ledger for several queries, whatever others commit meanwhile."""
        with self._cursor() as cursor:
            cursor.execute("BEGIN TRANSACTION READ ONLY")
            try:
                yield Writer(cursor)
            finally:
                with suppress(duckdb.Error):
                    cursor.execute("ROLLBACK")


class Writer:
    """What the body of a transaction may do. Not to be kept beyond it."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def execute(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement; its rows as tuples."""
        return list(self._cursor.execute(sql, list(params)).fetchall())

    def insert(self, table: str, rows: pd.DataFrame) -> None:
        """Append the frame's rows, columns by name, NaN and None as NULL; columns that are not there are NULL."""
        if rows.empty:
            return
        self._cursor.register("incoming", rows)
        try:
            self._cursor.execute(f"INSERT INTO {table} BY NAME SELECT * FROM incoming")
        finally:
            self._cursor.unregister("incoming")


class Database(Reader):
    """The ledger's file, owned by this process until `close`; created, or migrated after a backup, if need be.

    `read_only` shares the file with other readers, never with an owner. Raises StoreLocked (another process, or another
    Database of this one), StoreTooNew, StoreFull, and StoreError for a file that is no ledger; the file then stays as it was.
    """

    def __init__(self, path: Path | str, *, read_only: bool = False) -> None:
        self.path = Path(path)
        self.read_only = read_only
        super().__init__(_connect(self.path, read_only), self.path)
        self._writing = threading.Lock()
        self._owns = False
        try:
            self._bring_up_to_date()
            if not read_only:
                self._tell_owner(None)
        except BaseException:
            self.close()  # else the file stays locked by a database that nobody has
            raise

    @contextmanager
    def transaction(self) -> Iterator[Writer]:
        """All that the body writes, or nothing of it. One writer at a time; not to be nested.

        Raises StoreFull if the disk has no room (the ledger stays usable), StoreError if the file cannot be written.
        """
        with self._writing, self._cursor() as cursor:
            cursor.execute("BEGIN")
            try:
                yield Writer(cursor)
                cursor.execute("COMMIT")
            except BaseException:  # whatever ends the body, Ctrl-C too: nothing half-written is committed
                with suppress(duckdb.Error):  # a failed commit has rolled back already
                    cursor.execute("ROLLBACK")
                raise
            self._revision += 1

    def announce(self, address: str) -> None:
        """Tell other processes where the app that owns the ledger is to be found."""
        self._tell_owner(address)

    def close(self) -> None:
        """Wait for the writer in work, let go of the file and tell no owner any more."""
        with self._writing:
            super().close()
        if self._owns:
            owner_path(self.path).unlink(missing_ok=True)
            self._owns = False

    def _tell_owner(self, address: str | None) -> None:
        self._owns = True
        write_owner(self.path, address, utc_now())

    def _bring_up_to_date(self) -> None:
        found, latest = self._version(), len(migrations.MIGRATIONS)
        if found > latest:
            raise StoreTooNew(
                f"the ledger {self.path} is of version {found}, written by a newer Edgewise; this program reads up to version "
                f"{latest}: update Edgewise, or name another store with --store"
            )
        if found == latest:
            return
        if self.read_only:
            raise StoreError(
                f"the ledger {self.path} is of version {found} and must become version {latest} before it can be read: "
                "start the app once"
            )
        if found:
            self._back_up(found)
        with self.transaction() as writer:
            migrate(writer, found)

    def _version(self) -> int:
        tables = {row[0] for row in self.rows("SELECT table_name FROM duckdb_tables()")}
        if "migrations" in tables:
            return int(self.rows("SELECT max(version) FROM migrations")[0][0])
        if tables:
            raise StoreError(
                f"{self.path} is a DuckDB file with other tables ({', '.join(sorted(tables)[:3])}), not an Edgewise ledger: "
                "move it away, or name another store with --store"
            )
        return 0

    def _back_up(self, version: int) -> None:
        """A copy of the ledger as it is in backup/, complete or absent."""
        stamp = utc_now().strftime("%Y%m%dT%H%M%SZ")
        target = self.path.parent / "backup" / f"{self.path.stem}-v{version:03d}-{stamp}.duckdb"
        part = target.with_suffix(".part")
        target.parent.mkdir(exist_ok=True)
        part.unlink(missing_ok=True)
        try:
            with self._cursor() as cursor:
                name = cursor.execute("SELECT current_database()").fetchall()[0][0]
                cursor.execute(f"ATTACH {quoted(part)} AS backup")
                try:
                    cursor.execute(f'COPY FROM DATABASE "{name}" TO backup')
                finally:
                    cursor.execute("DETACH backup")
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


def migrate(writer: Writer, found: int) -> None:
    """Apply every step after version `found`; a new ledger also gets its identity and the day its trial count starts."""
    now = utc_now()
    if not found:
        writer.execute("CREATE TABLE migrations (version BIGINT PRIMARY KEY, name VARCHAR, at_utc TIMESTAMP)")
    for version, step in enumerate(migrations.MIGRATIONS[found:], found + 1):
        step(writer.execute)
        writer.execute("INSERT INTO migrations VALUES (?, ?, ?)", [version, step.__name__, now.replace(tzinfo=None)])
    if not found:
        identity = {"store_id": uuid.uuid4().hex, "created": now.isoformat(timespec="seconds")}
        for key, value in identity.items():
            writer.execute("INSERT INTO store_meta VALUES (?, ?)", [key, value])


def parquet_reader(parts: Mapping[str, Sequence[Path]]) -> Reader:
    """A ledger in memory whose tables are read from those Parquet files; a table without files is empty.

    Answers the same SQL as the ledger from which the files were written.
    """
    connection = duckdb.connect(":memory:", config=_OFFLINE)
    migrate(Writer(connection), 0)
    for table, files in parts.items():
        if files:
            connection.execute(f"DROP TABLE {table}")
            names = ", ".join(quoted(file) for file in files)
            connection.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet([{names}])")
    return Reader(connection, next((files[0].parent for files in parts.values() if files), Path(":memory:")))


def quoted(path: Path) -> str:
    """The path as an SQL text."""
    return "'" + str(path).replace("'", "''") + "'"


def _connect(path: Path, read_only: bool) -> Any:
    if read_only and not path.exists():
        raise StoreError(f"no ledger at {path}: start the app or a campaign once, or name another store with --store")
    path.parent.mkdir(parents=True, exist_ok=True)
    # DuckDB would hand the same database to a second caller of this process, who would have his own write lock;
    # a differing configuration makes it refuse.
    config = _OFFLINE | {"custom_user_agent": uuid.uuid4().hex}
    try:
        return duckdb.connect(str(path), read_only=read_only, config=config)
    except duckdb.Error as error:
        raise _opening_error(error, path) from error


def _opening_error(error: Exception, path: Path) -> StoreError:
    text = " ".join(str(error).split())
    if "different configuration" in text:
        return StoreLocked(
            f"the ledger {path} is already open in this process (pid {os.getpid()}): use that one, or close it first"
        )
    if "lock on file" in text:
        return StoreLocked(f"the ledger {path} is in use by {owner_in_words(path, text)}: work there, or stop it and try again")
    if says_no_room(error):
        return store_full(path)
    if "version number" in text:
        return StoreTooNew(f"the ledger {path} was written by a newer DuckDB ({text}): update Edgewise and its packages")
    if path.is_file() and path.stat().st_size == 0:
        return StoreError(f"the ledger {path} is an empty file: delete it and start again")
    return StoreError(
        f"{path} cannot be opened as a ledger ({text}); it was left as it is: move it away to start a new one, "
        f"or put a copy from {path.parent / 'backup'} in its place"
    )


def _trouble(error: duckdb.Error, place: Path) -> StoreError | None:
    """StoreFull or StoreError where the file is at fault; None for an error of the query itself."""
    if says_no_room(error):
        return store_full(place)
    text = " ".join(str(error).split())
    if isinstance(error, duckdb.ConnectionException) and "closed" in text.lower():
        return StoreError(f"the ledger {place} is closed: open it again")
    if isinstance(error, (duckdb.OperationalError, duckdb.InternalError, duckdb.FatalException)):
        return StoreError(f"the ledger {place} cannot be used ({text}): check the disk and restart")
    return None
