"""A search over one strategy: joined as if it had been one sweep, the same on any number of slots, and with few winners lost."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import pytest

from engine.backtest.sweep import Screen, TestBed, prepare
from engine.market.bars import Panel
from engine.market.demo import demo_market
from engine.market.splits import split_windows
from engine.records import Costs, Params
from engine.research.evaluation import Evaluator, Sweep, join_sweeps, open_evaluator
from engine.research.objectives import Objective
from engine.research.search import FirstLook, Searched, as_pruned, first_look_of, is_pruned, search
from engine.research.tuning import PRUNING, make_tuner
from engine.settings import Settings
from engine.strategy.param_space import even
from tests.research import small
from tests.research.small import QUICK

SHARPE = Objective("sharpe", 5)
SOURCE = '''"""Two averages and a stop."""

PARAMS = {"fast": (3, 30), "slow": (20, 120), "stop": ("log", 0.005, 0.2), "side": ["with", "against"]}


def signals(market, params, ta):
    fast, slow = ta.sma(market.close, params["fast"]), ta.sma(market.close, params["slow"])
    above, below = ta.crossed_above(fast, slow), ta.crossed_below(fast, slow)
    entries, exits = (above, below) if params["side"] == "with" else (below, above)
    return {"entries": entries, "exits": exits, "stop_loss": params["stop"]}
'''


@pytest.fixture(scope="module")
def wide() -> TestBed:
    """Enough assets for a first look."""
    panel = demo_market("wide", seed=2, assets=40, bars=1_000)
    return prepare(panel, split_windows(panel.bars)[0], Costs())


@pytest.fixture
def bed(panel: Panel, evaluator: Evaluator) -> TestBed:
    return evaluator.bed(panel, panel.symbols, split_windows(panel.bars)[0], Costs())


def searched(
    evaluator: Evaluator, bed: TestBed, *, method: str = "hybrid", scenarios: int = 60, source: str = SOURCE,
    goal: Objective = SHARPE, look: FirstLook | None = None, is_late: Callable[[], bool] = lambda: False,
) -> Searched:  # fmt: skip
    ranges = evaluator.ranges(source)
    assert isinstance(ranges, tuple)

    def run(sets: list[Params], screen: Screen | None, before: int) -> Sweep:
        return evaluator.sweep(source, sets, bed, screen=screen)

    tuner = make_tuner(method, ranges, scenarios, np.random.default_rng(1))
    return search(tuner, ranges, goal, run, first_look=look, is_late=is_late)


def assert_equal(one: Searched, other: Searched) -> None:
    assert one.params == other.params
    assert one.swept.outcomes.failures == other.swept.outcomes.failures
    pd.testing.assert_frame_equal(one.swept.table, other.swept.table, check_exact=True)
    for name in ("sums", "daily_equity", "curve", "digests", "looks"):
        np.testing.assert_array_equal(getattr(one.swept.outcomes, name), getattr(other.swept.outcomes, name))
    np.testing.assert_array_equal(one.values, other.values)


def test_a_search_is_one_sweep_of_all_that_it_asked_for(evaluator, bed):
    found = searched(evaluator, bed)
    whole = evaluator.sweep(SOURCE, found.params, bed)
    pd.testing.assert_frame_equal(found.swept.table, whole.table, check_exact=True)
    np.testing.assert_array_equal(found.swept.outcomes.digests, whole.outcomes.digests)
    np.testing.assert_array_equal(found.values, SHARPE.values(whole))


def test_the_number_of_slots_changes_nothing_even_with_first_looks(evaluator, wide):
    with open_evaluator(Settings(slots=3, limits=QUICK)) as three:
        one, other = (
            searched(e, wide, scenarios=90, look=first_look_of("hybrid", wide, SHARPE, is_cross_sectional=False))
            for e in (evaluator, three)
        )
    assert one.pruned > 0
    assert_equal(one, other)


def test_what_is_given_up_says_so_and_has_no_figures(evaluator, wide):
    found = searched(evaluator, wide, scenarios=90, look=first_look_of("hybrid", wide, SHARPE, is_cross_sectional=False))
    gone = [is_pruned(failure) for failure in found.swept.outcomes.failures]
    text = str(next(f for f in found.swept.outcomes.failures if f is not None))
    assert text.startswith("pruned: on 8 of 40 assets its Sharpe ratio is ")
    assert found.swept.table[gone].isna().all(axis=None)
    assert np.isnan(found.values[gone]).all()
    assert np.isfinite(found.swept.outcomes.looks).mean() > 0.9
    whole = evaluator.sweep(SOURCE, found.params, wide)
    again = as_pruned(whole, [None if f is None else str(f) for f in found.swept.outcomes.failures])
    pd.testing.assert_frame_equal(again.table, found.swept.table, check_exact=True)
    np.testing.assert_array_equal(SHARPE.final_values((), found.params, again), found.values)


@pytest.mark.parametrize("is_joint", [False, True])
def test_fewer_than_one_in_twenty_of_the_true_winners_is_lost(evaluator, wide, is_joint, monkeypatch):
    """Over 240 sets that no search has chosen: what would have been given up, batch by batch, and was among the best tenth."""
    ranges = evaluator.ranges(SOURCE)
    sets = even(ranges, 240, np.random.default_rng(3))
    look = first_look_of("hybrid", wide, SHARPE, is_cross_sectional=is_joint)
    gone: list[bool] = []
    full: list[float] = []
    for start in range(0, 240, 12):
        least, look.least = look.least, -np.inf
        swept = evaluator.sweep(SOURCE, sets[start : start + 12], wide, screen=look)
        gone += (swept.outcomes.looks < least).tolist()
        full += SHARPE.values(swept).tolist()
        look.learn(np.where(gone[start:], np.nan, full[start:]), swept.outcomes.looks)
    winners = np.array(full) >= np.nanquantile(full, 0.9)
    assert sum(gone) > 24
    assert (winners & gone).sum() < 0.05 * winners.sum()


def test_nothing_is_given_up_before_enough_is_known(wide):
    look = first_look_of("tpe", wide, SHARPE, is_cross_sectional=False)
    look.learn(np.linspace(0, 1, 19), np.linspace(0, 1, 19))
    assert look.least == -np.inf
    look.learn(np.array([0.5]), np.array([0.5]))
    assert look.least > 0


@pytest.mark.parametrize("looks", [np.ones(30), np.linspace(1, 0, 30), np.full(30, np.nan)])
def test_looks_that_tell_nothing_give_nothing_up(wide, looks):
    look = first_look_of("tpe", wide, SHARPE, is_cross_sectional=False)
    look.learn(np.linspace(0, 1, 30), looks)
    assert look.least == -np.inf


def test_methods_that_show_everything_take_no_first_look(wide, bed):
    kinds = {m: first_look_of(m, wide, SHARPE, is_cross_sectional=False) for m in ("grid", "random", "robust", *PRUNING)}
    assert {m for m, look in kinds.items() if look is not None} == set(PRUNING)
    assert first_look_of("hybrid", bed, SHARPE, is_cross_sectional=False) is None  # six assets are few


def test_a_robust_search_scores_by_folds_and_neighbours(evaluator, bed):
    goal = Objective("sharpe", 5, is_robust=True)
    found = searched(evaluator, bed, method="robust", goal=goal)
    best, reason = goal.best(found.swept.table, found.values)
    assert "8 folds" in reason
    assert found.values[best] < found.swept.table["sharpe"][best]
    known = np.isfinite(found.values)
    assert (found.values[known] <= goal.values(found.swept)[known]).all()


def test_a_search_that_is_late_ends_between_batches(evaluator, bed):
    late: Iterator[bool] = iter([False, True])
    found = searched(evaluator, bed, method="adaptive", is_late=lambda: next(late))
    assert len(found.params) == 24
    assert len(found.values) == 24


def test_sets_that_end_their_children_end_the_search(evaluator, bed):
    found = searched(evaluator, bed, source=small.strategy("while True:\n    pass", n="(0.0, 1.0)"), method="tpe", scenarios=40)
    assert len(found.params) == 12
    assert {f.kind for f in found.swept.outcomes.failures} == {"timeout"}


def test_a_strategy_that_fails_for_all_sets_is_searched_to_its_end(evaluator, bed):
    found = searched(evaluator, bed, source=small.strategy('raise ValueError("never mind")', n="(0.0, 1.0)"), scenarios=30)
    assert np.isnan(found.values).all()
    assert SHARPE.best(found.swept.table, found.values) == (None, "no scenario ran")


def test_what_one_sweep_would_have_given_up_is_given_up_in_the_joined_one(evaluator, bed):
    source = small.strategy(
        'if n % 2:\n    while True:\n        pass\nreturn {"entries": market.close > ta.sma(market.close, n)}'
    )
    sets: list[Params] = [{"n": n} for n in (5, 6, 7, 8, 9, 10)]
    whole = evaluator.sweep(source, sets, bed)
    joined = join_sweeps([evaluator.sweep(source, sets[:3], bed), evaluator.sweep(source, sets[3:], bed)])
    assert joined.outcomes.failures == whole.outcomes.failures
    pd.testing.assert_frame_equal(joined.table, whole.table, check_exact=True)


def test_no_sweeps_cannot_be_joined():
    with pytest.raises(ValueError, match="at least one"):
        join_sweeps([])
