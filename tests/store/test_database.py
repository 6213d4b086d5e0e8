"""One owner, whole transactions, migrations behind a backup, and files that are no ledger."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from engine.errors import StoreError, StoreLocked, StoreTooNew
from engine.figures import ASSET_FIGURES, PORTFOLIO_FIGURES
from engine.settings import Settings
from engine.store import migrations
from engine.store.database import Database
from engine.store.ledger import Ledger
from engine.store.looks import Look
from engine.store.queries import Queries
from tests.store.conftest import Child
from tests.store.samples import batch, run, spec


def _second_step(execute: Callable[[str], object]) -> None:
    execute("ALTER TABLE runs ADD COLUMN train_omega DOUBLE")


def _failing_step(execute: Callable[[str], object]) -> None:
    _second_step(execute)
    execute("SELECT this is no SQL")


def test_every_figure_has_its_columns(database: Database) -> None:
    columns = {table: set(database.read(f"SELECT * FROM {table}").columns) for table in ("runs", "scenarios", "run_assets")}
    for name in PORTFOLIO_FIGURES:
        assert {f"train_{name}", f"validation_{name}"} <= columns["runs"]
        assert name in columns["scenarios"]
    assert set(ASSET_FIGURES) <= columns["run_assets"]


def test_a_failing_transaction_leaves_nothing_and_counts_no_revision(database: Database, ledger: Ledger) -> None:
    before = database.revision

    def write_and_fail() -> None:
        with database.transaction() as writer:
            writer.insert("looks", pd.DataFrame({"who": ["page"]}))
            raise RuntimeError("the body fails")

    with pytest.raises(RuntimeError, match="the body fails"):
        write_and_fail()
    assert database.read("SELECT * FROM looks").empty
    assert database.revision == before
    ledger.record_look(Look("d1", "vault", who="page", why="asked"))
    assert len(database.read("SELECT * FROM looks")) == 1
    assert database.revision == before + 1


def test_a_still_view_does_not_move_with_later_commits(database: Database, ledger: Ledger) -> None:
    with database.still() as view:
        assert view.execute("SELECT count(*) FROM runs") == [(0,)]
        ledger.record_run(run(1), [batch("b1")])
        assert view.execute("SELECT count(*) FROM runs") == [(0,)]
    assert database.rows("SELECT count(*) FROM runs") == [(1,)]


def test_four_writers_and_four_readers_do_not_disturb_each_other(ledger: Ledger, queries: Queries) -> None:
    troubles: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> Callable[[], None]:
        def do() -> None:
            try:
                work()
            except BaseException as error:
                troubles.append(error)

        return do

    def write(first: int) -> None:
        for number in range(first, 40, 4):
            ledger.record_run(run(number + 1), [batch(f"b{number}")])
            ledger.campaign_event("c1", "note", str(number))

    def read() -> None:
        for _ in range(15):
            assert (queries.runs("c1")["scenarios"] == 4).all()
            assert queries.totals().scenarios % 4 == 0
            queries.campaigns()

    threads = [threading.Thread(target=guarded(lambda first=i: write(first))) for i in range(4)]
    threads += [threading.Thread(target=guarded(read)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not troubles
    assert sorted(queries.runs("c1")["number"]) == list(range(1, 41))
    assert queries.totals().trials == 160
    assert queries.events(limit=100)["seq"].tolist() == list(range(41, 0, -1))


def test_a_second_process_is_told_who_owns_the_ledger(settings: Settings, child: Callable[..., Child]) -> None:
    owner = child("own", settings.store_dir)
    assert owner.stdout is not None
    assert owner.stdout.readline() == "ready\n"
    for read_only in (False, True):
        with pytest.raises(StoreLocked, match=rf"process {owner.pid} \(http://127.0.0.1:8501, since ") as told:
            Database(settings.database_path, read_only=read_only)
        assert "stop it and try again" in str(told.value)
    # A note that a killed process has left must not lend its address to the real owner.
    (settings.store_dir / "research.duckdb.owner").write_text('{"pid": 1, "address": "http://elsewhere", "since": "2020"}')
    with pytest.raises(StoreLocked, match=f"process {owner.pid}: ") as told:
        Database(settings.database_path)
    owner.kill()
    owner.wait()
    reopened = Database(settings.database_path)
    assert len(Queries(reopened).runs("c1")) == 1
    reopened.close()
    assert not (settings.store_dir / "research.duckdb.owner").exists()


def test_a_second_database_in_the_same_process_is_refused(settings: Settings, database: Database) -> None:
    with pytest.raises(StoreLocked, match=rf"already open in this process \(pid {os.getpid()}\)"):
        Database(settings.database_path)
    database.close()
    Database(settings.database_path).close()


def test_readers_share_the_ledger_and_a_closed_one_says_so(settings: Settings, database: Database) -> None:
    database.close()
    with pytest.raises(StoreError, match="is closed"):
        database.read("SELECT 1")
    reader = Database(settings.database_path, read_only=True)
    with pytest.raises(duckdb.Error, match="read-only"), reader.transaction() as writer:
        writer.execute("INSERT INTO looks (who) VALUES ('x')")
    reader.close()


def test_an_older_ledger_is_migrated_behind_a_backup(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    old = Database(settings.database_path)
    ledger = Ledger(old, settings)
    ledger.create_campaign("c1", spec())
    ledger.record_run(run(1), [batch("b1")])
    old.close()
    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, _second_step))
    with pytest.raises(StoreError, match="start the app once"):
        Database(settings.database_path, read_only=True)
    new = Database(settings.database_path)
    assert new.rows("SELECT run_id, train_omega FROM runs") == [("c1-0001", None)]
    new.close()
    monkeypatch.undo()
    (backup,) = (settings.store_dir / "backup").iterdir()
    kept = Database(backup)
    assert len(Queries(kept).scenarios("c1-0001")) == 4
    kept.close()
    with pytest.raises(StoreTooNew, match=r"is of version \d+, written by a newer.*reads up to version \d+: update Edgewise"):
        Database(settings.database_path)


def test_runs_from_before_shared_cash_rejected_no_entry(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:5])
    old = Database(settings.database_path)
    with old.transaction() as writer:
        writer.execute("INSERT INTO runs (run_id, number, train_trades, validation_trades) VALUES ('scored', 1, 7, 0)")
        writer.execute("INSERT INTO runs (run_id, number) VALUES ('refused', 2)")
        writer.execute("INSERT INTO scenarios (run_id, scenario, trades) VALUES ('scored', 0, 7), ('scored', 1, 'nan')")
    old.close()
    monkeypatch.undo()
    new = Database(settings.database_path)
    runs = new.rows("SELECT run_id, train_rejected_entries, validation_rejected_entries FROM runs ORDER BY number")
    assert runs == [("scored", 0.0, 0.0), ("refused", None, None)]
    assert new.rows("SELECT rejected_entries FROM scenarios ORDER BY scenario") == [(0.0,), (None,)]
    new.close()


def test_a_migration_that_fails_leaves_the_old_version(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    Database(settings.database_path).close()
    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, _failing_step))
    with pytest.raises(duckdb.Error):
        Database(settings.database_path)
    monkeypatch.undo()
    database = Database(settings.database_path)
    assert "train_omega" not in database.read("SELECT * FROM runs").columns
    database.close()


@pytest.mark.parametrize("content", [b"", b"x", b"timestamp,open\n" * 5000])
def test_a_file_that_is_no_ledger_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "research.duckdb"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"start again|move it away"):
        Database(path)
    assert path.read_bytes() == content
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_damaged_ledger_is_refused_and_left_alone(settings: Settings, database: Database) -> None:
    database.close()
    damaged = settings.database_path.read_bytes()[:20_000]
    settings.database_path.write_bytes(damaged)
    with pytest.raises(StoreError, match="backup"):
        Database(settings.database_path)
    assert settings.database_path.read_bytes() == damaged


def test_a_foreign_duckdb_file_is_not_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "research.duckdb"
    with duckdb.connect(str(path)) as other:
        other.execute("CREATE TABLE sales (x INTEGER)")
    with pytest.raises(StoreError, match=r"other tables \(sales\)"):
        Database(path)
    with duckdb.connect(str(path)) as other:
        assert other.execute("SELECT table_name FROM duckdb_tables()").fetchall() == [("sales",)]


def test_reading_a_store_without_a_ledger_makes_none(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no ledger at"):
        Database(tmp_path / "research.duckdb", read_only=True)
    assert not list(tmp_path.iterdir())
