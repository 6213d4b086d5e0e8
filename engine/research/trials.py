"""Recording what commands score and look at: in the ledger if it is free, trials else in the spool for its owner."""

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from engine.backtest.sweep import TestBed
from engine.errors import StoreLocked
from engine.market.bars import Panel
from engine.records import TrialBatch
from engine.research.campaign import code_hash_of
from engine.settings import Settings
from engine.store.database import Database
from engine.store.ledger import Ledger
from engine.store.looks import Look
from engine.store.queries import Queries
from engine.store.snapshot import open_reader
from engine.store.spool import spool_trials
from engine.store.trials import TrialCount

T = TypeVar("T")


def batch_of(bed: TestBed, source: str, *, origin: str, scenarios: int) -> TrialBatch:
    """The trials of a command on a test bed, arm `human`; each call is a batch of its own."""
    panel, window = bed.market.panel, bed.market.window
    unique = f"{origin}:{time.time_ns()}:{os.getpid()}"
    return TrialBatch(
        batch_id=hashlib.sha256(unique.encode()).hexdigest()[:20],
        origin=origin,
        arm="human",
        data_hash=panel.data_hash,
        symbols=panel.symbols,
        first_ns=int(panel.times_ns[window.start]),
        last_ns=int(panel.times_ns[window.stop - 1]),
        window=window.name,
        scenarios=scenarios,
        code_hash=code_hash_of(source),
    )


def record_trials(settings: Settings, batch: TrialBatch) -> TrialCount:
    """Record the batch and return how many trials now overlap with it, those of other processes included."""
    try:
        database = Database(settings.database_path)
    except StoreLocked:
        spool_trials(settings.spool_dir, batch)
        return _count_by_reading(settings, batch)
    try:
        ledger = Ledger(database, settings)
        ledger.take_in_spool()
        ledger.record_trials(batch)
        return Queries(database).trials(batch.symbols, batch.first_ns, batch.last_ns)
    finally:
        database.close()


def _count_by_reading(settings: Settings, batch: TrialBatch) -> TrialCount:
    """The count while another process owns the ledger. One that is just opening it, or a command that counts its own trials
    in a moment, may have written no snapshot yet: wait for it a little. Raises StoreLocked then; the batch lies in the spool."""

    def count() -> TrialCount:
        with open_reader(settings) as queries:
            return queries.trials(batch.symbols, batch.first_ns, batch.last_ns)

    return _patiently(count)


def _patiently(act: Callable[[], T], *, patience_s: float = 5.0) -> T:
    """What `act` returns, tried again while the ledger is locked. Raises StoreLocked when patience is over."""
    last = time.monotonic() + patience_s
    while True:
        try:
            return act()
        except StoreLocked:
            if time.monotonic() > last:
                raise
            time.sleep(0.1)


def record_look(settings: Settings, panel: Panel, *, who: str, file: Path) -> int:
    """Record that a command is to run that strategy file on the vault; the how manieth look on these bars it is, from 1.

    Raises StoreLocked where another process keeps the ledger: without its record there is no look. One that only counts its
    trials is waited for.
    """
    look = Look(
        panel.data_hash, "all", who, file.name, symbols=panel.symbols, first_ns=int(panel.times_ns[0]),
        last_ns=int(panel.times_ns[-1]),
    )  # fmt: skip
    database = _patiently(lambda: Database(settings.database_path))
    try:
        return Ledger(database, settings).record_look(look)
    finally:
        database.close()
