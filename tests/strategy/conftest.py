"""After the attacks: the table of what stopped them, from what the tests have found."""

import re
from collections import Counter

import pytest

_ATTACK = re.compile(r"test_attacks\.py::Test(\w+)::test_\w+\[(.+?): ")
_COLUMNS = {
    "AllWalls": "no effect, all walls",
    "KernelAlone": "no effect, kernel alone",
    "PolicyAlone": "no effect, policy alone",
    "NoWalls": "effect without walls",
}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Attacks by family and by the walls that they were fired at; `python -m studies.attacks` tells it payload by payload."""
    found: dict[str, Counter[str]] = {}
    for report in terminalreporter.stats.get("passed", []):
        attack = _ATTACK.search(report.nodeid)
        if attack is not None and attack[1] in _COLUMNS:
            found.setdefault(attack[2], Counter())[attack[1]] += 1
    if not found:
        return
    terminalreporter.section("attacks")
    terminalreporter.write_line("  ".join([f"{'family':<40}", *_COLUMNS.values()]))
    for family, counts in found.items():
        terminalreporter.write_line("  ".join([f"{family:<40}", *(f"{counts[c]:>{len(t)}}" for c, t in _COLUMNS.items())]))
    total = sum(found.values(), Counter())
    terminalreporter.write_line("  ".join([f"{'all':<40}", *(f"{total[c]:>{len(t)}}" for c, t in _COLUMNS.items())]))
