"""What every test may lean on: the real market sets, if they are here, and a line that says so if they are not."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

DATA_DIR = Path(os.environ.get("EDGEWISE_DATA", Path(__file__).parents[2] / "shared" / "data"))
_deselected: list[str] = []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests on real markets where those markets are not at hand; the summary names them."""
    if DATA_DIR.is_dir():
        return
    left_out = [i for i in items if i.get_closest_marker("realdata")]
    _deselected.extend(i.nodeid for i in left_out)
    config.hook.pytest_deselected(items=left_out)
    items[:] = [i for i in items if i not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _deselected:
        terminalreporter.write_line(f"not run: {len(_deselected)} tests on real markets; no data at {DATA_DIR} (EDGEWISE_DATA)")


@pytest.fixture
def real_set() -> Callable[[str], Path]:
    """Path of a real set by file stem, e.g. `real_set("crypto100_1h")`."""
    return lambda stem: DATA_DIR / f"{stem}.parquet"
