"""Benchmarks: what is asked is checked against the form that counts open positions, and what was not computed meets nothing."""

import math

import pytest

from engine.analysis.benchmarks import check_benchmarks, meets_all
from engine.records import Benchmarks

ENOUGH = {"total_return": 1.0, "trades_with_open": 1000.0, "assets_traded": 100.0, "win_rate_with_open": 0.501}
NONE = Benchmarks(None, None, None, None)


def test_the_benchmarks_of_the_first_campaign_are_reached_exactly_but_the_win_rate_must_be_exceeded():
    assert meets_all(ENOUGH, Benchmarks())
    assert not meets_all(ENOUGH | {"win_rate_with_open": 0.5}, Benchmarks())


@pytest.mark.parametrize("name", list(ENOUGH))
def test_one_figure_that_falls_short_or_was_not_computed_is_enough_to_fail(name):
    for value in (ENOUGH[name] * 0.99, math.nan):
        figures = ENOUGH | {name: value}
        assert not meets_all(figures, Benchmarks())
        assert [c.figure for c in check_benchmarks(figures, Benchmarks()) if not c.is_met] == [name]
    missing = {k: v for k, v in ENOUGH.items() if k != name}
    assert not meets_all(missing, Benchmarks())


def test_trades_closed_at_a_profit_do_not_make_up_for_open_losses():
    figures = ENOUGH | {"win_rate": 1.0, "trades": 5000.0, "win_rate_with_open": 0.4, "trades_with_open": 5100.0}
    assert [c.figure for c in check_benchmarks(figures, Benchmarks()) if not c.is_met] == ["win_rate_with_open"]


def test_a_check_tells_what_was_found_and_what_was_wanted():
    (check,) = check_benchmarks({"trades_with_open": 12.0}, Benchmarks(None, 50, None, None))
    assert (check.figure, check.found, check.wanted, check.is_met) == ("trades_with_open", 12.0, 50.0, False)


def test_what_is_not_asked_for_is_not_checked():
    assert check_benchmarks(ENOUGH, NONE) == ()
    assert [c.figure for c in check_benchmarks({}, Benchmarks(None, None, 3, None))] == ["assets_traded"]


def test_nothing_asked_is_nothing_met():
    assert not meets_all(ENOUGH, NONE)


def test_a_benchmark_of_zero_is_asked_for():
    assert meets_all({"total_return": 0.0}, Benchmarks(0.0, None, None, None))
    assert not meets_all({"total_return": -0.01}, Benchmarks(0.0, None, None, None))
