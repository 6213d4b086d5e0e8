"""The band behind the best-so-far curve holds the best of searches without skill."""

import numpy as np
import pytest

from engine.analysis.deflated import expected_best_sharpe
from engine.analysis.luck import luck_curve


def test_the_band_holds_the_best_of_searches_without_skill_in_nine_of_ten() -> None:
    trials = np.array([1, 10, 200])
    curve = luck_curve(trials, 4.0)
    best = np.maximum.accumulate(np.random.default_rng(1).normal(0, 2.0, (4_000, 200)), axis=1)[:, trials - 1]
    np.testing.assert_allclose(((best > curve.low) & (best < curve.high)).mean(axis=0), curve.level, atol=0.02)
    np.testing.assert_allclose(curve.expected[1:], best.mean(axis=0)[1:], rtol=0.04)
    np.testing.assert_array_equal(curve.expected, expected_best_sharpe(4.0, trials))


def test_the_curve_rises_and_lies_in_its_band_up_to_very_many_trials() -> None:
    curve = luck_curve(np.geomspace(1, 1e12, 100), 1.0)
    for line in (curve.low, curve.expected, curve.high):
        assert np.isfinite(line).all()
        assert (np.diff(line) >= 0).all()
    assert ((curve.low < curve.expected) & (curve.expected < curve.high)).all()


@pytest.mark.parametrize(("trials", "variance"), [([0.0, 5.0], 1.0), ([2.0, np.nan], 1.0), ([5.0], np.nan), ([5.0], -1.0)])
def test_without_trials_or_variance_there_is_no_curve(trials: list[float], variance: float) -> None:
    curve = luck_curve(np.array(trials), variance)
    for line in (curve.low, curve.expected, curve.high):
        assert np.isnan(line).any()
        assert line.shape == (len(trials),)
