"""Groups of trades: what is planted is found, what is chance is called chance, and a thousand copies are one trade."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from engine.analysis.group_tests import LEAST_PERIODS, LEAST_TRADES, Sample, group_tests, q_values, sample_of, sign_chance


def drawn(seed: int, *, trades: int = 1_500, periods: int = 200) -> Sample:
    """Returns with a shock common to each period and fat tails."""
    rng = np.random.default_rng(seed)
    _, period = np.unique(rng.integers(0, periods, trades), return_inverse=True)
    returns = 0.01 * rng.standard_t(4, periods)[period] + 0.02 * rng.standard_t(4, trades)
    return Sample(returns, returns / 50, period, 1)


def split(sample: Sample, seed: int, groups: int) -> tuple[np.ndarray, int]:
    return np.random.default_rng(seed).integers(-1, groups, sample.trades), groups


def test_chance_is_called_so_as_often_as_it_should_be() -> None:
    p = np.concatenate([group_tests(drawn(s), [split(drawn(s), s + 99, 4)], seed=s).p for s in range(150)])
    assert np.mean(p < 0.05) == pytest.approx(0.05, abs=0.03)
    assert np.mean(p < 0.5) == pytest.approx(0.5, abs=0.07)


def test_whole_periods_as_groups_are_told_apart_by_chance_no_more_often() -> None:
    p = []
    for seed in range(150):
        sample = drawn(seed)
        p.append(group_tests(sample, [(sample.period % 5, 5)], seed=seed).p)
    assert np.mean(np.concatenate(p) < 0.05) == pytest.approx(0.05, abs=0.03)


def test_a_group_that_loses_is_found_with_what_it_lost() -> None:
    sample = drawn(1)
    codes, _ = split(sample, 5, 6)
    returns = sample.returns - 0.03 * (codes == 2)
    found = group_tests(Sample(returns, returns / 50, sample.period, 1), [(codes, 6)])
    q = q_values(found.p)
    assert np.nanargmin(q) == 2
    assert q[2] < 1e-6
    own = returns[codes == 2]
    assert (found.trades[2], found.pnl[2], found.expectancy[2]) == pytest.approx((len(own), own.sum() / 50, own.mean()))
    assert found.low[2] < own.mean() < found.high[2] < -0.02
    assert found.wins[2] == np.mean(own > 0)
    assert found.others[2] == pytest.approx(returns[codes != 2].mean())


def test_copies_of_a_trade_at_the_same_time_tell_no_more_than_one() -> None:
    sample = drawn(3, trades=150, periods=150)
    copies = Sample(*(np.repeat(a, 40) for a in (sample.returns, sample.pnl, sample.period)), 1)
    codes = np.random.default_rng(8).integers(0, 2, 150)
    one, many = group_tests(sample, [(codes, 2)]), group_tests(copies, [(np.repeat(codes, 40), 2)])
    for name in ("p", "low", "high", "expectancy", "periods"):
        np.testing.assert_allclose(getattr(many, name), getattr(one, name), rtol=1e-6)


def test_an_interval_holds_the_true_mean_in_about_95_of_100() -> None:
    held = [(f.low[0] < 0 < f.high[0]) for f in (group_tests(drawn(s), [split(drawn(s), s, 3)], seed=s) for s in range(300))]
    assert np.mean(held) == pytest.approx(0.95, abs=0.035)


@pytest.mark.parametrize("seed", range(6))
def test_small_chances_are_those_of_all_signs_counted(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = np.abs(rng.standard_t(3, (1, 14))) * np.where(rng.random(14) < 0.15, -1, 1)
    sums = np.array(list(product((-1.0, 1.0), repeat=14))) @ np.abs(scores[0])
    exact = np.mean(np.abs(sums) >= abs(scores.sum()) * (1 - 1e-9))
    assert sign_chance(scores)[0] == pytest.approx(exact, rel=0.35, abs=2e-4)


def test_a_single_period_however_extreme_proves_nothing() -> None:
    sample = drawn(4)
    returns = sample.returns.copy()
    returns[sample.period == 7] = -0.9
    found = group_tests(Sample(returns, returns, sample.period, 1), [((sample.period % 20 == 7).astype(np.int64), 2)])
    assert found.p.min() > 0.3


def test_too_few_trades_or_periods_have_no_p_value_but_their_figures() -> None:
    sample = drawn(5)
    few = np.where(np.arange(sample.trades) < LEAST_TRADES - 1, 0, 1)
    short = np.where(sample.period < LEAST_PERIODS - 1, 0, 1)
    found = group_tests(sample, [(few, 2), (short, 2)])
    assert np.isnan(found.p).all()
    assert np.isfinite(found.expectancy).all()


def test_a_false_discovery_rate_is_that_of_benjamini_and_hochberg() -> None:
    p = np.array([0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216])
    wanted = [0.01, 0.04, 0.084, 0.084, 0.084, 0.1, 0.1057, 0.216, 0.216, 0.216]  # by hand: p n / rank, least from behind
    np.testing.assert_allclose(q_values(p), wanted, atol=1e-3)
    assert q_values(np.array([np.nan, np.nan])).shape == (2,)


def test_a_period_is_as_long_as_trades_last() -> None:
    entry = pd.Series(np.arange(0, 400, 4))
    trades = pd.DataFrame({
        "entry_bar": entry, "exit_bar": entry + 60, "return": 0.0, "pnl": 1.0,
        "entry_time": pd.Timestamp("2022-01-01", tz="UTC") + entry * pd.Timedelta(hours=1),
    })  # fmt: skip
    sample = sample_of(trades, assets=10, bar_s=3_600)
    assert sample.period_days == 3
    assert sample.periods == 400 // 72 + 1
    assert sample.pnl.sum() == pytest.approx(10.0)
