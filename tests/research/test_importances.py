"""Importances say which parameter the objective hangs on, and why there are none."""

import numpy as np
import pytest

from engine.research.importances import LEAST_SETS, importances_of
from engine.strategy.param_space import ranges_tried

RNG = np.random.default_rng(3)
SETS = [{"much": float(a), "little": int(b), "kind": str(c)} for a, b, c in
        zip(RNG.uniform(0, 1, 80), RNG.integers(2, 40, 80), RNG.choice(["ema", "sma"], 80), strict=True)]  # fmt: skip
VALUES = np.array([5 * s["much"] + 0.01 * s["little"] for s in SETS])


def test_the_parameter_that_moves_the_objective_comes_first_and_shares_add_up():
    found = importances_of(ranges_tried(SETS), SETS, VALUES)
    assert next(iter(found.shares)) == "much"
    assert set(found.shares) == {"much", "little", "kind"}
    assert sum(found.shares.values()) == pytest.approx(1.0)
    assert found.sets == len(SETS)


def test_equal_input_gives_equal_shares():
    first, second = (importances_of(ranges_tried(SETS), SETS, VALUES) for _ in range(2))
    assert first == second


def test_sets_without_an_objective_are_left_out():
    holes = VALUES.copy()
    holes[::4] = np.nan
    assert importances_of(ranges_tried(SETS), SETS, holes).sets == 60


@pytest.mark.parametrize(("sets", "values", "why"), [
    (SETS[: LEAST_SETS - 1], VALUES[: LEAST_SETS - 1], "wanted at least"),
    (SETS, np.full(len(SETS), np.nan), "0 sets have an objective"),
    (SETS, np.full(len(SETS), 1.5), "the same for all sets"),
    ([{}] * 30, np.arange(30.0), "no parameter varies"),
    ([{"n": 5}] * 30, np.arange(30.0), "no parameter varies"),
])  # fmt: skip
def test_what_cannot_be_computed_says_why(sets, values, why):
    found = importances_of(ranges_tried(sets), sets, values)
    assert found.shares == {}
    assert why in found.why_not
