"""Alpha over buy-and-hold: what is earned beyond exposure to the market, and how sure that is."""

import numpy as np
import pytest
import statsmodels.api as sm

from engine.analysis.alpha import alpha_over, beyond_hold, luck_of_alpha
from engine.analysis.chance import chance_maxima
from engine.analysis.intervals import exact_interval


@pytest.fixture
def hold() -> np.ndarray:
    """A market that rises by itself."""
    return np.random.default_rng(1).normal(0.004, 0.02, 250)


def test_exposure_alone_has_no_alpha_whatever_its_sharpe_ratio(hold: np.ndarray) -> None:
    found = [alpha_over(0.5 * hold + np.random.default_rng(i).normal(0, 0.004, 250), hold) for i in range(300)]
    assert np.mean([a.p <= 0.05 for a in found]) == pytest.approx(0.05, abs=0.03)
    assert np.mean([a.beta for a in found]) == pytest.approx(0.5, abs=0.01)


def test_a_gain_beyond_the_market_is_found_even_where_the_market_falls(hold: np.ndarray) -> None:
    gain = np.random.default_rng(2).normal(0.002, 0.004, 250)
    found = alpha_over(gain - 0.3 * hold, -hold)
    assert found.beta == pytest.approx(0.3, abs=0.05)
    assert found.annual(365) == pytest.approx(365 * 0.002, rel=0.2)
    assert found.p < 1e-6


def test_slope_error_and_t_agree_with_statsmodels(hold: np.ndarray) -> None:
    noise = np.random.default_rng(3).normal(0.0005, 0.01, 250)
    daily = 0.4 * hold + noise + 0.3 * np.roll(noise, 1)
    found = alpha_over(daily, hold)
    fitted = sm.OLS(daily, sm.add_constant(hold)).fit(cov_type="HAC", cov_kwds={"maxlags": 4, "use_correction": True})
    assert (found.daily, found.beta, found.t) == pytest.approx((*fitted.params, fitted.tvalues[0]))


@pytest.mark.parametrize(
    ("daily", "why"),
    [
        (np.zeros(250), "same every day"),
        (np.full(250, np.nan), "have no return"),
        (np.zeros(9), "wanted the same days"),
        (0.5 * np.random.default_rng(1).normal(0.004, 0.02, 250), "fixed share"),
    ],
)
def test_what_cannot_be_computed_says_why(hold: np.ndarray, daily: np.ndarray, why: str) -> None:
    found = alpha_over(daily, hold)
    assert np.isnan(found.p)
    assert why in found.reason
    assert np.isnan(luck_of_alpha(found, np.zeros(10)))


def test_the_best_of_many_has_a_great_chance_of_luck_and_skill_a_small_one(hold: np.ndarray) -> None:
    tried = np.random.default_rng(4).normal(0, 0.01, (100, 250)) + 0.5 * hold
    maxima = chance_maxima(beyond_hold(tried, hold))
    lucky = max((alpha_over(t, hold) for t in tried), key=lambda a: a.t)
    assert lucky.p < 0.05 < luck_of_alpha(lucky, maxima)
    assert luck_of_alpha(alpha_over(tried[0] + 0.004, hold), maxima) < 0.01


def test_the_exact_interval_of_no_hit_in_120_is_that_of_the_rule_of_three() -> None:
    assert exact_interval(0, 120) == (0.0, pytest.approx(1 - 0.025 ** (1 / 120)))
    assert exact_interval(40, 40)[1] == 1.0
    assert np.isnan(exact_interval(0, 0)).all()
