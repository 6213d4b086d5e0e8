"""How far a run is from the benchmarks that its campaign asks for."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.records import Benchmarks


@dataclass(frozen=True)
class Check:
    """One benchmark: the figure's name, what was found (NaN: not computed), what was asked, and whether it is met."""

    figure: str
    found: float
    wanted: float
    is_met: bool


_FIGURES = {
    "total_return": "total_return",
    "trades": "trades_with_open",
    "assets": "assets_traded",
    "win_rate": "win_rate_with_open",
}


def check_benchmarks(figures: Mapping[str, float], benchmarks: Benchmarks) -> tuple[Check, ...]:
    """A check for each benchmark that is asked for; trade figures count open positions. NaN meets nothing.

    >>> [c.is_met for c in check_benchmarks({"total_return": 1.2}, Benchmarks(1.0, None, None, None))]
    [True]
    """
    out = []
    for name, figure in _FIGURES.items():
        wanted = getattr(benchmarks, name)
        if wanted is not None:
            found = float(figures.get(figure, float("nan")))
            out.append(Check(figure, found, float(wanted), found > wanted if name == "win_rate" else found >= wanted))
    return tuple(out)


def meets_all(figures: Mapping[str, float], benchmarks: Benchmarks) -> bool:
    """Every benchmark that is asked for is met; with none asked for, False."""
    checks = check_benchmarks(figures, benchmarks)
    return bool(checks) and all(c.is_met for c in checks)
