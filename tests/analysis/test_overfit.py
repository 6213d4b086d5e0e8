"""PBO: against another implementation, against choices that are worth something or nothing, and with unusable returns."""

import math

import numpy as np
import pytest
from purgedcv import probability_of_backtest_overfitting as peer

from engine.analysis.overfit import probability_of_overfitting


@pytest.mark.parametrize(("candidates", "days", "blocks"), [(15, 103, 6), (40, 240, 8), (7, 64, 10)])
def test_it_agrees_with_purgedcv(candidates: int, days: int, blocks: int) -> None:
    """Split by split, with blocks of unequal length, copies and a candidate that stops trading. The peer names the other half."""
    returns = np.random.default_rng(1).normal(0.001, 0.01, (candidates, days))
    returns[3], returns[5, days // 4 :] = returns[4], 0.0
    ours, wanted = probability_of_overfitting(returns, blocks), peer(returns, blocks)
    assert ours.pbo == pytest.approx(wanted.pbo)
    assert ours.slope == pytest.approx(wanted.slope)
    np.testing.assert_allclose(ours.logits, wanted.logits[::-1], atol=1e-9)
    np.testing.assert_allclose(np.column_stack([ours.chosen, ours.checked]), wanted.is_oos_performance[::-1], atol=1e-9)


def test_choosing_among_candidates_without_skill_is_a_coin_toss() -> None:
    rng = np.random.default_rng(2)
    found = [probability_of_overfitting(rng.standard_normal((50, 160)), 8).pbo for _ in range(40)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.08)


def test_one_candidate_with_skill_is_chosen_and_holds() -> None:
    returns = np.random.default_rng(3).standard_normal((50, 320))
    returns[7] += 0.4
    found = probability_of_overfitting(returns)
    assert found.pbo < 0.02
    assert found.loss < 0.02
    assert len(found.logits) == 12_870


def test_gains_of_one_stretch_that_turn_into_losses_are_overfitting() -> None:
    rng = np.random.default_rng(4)
    returns = rng.standard_normal((40, 320)) * 0.1
    returns += rng.choice([-1.0, 1.0], (40, 1)) * np.repeat([1.0, -1.0], 160)
    found = probability_of_overfitting(returns)
    assert found.pbo > 0.6
    assert found.slope < 0


def test_the_unit_of_returns_and_a_great_mean_change_nothing() -> None:
    returns = np.random.default_rng(5).normal(0, 1, (20, 160))
    whole = probability_of_overfitting(returns, 8)
    np.testing.assert_allclose(probability_of_overfitting(returns * 1e-6, 8).logits, whole.logits)
    steady = probability_of_overfitting(1e5 + returns, 8)
    assert steady.chosen.min() > 5e4
    assert np.isfinite(steady.logits).all()


@pytest.mark.parametrize(
    "returns",
    [
        np.random.default_rng(6).standard_normal((1, 200)),
        np.random.default_rng(6).standard_normal(200),
        np.full((5, 200), np.nan),
        np.zeros((5, 200)),
        np.random.default_rng(6).standard_normal((5, 20)),
        np.empty((0, 200)),
        np.empty((5, 0)),
        np.repeat(np.random.default_rng(6).standard_normal((1, 200)), 5, axis=0),
    ],
    ids=["one candidate", "one row", "NaN", "no trade", "short", "none", "no days", "all alike"],
)
def test_unusable_returns_give_nan_with_a_reason(returns: np.ndarray) -> None:
    found = probability_of_overfitting(returns)
    assert math.isnan(found.pbo)
    assert math.isnan(found.slope)
    assert found.reason


@pytest.mark.parametrize("blocks", [7, 0, 22])
def test_blocks_have_to_be_even_and_few(blocks: int) -> None:
    with pytest.raises(ValueError, match="even number"):
        probability_of_overfitting(np.ones((3, 100)), blocks)
