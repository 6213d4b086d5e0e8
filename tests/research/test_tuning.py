"""Tuners: what they ask follows from what they were told, never repeats, and finds what there is to find."""

import numpy as np
import pytest

from engine.records import ParamRange, Params
from engine.research.tuning import METHODS, WARM, make_tuner
from engine.strategy.param_space import key_of, positions
from engine.strategy.params import draw, grid

RANGES = (
    ParamRange("fast", "int", 5, 40),
    ParamRange("slow", "int", 20, 200),
    ParamRange("burst", "float", 1.2, 4.0),
    ParamRange("average", "choice", choices=("ema", "sma")),
    ParamRange("stop", "float", 0.01, 0.10, log=True),
)
HILL: Params = {"fast": 12, "slow": 80, "burst": 2.2, "average": "sma", "stop": 0.03}
SEQUENTIAL = tuple(m for m in METHODS if m not in ("grid", "random"))


def height(sets: list[Params]) -> np.ndarray:
    """A hill with its top at HILL; nothing is known of what lies far away, as of sets with too few trades."""
    away = np.linalg.norm(positions(RANGES, sets) - positions(RANGES, [HILL]), axis=1)
    return np.where(away > 1.2, np.nan, 3.0 - 3.0 * away)


def run(method: str, *, scenarios: int = 60, seed: int = 1, ranges=RANGES, value=height, warm=()) -> list[list[Params]]:
    """The batches that a search asks for."""
    tuner, batches = make_tuner(method, ranges, scenarios, np.random.default_rng(seed), warm=warm), []
    while asked := tuner.ask():
        batches.append(asked)
        tuner.tell(asked, value(asked))
    assert sum(len(b) for b in batches) <= tuner.most
    return batches


def best(batches: list[list[Params]]) -> float:
    return float(np.nanmax([np.nanmax(np.append(height(b), -9.0)) for b in batches]))


@pytest.mark.parametrize("method", METHODS)
def test_equal_seeds_and_values_ask_for_equal_sets(method):
    assert run(method) == run(method)


@pytest.mark.parametrize("method", METHODS)
def test_never_more_than_asked_for_and_none_twice(method):
    sets = [s for batch in run(method) for s in batch]
    assert 1 < len(sets) <= 60
    assert len({key_of(s) for s in sets}) == len(sets)
    assert all(list(s) == [r.name for r in RANGES] for s in sets)


@pytest.mark.parametrize("method", [*SEQUENTIAL, "random"])
def test_all_scenarios_are_used_unless_the_method_may_end_early(method):
    count = sum(len(b) for b in run(method))
    assert count == 60 or method == "adaptive"


def test_grid_and_random_are_known_beforehand():
    assert run("grid") == [grid(RANGES, 60)]
    assert run("random") == [draw(RANGES, 60, np.random.default_rng(1))]


@pytest.mark.parametrize("method", SEQUENTIAL)
def test_a_search_that_learns_beats_drawing(method):
    learned = np.median([best(run(method, seed=seed)) for seed in range(3)])
    assert learned > np.median([best(run("random", seed=seed)) for seed in range(3)])


def test_hybrid_needs_less_than_a_third_of_a_grids_scenarios_to_reach_its_score():
    """The real markets are in `studies/tuning_methods.py`; this is the hill."""
    wanted = best(run("grid", scenarios=200))
    assert all(best(run("hybrid", scenarios=60, seed=seed)) >= wanted for seed in range(3))


@pytest.mark.parametrize("method", SEQUENTIAL)
@pytest.mark.parametrize("value", [lambda sets: np.full(len(sets), np.nan), lambda sets: np.full(len(sets), 0.7)])
def test_nothing_to_learn_ends_like_anything_else(method, value):
    sets = [s for batch in run(method, value=value) for s in batch]
    assert len({key_of(s) for s in sets}) == len(sets) >= 36


def test_adaptive_ends_early_where_nothing_is_gained():
    flat = run("adaptive", scenarios=400, value=lambda sets: np.full(len(sets), 0.7))
    assert sum(len(b) for b in flat) < 250


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "ranges",
    [(), (ParamRange("n", "int", 4, 4),), (ParamRange("x", "float", 0.5, 0.5), ParamRange("how", "choice", choices=("a",)))],
)
def test_ranges_that_leave_no_choice_give_one_set(method, ranges):
    batches = run(method, ranges=ranges, scenarios=1, value=lambda sets: np.zeros(len(sets)))
    assert [len(b) for b in batches] == [1]


@pytest.mark.parametrize("method", [m for m in METHODS if m != "random"])
def test_a_small_space_is_tried_whole_and_once(method):
    ranges = (ParamRange("n", "int", 5, 12), ParamRange("how", "choice", choices=("a", "b")))
    (sets,) = run(method, ranges=ranges, scenarios=50, value=lambda sets: np.zeros(len(sets)))
    assert len({key_of(s) for s in sets}) == len(sets) == 16


@pytest.mark.parametrize("method", SEQUENTIAL)
def test_a_space_that_is_hardly_larger_than_the_search_gives_no_set_twice(method):
    ranges = (ParamRange("n", "int", 0, 40),)
    sets = [s for b in run(method, ranges=ranges, scenarios=40, value=lambda s: np.array([p["n"] for p in s], float)) for s in b]
    assert len({s["n"] for s in sets}) == len(sets) > 30


@pytest.mark.parametrize("method", METHODS)
def test_a_grid_of_a_million_million_points_is_sampled(method):
    ranges = tuple(ParamRange(f"n{i}", "int", 1, 100) for i in range(6))
    sets = [s for b in run(method, ranges=ranges, scenarios=30, value=lambda sets: np.zeros(len(sets))) for s in b]
    assert 1 < len(sets) <= 30


@pytest.mark.parametrize("method", SEQUENTIAL)
def test_the_parents_best_sets_are_tried_first(method):
    warm = [({"fast": 5 + i, "slow": 500, "gone": 1}, float(i)) for i in range(30)] + [({"fast": 39}, float("nan"))]
    first = run(method, warm=warm)[0][:WARM]
    assert [s["fast"] for s in first] == list(range(34, 34 - WARM, -1))
    assert {s["slow"] for s in first} == {200}


def test_an_unknown_method_names_those_that_there_are():
    with pytest.raises(ValueError, match=r"clever.*hybrid"):
        make_tuner("clever", RANGES, 10, np.random.default_rng(1))
