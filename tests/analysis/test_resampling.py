"""Intervals from days drawn anew: the share that hold the truth, block lengths as a peer finds them, bad input."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from arch.bootstrap import optimal_block_length as peer
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.analysis.metrics import sharpe
from engine.analysis.resampling import (
    Resampled,
    block_bootstrap_interval,
    draw_counts,
    optimal_block_length,
    stationary_draws,
    trades_by_day,
)

DAYS, SEARCHES, DRIFT = 200, 150, 0.002


def following(rng: np.random.Generator) -> np.ndarray:
    """Days that follow each other with a correlation of 0.4 and vary by 1 %."""
    noise = np.convolve(rng.standard_normal(DAYS + 50), 0.4 ** np.arange(50))[50 : DAYS + 50]
    return 0.01 * math.sqrt(1 - 0.16) * noise


KINDS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "independent": lambda rng: rng.normal(0, 0.01, DAYS),
    "following": following,
    "fat tails": lambda rng: 0.01 / math.sqrt(3) * rng.standard_t(3, DAYS),
}


def enough(held: list[bool]) -> bool:
    """Whether 95 % intervals hold the truth often enough: blocks lose a few per cent on days that follow each other."""
    return 0.88 <= np.mean(held) <= 1.0


@pytest.mark.parametrize("kind", KINDS)
def test_intervals_of_sharpe_and_return_hold_the_truth(kind: str) -> None:
    rng = np.random.default_rng(1)
    ratios, returns = [], []
    for seed in range(SEARCHES):
        logs = KINDS[kind](rng) + DRIFT
        one = block_bootstrap_interval(logs, "sharpe", draws=300, seed=seed)
        two = block_bootstrap_interval(np.expm1(logs), "total_return", draws=300, seed=seed)
        ratios.append(one.low <= DRIFT / 0.01 * math.sqrt(365) <= one.high)
        returns.append(two.low <= math.expm1(DRIFT * DAYS) <= two.high)
    assert enough(ratios)
    assert enough(returns)


def test_trades_of_one_day_are_drawn_together() -> None:
    """Eight trades a day that share half their fate: an interval that took them one by one would be far too narrow."""
    rng = np.random.default_rng(2)
    day = np.repeat(np.arange(DAYS), 8)
    wins, means, naive = [], [], []
    for seed in range(SEARCHES):
        fate = np.sqrt(0.5) * (rng.standard_normal(DAYS)[day] + rng.standard_normal(len(day)))
        one = block_bootstrap_interval(trades_by_day(day, fate > 0, DAYS), "win_rate", draws=300, seed=seed)
        two = block_bootstrap_interval(trades_by_day(day, fate, DAYS), "expectancy", draws=300, seed=seed)
        wins.append(one.low <= 0.5 <= one.high)
        means.append(two.low <= 0 <= two.high)
        naive.append(abs(fate.mean()) <= 1.96 * fate.std() / math.sqrt(len(fate)))
    assert enough(wins)
    assert enough(means)
    assert np.mean(naive) < 0.75


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.sampled_from(("win_rate", "expectancy")))
def test_a_trade_made_many_times_over_tells_no_more_than_once(seed: int, times: int, figure: Resampled) -> None:
    rng = np.random.default_rng(seed)
    day = np.flatnonzero(rng.random(DAYS) < 0.6)
    won = rng.standard_normal(len(day)) if figure == "expectancy" else rng.random(len(day)) < 0.5
    once = block_bootstrap_interval(trades_by_day(day, won, DAYS), figure, draws=200)
    often = block_bootstrap_interval(trades_by_day(np.repeat(day, times), np.repeat(won, times), DAYS), figure, draws=200)
    assert (often.low, often.high) == pytest.approx((once.low, once.high), abs=1e-9)


def test_the_value_is_the_figure_itself() -> None:
    daily = np.random.default_rng(3).normal(0.001, 0.02, 100)
    assert block_bootstrap_interval(daily, "sharpe").value == pytest.approx(float(sharpe(daily, 365.0)))
    assert block_bootstrap_interval(daily, "total_return").value == pytest.approx(np.prod(1 + daily) - 1)
    trades = trades_by_day(np.array([0, 0, 3]), np.array([1.0, 0.0, 1.0]), 5)
    np.testing.assert_array_equal(trades, [[1, 0, 0, 1, 0], [2, 0, 0, 1, 0]])
    assert block_bootstrap_interval(trades, "win_rate").value == pytest.approx(2 / 3)


def test_a_wider_level_is_wider_and_equal_seeds_are_equal() -> None:
    daily = np.random.default_rng(4).normal(0.001, 0.02, 100)
    narrow, wide = (block_bootstrap_interval(daily, "sharpe", level=level, seed=5) for level in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high
    assert narrow == block_bootstrap_interval(daily, "sharpe", level=0.8, seed=5)


@pytest.mark.parametrize("days", [25, 300, 2_000])
@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9])
def test_block_lengths_are_those_of_arch_and_at_least_a_day(days: int, memory: float) -> None:
    rng = np.random.default_rng(6)
    values = np.stack([np.convolve(rng.standard_normal(days + 99), memory ** np.arange(100))[99 : days + 99] for _ in range(4)])
    wanted = np.maximum(peer(values.T)["stationary"].to_numpy(), 1.0)
    np.testing.assert_allclose(optimal_block_length(values), wanted)


def test_blocks_last_as_long_as_asked_on_average_and_every_day_is_drawn_alike() -> None:
    positions = stationary_draws(50, 5.0, 4_000, np.random.default_rng(7))
    follows = (np.diff(positions, axis=1) % 50 == 1).mean()
    assert follows == pytest.approx(1 - 1 / 5 + 1 / 5 / 50, abs=0.01)
    counts = draw_counts(positions)
    assert (counts.sum(axis=1) == 50).all()
    np.testing.assert_allclose(counts.mean(axis=0), 1.0, atol=0.1)


BAD = {
    "empty": (np.array([]), "sharpe"),
    "short": (np.ones(5), "total_return"),
    "constant": (np.full(50, 0.01), "sharpe"),
    "NaN": (np.array([np.nan, 0.1] * 20), "sharpe"),
    "one row for a rate": (np.random.default_rng(8).random(50), "win_rate"),
    "two rows of returns": (np.random.default_rng(8).random((2, 50)), "sharpe"),
    "no trade": (np.zeros((2, 50)), "expectancy"),
    "every trade won": (np.ones((2, 50)), "win_rate"),
}


@pytest.mark.parametrize(("daily", "figure"), BAD.values(), ids=BAD)
def test_what_has_no_interval_gives_nan_with_a_reason(daily: np.ndarray, figure: str) -> None:
    found = block_bootstrap_interval(daily, figure)  # type: ignore[arg-type]
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.reason


def test_a_total_loss_leaves_an_interval() -> None:
    daily = np.random.default_rng(9).normal(0, 0.01, 60)
    daily[30] = -1.0
    found = block_bootstrap_interval(daily, "total_return")
    assert found.value == pytest.approx(-1.0)
    assert found.low == pytest.approx(-1.0)
    assert np.isfinite(found.high)
    assert np.isnan(optimal_block_length(np.ones(5)))
    assert optimal_block_length(np.ones(50)) == 1
