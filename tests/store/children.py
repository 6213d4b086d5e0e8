"""Processes that the store's tests start, and mostly kill: `python -m tests.store.children WHAT STORE`."""

import resource
import sys
from pathlib import Path

from engine.errors import StoreFull
from engine.settings import Settings
from engine.store import ledger as ledger_module
from engine.store.database import Database, Writer
from engine.store.ledger import Ledger
from engine.store.snapshot import write_snapshot
from tests.store.samples import batch, run, spec


def _open(settings: Settings) -> tuple[Database, Ledger]:
    database = Database(settings.database_path)
    ledger = Ledger(database, settings)
    ledger.create_campaign("c1", spec())
    return database, ledger


def own(settings: Settings) -> None:
    """Own a ledger with one run and its snapshot until killed."""
    database, ledger = _open(settings)
    database.announce("http://127.0.0.1:8501")
    ledger.record_run(run(1), [batch("c1-0001")])
    write_snapshot(database, settings.snapshot_dir)
    print("ready", flush=True)
    sys.stdin.read()


def record(settings: Settings) -> None:
    """Record runs for ever, telling each number once it is committed."""
    _, ledger = _open(settings)
    for number in range(1, 100_000):
        ledger.record_run(run(number, scenarios=50), [batch(f"c1-{number:04d}", scenarios=50)])
        print(number, flush=True)


def stop_half_way(settings: Settings) -> None:
    """Record one run, then stand still in the middle of the second, after its scenarios are written."""
    _, ledger = _open(settings)
    ledger.record_run(run(1), [batch("c1-0001")])

    def stand_still(writer: Writer, record: object) -> None:
        print("half", flush=True)
        sys.stdin.read()

    ledger_module._insert_returns = stand_still
    ledger.record_run(run(2), [batch("c1-0002")])


def fill_up(settings: Settings) -> None:
    """Record a run too large for the room left, then, with room again, a small one."""
    _, ledger = _open(settings)
    ledger.record_run(run(1), [batch("c1-0001")])
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, most))
    try:
        ledger.record_run(run(2, scenarios=3000), [batch("c1-0002")])
    except StoreFull as error:
        print(error, flush=True)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    ledger.record_run(run(3), [batch("c1-0003")])


if __name__ == "__main__":
    globals()[sys.argv[1]](Settings(store_dir=Path(sys.argv[2])))
