"""Whether a chosen parameter set stands on a plateau or on a peak: what remains of its objective next to it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.records import ParamRange, Params
from engine.strategy.param_space import key_of, neighbours

LEAST_NEIGHBOURS = 2


@dataclass(frozen=True)
class Plateau:
    """`score`: median objective of the neighbours as a fraction of the chosen set's (1 = nothing is lost one step aside, 0 =
    all is); NaN where it was not computed, and `why_not` says why. `around`: that median; `neighbours`: how many there are.
    """

    score: float
    around: float
    neighbours: int
    why_not: str = ""


def around(values: np.ndarray, near: np.ndarray) -> np.ndarray:
    """(sets,) median objective of each set's neighbours, rows of `near` (sets, k) with k of 1 or more.

    `values`: objective by set, at least one of them known; a neighbour with NaN counts as the lowest value there is, since
    beside a cliff is not on a plateau.

    >>> around(np.array([1.0, 3.0, np.nan]), np.array([[1, 2], [0, 2], [0, 1]])).tolist()
    [2.0, 1.0, 2.0]
    """
    return np.asarray(np.median(np.where(np.isnan(values), np.nanmin(values), values)[near], axis=1))


def plateau_of(ranges: Sequence[ParamRange], sets: Sequence[Params], values: np.ndarray, chosen: int) -> Plateau:
    """The plateau score of set `chosen`: median(objective of its neighbours) / its own objective.

    Neighbours are those of `param_space.neighbours`, among the different sets; their median is that of `around`. `values`:
    objective by set, NaN where there is none. Not computed for an objective of 0 or less, of which no share can remain, and
    for fewer than LEAST_NEIGHBOURS neighbours.
    """
    own = float(values[chosen])
    if math.isnan(own):
        return Plateau(math.nan, math.nan, 0, "the chosen set has no objective")
    rows = _different(sets, chosen)
    near = neighbours(ranges, [sets[row] for row in rows])[rows.index(chosen)]
    if len(near) < LEAST_NEIGHBOURS:
        return Plateau(math.nan, math.nan, len(near), f"{len(near)} neighbours were tried, wanted {LEAST_NEIGHBOURS}")
    beside = float(around(values, np.array(rows)[near][None])[0])
    if own <= 0:
        return Plateau(math.nan, beside, len(near), "the objective is not above 0, so no share of it can remain")
    return Plateau(beside / own, beside, len(near))


def _different(sets: Sequence[Params], chosen: int) -> list[int]:
    """Rows of the sets without repetitions; of those equal to the chosen one, it stays."""
    rows = {key_of(sets[chosen]): chosen}
    for row, params in enumerate(sets):
        rows.setdefault(key_of(params), row)
    return list(rows.values())
