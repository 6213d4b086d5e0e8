"""Parameter sets as points: distances that mean what they say, neighbours, even nets and small steps."""

import numpy as np
import pytest

from engine.records import ParamRange
from engine.strategy.param_space import (
    coarse,
    even,
    fitted,
    key_of,
    near,
    neighbours,
    one_step_each_way,
    other_levels,
    place_of,
    points_in,
    positions,
    stepped,
    value_at,
)
from engine.strategy.params import grid

INT = ParamRange("n", "int", 5, 12)
LOG = ParamRange("x", "float", 0.01, 1.0, log=True)
HOW = ParamRange("how", "choice", choices=("ema", "sma", True, 1))
ALL = (INT, LOG, HOW)


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def test_ends_of_a_range_and_different_choices_are_one_apart():
    a, b, c = positions(ALL, [{"n": 5, "x": 0.1, "how": True}, {"n": 12, "x": 0.1, "how": True}, {"n": 5, "x": 0.1, "how": 1}])
    assert np.linalg.norm(a - b) == pytest.approx(1.0)
    assert np.linalg.norm(a - c) == pytest.approx(1.0)


def test_a_log_scale_is_measured_by_its_logarithm():
    low, middle, high = positions((LOG,), [{"x": 0.01}, {"x": 0.1}, {"x": 1.0}])[:, 0]
    assert middle - low == pytest.approx(high - middle)


def test_what_cannot_vary_has_no_dimension():
    still = (ParamRange("n", "int", 3, 3), ParamRange("how", "choice", choices=("a",)))
    assert positions(still, [{"n": 3, "how": "a"}]).shape == (1, 0)
    assert neighbours(still, [{"n": 3, "how": "a"}]).shape == (1, 0)


def test_neighbours_on_a_grid_are_the_points_beside():
    ranges = (ParamRange("a", "int", 0, 4), ParamRange("b", "int", 0, 4))
    sets = grid(ranges, 25)
    centre = sets.index({"a": 2, "b": 2})
    assert {(sets[i]["a"], sets[i]["b"]) for i in neighbours(ranges, sets)[centre]} == {(1, 2), (3, 2), (2, 1), (2, 3)}


def test_nothing_is_its_own_neighbour():
    sets = even(ALL, 30, rng())
    near_by = neighbours(ALL, sets)
    assert near_by.shape == (30, 6)
    assert not (near_by == np.arange(30)[:, None]).any()


@pytest.mark.parametrize("kind", ALL)
def test_places_lead_to_values_and_all_values_occur(kind: ParamRange):
    values = [value_at(kind, place) for place in np.linspace(0, 1, 200)]
    if kind is LOG:
        assert (values[0], values[-1]) == pytest.approx((0.01, 1.0))
    else:
        wanted = kind.choices if kind is HOW else range(5, 13)
        counts = [sum(type(v) is type(w) and v == w for v in values) for w in wanted]
        assert min(counts) > 0.8 * 200 / len(counts)


@pytest.mark.parametrize("kind", [INT, LOG, ParamRange("m", "int", 7, 7), ParamRange("l", "int", 2, 900, log=True)])
def test_the_place_of_a_value_leads_back_to_it(kind: ParamRange):
    for value in (value_at(kind, place) for place in (0.0, 0.3, 0.77, 1.0)):
        assert value_at(kind, place_of(kind, value)) == pytest.approx(value)


def test_an_even_net_has_one_value_in_each_part_of_a_range():
    sets = even((ParamRange("y", "float", 0.0, 1.0), LOG), 20, rng())
    assert sorted(int(20 * s["y"]) for s in sets) == list(range(20))


def test_a_coarse_grid_has_each_level_equally_often_and_no_other():
    sets = coarse(ALL, 24, rng())
    assert sorted(s["n"] for s in sets) == [5] * 8 + [9] * 8 + [12] * 8
    assert sum(s["x"] == pytest.approx(0.01) for s in sets) == sum(s["x"] == pytest.approx(0.1) for s in sets) == 8
    assert len({key_of({"how": s["how"]}) for s in sets}) == 4
    assert len({key_of(s) for s in sets}) > 18


