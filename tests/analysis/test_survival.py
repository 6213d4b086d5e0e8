"""Each test of survival on figures whose answer is known, and the one verdict of all."""

import numpy as np
import pytest

from engine.analysis import survival
from engine.analysis.intervals import clustered_mean
from engine.analysis.survival import NEEDED, StressTest, Survival
from engine.analysis.twins import Twins
from engine.features.regimes import REGIMES, UNKNOWN


def made(name: str, passed: bool | None) -> StressTest:
    value = None if passed is None else 1.0
    return StressTest(name, name, value, "fraction", ">", 0.0, passed, "because")


ALL = tuple(made(name, True) for name in NEEDED)


@pytest.mark.parametrize(
    ("tests", "trades", "verdict"),
    [
        (ALL, 500, "survives"),
        ((*ALL, made("strict_targets", None)), 500, "survives"),
        ((*ALL, made("regime_rising_and_calm", False)), 500, "does not survive"),
        ((*ALL[1:], made(NEEDED[0], None)), 500, "not computable"),
        ((*ALL[1:], made(NEEDED[0], None), made("capacity", False)), 500, "does not survive"),
        (ALL, 29, "not computable"),
        ((made("costs_doubled", False),), 0, "not computable"),
    ],
)
def test_one_verdict(tests: tuple[StressTest, ...], trades: int, verdict: str) -> None:
    found = Survival(tests, trades)
    assert found.verdict == verdict
    assert all(test.label in found.sentence for test in found.failed if trades >= 30)
    assert len(found.sentence) > 20


def test_the_margin_is_what_is_left_above_the_threshold_and_no_figure_has_none() -> None:
    assert survival.bound("a", "A", 0.7, "share", ">=", 0.9, "told").margin == pytest.approx(-0.2)
    assert made("a", None).margin is None
    assert survival.bound("a", "A", float("nan"), "share", ">=", 0.9, "told").passed is None


def test_no_profit_is_no_profit_at_exactly_zero() -> None:
    assert survival.profitable("costs_doubled", "Costs", 0.0, 0.1, "with").passed is False


def test_a_profit_that_two_of_a_hundred_and_one_trades_made_does_not_survive_them() -> None:
    pnl = np.full(101, -0.01)
    pnl[[3, 50]] = 5.0
    found = survival.without_best_trades(pnl, 10)
    assert found.passed is False  # ceil(1.01) = 2 trades are taken away
    assert found.value == pytest.approx(-0.99 / 10)
    assert survival.without_best_trades(np.append(pnl, 5.0)[:100], 10).value == pytest.approx((5.0 - 98 * 0.01) / 10)
    assert survival.without_best_trades(np.empty(0), 10).passed is None


def test_halves_are_half_of_the_listed_assets_drawn_anew_by_seed() -> None:
    listed = np.ones(11, bool)
    listed[4] = False
    halves = survival.halves_of(listed, seed=3)
    assert len(halves) == survival.HALVES
    assert {int(h.sum()) for h in halves} == {5}
    assert not any(h[4] for h in halves)
    assert (np.array(halves) == np.array(survival.halves_of(listed, seed=3))).all()
    assert (np.array(halves) != np.array(survival.halves_of(listed, seed=4))).any()
    assert survival.halves_of(np.ones(3, bool), seed=1) == []


def test_half_the_assets_asks_for_nine_profits_of_ten() -> None:
    returns = np.array([0.1] * 18 + [-0.1] * 2)
    assert survival.half_the_assets(returns, 10).passed is True
    assert survival.half_the_assets(np.append(returns[1:], -0.1), 10).passed is False
    assert "3 assets" in survival.half_the_assets(np.empty(0), 3).sentence


