"""Regimes are what their words say, and at each bar known from what lies before it."""

import numpy as np
import pytest

from engine.features.regimes import REGIMES, UNKNOWN, Horizons, horizons_of, market_regimes, regimes
from engine.market.demo import demo_market
from tests.markets import first_rows, panel_of, random_bars

SHORT = Horizons(trend_bars=40, calm_bars=10, usual_bars=120)


def share(labels: np.ndarray, word: str) -> float:
    """Of the labels that are known, those in whose words that one stands."""
    return float(np.mean([word in REGIMES[i] for i in labels[labels != UNKNOWN]]))


def test_a_label_does_not_change_when_the_future_is_cut_off() -> None:
    bars = random_bars(np.random.default_rng(3), 900, 5, missing=0.1)
    bars[:300, 2] = np.nan  # listed late
    panel = panel_of(bars)
    labels = market_regimes(panel, SHORT)
    for rows in (60, 301, 302, 500, 899):
        np.testing.assert_array_equal(market_regimes(first_rows(panel, rows), SHORT), labels[:rows])


def test_a_rise_a_fall_and_a_standstill_are_called_so() -> None:
    noise = np.random.default_rng(1).normal(0, 0.001, 900)
    drift = np.repeat([0.002, -0.002, 0.0], 300)
    labels = regimes(drift + noise - np.where(drift == 0, np.convolve(noise, np.ones(5) / 5, "same"), 0), SHORT)
    assert share(labels[60:300], "rising") == 1
    assert share(labels[360:600], "falling") == 1
    assert share(labels[700:], "sideways") > 0.6


def test_a_storm_is_wild_and_the_time_after_it_calm() -> None:
    size = np.repeat([0.01, 0.03, 0.01], [300, 60, 240])
    labels = regimes(np.random.default_rng(2).normal(0, 1, 600) * size, SHORT)
    assert share(labels[315:360], "wild") == 1
    assert share(labels[375:420], "calm") > 0.9


def test_a_random_walk_is_in_every_regime_and_sideways_half_of_the_time() -> None:
    labels = regimes(np.random.default_rng(5).normal(0, 0.01, 50_000), SHORT)
    assert set(labels[labels != UNKNOWN].tolist()) == set(range(len(REGIMES)))
    assert share(labels, "sideways") == pytest.approx(0.5, abs=0.03)
    assert share(labels, "wild") == pytest.approx(0.5, abs=0.03)


def test_the_demo_market_is_in_every_regime_for_a_while() -> None:
    labels = market_regimes(demo_market(assets=5, edge=None))
    assert np.bincount(labels[labels != UNKNOWN], minlength=len(REGIMES)).min() > 500


def test_the_past_that_a_label_needs() -> None:
    labels = regimes(np.random.default_rng(5).normal(0, 0.01, 400), SHORT)
    assert int(np.flatnonzero(labels != UNKNOWN)[0]) == SHORT.calm_bars + SHORT.trend_bars - 1
    assert (regimes(np.zeros(30), SHORT) == UNKNOWN).all()
    assert (regimes(np.zeros(1), SHORT) == UNKNOWN).all()


def test_a_market_that_stands_still_after_a_move_is_sideways_and_calm() -> None:
    moves = np.zeros(400)
    moves[1:20] = 0.1
    labels = regimes(moves, SHORT)
    assert {REGIMES[i] for i in labels[200:]} == {"sideways and calm"}


def test_horizons_are_days_for_short_bars_and_bars_for_long_ones() -> None:
    assert horizons_of(3_600) == Horizons(336, 72, 2_160)
    assert horizons_of(86_400) == Horizons(50, 20, 250)
