"""Benchmarks: what is asked is checked against the form that counts open positions, and what was not computed meets nothing."""

import math

import pytest

from engine.analysis.benchmarks import Check, benchmark_text, benchmark_words, meets_all, read_benchmark
from engine.analysis.benchmarks import check_benchmarks as check_on
from engine.errors import CampaignError
from engine.records import Benchmark, Benchmarks

ENOUGH = {"total_return": 1.0, "trades_with_open": 1000.0, "assets_traded": 100.0, "win_rate_with_open": 0.501}
NONE = Benchmarks(None, None, None, None)


def check_benchmarks(figures, benchmarks) -> tuple[Check, ...]:
    return check_on(figures, benchmarks, "train")


def meets(figures, benchmarks) -> bool:
    return meets_all({"train": figures, "validation": figures}, benchmarks)


def test_the_benchmarks_of_the_first_campaign_are_reached_exactly_but_the_win_rate_must_be_exceeded():
    assert meets(ENOUGH, Benchmarks())
    assert not meets(ENOUGH | {"win_rate_with_open": 0.5}, Benchmarks())


@pytest.mark.parametrize("name", list(ENOUGH))
def test_one_figure_that_falls_short_or_was_not_computed_is_enough_to_fail(name):
    for value in (ENOUGH[name] * 0.99, math.nan):
        figures = ENOUGH | {name: value}
        assert not meets(figures, Benchmarks())
        assert [c.figure for c in check_benchmarks(figures, Benchmarks()) if not c.is_met] == [name]
    missing = {k: v for k, v in ENOUGH.items() if k != name}
    assert not meets(missing, Benchmarks())


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
    assert not meets(ENOUGH, NONE)


def test_a_benchmark_of_zero_is_asked_for():
    assert meets({"total_return": 0.0}, Benchmarks(0.0, None, None, None))
    assert not meets({"total_return": -0.01}, Benchmarks(0.0, None, None, None))


def test_a_benchmark_is_written_and_read_in_one_form():
    for text in ("sharpe>=1@validation?", "max_drawdown>-0.2", "fees<=0.5@train", "total_return>=1@vault"):
        assert benchmark_text(read_benchmark(text)) == text
    assert read_benchmark("total_return >= 50% @ train").value == 0.5
    assert benchmark_words(read_benchmark("total_return>=50%@vault?")) == "Total return at least 50% on vault (wished)"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sharpe",
        "nonsense>=1",
        "sharpe>=high",
        "sharpe>=1@tomorrow",
        "sharpe==1",
        "sharpe>=nan",
        "sharpe>=1e12",
        "sharpe>=-99999999",
    ],
)
def test_a_benchmark_that_cannot_be_is_refused_in_a_sentence(text):
    with pytest.raises(CampaignError, match="wanted"):
        read_benchmark(text)


def test_a_wish_and_the_vault_keep_no_campaign_going():
    asked = Benchmarks(
        1.0, None, None, None, (Benchmark("sharpe", 2.0, is_required=False), Benchmark("sharpe", 2.0, window="vault"))
    )
    assert meets({"total_return": 1.0, "sharpe": 0.0}, asked)
    assert not meets_all({"train": {"total_return": 1.0}}, asked)


def test_one_window_alone_may_be_asked_for():
    asked = Benchmarks(None, None, None, None, (Benchmark("sharpe", 1.0, window="validation"),))
    assert meets_all({"train": {"sharpe": 0.0}, "validation": {"sharpe": 1.0}}, asked)
    assert not meets_all({"train": {"sharpe": 1.0}, "validation": {"sharpe": 0.0}}, asked)
    assert check_on({"sharpe": 1.0}, asked, "train") == ()
