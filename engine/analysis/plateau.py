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


def plateau_of(ranges: Sequence[ParamRange], sets: Sequence[Params], values: np.ndarray, chosen: int) -> Plateau:
    """The plateau score of set `chosen`: median(objective of its neighbours) / its own objective.

    Neighbours are those of `param_space.neighbours`, among the different sets. `values`: objective by set, NaN where there is
    none; a neighbour without one counts as the lowest value there is, since beside a cliff is not on a plateau. Not computed
    for an objective of 0 or less, of which no share can remain, and for fewer than LEAST_NEIGHBOURS neighbours.
    """
    own = float(values[chosen])
    if math.isnan(own):
        return Plateau(math.nan, math.nan, 0, "the chosen set has no objective")
    rows = _different(sets, chosen)
    near = neighbours(ranges, [sets[row] for row in rows])[rows.index(chosen)]
    if len(near) < LEAST_NEIGHBOURS:
        return Plateau(math.nan, math.nan, len(near), f"{len(near)} neighbours were tried, wanted {LEAST_NEIGHBOURS}")
    filled = np.where(np.isnan(values), np.nanmin(values), values)
    around = float(np.median(filled[np.array(rows)[near]]))
    if own <= 0:
        return Plateau(math.nan, around, len(near), "the objective is not above 0, so no share of it can remain")
    return Plateau(around / own, around, len(near))


def _different(sets: Sequence[Params], chosen: int) -> list[int]:
    """Rows of the sets without repetitions; of those equal to the chosen one, it stays."""
    rows = {key_of(sets[chosen]): chosen}
    for row, params in enumerate(sets):
        rows.setdefault(key_of(params), row)
    return list(rows.values())
