"""Intervals: of a share against its definition, the shares that a score test would not refuse; of a lead against Welch."""

import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp, ttest_ind

from engine.analysis.intervals import LEAST_RUNS, Z_95, lift_interval, mean_interval, share_interval


@pytest.mark.parametrize(("wins", "n"), [(50, 100), (1, 7), (4_321, 10_000)])
def test_at_both_bounds_the_score_test_is_just_on_its_limit(wins: int, n: int) -> None:
    for bound in share_interval(wins / n, n):
        score = (wins / n - bound) / math.sqrt(bound * (1 - bound) / n)
        assert abs(score) == pytest.approx(Z_95, rel=1e-9)


def test_a_share_of_none_or_all_stays_inside_zero_and_one() -> None:
    low, high = share_interval(0.0, 20)
    assert low == pytest.approx(0.0, abs=1e-12)
    assert 0 < high < 0.2
    low, high = share_interval(1.0, 20)
    assert 0.8 < low < 1
    assert high == pytest.approx(1.0)


def test_more_cases_narrow_it() -> None:
    widths = [high - low for low, high in (share_interval(0.4, n) for n in (10, 100, 1_000))]
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize(("share", "n"), [(0.5, 0), (math.nan, 10), (0.5, math.nan)])
def test_without_cases_there_is_no_interval(share: float, n: float) -> None:
    assert all(math.isnan(bound) for bound in share_interval(share, n))


def test_a_mean_has_the_interval_of_student_and_none_of_too_few() -> None:
    values = np.random.default_rng(5).normal(1, 2, 9)
    wanted = ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean_interval([*values, math.nan]) == pytest.approx((values.mean(), wanted.low, wanted.high))
    mean, low, high = mean_interval([1.0] * (LEAST_RUNS - 1))
    assert mean == 1
    assert math.isnan(low)
    assert math.isnan(high)
    assert all(math.isnan(bound) for bound in mean_interval([]))


def test_in_one_campaign_the_lead_has_the_interval_of_welch() -> None:
    rng = np.random.default_rng(5)
    own, others = rng.normal(0, 1, 7), rng.normal(0, 3, 9)
    lift = lift_interval([(own, others)])
    welch = ttest_ind(own, others, equal_var=False).confidence_interval()
    assert (lift.low, lift.high) == pytest.approx((welch.low, welch.high))
    assert lift.mean == pytest.approx(own.mean() - others.mean())


def test_the_true_lead_lies_in_95_of_100_intervals_also_over_campaigns_of_other_levels() -> None:
    rng = np.random.default_rng(7)
    inside = 0
    for _ in range(400):
        easy = (rng.normal(11, 1, 6), rng.normal(10, 0.5, 30))
        lift = lift_interval([(rng.normal(2, 1, 4), rng.normal(1, 2, 7)), easy])
        inside += lift.low <= 1 <= lift.high
    assert 0.92 <= inside / 400 <= 0.98


def test_campaigns_that_differ_in_level_give_no_lead_by_their_mix() -> None:
    lift = lift_interval([([10.0, 10.2] * 10, [10.0, 10.2] * 3), ([1.0, 1.2], [1.0, 1.2] * 50)])
    assert lift.mean == pytest.approx(0.0)
    assert (lift.runs, lift.others) == (22, 106)


def test_too_few_runs_have_no_interval() -> None:
    few, enough = [1.0] * (LEAST_RUNS - 1), [1.0, 2.0] * LEAST_RUNS
    for own, others in ((few, enough), (enough, few), ([], enough), ([*few, math.nan, -math.inf], enough)):
        assert math.isnan(lift_interval([(own, others)]).mean)
    assert lift_interval([(few, enough)]).runs == LEAST_RUNS - 1
    assert math.isnan(lift_interval([]).low)


def test_runs_that_are_all_alike_have_an_interval_of_no_width() -> None:
    lift = lift_interval([([2.0] * 5, [1.0] * 5)])
    assert (lift.mean, lift.low, lift.high) == (1.0, 1.0, 1.0)
