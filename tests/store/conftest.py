"""A store of its own for each test, and child processes that are gone when the test is."""

import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.settings import Settings
from engine.store.database import Database
from engine.store.ledger import Ledger
from engine.store.model_ledger import ModelLedger
from engine.store.model_queries import ModelQueries
from engine.store.queries import Queries
from tests.store.samples import spec

ROOT = Path(__file__).parents[2]
Child = subprocess.Popen[str]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(store_dir=tmp_path / "store")


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    opened = Database(settings.database_path)
    yield opened
    opened.close()


@pytest.fixture
def ledger(database: Database, settings: Settings) -> Ledger:
    """A ledger with the campaign c1."""
    made = Ledger(database, settings)
    made.create_campaign("c1", spec())
    return made


@pytest.fixture
def queries(database: Database) -> Queries:
    return Queries(database)


@pytest.fixture
def model_ledger(ledger: Ledger, database: Database, settings: Settings) -> ModelLedger:
    """What the language model does in a store that has the campaign c1; its clock ticks."""
    minutes = itertools.count()
    return ModelLedger(database, settings, clock=lambda: datetime(2030, 1, 1, tzinfo=UTC) + timedelta(minutes=next(minutes)))


@pytest.fixture
def model_queries(database: Database) -> ModelQueries:
    return ModelQueries(database)


@pytest.fixture
def child() -> Iterator[Callable[..., Child]]:
    """Start `tests.store.children` with those words in a process of its own."""
    started: list[Child] = []

    def start(*words: str | Path) -> Child:
        command = [sys.executable, "-m", "tests.store.children", *map(str, words)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
