"""The command line on a small store of its own."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from engine.__main__ import app
from engine.command import backtest, check, evidence, explain, research, survives, sweep
from engine.market.bars import Panel
from engine.research import calibration
from engine.research import service as service_module
from engine.research.evaluation import Evaluator, open_evaluator
from engine.settings import Settings
from engine.strategy.sandbox import SandboxPool
from tests.research.small import QUICK, Borrowed, save, small_panel, store_with, without_volume

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Said:
    """What a command has said and how it ended."""

    status: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        """The one JSON object on standard output, read strictly; there is nothing else."""
        assert self.out.count("\n") == 1, self.out
        found = json.loads(self.out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
        assert isinstance(found, dict)
        return found

    @property
    def refusal(self) -> str:
        """The one sentence of a command that was refused, without a traceback, and with a status that says so."""
        assert self.status == 1, self
        assert "Traceback" not in self.out + self.err
        (line,) = self.err.splitlines()
        assert line.startswith("error: ")
        return line.removeprefix("error: ")


Cli = Callable[..., Said]


@pytest.fixture(scope="session")
def panel() -> Panel:
    return small_panel()


@pytest.fixture(scope="session")
def market_store(panel: Panel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the datasets `small` and, without its volume, `silent`."""
    store_dir = tmp_path_factory.mktemp("cli_market")
    save(panel, store_dir)
    save(without_volume(panel, "silent"), store_dir)
    return store_dir


@pytest.fixture
def settings(market_store: Path, tmp_path: Path) -> Settings:
    return store_with(market_store, tmp_path / "store")


@pytest.fixture
def store(settings: Settings) -> Path:
    return settings.store_dir


@pytest.fixture(scope="session")
def lent() -> Iterator[tuple[SandboxPool, Evaluator]]:
    """One slot for all commands that run inside the test's process, with a small CPU limit."""
    pool = Borrowed(1, QUICK)
    with open_evaluator(Settings(slots=1, limits=QUICK)) as evaluator:
        yield pool, evaluator
    SandboxPool.close(pool)


@pytest.fixture
def cli(store: Path, lent: tuple[SandboxPool, Evaluator], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """`cli("backtest", file, ...)`: the command on the test's store, inside this process but for strategy code."""
    pool, evaluator = lent

    @contextmanager
    def open_lent(settings: Settings) -> Iterator[Evaluator]:
        yield evaluator

    for module in (backtest, calibration, check, evidence, explain, research, survives, sweep):
        monkeypatch.setattr(module, "open_evaluator", open_lent)
    monkeypatch.setattr(service_module, "SandboxPool", lambda slots, limits: pool)

    def run(*words: object, of: Path = store) -> Said:
        result = CliRunner().invoke(app, [*map(str, words), "--store", str(of)])
        assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
        return Said(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def process(store: Path) -> Callable[..., Said]:
    """The same in a process of its own, as from a shell."""

    def run(*words: object, **named: Any) -> Said:
        command = [sys.executable, "-m", "engine", *map(str, words), "--store", str(store)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, **named)
        return Said(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def owner(store: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that owns the test's ledger, with one run and its snapshot; gone when the test is."""
    command = [sys.executable, "-m", "tests.store.children", "own", str(store)]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    yield child
    child.kill()
    child.communicate()
