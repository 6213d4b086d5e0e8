"""The Ladder's word: moves only beyond a standard error, and can be found again from what was measured."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.ladder import ladder_word, sharpe_error

sharpes = st.floats(-20, 20)
measured = st.tuples(sharpes, st.integers(2, 3_000))
histories = st.lists(measured, max_size=12)
ORDER = ("worse", "not shown", "better")


def test_the_standard_error_is_that_of_lo_2002() -> None:
    # 730 days at a daily Sharpe ratio of 0.1: sqrt((1 + 0.005) / 730), annualised.
    assert sharpe_error((0.1 * math.sqrt(365), 730), 365) == pytest.approx(math.sqrt(1.005 / 730 * 365), rel=1e-12)


def test_the_standard_error_is_how_far_estimates_lie_apart() -> None:
    rng = np.random.default_rng(7)
    daily = rng.normal(0.1, 1.0, (20_000, 250))
    found = daily.mean(axis=1) / daily.std(axis=1, ddof=1) * math.sqrt(365)
    assert sharpe_error((0.1 * math.sqrt(365), 250), 365) == pytest.approx(found.std(), rel=0.02)


@pytest.mark.parametrize(("value", "word"), [(1.05, "better"), (0.95, "not shown"), (-0.95, "not shown"), (-1.05, "worse")])
def test_the_first_is_held_against_nothing(value: float, word: str) -> None:
    assert ladder_word([], (value, 365)) == word  # one standard error of 365 days is about 1


def test_the_best_is_replaced_only_beyond_the_error_of_the_difference() -> None:
    first = (2.0, 365)  # its error is sqrt(367 / 365), that of a difference about 1.42
    assert ladder_word([first], (3.3, 365)) == "not shown"
    assert ladder_word([first, (3.3, 365)], (3.5, 365)) == "better"  # still against 2.0: 3.3 has not moved it
    assert ladder_word([first, (3.5, 365)], (4.8, 365)) == "not shown"


def test_days_in_a_year_scale_the_error() -> None:
    assert ladder_word([], (0.9, 365), days_per_year=252) == "better"
    assert ladder_word([], (0.9, 365), days_per_year=365) == "not shown"


@pytest.mark.parametrize("nothing", [(math.nan, 400), (math.inf, 400), (5.0, 1), (5.0, 0)])
def test_what_was_not_measured_is_not_shown_and_moves_nothing(nothing: tuple[float, int]) -> None:
    assert ladder_word([], nothing) == "not shown"
    assert ladder_word([nothing], (2.0, 365)) == ladder_word([], (2.0, 365))


@given(histories, measured)
def test_values_that_were_not_better_may_be_forgotten(history: list, new: tuple) -> None:
    kept = [value for i, value in enumerate(history) if ladder_word(history[:i], value) == "better"]
    assert ladder_word(kept, new) == ladder_word(history, new)


@given(histories, measured)
def test_the_same_again_is_never_better_nor_worse_once_it_was_better(history: list, new: tuple) -> None:
    if ladder_word(history, new) == "better":
        assert ladder_word([*history, new], new) == "not shown"
    else:
        assert ladder_word([*history, new], new) == ladder_word(history, new)


@given(histories, st.integers(2, 3_000), sharpes, sharpes)
def test_a_higher_sharpe_never_gets_a_lower_word(history: list, days: int, one: float, other: float) -> None:
    low, high = sorted([one, other])
    assert ORDER.index(ladder_word(history, (low, days))) <= ORDER.index(ladder_word(history, (high, days)))


@given(measured)
def test_worse_is_the_mirror_image_of_better(new: tuple) -> None:
    assert ORDER.index(ladder_word([], new)) == 2 - ORDER.index(ladder_word([], (-new[0], new[1])))


def test_a_thousand_strategies_of_no_worth_are_better_only_a_few_times() -> None:
    rng = np.random.default_rng(11)
    history: list[tuple[float, int]] = []
    words = []
    for value in rng.normal(0, 1.0, 1_000):
        words.append(ladder_word(history, (float(value), 365)))
        history.append((float(value), 365))
    assert words.count("better") <= 3
