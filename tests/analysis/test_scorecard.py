"""The scorecard: reached or not, what takes no skill, what luck would have reached, and what cannot be said."""

import math

import numpy as np
import pandas as pd
import pytest

from engine.analysis.deflated import expected_best_sharpe
from engine.analysis.scorecard import Cell, Row, scorecard
from engine.analysis.window_facts import WindowFacts
from engine.records import Benchmark, Benchmarks

RETURN = Benchmark("total_return", 1.0)
SEALED = WindowFacts(is_sealed=True, why_not="sealed")
DAYS = np.random.default_rng(1).normal(0.004, 0.02, 200)
RIVALS = pd.DataFrame({"arm": ["random"] * 5 + ["mutate"], "total_return": [0.1, 0.2, 0.3, 0.4, math.nan, 0.9]})


def facts(value: float, *, hold: float = -0.5, **more: object) -> WindowFacts:
    figures = {"total_return": value, "trades_with_open": 50.0}
    return WindowFacts(figures, DAYS, {"total_return": hold}, trials=10.0, **more)  # type: ignore[arg-type]


def row_of(benchmark: Benchmark, *, arm: str = "model", **windows: WindowFacts) -> Row:
    (row,) = scorecard([benchmark], windows, arm=arm, days_per_year=365.0)
    return row


def cell_of(row: Row, window: str) -> Cell:
    return next(cell for cell in row.cells if cell.window == window)


def test_what_nobody_else_meets_is_reached_with_the_excess_over_buy_and_hold():
    row = row_of(RETURN, train=facts(1.5, rivals=RIVALS), validation=facts(1.0, rivals=RIVALS), vault=SEALED)
    assert row.state == "reached"
    assert not row.without_skill
    assert cell_of(row, "train").excess == pytest.approx(2.0)
    assert (cell_of(row, "train").rivals, cell_of(row, "train").rivals_met) == (5, 0)


def test_what_buy_and_hold_meets_too_is_met_without_skill():
    row = row_of(RETURN, train=facts(1.5), validation=facts(1.3, hold=1.19))
    assert (row.state, row.without_skill) == ("reached", True)
    assert cell_of(row, "train").no_skill == ""
    assert "buy-and-hold" in cell_of(row, "validation").no_skill


def test_what_a_run_of_a_baseline_meets_too_is_met_without_skill():
    lucky = RIVALS.assign(total_return=[0.1, 0.2, 1.2, 0.4, math.nan, 0.9])
    row = row_of(RETURN, train=facts(1.5, rivals=lucky), validation=facts(1.3))
    assert "1 of 5 runs of the baselines" in cell_of(row, "train").no_skill
    assert row.without_skill


def test_one_run_of_a_baseline_is_no_proof_of_its_own_skill():
    assert row_of(RETURN, arm="random", train=facts(1.5), validation=facts(1.5)).without_skill


def test_what_is_not_reached_is_not_called_without_skill_and_says_what_is_missing():
    row = row_of(RETURN, train=facts(0.25, hold=2.0), validation=facts(1.5))
    assert (row.state, row.without_skill) == ("not reached", False)
    assert cell_of(row, "train").gap == pytest.approx(0.75)
    assert row_of(Benchmark("fees", 0.1, "<="), train=WindowFacts({"fees": 0.3})).cells[0].gap == pytest.approx(0.2)


def test_a_figure_that_was_not_computed_is_not_computable_and_neither_is_its_worst_case():
    idle = WindowFacts({"win_rate_with_open": math.nan, "trades_with_open": 0.0}, np.zeros(100))
    row = row_of(Benchmark("win_rate_with_open", 0.5, ">"), train=idle, validation=facts(0.0))
    train, worst = cell_of(row, "train"), cell_of(row, "worst case")
    assert (train.state, train.why_not) == ("not computable", "there is no trade")
    assert worst.state == "not computable"
    assert math.isnan(worst.found)
    assert row.state == "not computable"


def test_a_sealed_vault_tells_nothing_and_spoils_no_worst_case():
    row = row_of(RETURN, train=facts(1.5), validation=facts(1.2), vault=SEALED)
    vault, worst = cell_of(row, "vault"), cell_of(row, "worst case")
    assert vault.state == "sealed"
    assert math.isnan(vault.found)
    assert (worst.found, worst.where) == (1.2, "validation")
    asked_there = row_of(Benchmark("total_return", 1.0, window="vault"), train=facts(1.5), vault=SEALED)
    assert asked_there.state == "sealed"


def test_the_worst_case_of_a_ratio_is_its_worst_quarter():
    falling = np.concatenate([DAYS[:150], -np.abs(DAYS[150:])])
    known = WindowFacts({"sharpe": 1.0}, falling)
    worst = cell_of(row_of(Benchmark("sharpe", 1.0), train=known, validation=known), "worst case")
    assert worst.where == "quarter 4 of train"
    assert worst.found < -5
    assert worst.n == 50


def test_luck_alone_has_the_sharpe_ratio_expected_of_the_best_and_the_return_that_goes_with_it():
    known = WindowFacts({"sharpe": 3.0, "total_return": 1.0}, DAYS, trials=100.0)
    sharpe, total = (row_of(Benchmark(f, 1.0), train=known).cells[0].luck for f in ("sharpe", "total_return"))
    daily = float(expected_best_sharpe(1 / 199, 100.0))
    assert sharpe.value == pytest.approx(daily * math.sqrt(365))
    moved = DAYS - DAYS.mean() + daily * DAYS.std(ddof=1)
    assert total.value == pytest.approx(np.prod(1 + moved) - 1)


def test_luck_of_other_figures_is_the_median_of_the_random_arm_or_says_that_there_are_too_few():
    trades = Benchmark("trades_with_open", 10.0)
    five = pd.DataFrame({"arm": ["random"] * 5 + ["mutate"], "trades_with_open": [1.0, 2.0, 7.0, 8.0, 9.0, 100.0]})
    assert row_of(trades, train=facts(1.0, rivals=five)).cells[0].luck.value == 7.0
    few = row_of(trades, train=facts(1.0, rivals=five.tail(2))).cells[0].luck
    assert math.isnan(few.value)
    assert few.told == "1 of 5 random runs"


def test_the_interval_holds_the_figure_and_needs_trades_for_a_win_rate():
    total = float(np.prod(1 + DAYS) - 1)
    interval = row_of(RETURN, train=facts(total)).cells[0].interval
    assert interval.low < total < interval.high
    rate = Benchmark("win_rate_with_open", 0.5, ">")
    figures = {"win_rate_with_open": 0.6, "trades_with_open": 200.0, "expectancy_with_open": 0.01}
    assert "trades" in row_of(rate, train=WindowFacts(figures, DAYS)).cells[0].interval.reason
    wins = np.random.default_rng(2).integers(0, 3, 200).astype(float)
    by_day = {"win_rate": np.stack([np.minimum(wins, 1), np.maximum(wins, 1)])}
    cell = row_of(rate, train=WindowFacts(figures, DAYS, by_day=by_day)).cells[0]
    assert cell.interval.low < cell.interval.high
    assert cell.beside == 0.01


def test_the_usual_four_are_asked_of_train_and_validation():
    rows = scorecard(Benchmarks().asked, {"train": facts(2.0), "validation": facts(2.0)}, arm="model", days_per_year=365.0)
    assert [row.benchmark.figure for row in rows] == ["total_return", "trades_with_open", "assets_traded", "win_rate_with_open"]
    assert [row.state for row in rows] == ["reached", "not reached", "not computable", "not computable"]
