"""A small store of its own for each test, and services and evaluators that are gone when the test is."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.market.bars import Panel
from engine.research.evaluation import Evaluator, open_evaluator
from engine.research.service import ResearchService
from engine.settings import Settings
from tests.research.small import QUICK, save, small_panel, store_with

Opened = Callable[..., ResearchService]


@pytest.fixture(scope="session")
def panel() -> Panel:
    return small_panel()


@pytest.fixture(scope="session")
def market_store(panel: Panel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the dataset `small` alone."""
    store_dir = tmp_path_factory.mktemp("market")
    save(panel, store_dir)
    return store_dir


@pytest.fixture
def settings(market_store: Path, tmp_path: Path) -> Settings:
    """A store with the dataset and one slot."""
    return store_with(market_store, tmp_path / "store")


@pytest.fixture(scope="session")
def evaluator() -> Iterator[Evaluator]:
    """One slot for all tests that need no store."""
    with open_evaluator(Settings(slots=1, limits=QUICK)) as opened:
        yield opened


@pytest.fixture
def open_service(settings: Settings) -> Iterator[Opened]:
    """Open a service on the test's store, or on others; all are closed in the end."""
    opened: list[ResearchService] = []

    def open_one(of: Settings = settings) -> ResearchService:
        opened.append(ResearchService(of))
        return opened[-1]

    yield open_one
    for service in opened:
        service.close()


@pytest.fixture
def service(open_service: Opened) -> ResearchService:
    return open_service()
