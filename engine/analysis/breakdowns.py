"""Trades told apart by every dimension: what each cell made, and whether it could be chance."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from engine.analysis.dimensions import Dimension
from engine.analysis.group_tests import LEAST_PERIODS, LEAST_TRADES, Sample, group_tests

TOO_FEW = f"fewer than {LEAST_TRADES} trades or {LEAST_PERIODS} periods, in it or beside it"
AFTER = "known only after the entry: it follows from how a trade went"
_PLACE = ("dimension", "label", "cell", "what", "is_known_before")
FIGURES = ("trades", "periods", "wins", "expectancy", "low", "high", "others", "pnl", "pnl_low", "pnl_high", "p")


def breakdown_table(sample: Sample, dimensions: Sequence[Dimension], *, seed: int = 0) -> pd.DataFrame:
    """A row for each cell with a trade: `dimension`, `label`, `cell` (its number), `what`, `is_known_before`, the columns of
    FIGURES as in `GroupTests`, and `note`, why there is no p-value ("" if there is). Cells that are known only after the entry
    have none."""
    if not dimensions:
        return pd.DataFrame(columns=[*_PLACE, *FIGURES, "note"])
    found = group_tests(sample, [(d.codes, len(d.cells)) for d in dimensions], seed=seed)
    places = [(d.name, d.label, cell, what, d.is_known_before) for d in dimensions for cell, what in enumerate(d.cells)]
    table = pd.DataFrame(places, columns=list(_PLACE)).assign(**{f: getattr(found, f) for f in FIGURES})
    before = table["is_known_before"].to_numpy(bool)
    table["p"] = table["p"].where(before)
    table["note"] = np.where(table["p"].notna(), "", np.where(before, TOO_FEW, AFTER))
    return table[table["trades"] > 0].reset_index(drop=True)
