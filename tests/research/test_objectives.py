"""The best of a sweep: the highest objective, never one that was not computed."""

import numpy as np
import pandas as pd
import pytest

from engine.figures import PORTFOLIO_FIGURES
from engine.research.objectives import OBJECTIVES, choose_best, definition_of, objective_values, steady_values, without_peaks

NAN = np.nan


def best_of(sharpe: list[float], trades: list[float], *, min_trades: int = 10) -> tuple[int | None, list[float], str]:
    """(best row, objective of each, reason) for scenarios with those Sharpe ratios and trades."""
    table = pd.DataFrame({"sharpe": sharpe, "trades_with_open": trades})
    values = objective_values(table, "sharpe", min_trades)
    best, reason = choose_best(table, values, "sharpe", min_trades)
    return best, values.tolist(), reason


def test_the_highest_objective_wins():
    best, _, reason = best_of([0.5, 2.0, -1.0], [50, 50, 50])
    assert best == 1
    assert reason == "highest train Sharpe ratio of 3 scenarios with at least 10 trades"


def test_of_equals_the_first_wins():
    assert best_of([1.0, 2.0, 2.0], [50, 50, 50])[0] == 1


@pytest.mark.parametrize("missing", [NAN, np.inf, -np.inf])
def test_what_is_no_number_is_never_first(missing):
    best, values, _ = best_of([missing, -3.0, missing], [500, 50, 500])
    assert best == 1
    assert np.isnan([values[0], values[2]]).all()


def test_too_few_trades_rank_behind_any_loss():
    best, values, _ = best_of([9.0, -3.0], [9, 10])
    assert best == 1
    assert np.isnan(values[0])


def test_failed_scenarios_have_no_objective():
    best, values, _ = best_of([NAN, -1.0], [NAN, 30])
    assert best == 1
    assert np.isnan(values[0])


def test_with_no_objective_at_all_the_one_with_most_trades_stands_and_ranks_last():
    best, values, reason = best_of([3.0, 2.0, NAN], [1, 4, NAN])
    assert best == 1
    assert np.isnan(values).all()
    assert "ranks last" in reason
    assert "4" in reason


def test_when_nothing_ran_nothing_is_best():
    assert best_of([NAN, NAN], [NAN, NAN])[::2] == (None, "no scenario ran")


def test_a_minimum_of_no_trades_lets_all_that_ran_compete():
    best, values, _ = best_of([NAN, -0.5, NAN], [0, 1, NAN], min_trades=0)
    assert best == 1
    assert np.isnan(values).tolist() == [True, False, True]


def test_every_objective_is_a_defined_figure_for_which_higher_is_better():
    for objective in OBJECTIVES:
        assert PORTFOLIO_FIGURES[objective].higher_is_better
        assert definition_of(objective).endswith(".")


def test_a_steady_set_outscores_one_with_a_higher_median_and_a_wild_spread():
    folds = np.array([[1.0] * 8, [1.5, 1.5, 1.5, 1.5, -3.0, -3.0, 6.0, 6.0], [2.0] * 4 + [NAN] * 4, [0.5] * 5 + [NAN] * 3])
    steady, wild, half, most = steady_values(folds)
    assert steady == 1.0 > wild
    assert np.isnan(half)  # half of train without a trade shows nothing
    assert most == 0.5


def test_a_peak_loses_half_of_its_lead_over_its_neighbours_and_a_plateau_nothing():
    values = np.array([1.0, 1.0, 1.0, 3.0, NAN])
    near = np.array([[1, 2], [0, 2], [0, 1], [0, 1], [0, 1]])
    assert without_peaks(values, near)[:4].tolist() == [1.0, 1.0, 1.0, 2.0]
    assert np.isnan(without_peaks(values, near)[4])


def test_a_neighbour_without_a_value_counts_as_the_lowest():
    values, near = np.array([2.0, 0.0, NAN, NAN]), np.array([[2, 3], [0, 2], [0, 1], [0, 1]])
    assert without_peaks(values, near)[0] == 1.0


@pytest.mark.parametrize("near", [np.zeros((2, 0), int), np.array([[1], [0]])])
def test_nothing_known_has_no_peaks(near):
    assert np.isnan(without_peaks(np.array([NAN, NAN]), near)).all()
