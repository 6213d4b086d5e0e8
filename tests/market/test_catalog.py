"""Datasets on disk: whole or not at all, quick to open, and never mixed up."""

import errno
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.errors import DataError, ImportRefused, StoreFull, UnknownDataset
from engine.market import disk
from engine.market.bars import FIELDS
from engine.market.catalog import Catalog
from tests.market.files import long_frame, write


@pytest.fixture
def bars_dir(tmp_path: Path) -> Path:
    return tmp_path / "store" / "bars"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(long_frame(bars=120), tmp_path / "bars.parquet")


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return write(long_frame(bars=90, seed=2), tmp_path / "other.parquet")


def test_what_is_opened_is_what_was_imported(bars_dir: Path, file: Path) -> None:
    made = Catalog(bars_dir).import_path(file, "mine")
    opened = Catalog(bars_dir).open("mine")
    frame = pd.read_parquet(file)
    for i, symbol in enumerate(opened.symbols):
        for field in FIELDS:
            np.testing.assert_array_equal(getattr(opened, field)[:, i], frame.loc[frame["symbol"] == symbol, field])
    assert opened.data_hash == made.panel.data_hash
    assert (opened.name, opened.bars, opened.symbols) == ("mine", 120, ("BBB", "AAA"))


def test_arrays_are_shared_memory_that_nobody_can_write(bars_dir: Path, file: Path) -> None:
    catalog = Catalog(bars_dir)
    catalog.import_path(file, "mine")
    panel = catalog.open("mine")
    assert catalog.open("mine") is panel
    for array in (*(getattr(panel, f) for f in FIELDS), panel.times_ns):
        assert not array.flags.writeable
    assert all(getattr(panel, f).flags.f_contiguous for f in FIELDS)


def test_description_is_json_and_says_what_is_there(bars_dir: Path, file: Path) -> None:
    catalog = Catalog(bars_dir)
    catalog.import_path(file, "mine", reference="AAA")
    told = json.loads(json.dumps(catalog.describe("mine"), allow_nan=False))
    assert told["symbols"] == ["AAA", "BBB"]
    expected = {
        "name": "mine", "source": "bars.parquet", "rows": 120, "assets": 2, "timeframe": "1h", "reference": "AAA",
        "synthetic": False, "survivors_only": True, "has_volume": True, "first": "2022-03-01T00:00:00Z",
        "last": "2022-03-05T23:00:00Z",
    }  # fmt: skip
    assert expected.items() <= told.items()
    assert told["reported"]["file_rows"] == 240


def test_quality_is_kept_as_it_was_made(bars_dir: Path, file: Path) -> None:
    made = Catalog(bars_dir).import_path(file, "mine").quality
    kept = Catalog(bars_dir).quality("mine")
    pd.testing.assert_frame_equal(kept.assets, made.assets)
    assert (kept.market, kept.messages) == (made.market, made.messages)


def test_taken_name_is_refused_unless_replaced(bars_dir: Path, file: Path, other: Path) -> None:
    catalog = Catalog(bars_dir)
    before = catalog.import_path(file, "mine").panel
    with pytest.raises(ImportRefused, match=r"'mine' is there already \(2 assets, 2022-03-01 to 2022-03-05\).*replace"):
        catalog.import_path(other, "mine")
    assert catalog.open("mine") is before
    after = catalog.import_path(other, "mine", replace=True)
    assert after.replaced
    assert catalog.open("mine").bars == 90
    assert before.close[0, 0] > 0  # an open panel outlives the set it came from
    assert len([p for p in bars_dir.iterdir() if p.is_dir()]) == 1


def test_refused_file_leaves_the_old_set(bars_dir: Path, file: Path, tmp_path: Path) -> None:
    catalog = Catalog(bars_dir)
    before = catalog.import_path(file, "mine").panel.data_hash
    with pytest.raises(ImportRefused):
        catalog.import_path(write(long_frame(bars=1), tmp_path / "single.csv"), "mine", replace=True)
    assert Catalog(bars_dir).open("mine").data_hash == before


