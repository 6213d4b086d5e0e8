"""A small store of its own for each test, and services and evaluators that are gone when the test is."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.market.bars import Panel
from engine.research import service as service_module
from engine.research.evaluation import Evaluator, open_evaluator
from engine.research.service import ResearchService
from engine.settings import Settings
from engine.strategy.sandbox import SandboxPool
from tests.research.campaigns import Gate
from tests.research.small import QUICK, Borrowed, save, small_panel, store_with

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


@pytest.fixture(scope="session")
def lent_pool() -> Iterator[SandboxPool]:
    pool = Borrowed(1, QUICK)
    yield pool
    SandboxPool.close(pool)


@pytest.fixture
def own_processes() -> None:
    """Use it where it matters that a service has slots of its own."""


@pytest.fixture
def open_service(
    settings: Settings, lent_pool: SandboxPool, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Opened]:
    """Open a service on the test's store, or on others; all are closed in the end."""
    opened: list[ResearchService] = []
    if "own_processes" not in request.fixturenames:
        monkeypatch.setattr(service_module, "SandboxPool", lambda slots, limits: lent_pool)

    def open_one(of: Settings = settings) -> ResearchService:
        opened.append(ResearchService(of))
        return opened[-1]

    yield open_one
    for service in opened:
        service.close()


@pytest.fixture
def service(open_service: Opened) -> ResearchService:
    return open_service()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """All campaigns of the test draw from this gate, which stands open once the test is over."""
    gate = Gate()
    monkeypatch.setattr(service_module, "make_proposer", lambda spec, panel: gate)
    yield gate
    gate.let(1_000)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], None]:
    """`script(proposer)`: what all campaigns draw from."""
    return lambda proposer: monkeypatch.setattr(service_module, "make_proposer", lambda spec, panel: proposer)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Released after each run is in the ledger and its snapshot."""
    after, plain = threading.Semaphore(0), service_module.write_snapshot
    monkeypatch.setattr(service_module, "write_snapshot", lambda *words: (plain(*words), after.release()))
    return after
