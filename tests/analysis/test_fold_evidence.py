"""Choosing on some days, judged on others: skill carries over, luck does not, and what cannot be says why."""

import numpy as np
import pytest

from engine.analysis.evidence_words import folds_in_words
from engine.analysis.fold_evidence import fold_evidence, gaps_in_days
from engine.analysis.walk_forward import Gaps


def _noise(sets: int = 30, days: int = 240, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((sets, days)) / 100


def test_skill_carries_over_to_days_that_were_not_chosen_on() -> None:
    returns = _noise()
    returns[4] += 0.005
    found = fold_evidence(returns, Gaps(2, 3, 1), days_per_year=365.0)
    assert found.walk_forward.low > 0
    assert found.walk_forward.sharpe == pytest.approx(found.walk_forward.in_sample)
    assert (len(found.walk_forward.folds), found.walk_forward.days) == (5, 200)
    assert all(fold.chosen_on > 2 and fold.tested_on > 0 and fold.days == 40 for fold in found.walk_forward.folds)
    assert (len(found.paths.sharpes), found.paths.folds, found.paths.below_zero) == (21, 56, 0.0)
    assert found.paths.low <= found.paths.median


def test_luck_does_not_carry_over() -> None:
    found = [fold_evidence(_noise(seed=seed), Gaps(embargo_bars=1), days_per_year=365.0) for seed in range(12)]
    assert np.mean([f.walk_forward.in_sample for f in found]) > 2
    folds = [fold for f in found for fold in f.walk_forward.folds]
    assert np.mean([fold.chosen_on for fold in folds]) > 2
    assert np.mean([fold.tested_on for fold in folds]) == pytest.approx(0.0, abs=0.8)
    assert np.mean([f.walk_forward.sharpe for f in found]) == pytest.approx(0.0, abs=0.8)
    assert np.mean([f.paths.median for f in found]) == pytest.approx(0.0, abs=0.8)


@pytest.mark.parametrize(
    ("returns", "gaps", "why"),
    [
        (_noise(), Gaps(warm_up_bars=60), "wanted more than the warm-up"),
        (_noise(), Gaps(holding_bars=300), "rows to train on"),
        (_noise(1), Gaps(), "1 parameter set was scored"),
        (np.zeros((5, 240)), Gaps(), "0 of 5 candidates"),
        (np.full((5, 240), np.nan), Gaps(), "0 of 5 candidates"),
        (_noise(days=6), Gaps(), "6 days of returns"),
    ],
    ids=["warm-up", "holding", "one set", "constant", "NaN", "few days"],
)
def test_what_cannot_be_computed_says_why(returns: np.ndarray, gaps: Gaps, why: str) -> None:
    found = fold_evidence(returns, gaps, days_per_year=365.0)
    assert np.isnan([found.walk_forward.sharpe, found.paths.median]).all()
    told = folds_in_words(found)
    assert why in told[0]
    assert all("not computed: " in sentence for sentence in told)


def test_windows_without_a_trade_to_choose_by_are_left_out_and_counted() -> None:
    returns = _noise()
    returns[:, :80] = 0.0
    found = fold_evidence(returns, Gaps(), days_per_year=365.0)
    assert (len(found.walk_forward.folds), found.walk_forward.days) == (3, 120)
    assert np.isfinite(found.walk_forward.sharpe)


def test_gaps_are_the_warm_up_and_the_longest_holding_in_whole_days() -> None:
    assert gaps_in_days(25, [3, 50, 7], 24.0) == Gaps(2, 3, 1)
    assert gaps_in_days(0, [], 24.0) == Gaps(0, 0, 1)