def test_full_disk_leaves_the_old_set_and_no_remains(
    bars_dir: Path, file: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = Catalog(bars_dir)
    before = catalog.import_path(file, "mine").panel.data_hash
    written = disk._write_array

    def fills_up(path: Path, array: np.ndarray) -> None:
        if path.name == "close.npy":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written(path, array)

    monkeypatch.setattr(disk, "_write_array", fills_up)
    with pytest.raises(StoreFull, match="the disk is full; make room and try again, nothing has changed"):
        catalog.import_path(other, "mine", replace=True)
    assert Catalog(bars_dir).open("mine").data_hash == before
    assert len([p for p in bars_dir.iterdir() if p.is_dir()]) == 1


def _killed_while_writing(bars_dir: Path, file: Path) -> None:
    written = disk._write_array

    def dies(path: Path, array: np.ndarray) -> None:
        written(path, array)
        if path.name == "low.npy":
            os.kill(os.getpid(), signal.SIGKILL)

    disk._write_array = dies
    Catalog(bars_dir).import_path(file, "mine", replace=True)


def test_killed_import_leaves_the_old_set_and_the_next_one_clears_up(bars_dir: Path, file: Path, other: Path) -> None:
    before = Catalog(bars_dir).import_path(file, "mine").panel.data_hash
    child = multiprocessing.get_context("spawn").Process(target=_killed_while_writing, args=(bars_dir, other))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    assert Catalog(bars_dir).open("mine").data_hash == before
    Catalog(bars_dir).import_path(other, "mine", replace=True)
    assert len([p for p in bars_dir.iterdir() if p.is_dir()]) == 1


def test_unknown_name_suggests_the_near_one(bars_dir: Path, file: Path) -> None:
    catalog = Catalog(bars_dir)
    catalog.import_path(file, "crypto100")
    for ask in (catalog.open, catalog.describe, catalog.quality):
        with pytest.raises(UnknownDataset, match=r"no dataset 'cryto100'; did you mean crypto100\?.*data import PATH"):
            ask("cryto100")
    with pytest.raises(UnknownDataset, match="there are crypto100, demo, demo-null"):
        catalog.open("zzz")
    with pytest.raises(UnknownDataset):
        catalog.describe("../bars/crypto100")


@pytest.mark.parametrize("name", ["", "a b", "../up", "a.b", "x" * 61, "ünder"])
def test_names_that_are_no_names_are_refused(bars_dir: Path, file: Path, name: str) -> None:
    with pytest.raises(DataError, match="wanted 1 to 60 letters, digits, - or _"):
        Catalog(bars_dir).import_path(file, name)


def test_removed_set_is_gone_and_its_name_is_free(bars_dir: Path, file: Path, other: Path) -> None:
    catalog = Catalog(bars_dir)
    catalog.import_path(file, "mine")
    catalog.remove("mine")
    assert catalog.names() == []
    with pytest.raises(UnknownDataset):
        catalog.open("mine")
    with pytest.raises(UnknownDataset, match="no dataset 'mine' to remove"):
        catalog.remove("mine")
    assert catalog.import_path(other, "mine").panel.bars == 90


def test_damaged_sets_say_so(bars_dir: Path, file: Path) -> None:
    catalog = Catalog(bars_dir)
    catalog.import_path(file, "mine")
    folder = bars_dir / catalog.describe("mine")["folder"]
    (folder / "close.npy").write_bytes(b"")
    with pytest.raises(DataError, match=r"'mine' is damaged.*import it again with replace"):
        Catalog(bars_dir).open("mine")
    (bars_dir / "mine.json").write_text("{}")
    with pytest.raises(DataError, match=r"mine.json cannot be read"):
        catalog.describe("mine")
    catalog.import_path(file, "mine", replace=True)
    assert catalog.open("mine").bars == 120


def test_set_of_a_newer_version_is_not_guessed_at(bars_dir: Path, file: Path) -> None:
    catalog = Catalog(bars_dir)
    catalog.import_path(file, "mine")
    path = bars_dir / "mine.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    with pytest.raises(DataError, match=r"format 99.*update"):
        catalog.open("mine")


def test_demo_markets_are_made_when_first_named(bars_dir: Path, file: Path) -> None:
    catalog = Catalog(bars_dir)
    assert catalog.names() == []
    assert catalog.describe("demo")["synthetic"] is True
    assert catalog.names() == ["demo"]
    catalog.ensure_demo()
    assert catalog.names() == ["demo", "demo-null"]
    told, null = catalog.describe("demo"), catalog.describe("demo-null")
    assert told["source"] == "SYNTHETIC"
    assert told["edge"]
    assert null["edge"] is None
    panel = catalog.open("demo")
    assert panel.synthetic
    assert panel.data_hash == told["data_hash"] != null["data_hash"]
    with pytest.raises(ImportRefused, match="built-in demo market"):
        catalog.import_path(file, "demo", replace=True)


@pytest.mark.realdata
def test_crypto100_imports_and_opens_in_time(bars_dir: Path, real_set: Callable[[str], Path]) -> None:
    started = time.perf_counter()
    made = Catalog(bars_dir).import_path(real_set("crypto100_1h"), "crypto100")
    assert time.perf_counter() - started < 20
    started = time.perf_counter()
    panel = Catalog(bars_dir).open("crypto100")
    assert time.perf_counter() - started < 0.5
    assert (panel.bars, panel.assets, panel.symbols[0]) == (23_964, 100, "BTCUSDT")
    assert int(panel.exists.sum()) == 2_396_400
    assert panel.data_hash == made.panel.data_hash
    assert panel.bars_per_year == 8_760
