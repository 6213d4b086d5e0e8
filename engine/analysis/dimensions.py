"""By what trades are told apart: each dimension puts every trade into one of a few cells.

A dimension is known *before* the entry (hour, volume, asset, ...) or only *after* it (holding time, reason of the exit, ...).
Only the first kind can be acted on; the second follows from how a trade went, so that its cells differ of themselves.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from engine.analysis.names import Names
from engine.analysis.trade_table import INDICATOR, indicator_columns
from engine.features.entry_states import STATES, State
from engine.records import TRADE_REASONS

PARTS = 5
"""Numbers are put into so many cells of about as many trades each."""
_MOST_STOPS = 3
_ORDER = ("lowest", "second", "middle", "fourth", "highest")


@dataclass(frozen=True, eq=False)
class Dimension:
    """One way to tell trades apart. `codes`: (trades,) cell of each, -1 where it is not known; `cells`: what each cell is called,
    as the end of a sentence that begins with "trades"; `edges`: of a number, the bounds between its cells; `first`: of a class,
    the state of cell 0; `words`: of words, the word of each cell."""

    name: str
    label: str
    codes: np.ndarray
    cells: tuple[str, ...]
    is_known_before: bool = True
    edges: tuple[float, ...] = ()
    first: int = 0
    words: tuple[str, ...] = ()

    def codes_of(self, states: np.ndarray) -> np.ndarray:
        """The cell of each of these values of its state, -1 where it is not known."""
        if self.edges:
            return np.where(np.isnan(states), -1, np.searchsorted(self.edges[1:-1], states, side="right"))
        return np.where(states >= self.first, states - self.first, -1).astype(np.int64)

    def members(self, cell: int) -> np.ndarray:
        """Which trades are in that cell."""
        return self.codes == cell


def dimensions(table: pd.DataFrame, names: Names) -> list[Dimension]:
    """All dimensions of a trade table of at least two cells with a trade."""
    return [d for d in _all(table, names) if len(np.unique(d.codes[d.codes >= 0])) > 1]


def _all(table: pd.DataFrame, names: Names) -> Iterator[Dimension]:
    yield _words("direction", "direction", table["direction"], "{}s")
    yield Dimension("asset", "asset", table["asset"].to_numpy(), tuple(f"in {name}" for name in names.assets))
    yield _words("entry_tag", "entry rule", table["entry_tag"].replace("", None), "entered by {}")
    for state in STATES:
        yield _class_of(state, table, names) if state.kind == "class" else _number(state.name, state.label, table[state.name])
    for column in indicator_columns(table):
        yield _number(column, column.removeprefix(INDICATOR), table[column])
    yield _stops(table)
    yield _number("rank", "rank given by the strategy", table["rank"])
    yield _after(_number("gap", "gap at the entry's open", table["gap"]))
    yield _after(_number("bars_held", "bars held", table["bars_held"].astype(float)))
    yield _after(_number("market_during", "market's move during the trade", table["market_during"]))
    reasons = pd.Categorical(table["reason"], categories=list(TRADE_REASONS))
    yield _after(_words("reason", "exit", reasons, "ended by {}"))


def _after(dimension: Dimension) -> Dimension:
    return replace(dimension, is_known_before=False)


def _words(name: str, label: str, values: pd.Series | pd.Categorical, form: str) -> Dimension:
    """A cell for each word, in order of the alphabet or of its categories."""
    found = pd.Categorical(values)
    words = tuple(map(str, found.categories))
    cells = tuple(form.format(word.replace("_", " ")) for word in words)
    return Dimension(name, label, np.asarray(found.codes, np.int64), cells, words=words)


def _class_of(state: State, table: pd.DataFrame, names: Names) -> Dimension:
    codes = table[state.name].to_numpy(np.int64)
    if state.name == "month":
        first = int(codes.min()) if len(codes) else 0
        months = int(codes.max()) - first + 1 if len(codes) else 0
        cells = tuple(names.month(first, i, months) for i in range(months))
        return Dimension("month", state.label, codes - first, cells, first=first)
    forms = {"hour": "entered at {} UTC", "weekday": "entered on a {}", "regime": "entered while the market was {}"}
    return Dimension(state.name, state.label, codes, tuple(forms[state.name].format(word) for word in state.classes))


def _number(name: str, label: str, values: pd.Series) -> Dimension:
    """Cells of about as many trades each; fewer where many trades have the same value."""
    found = values.to_numpy(float)
    known = found[~np.isnan(found)]
    inner = np.unique(np.quantile(known, np.arange(1, PARTS) / PARTS)) if len(known) else np.zeros(0)
    edges = (float(known.min()), *map(float, inner), float(known.max())) if len(known) else ()
    cells = tuple(f"with {label} {place}" for place in _places(edges))
    empty = Dimension(name, label, np.full(len(found), -1), cells, edges=edges)
    return replace(empty, codes=empty.codes_of(found)) if edges else empty


def _places(edges: tuple[float, ...]) -> list[str]:
    """What the cells between the edges are called, as `highest (0.91 to 1)`."""
    count = max(len(edges) - 1, 0)
    names = _ORDER if count == PARTS else [f"part {i + 1} of {count}" for i in range(count)]
    return [f"{name} ({low:.3g} to {high:.3g})" for name, low, high in zip(names, edges[:-1], edges[1:], strict=True)]


def _stops(table: pd.DataFrame) -> Dimension:
    """How often in a row the asset was stopped out just before."""
    codes = np.minimum(table["stops_before"].to_numpy(np.int64), _MOST_STOPS)
    cells = ("not just after a stop-out", "just after a stop-out", "just after 2 stop-outs in a row",
             f"just after {_MOST_STOPS} or more stop-outs in a row")  # fmt: skip
    return Dimension("stops_before", "stop-outs just before", codes, cells)
