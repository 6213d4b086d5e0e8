"""Which room may import which, where each outside library lives, and what a start must not pay for."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from engine.strategy.slot import ENVIRONMENT

PROJECT_DIR = Path(__file__).resolve().parents[1]

# A room imports itself and rooms of a lower rank. A new room gets its rank here.
RANKS = {
    "errors": -1,
    "settings": 0,
    "records": 0,
    "model_records": 0,
    "figures": 0,
    "market": 1,
    "features": 2,
    "strategy": 3,
    "backtest": 4,
    "analysis": 5,
    "proposal": 6,
    "store": 7,
    "research": 8,
    "pages": 9,
    "command": 9,
    "app": 10,
    "__main__": 10,
}
STRANGERS = {"analysis", "proposal", "store"}  # they do not know each other; only `research` joins them

# The only places that may import a library. The bench measures its peers beside us.
HOMES = {
    "talib": ("engine/features/indicators.py",),
    "numba": (
        "engine/backtest/kernel.py",
        "engine/backtest/shared_cash.py",
        "engine/features/entry_states.py",
        "engine/analysis/shuffles.py",
    ),
    "vectorbt": ("engine/backtest/portfolio.py", "engine/command/peers.py"),
    "backtesting": ("engine/command/peers.py",),
    "duckdb": ("engine/store/database.py",),
    "dspy": ("engine/proposal/*.py",),
    "litellm": ("engine/proposal/*.py",),
    "sklearn": ("engine/analysis/entry_clusters.py", "engine/analysis/split_rule.py"),
    "matplotlib": ("engine/analysis/chart_picture.py",),
    "gepa": ("engine/proposal/compiling.py",),
    "pypdf": ("engine/research/idea_files.py",),
    "arch": (),  # peers of our own statistics, for tests: the import takes seconds
    "purgedcv": (),
    "optuna": ("engine/research/tuning.py", "engine/research/importances.py"),
    "streamlit": ("app.py", "pages/*.py"),
    "plotly": ("pages/*.py",),
    "typer": ("engine/__main__.py", "engine/command/*.py"),
}


def sources() -> list[Path]:
    """Every module of the product; strategies in data/ are material, not modules."""
    return [
        PROJECT_DIR / "app.py",
        *sorted((PROJECT_DIR / "pages").rglob("*.py")),
        *sorted((PROJECT_DIR / "engine").rglob("*.py")),
    ]


def name_of(path: Path) -> str:
    return path.relative_to(PROJECT_DIR).as_posix()


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import, inside functions too; `from a import b` counts as a.b."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), name_of(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{'.' * node.level}{node.module or ''}.{alias.name}") for alias in node.names)


def room_of(dotted: str) -> str | None:
    """The room of an import of ours, None for anything from outside."""
    parts = dotted.split(".")
    if parts[0] == "engine":
        return parts[1]
    return parts[0] if parts[0] in ("pages", "app") else None


def room_at(path: Path) -> str | None:
    """The room a module lies in; None for the empty front of the package."""
    dotted = name_of(path).removesuffix(".py").replace("/", ".")
    return None if dotted == "engine.__init__" else room_of(dotted)


def breaches(path: Path) -> Iterator[str]:
    here = room_at(path)
    if here is not None and here not in RANKS:
        yield f"{name_of(path)}: the room {here} has no rank in RANKS"
        return
    for line, dotted in imported(path):
        there = room_of(dotted)
        if dotted.startswith("."):
            yield f"{name_of(path)}:{line} imports {dotted} by a relative name"
        elif there is None or there == here:
            continue
        elif here is None or there not in RANKS or RANKS[there] >= RANKS[here]:
            yield f"{name_of(path)}:{line} imports {dotted}, which is not of a lower rank"
        elif {here, there} <= STRANGERS:
            yield f"{name_of(path)}:{line} imports {dotted}, but {here} and {there} do not know each other"


def strays(path: Path) -> Iterator[str]:
    for line, dotted in imported(path):
        homes = HOMES.get(dotted.split(".")[0])
        if homes is not None and not any(fnmatch(name_of(path), home) for home in homes):
            yield f"{name_of(path)}:{line} imports {dotted}, whose home is {', '.join(homes)}"


def modules_after(code: str, environment: dict[str, str] | None = None) -> set[str]:
    """Top-level names of all modules that a fresh interpreter has loaded after that code; None: this environment."""
    tell = "import json, sys; print(json.dumps(sorted({n.split('.')[0] for n, m in sys.modules.items() if m is not None})))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{tell}"],
        cwd=PROJECT_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_a_room_imports_only_rooms_of_a_lower_rank() -> None:
    assert [b for path in sources() for b in breaches(path)] == []


def test_each_outside_library_has_one_home() -> None:
    assert [s for path in sources() for s in strays(path)] == []


@pytest.mark.parametrize(
    ("room", "line", "expected"),
    [
        ("engine/market", "def late():\n    from engine.store import ledger", "not of a lower rank"),
        ("engine/store", "from engine.analysis.metrics import sharpe", "do not know each other"),
        ("engine/features", "from engine import research", "not of a lower rank"),
        ("engine/features", "from . import frames", "relative name"),
        ("pages", "from engine.command import data", "not of a lower rank"),
        ("engine/nowhere", "import math", "has no rank"),
        ("engine/store", "from engine.records import Costs", ""),
    ],
)
def test_the_rules_see_a_breach(room: str, line: str, expected: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(f"{__name__}.PROJECT_DIR", tmp_path)
    path = tmp_path / room / "module.py"
    path.parent.mkdir(parents=True)
    path.write_text(line, encoding="utf-8")
    found = list(breaches(path))
    assert len(found) == bool(expected)
    assert all(expected in text for text in found)


def test_starting_the_service_imports_no_library_that_it_may_never_need() -> None:
    """vectorbt alone would add 4-9 s to the first page."""
    late = {"vectorbt", "streamlit", "plotly", "dspy", "optuna", "xgboost", "sklearn", "matplotlib", "backtesting"}
    assert modules_after("import engine.research.service") & late == set()


def test_the_process_for_strategies_loads_no_pyarrow_and_nothing_of_the_host() -> None:
    """pyarrow starts threads, which a fork would lose; the ledger and the host's libraries are none of a strategy's business."""
    # The host's end of the line is closed at once, so that the server has its imports made and then ends.
    serve = (
        "import socket; from engine.strategy.server import main; ours, theirs = socket.socketpair();"
        " ours.shutdown(socket.SHUT_WR); main(theirs.detach(), '')"
    )
    loaded = modules_after(serve, ENVIRONMENT)
    assert {"numpy", "pandas", "talib"} <= loaded
    assert loaded & {"pyarrow", "duckdb", "numba", "streamlit", "vectorbt", "plotly", "typer"} == set()
