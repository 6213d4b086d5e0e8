"""Is a Sharpe ratio luck: against another implementation, against searches whose truth is known, and with unusable returns."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from purgedcv import deflated_sharpe_ratio, minimum_backtest_length, probabilistic_sharpe_ratio
from scipy.stats import kstest, norm

from engine.analysis.chance import chance_maxima, expected_maximum, independent_trials, with_given_up
from engine.analysis.deflated import (
    chance_of_luck,
    data_budget,
    deflated_sharpe,
    effective_trials,
    expected_best_sharpe,
    minimum_backtest_years,
    probabilistic_sharpe,
    sampling_variance,
)

SHAPES = {
    "normal": lambda rng: rng.normal(0.001, 0.01, 252),
    "fat tails": lambda rng: rng.standard_t(4, 100) * 0.01,
    "skewed": lambda rng: rng.exponential(0.01, 500) - 0.009,
}


def grouped(rng: np.random.Generator, sizes: list[int], rho: float, days: int = 250) -> np.ndarray:
    """Returns of independent groups whose members correlate with rho."""
    which = np.repeat(np.arange(len(sizes)), sizes)
    return np.sqrt(rho) * rng.standard_normal((len(sizes), days))[which] + np.sqrt(1 - rho) * rng.standard_normal(
        (len(which), days)
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_psr_and_dsr_agree_with_purgedcv(shape: str) -> None:
    rng = np.random.default_rng(1)
    daily, sharpes = SHAPES[shape](rng), rng.normal(0, 0.05, 77)
    for benchmark in (0.0, 0.05):
        assert probabilistic_sharpe(daily, benchmark) == pytest.approx(probabilistic_sharpe_ratio(daily, benchmark), rel=1e-9)
    wanted = deflated_sharpe_ratio(daily, 60, float(sharpes.var(ddof=1)))
    assert deflated_sharpe(daily, sharpes, 60).probability == pytest.approx(wanted, rel=1e-9)
    by_chance = deflated_sharpe(daily, sharpes, 60, spread="chance")
    assert by_chance.probability == pytest.approx(deflated_sharpe_ratio(daily, 60, by_chance.variance), rel=1e-9)


@pytest.mark.parametrize("n", [2, 10, 45, 1_000])
def test_the_minimum_backtest_agrees_with_purgedcv_and_stays_below_its_bound(n: int) -> None:
    assert minimum_backtest_years(n, 1.5) == pytest.approx(minimum_backtest_length(n, 1.5), rel=1e-9)
    assert minimum_backtest_years(n, 1.5) < 2 * math.log(n) / 1.5**2


def test_one_trial_is_not_deflated() -> None:
    daily = SHAPES["normal"](np.random.default_rng(2))
    found = deflated_sharpe(daily, np.array([0.1, 0.2]), 1)
    assert found.expected_best == 0
    assert found.probability == probabilistic_sharpe(daily)
    assert minimum_backtest_years(1) == 0


def test_a_track_record_at_the_benchmark_is_even_money() -> None:
    daily = SHAPES["fat tails"](np.random.default_rng(3))
    assert probabilistic_sharpe(daily, daily.mean() / daily.std()) == pytest.approx(0.5)


@pytest.mark.parametrize("n", [5, 50, 500])
def test_the_expected_best_is_that_of_simulated_searches(n: int) -> None:
    best = np.random.default_rng(4).normal(0, 0.3, (4_000, n)).max(axis=1)
    assert float(expected_best_sharpe(0.09, n)) == pytest.approx(best.mean(), rel=0.05)


def test_the_expected_best_grows_from_nothing_without_a_jump() -> None:
    values = expected_maximum(np.geomspace(1, 1e9, 4_000))
    assert values[0] == 0
    assert (np.diff(values) >= 0).all()
    assert np.diff(values).max() < 0.01
    assert np.isnan(expected_maximum(0.5))


def test_independent_normals_are_counted_one_by_one() -> None:
    draws = np.random.default_rng(5).standard_normal((20_000, 100)).max(axis=1)
    assert independent_trials(draws) == pytest.approx(100, rel=0.05)


@pytest.mark.parametrize(
    ("sizes", "low", "high"),
    [([1] * 40, 37, 40), ([40], 1, 1.3), ([40] * 10, 9, 13), ([5] * 60, 50, 75), ([400, *([1] * 30)], 25, 36)],
    ids=["independent", "one group", "ten groups", "many groups", "one great group and thirty alone"],
)
def test_groups_of_near_copies_count_about_once_each(sizes: list[int], low: float, high: float) -> None:
    found = effective_trials(grouped(np.random.default_rng(6), sizes, 0.999))
    assert low <= found.number <= high
    assert found.candidates == found.given == sum(sizes)


@pytest.mark.parametrize(("sizes", "rho"), [([30] * 10, 0.95), ([300], 0.6), ([200, *([1] * 50)], 0.9)])
def test_the_number_is_the_one_that_luck_depends_on(sizes: list[int], rho: float) -> None:
    """The best of many searches without skill is on average what that many independent trials give."""
    rng = np.random.default_rng(7)
    searches = [grouped(rng, sizes, rho) for _ in range(150)]
    best = np.array([(x.mean(1) / x.std(1)).max() for x in searches]) * math.sqrt(249)
    number = np.mean([effective_trials(x).number for x in searches[:15]])
    assert float(expected_maximum(number)) == pytest.approx(best.mean(), abs=4 * best.std() / math.sqrt(150))


def test_more_candidates_than_days_are_not_mistaken_for_days() -> None:
    assert effective_trials(np.random.default_rng(8).standard_normal((1_500, 30))).number == pytest.approx(1_500, rel=0.1)


def test_a_new_candidate_never_lowers_the_number_and_a_copy_adds_nothing() -> None:
    returns = np.random.default_rng(9).standard_normal((50, 120))
    numbers = [effective_trials(returns[:n]).number for n in (10, 20, 50)]
    assert numbers == sorted(numbers)
    again = effective_trials(np.concatenate([returns, 3 * returns, returns + 0.1]))
    assert again.number == pytest.approx(numbers[-1], rel=1e-6)


def test_the_maxima_of_two_runs_join_into_those_of_both() -> None:
    returns = np.random.default_rng(10).standard_normal((60, 100))
    joined = np.maximum(chance_maxima(returns[:20]), chance_maxima(returns[20:]))
    np.testing.assert_allclose(joined, effective_trials(returns).maxima)


@pytest.mark.parametrize("rho", [0.0, 0.6, 0.95])
def test_without_skill_the_chance_of_luck_is_uniform_and_dsr_rarely_high(rho: float) -> None:
    """Also where candidates correlate; and the rule "DSR above 0.95" is wrong in at most 5 % of searches."""
    rng = np.random.default_rng(11)
    chances, deflated = [], []
    for _ in range(150):
        returns = grouped(rng, [10] * 5, rho)
        sharpes = returns.mean(1) / returns.std(1)
        trials, best = effective_trials(returns, draws=500), returns[sharpes.argmax()]
        chances.append(chance_of_luck(best, trials.maxima))
        deflated.append(deflated_sharpe(best, sharpes, trials.number, spread="chance").probability)
    assert kstest(chances, "uniform").pvalue > 0.001
    assert 0.01 <= np.mean(np.array(chances) <= 0.05) <= 0.11
    assert np.mean(np.array(deflated) > 0.95) <= 0.05


def test_what_is_given_up_after_a_first_look_counts_or_luck_looks_rarer_than_it_is() -> None:
    """Of 60 candidates without skill 36 are given up because of a part of their returns; the best of the others is judged."""
    rng, alone, together = np.random.default_rng(1), [], []
    for seed in range(300):
        part = rng.standard_normal((60, 120))
        returns = 0.45 * part + math.sqrt(1 - 0.45**2) * rng.standard_normal((60, 120))
        look = part.mean(1) / part.std(1)
        kept = returns[look >= np.quantile(look, 0.6)]
        best, maxima = kept[(kept.mean(1) / kept.std(1)).argmax()], chance_maxima(kept)
        alone.append(chance_of_luck(best, maxima))
        together.append(chance_of_luck(best, with_given_up(maxima, len(kept), 60 - len(kept), seed)))
    assert np.mean(np.array(alone) <= 0.2) > 0.25
    for level in (0.05, 0.1, 0.2):
        assert np.mean(np.array(together) <= level) <= level + 0.02


@settings(max_examples=20)
@given(st.integers(5, 60), st.floats(0.1, 3.0), st.integers(0, 2**32 - 1))
def test_the_number_grows_by_the_share_that_was_given_up(kept: int, share: float, seed: int) -> None:
    maxima = chance_maxima(np.random.default_rng(seed).standard_normal((kept, 100)))
    given_up = math.ceil(share * kept)
    found = independent_trials(with_given_up(maxima, kept, given_up, seed)) / independent_trials(maxima)
    assert found == pytest.approx(1 + given_up / kept, rel=0.15)
    np.testing.assert_array_equal(with_given_up(maxima, kept, 0, seed), maxima)


def test_for_a_single_trial_the_chance_of_luck_is_the_p_value_of_student() -> None:
    daily = np.random.default_rng(12).normal(0.001, 0.01, 400)
    maxima = effective_trials(daily[None]).maxima
    t_value = daily.mean() / daily.std() * math.sqrt(399)
    assert chance_of_luck(daily, maxima) == pytest.approx(norm.sf(t_value), abs=0.01)


def test_losers_do_not_hide_skill_where_the_spread_is_that_of_chance() -> None:
    rng = np.random.default_rng(13)
    returns = rng.standard_normal((300, 365)) - np.linspace(0, 0.6, 300)[:, None]
    returns[0] += 8 / math.sqrt(365)
    sharpes, number = returns.mean(1) / returns.std(1), effective_trials(returns).number
    assert deflated_sharpe(returns[0], sharpes, number, spread="chance").probability > 0.99
    assert deflated_sharpe(returns[0], sharpes, number).probability < 0.95


def test_the_data_budget_is_spent_where_luck_reaches_the_target() -> None:
    budget = data_budget(5.0, 10)
    assert minimum_backtest_years(budget.supported) == pytest.approx(5.0)
    assert budget.left == pytest.approx(budget.supported - 10)
    assert budget.needed_years == pytest.approx(minimum_backtest_years(10))
    assert data_budget(5.0, 1e6).left == 0
    assert data_budget(50.0, 0, sharpe=8).supported == pytest.approx(1e12)
    assert data_budget(0.0, 10).reason


UNUSABLE = {
    "empty": np.array([]),
    "short": np.array([0.01, 0.02]),
    "constant": np.full(100, 0.01),
    "no trade": np.zeros(100),
    "NaN": np.array([0.01, np.nan] * 50),
    "infinite": np.array([0.01, np.inf] * 50),
}


@pytest.mark.parametrize("daily", UNUSABLE.values(), ids=UNUSABLE)
def test_unusable_returns_give_nan_with_a_reason(daily: np.ndarray) -> None:
    assert math.isnan(probabilistic_sharpe(daily))
    found = deflated_sharpe(daily, np.array([0.1, 0.2]), 10)
    assert math.isnan(found.probability)
    assert found.reason
    trials = effective_trials(daily)
    assert math.isnan(trials.number)
    assert trials.reason
    assert math.isnan(chance_of_luck(daily, trials.maxima))


def test_candidates_without_a_sharpe_ratio_are_left_out_of_the_count() -> None:
    returns = np.random.default_rng(14).standard_normal((12, 60))
    broken = np.concatenate([returns, np.zeros((3, 60)), np.full((2, 60), np.nan)])
    found = effective_trials(broken)
    assert found.number == effective_trials(returns).number
    assert (found.candidates, found.given) == (12, 17)


@pytest.mark.parametrize(("sharpes", "n"), [([0.1], 5), ([np.nan, 0.1], 5), ([0.1, 0.2], 0.5), ([0.1, 0.2], np.nan)])
def test_too_few_trials_give_nan_with_a_reason(sharpes: list[float], n: float) -> None:
    found = deflated_sharpe(SHAPES["normal"](np.random.default_rng(15)), np.array(sharpes), n)
    assert math.isnan(found.probability)
    assert found.reason


def test_a_candidate_without_skill_has_that_spread() -> None:
    x = np.random.default_rng(16).standard_normal((4_000, 100))
    assert sampling_variance(100) == pytest.approx((x.mean(1) / x.std(1)).var(), rel=0.1)
    assert math.isnan(sampling_variance(1))
