"""A snapshot answers as the ledger does, stays small in files, and says how old it is."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from engine.errors import StoreError, StoreLocked
from engine.settings import Settings
from engine.store.database import Database
from engine.store.ledger import Ledger
from engine.store.looks import Look
from engine.store.queries import Queries
from engine.store.snapshot import open_reader, write_snapshot
from tests.store.conftest import Child
from tests.store.samples import SYMBOLS, batch, failed_run, run, spec

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def _answers(queries: Queries) -> dict[str, Any]:
    """Every query's answer."""
    return {
        "campaigns": queries.campaigns(),
        "campaign": queries.campaign("c1"),
        "events": queries.events(),
        "totals": queries.totals(),
        "runs": queries.runs("c1"),
        "recent_runs": queries.recent_runs("c1"),
        "run_ids": queries.run_ids(),
        "run": queries.run("c1-0002").source,
        "failure": queries.run("c1-0003").failure,
        "lineage": queries.lineage("c1-0002"),
        "scenarios": queries.scenarios("c1-0002"),
        "progress": queries.progress("c1"),
        "daily_returns": queries.daily_returns("c1-0002", "train"),
        "run_assets": queries.run_assets("c1-0002", "train"),
        "assets": queries.assets_over_campaign("c1", "train"),
        "change": queries.asset_change("c1-0001", "c1-0002", "train"),
        "trials": queries.trials(SYMBOLS, 0, 1),
        "looks": queries.looks(),
        "presets": queries.presets(),
    }


def _assert_equal(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    for name, value in wanted.items():
        if isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(found[name], value)
        elif isinstance(value, pd.Series):
            pd.testing.assert_series_equal(found[name], value)
        else:
            assert found[name] == value, name


def _locked(settings: Settings) -> Any:
    """A reader while the ledger is owned; the owner here is this very process."""
    return open_reader(settings, now=NOW + timedelta(seconds=90))


def test_a_snapshot_that_grew_run_by_run_answers_as_the_ledger(
    settings: Settings, ledger: Ledger, database: Database, queries: Queries
) -> None:
    ledger.record_look(Look("d1", "vault", who="page", why="opened"))
    ledger.save_preset("wide", {"scenarios": 100})
    for number in range(1, 19):
        made = failed_run(number) if number % 5 == 3 else run(number, validation=number % 7)
        ledger.record_run(made, [batch(made.run_id)])
        write_snapshot(database, settings.snapshot_dir, now=NOW)
    with _locked(settings) as snapshot:
        assert (snapshot.source, snapshot.age_s) == ("snapshot", 90.0)
        _assert_equal(_answers(snapshot), _answers(queries))


def test_parts_are_merged_and_old_ones_go_after_a_while(settings: Settings, ledger: Ledger, database: Database) -> None:
    for number in range(1, 70):
        ledger.record_trials(batch(f"b{number}"))
        write_snapshot(database, settings.snapshot_dir, now=NOW)
    waiting = len(list(settings.snapshot_dir.glob("trials-*")))
    write_snapshot(database, settings.snapshot_dir, now=NOW + timedelta(hours=1))
    assert len(list(settings.snapshot_dir.glob("trials-*"))) == 6  # 64 + 5 single ones
    assert waiting == 69
    with _locked(settings) as snapshot:
        assert snapshot.totals().trials == 69 * 4


def test_an_unchanged_table_is_not_written_again(settings: Settings, ledger: Ledger, database: Database) -> None:
    ledger.record_run(run(1), [batch("b1")])
    write_snapshot(database, settings.snapshot_dir)
    before = {path: path.stat().st_mtime_ns for path in settings.snapshot_dir.glob("*.parquet")}
    ledger.campaign_event("c1", "started")
    write_snapshot(database, settings.snapshot_dir)
    after = {path: path.stat().st_mtime_ns for path in settings.snapshot_dir.glob("*.parquet")}
    assert {path.name.split("-")[0] for path in after.keys() - before.keys()} == {"campaign_events"}
    assert all(after[path] == time for path, time in before.items())


def test_a_second_process_reads_the_snapshot_while_the_ledger_is_owned(settings: Settings, child: Callable[..., Child]) -> None:
    owner = child("own", settings.store_dir)
    assert owner.stdout is not None
    assert owner.stdout.readline() == "ready\n"
    with open_reader(settings) as queries:
        assert queries.source == "snapshot"
        assert queries.age_s >= 0
        assert queries.runs("c1")["run_id"].tolist() == ["c1-0001"]
    owner.kill()
    owner.wait()
    with open_reader(settings) as queries:
        assert (queries.source, queries.age_s) == ("ledger", 0.0)
        assert queries.runs("c1")["run_id"].tolist() == ["c1-0001"]


def test_an_owned_ledger_without_a_snapshot_says_who_owns_it(settings: Settings, ledger: Ledger) -> None:
    with pytest.raises(StoreLocked), _locked(settings):
        pass


def test_a_store_without_a_ledger_reads_as_empty(settings: Settings) -> None:
    with open_reader(settings) as queries:
        assert queries.source == "empty"
        assert queries.campaigns().empty
        assert queries.totals().runs == 0
    assert not settings.store_dir.exists()


def test_another_ledger_starts_its_snapshot_anew(settings: Settings, ledger: Ledger, database: Database) -> None:
    ledger.record_run(run(1), [batch("b1")])
    write_snapshot(database, settings.snapshot_dir)
    database.close()
    settings.database_path.unlink()
    fresh = Database(settings.database_path)
    Ledger(fresh, settings).create_campaign("c2", spec(name="Other"))
    write_snapshot(fresh, settings.snapshot_dir)
    with _locked(settings) as snapshot:
        assert snapshot.campaigns()["campaign_id"].tolist() == ["c2"]
        assert snapshot.totals().runs == 0
    fresh.close()


def test_an_older_copy_of_the_ledger_put_in_place_is_what_the_snapshot_shows(
    settings: Settings, ledger: Ledger, database: Database
) -> None:
    ledger.record_run(run(1), [batch("b1")])
    database.close()
    shutil.copy(settings.database_path, settings.store_dir / "copy")
    for number in (2, 3):
        later = Database(settings.database_path)
        Ledger(later, settings).record_run(run(number), [batch(f"b{number}")])
        write_snapshot(later, settings.snapshot_dir)
        later.close()
    shutil.copy(settings.store_dir / "copy", settings.database_path)
    older = Database(settings.database_path)
    write_snapshot(older, settings.snapshot_dir)
    with _locked(settings) as snapshot:
        assert snapshot.run_ids() == ["c1-0001"]
    older.close()


def test_a_snapshot_with_a_lost_file_is_not_taken_for_whole(settings: Settings, ledger: Ledger, database: Database) -> None:
    ledger.record_run(run(1), [batch("b1")])
    write_snapshot(database, settings.snapshot_dir)
    next(settings.snapshot_dir.glob("scenarios-*")).unlink()
    with pytest.raises(StoreError, match=r"lacks scenarios-.*delete the folder"), _locked(settings):
        pass
