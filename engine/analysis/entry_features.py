"""The states of a table's trades as numbers side by side, for what looks for patterns in several of them at once."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from engine.features.entry_states import STATES, WEEKDAYS

_LEAST_KNOWN = 0.8
"""A state that is not known of so many trades is left out."""


@dataclass(frozen=True, eq=False)
class Features:
    """`values` (trades, features), without NaN; `labels` and `units` of each, and its `name` as a column of the table."""

    names: tuple[str, ...]
    labels: tuple[str, ...]
    values: np.ndarray


def number_features(table: pd.DataFrame) -> Features:
    """The states that are numbers, unknown ones at their median, and how often the asset was stopped out just before."""
    chosen = [(s.name, s.label) for s in STATES if s.kind == "number"] + [("stops_before", "stop-outs just before")]
    known = [(name, label) for name, label in chosen if _is_known(table[name])]
    values = [_filled(table[name]) for name, _ in known]
    return Features(tuple(n for n, _ in known), tuple(label for _, label in known), _side_by_side(values, len(table)))


def rule_features(table: pd.DataFrame) -> Features:
    """The same, and the hour, each weekday and the side as numbers of 0 and 1."""
    numbers = number_features(table)
    days = [(table["weekday"] == day).to_numpy(float) for day in range(len(WEEKDAYS))]
    present = [day for day in range(len(WEEKDAYS)) if 0 < days[day].sum() < len(table)]
    extra = [table["hour"].to_numpy(float), (table["direction"] == "long").to_numpy(float), *(days[day] for day in present)]
    names = ("hour", "direction", *(f"weekday {day}" for day in present))
    labels = ("hour of entry", "long", *(WEEKDAYS[day] for day in present))
    return Features(
        numbers.names + names, numbers.labels + labels, np.column_stack([numbers.values, *extra])
    )  # fmt: skip


def ranks(values: np.ndarray) -> np.ndarray:
    """Each column as ranks from 0 to 1: however a state is scaled or skewed, it weighs as much as another."""
    if not len(values):
        return values
    return (rankdata(values, axis=0) - 0.5) / len(values)


def _is_known(values: pd.Series) -> bool:
    return len(values) > 0 and float(values.notna().mean()) >= _LEAST_KNOWN and values.nunique() > 1


def _filled(values: pd.Series) -> np.ndarray:
    found = values.to_numpy(float)
    return np.where(np.isnan(found), np.nanmedian(found), found)


def _side_by_side(columns: list[np.ndarray], rows: int) -> np.ndarray:
    return np.column_stack(columns) if columns else np.zeros((rows, 0))
