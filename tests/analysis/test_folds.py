"""Figures on consecutive parts of a window's days."""

import numpy as np
import pytest

from engine.analysis.folds import FOLDABLE, fold_figures, fold_sharpes
from engine.analysis.metrics import sortino


@pytest.fixture
def daily() -> np.ndarray:
    return np.random.default_rng(1).normal(0.001, 0.01, (3, 90))


def test_sharpes_are_those_of_each_part(daily):
    found = fold_figures(daily, "sharpe", 365, folds=4)
    np.testing.assert_allclose(found, [fold_sharpes(row, 365) for row in daily])


def test_each_part_stands_for_itself(daily):
    assert fold_figures(daily, "sortino", 365, folds=8)[1, 0] == pytest.approx(sortino(daily[1, :12], 365))


def test_total_return_and_calmar_of_a_known_path():
    path = np.array([[0.10, -0.20, 0.05, 0.0]])
    assert fold_figures(path, "total_return", 4, folds=1)[0, 0] == pytest.approx(1.1 * 0.8 * 1.05 - 1)
    assert fold_figures(path, "calmar", 4, folds=1)[0, 0] == pytest.approx((1.1 * 0.8 * 1.05 - 1) / 0.2)


@pytest.mark.parametrize("figure", FOLDABLE)
def test_parts_without_trades_or_days_have_no_ratio_and_raise_nothing(figure):
    still = fold_figures(np.zeros((2, 40)), figure, 365, folds=8)
    assert (still == 0.0).all() if figure == "total_return" else np.isnan(still).all()
    assert np.isnan(fold_figures(np.zeros((2, 3)), figure, 365, folds=8)[:, -1]).all()


def test_a_figure_of_trades_has_no_folds():
    with pytest.raises(KeyError):
        fold_figures(np.zeros((1, 40)), "profit_factor_with_open", 365, folds=8)
