"""A second process's trials reach the ledger once; what cannot be read is kept and told."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from engine.settings import Settings
from engine.store.ledger import Ledger
from engine.store.queries import Queries
from engine.store.snapshot import open_reader
from engine.store.spool import read_spool, spool_trials
from tests.store.samples import SYMBOLS, batch


def test_spooled_trials_are_taken_in_once(settings: Settings, ledger: Ledger, queries: Queries) -> None:
    for name in ("b1", "b2", "b1"):
        spool_trials(settings.spool_dir, batch(name))
    assert sorted(b.batch_id for _, b in read_spool(settings.spool_dir).batches) == ["b1", "b2"]
    assert ledger.take_in_spool().batches == 2
    assert ledger.take_in_spool().batches == 0
    assert queries.totals().trials == 8
    assert not list(settings.spool_dir.glob("*.json"))


def test_a_file_that_outlived_its_commit_is_not_counted_again(settings: Settings, ledger: Ledger, queries: Queries) -> None:
    spooled = spool_trials(settings.spool_dir, batch("b1"))
    content = spooled.read_text()
    ledger.take_in_spool()
    spooled.write_text(content)  # the owner died between its commit and the deletion
    assert ledger.take_in_spool().batches == 0
    assert queries.totals().trials == 4
    assert not spooled.exists()


def test_a_batch_survives_the_way_through_a_file(settings: Settings) -> None:
    made = batch("b/1 ä", first_ns=np.int64(-5), last_ns=np.int64(2**60))
    spool_trials(settings.spool_dir, made)
    ((_, read),) = read_spool(settings.spool_dir).batches
    assert read == made


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"batch_id": "b1"}',
        json.dumps(asdict(batch("b1")) | {"scenarios": "many"}),
        json.dumps(asdict(batch("b1")) | {"symbols": "BTC"}),
    ],
)
def test_a_broken_file_is_set_aside_and_told(settings: Settings, ledger: Ledger, queries: Queries, content: str) -> None:
    spool_trials(settings.spool_dir, batch("good"))
    broken = settings.spool_dir / "broken.json"
    for _ in range(2):
        broken.write_text(content)
        told = ledger.take_in_spool().set_aside
        assert len(told) == 1
        assert "broken.json cannot be read" in told[0]
        assert not broken.exists()
    kept = sorted((settings.spool_dir / "broken").iterdir())
    assert [path.read_text() for path in kept] == [content, content]
    assert queries.totals().trials == 4
    assert queries.events()["kind"].tolist() == ["spool_broken", "spool_broken", "created"]


def test_readers_count_what_lies_in_the_spool(settings: Settings, ledger: Ledger, database: object) -> None:
    ledger.record_trials(batch("b1"))
    database.close()  # type: ignore[attr-defined]
    spool_trials(settings.spool_dir, batch("b1"))
    spool_trials(settings.spool_dir, batch("b2", arm="human"))
    with open_reader(settings) as queries:
        assert queries.trials(SYMBOLS, 0, 1).by_arm == {"human": 4, "random": 4}
        assert queries.trials(["NOSUCH"], 0, 1).total == 0
        assert queries.totals().trials == 8


def test_an_absent_spool_is_empty(tmp_path: Path, ledger: Ledger) -> None:
    assert read_spool(tmp_path / "none").batches == ()
    assert ledger.take_in_spool().batches == 0
