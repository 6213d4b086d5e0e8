"""Folds: no outcome and no indicator reaches from what is chosen on into what is checked, or back."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from purgedcv import CombinatorialPurgedCV, PurgedKFold

from engine.analysis.walk_forward import Fold, Gaps, best_on, cpcv_paths, path_returns, purged_folds, walk_forward_windows
from engine.errors import DataError

GAPS = st.builds(Gaps, st.integers(0, 12), st.integers(0, 12), st.integers(0, 5))


def rows_of(ranges: tuple[tuple[int, int], ...]) -> np.ndarray:
    return np.concatenate([np.arange(start, stop) for start, stop in ranges])


def touches(fold: Fold, gaps: Gaps) -> bool:
    """Whether an outcome or an indicator of one side reaches a row of the other that it must not."""
    tests = set(rows_of(fold.test).tolist())
    for row in rows_of(fold.train).tolist():
        outcome = range(row, row + gaps.holding_bars + 1)
        if any(at in tests for at in outcome):
            return True
        if any(row - gaps.warm_up_bars <= at < row for at in tests if at < row):
            return True
        if any(at < row <= at + gaps.holding_bars + gaps.embargo_bars for at in tests):
            return True
    return False


@settings(max_examples=40, deadline=None)
@given(gaps=GAPS, rows=st.integers(100, 200), k=st.integers(2, 6))
def test_purged_folds_test_every_row_once_and_touch_nothing(gaps: Gaps, rows: int, k: int) -> None:
    folds = purged_folds(rows, k, gaps=gaps)
    np.testing.assert_array_equal(np.concatenate([rows_of(fold.test) for fold in folds]), np.arange(rows))
    assert not any(touches(fold, gaps) for fold in folds)


@settings(max_examples=30, deadline=None)
@given(gaps=GAPS, rows=st.integers(120, 200), folds=st.integers(1, 4), parts=st.sampled_from([None, 1, 2]))
def test_walk_forward_trains_on_the_past_alone(gaps: Gaps, rows: int, folds: int, parts: int | None) -> None:
    found = walk_forward_windows(rows, folds, gaps=gaps, train_parts=parts)
    assert len(found) == folds
    assert found[-1].test[-1][1] == rows
    for before, after in pairwise(found):
        assert before.test[0][1] == after.test[0][0]
    for fold in found:
        assert fold.train[0][1] + gaps.holding_bars + gaps.embargo_bars == fold.test[0][0]
        assert not touches(fold, gaps)
        assert fold.lead_ins == (gaps.warm_up_bars,)
        if parts is None:
            assert fold.train[0][0] == 0


@pytest.mark.parametrize(("holding", "embargo"), [(1, 0), (5, 0), (5, 3)])
def test_folds_are_those_of_purgedcv_but_for_one_row_at_each_border(holding: int, embargo: int) -> None:
    """Half-open outcomes may touch there; here a train row's outcome ends before the test begins, and the other way round."""
    rows = 60
    times = pd.Series(pd.date_range("2024-01-01", periods=rows, freq="D"))
    ends = times + pd.Timedelta(days=holding)
    more = {"embargo": pd.Timedelta(days=embargo)} if embargo else {}
    peers = PurgedKFold(n_splits=4, prediction_times=times, evaluation_times=ends, **more)
    ours = purged_folds(rows, 4, gaps=Gaps(holding_bars=holding, embargo_bars=embargo))
    for fold, (train, test) in zip(ours, peers.split(np.zeros((rows, 1))), strict=True):
        np.testing.assert_array_equal(rows_of(fold.test), test)
        left_out = set(train.tolist()) - set(rows_of(fold.train).tolist())
        assert set(rows_of(fold.train).tolist()) <= set(train.tolist())
        assert left_out <= {test[0] - holding, test[-1] + holding}


@pytest.mark.parametrize(("groups", "test_groups"), [(6, 2), (5, 1), (6, 3)])
def test_each_path_tests_every_group_once_and_paths_are_those_of_purgedcv(groups: int, test_groups: int) -> None:
    rows = 61
    found = cpcv_paths(rows, groups=groups, test_groups=test_groups)
    assert len(found.folds) == math.comb(groups, test_groups)
    assert found.paths.shape == (math.comb(groups - 1, test_groups - 1), groups)
    times = pd.Series(pd.date_range("2024-01-01", periods=rows, freq="D"))
    peers = CombinatorialPurgedCV(groups, test_groups, prediction_times=times, evaluation_times=times)
    folds = [np.full(len(test), float(at)) for at, (_, test) in enumerate(peers.split(np.zeros((rows, 1))))]
    wanted = peers.reconstruct_paths(folds)
    ours = np.full_like(wanted, np.nan)
    for path, chosen in enumerate(found.paths):
        for (start, stop), at in zip(found.groups, chosen, strict=True):
            assert (start, stop) in found.folds[at].test
            ours[path, start:stop] = at
    np.testing.assert_array_equal(ours, wanted)


@settings(max_examples=20, deadline=None)
@given(gaps=GAPS)
def test_combinatorial_folds_touch_nothing(gaps: Gaps) -> None:
    assert not any(touches(fold, gaps) for fold in cpcv_paths(180, gaps=gaps).folds)


def test_a_skilled_candidate_is_chosen_on_every_path() -> None:
    returns = np.random.default_rng(1).standard_normal((20, 240))
    returns[4] += 0.5
    paths = path_returns(returns, cpcv_paths(240))
    np.testing.assert_array_equal(paths, np.broadcast_to(returns[4], (5, 240)))


def test_choosing_among_candidates_without_skill_earns_nothing_on_the_paths() -> None:
    """Chosen and checked on the same days the best would earn 2 of its standard errors."""
    rng = np.random.default_rng(2)
    found = [path_returns(rng.standard_normal((30, 120)), cpcv_paths(120)).mean() for _ in range(60)]
    assert np.mean(found) * math.sqrt(120) == pytest.approx(0.0, abs=0.4)


def test_a_fold_chooses_by_its_train_days_alone() -> None:
    calm, wild, still = np.tile([0.02, 0.01], 4), np.tile([0.05, -0.04], 4), np.zeros(8)
    returns = np.array([still, [*wild[:4], *calm[:4]], [*calm[:4], *wild[:4]]])
    assert best_on(returns, Fold(((0, 4),), ((4, 8),), (0,))) == 2
    assert best_on(returns, Fold(((4, 8),), ((0, 4),), (0,))) == 1
    assert best_on(returns[:1], Fold(((0, 4),), ((4, 8),), (0,))) is None


def test_candidates_without_returns_leave_the_paths_empty() -> None:
    for returns in (np.zeros((3, 60)), np.full((3, 60), np.nan)):
        assert np.isnan(path_returns(returns, cpcv_paths(60))).all()


@pytest.mark.parametrize(
    "ask",
    [
        lambda: purged_folds(100, 5, gaps=Gaps(warm_up_bars=20)),
        lambda: purged_folds(100, 1),
        lambda: purged_folds(40, 2, gaps=Gaps(holding_bars=30)),
        lambda: walk_forward_windows(100, 4, gaps=Gaps(warm_up_bars=15, holding_bars=6)),
        lambda: cpcv_paths(100, groups=4, test_groups=4),
        lambda: Gaps(embargo_bars=-1),
    ],
    ids=["warm-up", "one part", "nothing left", "warm-up of the first train", "all tested", "negative"],
)
def test_windows_that_are_too_short_are_refused_with_what_to_do(ask: Callable[[], object]) -> None:
    with pytest.raises(DataError, match="wanted"):
        ask()
