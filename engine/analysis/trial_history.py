"""The objective in the order in which a search tried its parameter sets, with the best so far."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

STATES = ("scored", "no objective", "pruned", "failed")


def trial_history(values: Sequence[float] | np.ndarray, failures: Sequence[str | None]) -> pd.DataFrame:
    """One row a trial, in its order: trial (from 1), objective, best (highest so far, NaN before the first), state (of STATES).

    `values`: objective, NaN where there is none. `failures`: as the ledger keeps them, None or a text; a set that was given up
    after a first look begins with `pruned`. A set that ran without an objective, such as one with too few trades, has none.

    >>> trial_history([1.0, float("nan")], [None, "pruned: too low"])["state"].tolist()
    ['scored', 'pruned']
    """
    objective = pd.Series(np.asarray(values, float))
    told = pd.Series(list(failures), dtype=object)
    failed = told.notna() & (told != "")
    pruned = failed & told.astype(str).str.startswith("pruned")
    state = np.select([pruned, failed, objective.isna()], ["pruned", "failed", "no objective"], "scored")
    best = objective.where(~failed).cummax().ffill()
    return pd.DataFrame({"trial": np.arange(1, len(objective) + 1), "objective": objective, "best": best, "state": state})