def test_a_lonely_peak_fails_among_its_neighbours_and_a_failed_neighbour_is_a_loss() -> None:
    share, median = survival.neighbours(np.array([0.1, 0.2, np.nan, -0.1]), 1.0, 2)
    assert (share.value, share.passed) == (0.5, False)
    assert (median.value, median.threshold, median.passed) == (pytest.approx(0.0), 0.5, False)
    share, median = survival.neighbours(np.array([0.9, 0.8, 0.7, 1.1]), 1.0, 2)
    assert share.passed is median.passed is True
    assert {t.sentence for t in survival.neighbours(np.empty(0), 1.0, 0)} == {"it has no parameters"}
    assert survival.neighbours(np.array([-0.1, -0.2]), -0.3, 1)[1].passed is None


def test_a_regime_that_loses_beyond_chance_fails_and_one_with_few_trades_is_not_computed() -> None:
    rng, n = np.random.default_rng(1), 200
    labels = np.repeat([0, 1, 5, UNKNOWN], [n, n, 12, n])
    returns = np.concatenate([rng.normal(-0.02, 0.01, n), rng.normal(-0.0001, 0.01, n), np.full(12, 0.5), np.full(n, -9.0)])
    found = survival.regimes(returns, labels, np.arange(len(labels)))
    assert [t.label for t in found] == [f"No loss beyond chance, {words}" for words in REGIMES]
    assert [t.passed for t in found] == [False, True, None, None, None, None]
    assert found[0].value == pytest.approx(returns[:n].mean())
    assert found[0].threshold == pytest.approx(-2 * returns[:n].std(ddof=1) / np.sqrt(n), rel=0.01)
    assert "12 trades" in found[5].sentence


def test_trades_of_one_day_count_as_one_draw_of_chance() -> None:
    values, days = np.repeat([0.1, -0.3, 0.2, 0.4], 50), np.repeat(np.arange(4), 50)
    mean, error = clustered_mean(values, days)
    assert mean == pytest.approx(0.1)
    assert error == pytest.approx(np.std([0.1, -0.3, 0.2, 0.4], ddof=1) / 2)
    assert clustered_mean(values, np.arange(200))[1] < error / 5
    assert np.isnan(clustered_mean(values, np.zeros(200))[1])


def test_sub_periods_count_those_in_which_it_traded() -> None:
    equity = np.repeat([1.1, 1.2, 1.15, 1.3, 1.4, 1.4], 10)
    entry, leave = np.array([0, 12, 21, 33, 44]), np.array([5, 15, 25, 35, 48])
    found = survival.sub_periods(equity, entry, leave)
    assert (found.value, found.passed) == (0.8, True)  # 4 of 5: it did not trade in the last
    assert "-4.17%" in found.sentence
    whole = survival.sub_periods(equity, np.array([0]), np.array([59]))
    assert (whole.value, whole.passed) == (pytest.approx(4 / 6), True)
    assert survival.sub_periods(equity, entry[:1], leave[:1]).passed is None
    assert survival.sub_periods(equity[:4], entry[:1], leave[:1]).passed is None


def test_capacity_is_where_the_median_entry_is_a_twentieth_of_its_bars_volume() -> None:
    notional = np.full(5, 0.01)
    found = survival.capacity(notional, np.array([1e6, 2e6, 4e6, 8e6, np.nan]), 100_000.0, "USD")
    assert found.unit == "USD"
    assert found.value == pytest.approx(0.05 / np.median(0.01 / np.array([1e6, 2e6, 4e6, 8e6])))
    assert found.passed is True
    assert survival.capacity(notional, np.full(5, 1e4), 100_000.0, "USD").passed is False
    assert survival.capacity(notional, np.zeros(5), 100_000.0, "USD").value == 0.0
    assert survival.capacity(notional, np.full(5, np.nan), 100_000.0, "USD").passed is None
    assert survival.capacity(np.empty(0), np.empty(0), 100_000.0, "USD").passed is None


def test_it_must_beat_nineteen_of_twenty_draws() -> None:
    twins = np.linspace(-1, 1, 101)
    assert survival.random_times(Twins(0.95, twins), "").passed is True
    assert survival.random_times(Twins(0.85, twins), "").passed is False
    assert survival.random_times(Twins(float("nan"), twins), "no days").sentence == "no days"
