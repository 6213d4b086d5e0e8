"""A kill or a full disk at any point loses nothing committed and leaves no half-written run."""

from collections.abc import Callable

from engine.settings import Settings
from engine.store.database import Database
from engine.store.ledger import Ledger
from engine.store.queries import Queries
from tests.store.conftest import Child
from tests.store.samples import batch, run


def _rows_of_runs(database: Database) -> dict[int, tuple[int, int, int, int]]:
    """For each run number: its rows in scenarios, run_assets, run_returns and trials."""
    counts = "".join(
        f", (SELECT count(*) FROM {table} t WHERE t.{key} = r.run_id)"
        for table, key in (("scenarios", "run_id"), ("run_assets", "run_id"), ("run_returns", "run_id"), ("trials", "batch_id"))
    )
    return {number: tuple(rows) for number, *rows in database.rows(f"SELECT number {counts} FROM runs r ORDER BY number")}


def _orphans(database: Database) -> int:
    tables = (("scenarios", "run_id"), ("run_assets", "run_id"), ("run_returns", "run_id"), ("trials", "batch_id"))
    known = "(SELECT run_id FROM runs)"
    return sum(database.rows(f"SELECT count(*) FROM {t} WHERE {key} NOT IN {known}")[0][0] for t, key in tables)


def test_a_killed_writer_loses_no_committed_run_and_leaves_no_part(settings: Settings, child: Callable[..., Child]) -> None:
    told = 0
    for lines in (1, 7, 12):  # the second and third child go on in the ledger that the one before left behind
        writer = child("record", settings.store_dir)
        assert writer.stdout is not None
        for _ in range(told + lines):
            told = max(told, int(writer.stdout.readline()))
        writer.kill()
        # Not communicate(): it would miss lines that readline has read ahead.
        told = max([told, *map(int, writer.stdout.read().split())])
        writer.wait()
        database = Database(settings.database_path)
        runs = _rows_of_runs(database)
        assert list(runs) == list(range(1, len(runs) + 1))
        assert told <= len(runs) <= told + 1  # one may be committed but not yet told
        assert set(runs.values()) == {(50, 6, 2, 1)}
        assert _orphans(database) == 0
        assert Queries(database).totals().trials == 50 * len(runs)
        database.close()


def test_a_run_killed_half_way_is_absent_and_can_be_recorded_again(settings: Settings, child: Callable[..., Child]) -> None:
    writer = child("stop_half_way", settings.store_dir)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "half\n"
    writer.kill()
    writer.wait()
    database = Database(settings.database_path)
    assert list(_rows_of_runs(database)) == [1]
    assert _orphans(database) == 0
    assert Queries(database).campaign("c1").next_number == 2
    assert Ledger(database, settings).record_run(run(2), [batch("c1-0002")])
    assert _rows_of_runs(database)[2] == (4, 6, 2, 1)
    database.close()


def test_a_full_disk_is_said_in_one_sentence_and_the_ledger_goes_on(settings: Settings, child: Callable[..., Child]) -> None:
    writer = child("fill_up", settings.store_dir)
    told = writer.communicate()[0]
    assert writer.returncode == 0
    assert "no room" in told
    assert "free some space and continue" in told
    database = Database(settings.database_path)
    assert list(_rows_of_runs(database)) == [1, 3]
    assert _orphans(database) == 0
    database.close()
