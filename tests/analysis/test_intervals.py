"""The interval of a share against its definition: the shares that a score test would not refuse."""

import math

import pytest

from engine.analysis.intervals import Z_95, share_interval


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