@pytest.mark.parametrize(
    ("kind", "value", "others"),
    [
        (INT, 5, [12, 9]), (INT, 12, [5, 9]), (INT, 8, [5, 12]), (HOW, True, ["ema", "sma", 1]),
        (ParamRange("m", "int", 0, 1), 0, [1]), (ParamRange("s", "float", 2.0, 2.0), 2.0, []),
    ],
)  # fmt: skip
def test_other_levels_are_the_ends_and_the_middle(kind, value, others):
    found = other_levels(kind, value)
    assert list(dict.fromkeys(found)) == others
    assert {type(v) for v in found} == {type(v) for v in others}


def test_a_step_stays_near_and_inside():
    start = {"n": 12, "x": 1.0, "how": "ema"}
    steps = [near(ALL, start, 0.05, rng_) for rng_ in [rng()] for _ in range(300)]
    assert all(5 <= s["n"] <= 12 and 0.01 <= s["x"] <= 1.0 and s["how"] in HOW.choices for s in steps)
    distance = np.linalg.norm(positions(ALL[:2], steps) - positions(ALL[:2], [start]), axis=1)
    assert np.median(distance) < 0.2
    assert {11, 12} <= {s["n"] for s in steps}


def test_a_step_changes_one_parameter_or_two_and_leaps_to_ends():
    start, drawn = {"n": 8, "x": 0.1, "how": "ema"}, rng()
    steps = [stepped(ALL, start, drawn) for _ in range(300)]
    changed = [sum(s[name] != start[name] or type(s[name]) is not type(start[name]) for name in start) for s in steps]
    assert set(changed) == {0, 1, 2}  # a choice may be drawn again, and a whole number may not move
    assert {5, 12} <= {s["n"] for s in steps}
    assert all(5 <= s["n"] <= 12 and 0.0099 < s["x"] <= 1.0 for s in steps)
    assert stepped((), {}, drawn) == {}


def test_a_set_of_other_ranges_is_put_into_these():
    default = {"n": 8, "x": 0.1, "how": "ema"}
    assert fitted(ALL, {"n": 40, "x": 0.5, "how": 1, "gone": 3}, default) == {"n": 12, "x": 0.5, "how": 1}
    assert fitted(ALL, {"n": True, "how": "rsi"}, default) == default


def test_sets_that_differ_in_kind_alone_are_different():
    assert len({key_of({"a": value}) for value in (1, 1.0, True)}) == 3


def test_points_are_counted():
    assert points_in((INT, HOW)) == 32
    assert points_in(()) == 1
    assert points_in(ALL) == np.inf


def test_one_step_each_way_changes_one_parameter_and_stays_in_its_range():
    params = {"n": 6, "x": 0.5, "how": "sma"}
    sets = one_step_each_way(ALL, params)
    changed = [{name: value for name, value in found.items() if value != params[name] or name == "how"} for found in sets]
    assert [(c.get("n"), c["how"]) for c in changed[:2]] == [(5, "sma"), (7, "sma")]  # a tenth of 7 is less than a whole step
    assert [found["x"] for found in sets[2:4]] == pytest.approx([0.5 / 100**0.1, 0.5 * 100**0.1])
    assert [found["how"] for found in sets[4:]] == ["ema", True]
    assert sets[5]["how"] is True


def test_at_an_end_there_is_no_step_beyond_it_and_none_where_nothing_can_vary():
    assert one_step_each_way((INT,), {"n": 12}) == [{"n": 11}]
    assert one_step_each_way((HOW,), {"how": 1}) == [{"how": True}]
    assert (
        one_step_each_way((ParamRange("n", "int", 3, 3), ParamRange("one", "choice", choices=("a",))), {"n": 3, "one": "a"}) == []
    )
    assert one_step_each_way((ParamRange("w", "int", 0, 40),), {"w": 38}) == [{"w": 34}, {"w": 40}]
    assert one_step_each_way((), {}) == []
