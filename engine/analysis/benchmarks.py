"""How far a run is from the benchmarks that its campaign asks for, and benchmarks as people write them."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, get_args, get_type_hints

from engine.errors import CampaignError
from engine.figures import PORTFOLIO_FIGURES
from engine.records import RUN_WINDOWS, Benchmark, Benchmarks

RELATIONS: Final = {">=": "at least", ">": "more than", "<=": "at most", "<": "less than"}
"""What may be asked of a figure, and how it is said."""
WINDOWS: Final[tuple[str, ...]] = get_args(get_type_hints(Benchmark)["window"])
MOST, MOST_RATIO = 1e9, 1e3
"""A value beyond these, of a Sharpe ratio and other ratios, asks for nothing: every run meets it, or none ever will."""
_FORM = re.compile(r"\s*(\w+)\s*(>=|<=|>|<)\s*([^@?%\s]+)\s*(%?)\s*(?:@\s*(\w+))?\s*(\?)?\s*")


@dataclass(frozen=True)
class Check:
    """One benchmark: the figure's name, what was found (NaN: not computed), what was asked, whether it is met, and the relation
    that was asked for; a wish is not required."""

    figure: str
    found: float
    wanted: float
    is_met: bool
    relation: str = ">="
    is_required: bool = True


def check_benchmarks(figures: Mapping[str, float], benchmarks: Benchmarks, window: str) -> tuple[Check, ...]:
    """A check for each benchmark that is asked for on that window; trade figures count open positions. NaN meets nothing.

    >>> [c.is_met for c in check_benchmarks({"total_return": 1.2}, Benchmarks(1.0, None, None, None), "train")]
    [True]
    """
    found = [(b, float(figures.get(b.figure, math.nan))) for b in benchmarks.asked if window in b.windows]
    return tuple(Check(b.figure, value, b.value, b.is_met(value), b.relation, b.is_required) for b, value in found)


def meets_all(by_window: Mapping[str, Mapping[str, float]], benchmarks: Benchmarks) -> bool:
    """Every benchmark that is required on train or validation is met; with none required there, False."""
    checks = [c for w in RUN_WINDOWS for c in check_benchmarks(by_window.get(w, {}), benchmarks, w) if c.is_required]
    return bool(checks) and all(c.is_met for c in checks)


def read_benchmark(text: str) -> Benchmark:
    """The benchmark written as FIGURE RELATION VALUE[%][@WINDOW][?]; without a window it is asked for on train and validation,
    `?` makes it a wish. Raises CampaignError.

    >>> read_benchmark("sharpe>=1@validation?")
    Benchmark(figure='sharpe', value=1.0, relation='>=', window='validation', is_required=False)
    """
    found = _FORM.fullmatch(text)
    if not found:
        raise CampaignError(f"the benchmark is {text!r}; wanted FIGURE>=VALUE, as in sharpe>=1@validation? or total_return>=50%")
    figure, relation, number, percent, window, wish = found.groups()
    try:
        value = float(number.replace(",", "")) / (100 if percent else 1)
    except ValueError:
        raise CampaignError(f"the benchmark {text!r} asks for {number}; wanted a number, such as 1 or 50%") from None
    made = Benchmark(figure, value, relation, window or "each", not wish)  # type: ignore[arg-type]  # checked below
    check_benchmark(made)
    return made


def check_benchmark(of: Benchmark) -> None:
    """Raises CampaignError for a figure, relation or window that there is not, and for a value that is no number or beyond what
    the figure can reach."""
    unit = PORTFOLIO_FIGURES[of.figure].unit if of.figure in PORTFOLIO_FIGURES else ""
    most = MOST_RATIO if unit == "ratio" else MOST
    for what, found, fits, wanted in (
        ("figure", of.figure, of.figure in PORTFOLIO_FIGURES, "a portfolio figure, such as sharpe or max_drawdown"),
        ("relation", of.relation, of.relation in RELATIONS, f"one of {', '.join(RELATIONS)}"),
        ("window", of.window, of.window in WINDOWS, f"one of {', '.join(WINDOWS)}"),
        ("value", of.value, abs(of.value) <= most, f"a number between -{most:,.0f} and {most:,.0f}"),
    ):
        if not fits:
            raise CampaignError(f"the benchmark's {what} is {found!r}; wanted {wanted}")


def benchmark_text(of: Benchmark) -> str:
    """The benchmark as `read_benchmark` reads it."""
    window = "" if of.window == "each" else f"@{of.window}"
    return f"{of.figure}{of.relation}{of.value:.10g}{window}{'' if of.is_required else '?'}"


def value_words(figure: str, value: float) -> str:
    """A value that is asked for, in the figure's unit: 100%, 1,000, 0.5."""
    is_share = PORTFOLIO_FIGURES[figure].unit in ("fraction", "sleeve")
    return f"{100 * value:,.10g}%" if is_share else f"{value:,.10g}"


def benchmark_words(of: Benchmark) -> str:
    """The benchmark in a few words: Sharpe ratio at least 1 on validation (wished)."""
    where = "" if of.window == "each" else f" on {of.window}"
    label = PORTFOLIO_FIGURES[of.figure].label.removesuffix(" (with open)")
    wished = "" if of.is_required else " (wished)"
    return f"{label} {RELATIONS[of.relation]} {value_words(of.figure, of.value)}{where}{wished}"
