"""What remains of an objective one step aside."""

import math

import numpy as np
import pytest

from engine.analysis.plateau import around, plateau_of
from engine.records import ParamRange, Params

RANGES = (ParamRange("n", "int", 1, 5),)
SETS: list[Params] = [{"n": n} for n in range(1, 6)]


@pytest.mark.parametrize(
    ("values", "score"),
    [
        ([0.0, 1.5, 2.0, 1.0, 0.0], 0.625),
        ([1.0, 1.0, 1.0, 1.0, 1.0], 1.0),
        ([0.0, 0.0, 2.0, 0.0, 0.0], 0.0),
        ([-1.0, math.nan, 2.0, 1.0, 0.0], 0.0),  # no value counts as the lowest, -1
        ([0.0, -3.0, 2.0, -1.0, 0.0], -1.0),
    ],
)
def test_the_score_is_the_neighbours_median_over_the_chosen_value(values: list[float], score: float) -> None:
    found = plateau_of(RANGES, SETS, np.array(values), 2)
    assert found.score == pytest.approx(score)
    assert (found.neighbours, found.why_not) == (2, "")


def test_a_set_that_was_drawn_twice_is_not_its_own_neighbour() -> None:
    twice = [*SETS, {"n": 3}]
    assert plateau_of(RANGES, twice, np.array([0.0, 1.0, 2.0, 1.0, 0.0, 2.0]), 5).score == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("ranges", "sets", "values", "told"),
    [
        (RANGES, SETS, [math.nan] * 5, "has no objective"),
        (RANGES, SETS, [-2.0, -2.0, -1.0, -2.0, -2.0], "not above 0"),
        (RANGES, SETS[:3], [1.0, 1.0, 1.0], ""),
        (RANGES, SETS[2:3] * 3, [1.0, 1.0, 1.0], "0 neighbours"),
        ((), [{}, {}, {}], [1.0, 1.0, 1.0], "0 neighbours"),
    ],
)
def test_what_cannot_be_computed_says_why(
    ranges: tuple[ParamRange, ...], sets: list[Params], values: list[float], told: str
) -> None:
    found = plateau_of(ranges, sets, np.array(values), 2)
    assert told in found.why_not
    assert math.isnan(found.score) == bool(told)


def test_of_neighbours_one_without_an_objective_counts_as_the_lowest() -> None:
    near = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])
    assert around(np.array([4.0, 2.0, 1.0, np.nan]), near).tolist() == [1.0, 1.0, 2.0, 2.0]
