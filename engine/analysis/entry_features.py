"""The states of a table's trades as numbers side by side, for what looks for patterns in several of them at once."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.analysis.trade_table import INDICATOR, indicator_columns
from engine.features.entry_states import STATES, WEEKDAYS

_LEAST_KNOWN = 0.8
"""A state that is not known of so many trades is left out."""


@dataclass(frozen=True, eq=False)
class Features:
    """`values` (trades, features), without NaN; `labels` and `units` of each, and its `name` as a column of the table."""

    names: tuple[str, ...]
    labels: tuple[str, ...]
    values: np.ndarray


def number_features(table: pd.DataFrame, *, indicators: bool = False) -> Features:
    """The states that are numbers, and on request what the strategy's own indicators said; unknown ones at their median."""
    chosen = [(s.name, s.label) for s in STATES if s.kind == "number"]
    chosen += [(name, name.removeprefix(INDICATOR)) for name in indicator_columns(table) if indicators]
    known = [(name, label) for name, label in chosen if _is_known(table[name])]
    values = [_filled(table[name]) for name, _ in known]
    return Features(tuple(n for n, _ in known), tuple(label for _, label in known), _side_by_side(values, len(table)))


def rule_features(table: pd.DataFrame) -> Features:
    """The same with indicators, how often the asset was stopped out just before, hour; each weekday and the side as 0 and 1."""
    numbers = number_features(table, indicators=True)
    days = [(table["weekday"] == day).to_numpy(float) for day in range(len(WEEKDAYS))]
    present = [day for day in range(len(WEEKDAYS)) if 0 < days[day].sum() < len(table)]
    before = table["stops_before"].to_numpy(float)
    extra = [
        before,
        table["hour"].to_numpy(float),
        (table["direction"] == "long").to_numpy(float),
        *(days[day] for day in present),
    ]
    names = ("stops_before", "hour", "direction", *(f"weekday {day}" for day in present))
    labels = ("stop-outs just before", "hour of entry", "long", *(WEEKDAYS[day] for day in present))
    return Features(
        numbers.names + names, numbers.labels + labels, np.column_stack([numbers.values, *extra])
    )  # fmt: skip


def _is_known(values: pd.Series) -> bool:
    return len(values) > 0 and float(values.notna().mean()) >= _LEAST_KNOWN and values.nunique() > 1


def _filled(values: pd.Series) -> np.ndarray:
    found = values.to_numpy(float)
    return np.where(np.isnan(found), np.nanmedian(found), found)


def _side_by_side(columns: list[np.ndarray], rows: int) -> np.ndarray:
    return np.column_stack(columns) if columns else np.zeros((rows, 0))
