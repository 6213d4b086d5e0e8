"""PARAMS: every form a range may have, every refusal, and the values made from ranges."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import StrategyError
from engine.records import ParamRange
from engine.strategy.params import ContractBreach, complete_params, draw, grid, middle, parse_params, read_ranges


def range_of(spec: Any) -> ParamRange:
    (found,) = read_ranges({"p": spec})
    return found


def levels(sets: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """The different values of each parameter, in the order of the sets."""
    return {name: list(dict.fromkeys(s[name] for s in sets)) for name in sets[0]}


# Any range that the contract allows.
whole = st.integers(-1_000, 1_000)
real = st.floats(-1e6, 1e6)
positive = st.floats(1e-6, 1e6)
ranges = st.one_of(
    st.tuples(whole, whole).map(lambda e: (min(e), max(e))),
    st.tuples(real, real).map(lambda e: (min(e), max(e))),
    st.tuples(st.integers(1, 9_999), st.integers(1, 9_999)).map(lambda e: ("log", min(e), max(e))),
    st.tuples(positive, positive).map(lambda e: ("log", min(e), max(e))),
    st.lists(st.one_of(st.text(max_size=9), st.booleans(), whole, real), min_size=1, max_size=9),
)
declarations = st.dictionaries(st.from_regex(r"[a-z_][a-z0-9_]{0,9}", fullmatch=True), ranges, max_size=5)


def test_two_ints_are_an_integer_range() -> None:
    assert range_of((5, 40)) == ParamRange("p", "int", 5.0, 40.0)


@pytest.mark.parametrize("spec", [(1.2, 4.0), (1, 4.0), (1.0, 4)])
def test_one_float_makes_a_real_range(spec: Any) -> None:
    assert range_of(spec).kind == "float"


def test_a_log_range_is_of_ints_if_both_ends_are() -> None:
    assert range_of(("log", 0.001, 0.1)) == ParamRange("p", "float", 0.001, 0.1, log=True)
    assert range_of(("log", 2, 200)) == ParamRange("p", "int", 2.0, 200.0, log=True)


def test_a_list_is_choices_in_its_order_each_once() -> None:
    assert range_of(["ema", True, 1, 1.0, 2.5, "ema"]).choices == ("ema", True, 1, 1.0, 2.5)


def test_params_may_be_empty_and_keep_their_order() -> None:
    assert read_ranges({}) == ()
    assert [r.name for r in read_ranges({"slow": (1, 2), "fast": (1, 2)})] == ["slow", "fast"]


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ([("a", (1, 2))], "PARAMS is a list; wanted a dict"),
        ({f"p{i}": (0, 1) for i in range(65)}, "PARAMS has 65 parameters; wanted at most 64"),
        ({"p": 5}, r"PARAMS\['p'\] is 5; wanted \(low, high\)"),
        ({"p": (5,)}, r"wanted \(low, high\)"),
        ({"p": (1, 2, 3)}, r"wanted \(low, high\)"),
        ({"p": ("lin", 1, 2)}, r"wanted \(low, high\)"),
        ({"p": ("log", 1)}, r"wanted \(low, high\)"),
        ({"p": (True, 5)}, "with plain numbers"),
        ({"p": (1, np.int64(5))}, "with plain numbers"),
        ({"p": ("1", "5")}, "with plain numbers"),
        ({"p": (0.0, math.nan)}, "with plain numbers"),
        ({"p": (0.0, math.inf)}, "with plain numbers"),
        ({"p": (0, 2**60)}, "with plain numbers"),
        ({"p": (40, 5)}, r"is \(40, 5\); wanted low <= high"),
        ({"p": ("log", 0, 5)}, "wanted 0 < low <= high on a log scale"),
        ({"p": ("log", 9, 5)}, "wanted 0 < low <= high on a log scale"),
        ({"p": []}, "a list of choices holds 1 to 100"),
        ({"p": list(range(101))}, "a list of choices holds 1 to 100"),
        ({"p": [None]}, "plain numbers, bools or texts"),
        ({"p": [(1, 2)]}, "plain numbers, bools or texts"),
        ({"p": [np.float64(1)]}, "plain numbers, bools or texts"),
        ({"p": ["x" * 101]}, "at most 100 letters"),
        ({"two words": (1, 2)}, "a name in PARAMS is 'two words'; wanted an ASCII identifier"),
        ({"größe": (1, 2)}, "wanted an ASCII identifier"),
        ({5: (1, 2)}, "a name in PARAMS is 5"),
        ({"x" * 61: (1, 2)}, "wanted an ASCII identifier"),
    ],
)
def test_a_refusal_says_what_was_found_and_wanted(declared: Any, said: str) -> None:
    with pytest.raises(ContractBreach, match=said):
        read_ranges(declared)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ((10, 20), 15),
        ((1.0, 4.0), 2.5),
        (("log", 0.01, 1.0), 0.1),
        (("log", 10, 1_000), 100),
        (["ema", "sma"], "ema"),
        ((7, 7), 7),
        ((-(2**53), 2**53), 0),
    ],
)
def test_a_parameter_that_is_not_given_takes_the_middle(spec: Any, expected: Any) -> None:
    value = middle(range_of(spec))
    assert value == pytest.approx(expected)
    assert type(value) is type(expected)


class TestGrid:
    def test_counts_are_as_equal_as_possible_within_the_scenarios(self) -> None:
        declared = read_ranges({"a": (0.0, 1.0), "b": (0.0, 1.0), "c": (0.0, 1.0)})
        for scenarios, counts in ((8, (2, 2, 2)), (11, (2, 2, 2)), (12, (3, 2, 2)), (200, (6, 6, 5)), (1, (1, 1, 1))):
            assert tuple(len(v) for v in levels(grid(declared, scenarios)).values()) == counts

    def test_a_parameter_with_few_values_gives_its_share_away(self) -> None:
        declared = read_ranges({"kind": ["ema", "sma"], "few": (1, 3), "x": (0.0, 1.0), "fixed": (4, 4)})
        found = levels(grid(declared, 200))
        assert found["kind"] == ["ema", "sma"]
        assert found["few"] == [1, 2, 3]
        assert len(found["x"]) == 200 // 6
        assert found["fixed"] == [4]

    def test_both_ends_are_included_and_the_last_parameter_varies_fastest(self) -> None:
        sets = grid(read_ranges({"a": (5, 40), "b": ("log", 0.01, 1.0)}), 9)
        assert [s["a"] for s in sets] == [5, 5, 5, 22, 22, 22, 40, 40, 40]
        assert [s["b"] for s in sets[:3]] == pytest.approx([0.01, 0.1, 1.0])

    def test_a_parameter_with_one_level_stands_at_its_middle(self) -> None:
        assert grid(read_ranges({"a": (0, 10), "b": (0, 10)}), 3) == [{"a": a, "b": 5} for a in (0, 10)]

    def test_no_parameters_make_one_set(self) -> None:
        assert grid((), 500) == [{}]

    @pytest.mark.parametrize("count", range(2, 11))
    def test_ints_on_a_log_scale_make_as_many_different_levels_as_asked(self, count: int) -> None:
        """Rounding once gave equal levels at the low end, which were dropped: 8 of 10 possible sets."""
        found = [s["p"] for s in grid((range_of(("log", 1, 10)),), count)]
        assert len(set(found)) == count
        assert found == sorted(found)
        assert (found[0], found[-1]) == (1, 10)

    @settings(deadline=None)
    @given(declarations, st.integers(1, 300))
    def test_every_grid_keeps_its_promises(self, declared: dict[str, Any], scenarios: int) -> None:
        ranges = read_ranges(declared)
        sets = grid(ranges, scenarios)
        assert 1 <= len(sets) <= scenarios
        assert len({tuple((type(v), v) for v in s.values()) for s in sets}) == len(sets)
        for values in sets:
            assert complete_params(ranges, values) == (values, ())
        for kind in ranges:
            found = levels(sets)[kind.name]
            if kind.kind != "choice" and len(found) > 1:
                assert (found[0], found[-1]) == (kind.low, kind.high)

    @settings(deadline=None)
    @given(st.lists(st.integers(1, 12), min_size=1, max_size=4), st.integers(1, 400))
    def test_no_parameter_could_have_one_more_level(self, sizes: list[int], scenarios: int) -> None:
        ranges = read_ranges({f"p{i}": (1, size) for i, size in enumerate(sizes)})
        counts = [len(found) for found in levels(grid(ranges, scenarios)).values()]
        growing = [n for n, size in zip(counts, sizes, strict=True) if n < size]
        assert not growing or math.prod(counts) // min(growing) * (min(growing) + 1) > scenarios
        assert not growing or max(counts) - min(growing) <= 1


class TestDraw:
    @settings(deadline=None)
    @given(declarations, st.integers(0, 2**32 - 1))
    def test_every_draw_lies_in_its_range_and_repeats(self, declared: dict[str, Any], seed: int) -> None:
        ranges = read_ranges(declared)
        sets = draw(ranges, 5, np.random.default_rng(seed))
        assert len(sets) == (5 if ranges else 1)
        assert sets == draw(ranges, 5, np.random.default_rng(seed))
        for values in sets:
            assert complete_params(ranges, values) == (values, ())

    def test_both_ends_of_an_integer_range_come_up(self) -> None:
        assert {s["p"] for s in draw((range_of((1, 3)),), 100, np.random.default_rng(0))} == {1, 2, 3}

    def test_a_log_range_is_uniform_over_its_logarithm(self) -> None:
        values = [s["p"] for s in draw((range_of(("log", 0.001, 0.1)),), 2_000, np.random.default_rng(0))]
        assert np.mean(np.array(values) < 0.01) == pytest.approx(0.5, abs=0.05)


class TestComplete:
    RANGES = read_ranges({"fast": (5, 40), "burst": (1.0, 4.0), "average": ["ema", "sma"], "on": [True, False], "n": [1, 2]})

    def test_it_tells_what_took_its_default(self) -> None:
        values, defaults = complete_params(self.RANGES, {"fast": 7, "average": "sma"})
        assert values == {"fast": 7, "burst": 2.5, "average": "sma", "on": True, "n": 1}
        assert defaults == ("burst", "on", "n")

    def test_an_int_is_accepted_for_a_real_range_and_arrives_as_a_float(self) -> None:
        value = complete_params(self.RANGES, {"burst": 2})[0]["burst"]
        assert (value, type(value)) == (2.0, float)

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"fast": 4}, "parameter fast is 4; wanted a whole number from 5 to 40"),
            ({"fast": 41}, "from 5 to 40"),
            ({"fast": 7.0}, "parameter fast is 7.0; wanted a whole number"),
            ({"fast": True}, "parameter fast is True"),
            ({"fast": "many"}, "parameter fast is 'many'"),
            ({"burst": 4.5}, "parameter burst is 4.5; wanted a number from 1.0 to 4.0"),
            ({"burst": math.nan}, "parameter burst is nan"),
            ({"average": "wma"}, r"parameter average is 'wma'; wanted one of \['ema', 'sma'\]"),
            ({"n": True}, "parameter n is True"),
            ({"on": 1}, "parameter on is 1"),
            ({"fats": 9}, r"no parameter 'fats'; it has average, burst, fast, n, on; did you mean fast\?"),
        ],
    )
    def test_what_does_not_fit_is_refused_in_a_sentence(self, given: dict[str, Any], said: str) -> None:
        with pytest.raises(StrategyError, match=said):
            complete_params(self.RANGES, given)

    def test_a_strategy_without_parameters_says_so(self) -> None:
        with pytest.raises(StrategyError, match="no parameter 'x'; it has none"):
            complete_params((), {"x": 1})

    def test_typed_text_is_read_as_the_range_wants_it(self) -> None:
        texts = {"fast": "12", "burst": "2", "average": "sma", "on": "false", "n": "2"}
        parsed = parse_params(self.RANGES, texts)
        assert parsed == {"fast": 12, "burst": 2.0, "average": "sma", "on": False, "n": 2}
        assert complete_params(self.RANGES, parsed)[1] == ()

    @pytest.mark.parametrize("texts", [{"fast": "1.5"}, {"fast": ""}, {"burst": "much"}, {"average": "wma"}, {"other": "1"}])
    def test_text_that_cannot_be_read_is_left_for_the_refusal_to_name(self, texts: dict[str, str]) -> None:
        (text,) = texts.values()
        with pytest.raises(StrategyError, match=f"'{text}'|'other'"):
            complete_params(self.RANGES, parse_params(self.RANGES, texts))
