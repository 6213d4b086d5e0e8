"""What `signals` may return: every key, every domain, every refusal; and the same from a frame as from an array."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as npst

from engine.records import Signals
from engine.strategy.contract import KEYS, Shape, read_answer
from engine.strategy.packing import BITS, RISKS, unpack_bits
from engine.strategy.params import ContractBreach

BARS, ASSETS = 70, 3
SHAPE = Shape(pd.RangeIndex(5_000, 5_000 + BARS), pd.Index(["A000", "A001", "A002"]), 0)
CELLS = [(3, 0), (69, 0), (0, 1), (64, 2)]
"""(bar, asset) of the entries, asset by asset, in bar order."""


def frame(values: Any, dtype: Any = None) -> pd.DataFrame:
    return pd.DataFrame(values, index=SHAPE.index, columns=SHAPE.columns, dtype=dtype)


def flags(*cells: tuple[int, int]) -> np.ndarray:
    out = np.zeros((BARS, ASSETS), bool)
    for bar, asset in cells:
        out[bar, asset] = True
    return out


def at_cells(*values: float, elsewhere: float = -1.0) -> np.ndarray:
    """Floats (bars, assets) with those values at the entries, in their order."""
    out = np.full((BARS, ASSETS), elsewhere)
    for (bar, asset), value in zip(CELLS, values, strict=True):
        out[bar, asset] = value
    return out


ENTRIES = frame(flags(*CELLS))


def read(**answer: Any) -> Signals:
    return read_answer({"entries": ENTRIES} | answer, SHAPE)


def refusal(**answer: Any) -> str:
    with pytest.raises(ContractBreach) as breach:
        read(**answer)
    return str(breach.value)


def decided(signals: Signals, name: str) -> np.ndarray:
    return unpack_bits(getattr(signals, name), signals.bars)


@pytest.mark.parametrize("key", BITS)
def test_a_frame_and_arrays_of_either_memory_order_give_the_same_bits(key: str) -> None:
    values = flags((1, 0), (63, 1), (64, 1), (69, 2))
    for value in (frame(values), values, np.asfortranarray(values), frame(np.asfortranarray(values))):
        np.testing.assert_array_equal(decided(read(**{key: value}), key), values)


def test_a_missing_or_none_side_is_all_false_and_a_missing_setting_is_none() -> None:
    signals = read(exits=None, stop_loss=None, max_bars=None, cooldown=None, rank=None, plot=None)
    assert [getattr(signals, n) for n in (*BITS[1:], *RISKS, "max_bars", "rank", "tag")] == [None] * 10
    assert signals.cooldown == 0
    assert (signals.bars, signals.assets) == (BARS, ASSETS)


@settings(deadline=None)
@given(npst.arrays(bool, (BARS, ASSETS)), npst.arrays(bool, (BARS, ASSETS)), npst.arrays(float, (BARS, ASSETS)))
def test_frame_values_are_those_at_entries_of_either_side(longs: np.ndarray, shorts: np.ndarray, rank: np.ndarray) -> None:
    signals = read_answer({"entries": longs, "short_entries": frame(shorts), "rank": frame(rank)}, SHAPE)
    np.testing.assert_array_equal(
        signals.rank, [rank[b, a] for a in range(ASSETS) for b in range(BARS) if (longs | shorts)[b, a]]
    )


class TestRisk:
    @pytest.mark.parametrize(
        ("key", "least", "most"),
        [
            ("stop_loss", 1e-9, np.nextafter(1, 0)),
            ("trailing_stop", 1e-9, np.nextafter(1, 0)),
            ("take_profit", 1e-9, 1e9),
            ("size", 1e-9, 1.0),
        ],
    )
    def test_every_value_of_the_domain_is_taken_as_scalar_and_in_a_frame(self, key: str, least: float, most: float) -> None:
        for value in (least, most):
            assert getattr(read(**{key: value}), key) == value
        np.testing.assert_array_equal(
            getattr(read(**{key: frame(at_cells(least, most, most, least))}), key), [least, most, most, least]
        )

    @pytest.mark.parametrize(
        ("key", "value", "wanted"),
        [
            ("stop_loss", 0.0, r"in (0, 1)"),
            ("stop_loss", 1.0, r"in (0, 1)"),
            ("trailing_stop", -0.1, r"in (0, 1)"),
            ("trailing_stop", 1, r"in (0, 1)"),
            ("take_profit", 0, "above 0"),
            ("take_profit", np.inf, "above 0"),
            ("size", 0.0, "in (0, 1]"),
            ("size", 1.0001, "in (0, 1]"),
        ],
    )
    def test_a_value_outside_is_refused_as_scalar_and_at_an_entry(self, key: str, value: float, wanted: str) -> None:
        assert refusal(**{key: value}) == f"{key!r} is {value:g}; wanted a value {wanted}, or None"
        said = refusal(**{key: frame(at_cells(0.5, value, 0.5, value))})
        assert said == f"{key!r} is {value:g} at one of 2 entries that do not fit; wanted values {wanted}, or NaN for no entry"

    def test_nan_is_no_scalar_and_neither_is_an_int_beyond_floats(self) -> None:
        assert refusal(stop_loss=np.nan) == "'stop_loss' is nan; wanted a value in (0, 1), or None"
        assert refusal(take_profit=10**400).startswith("'take_profit' is inf;")

    def test_nan_at_an_entry_is_kept_for_it_forbids_the_entry(self) -> None:
        signals = read(stop_loss=at_cells(0.1, np.nan, 0.2, np.nan))
        np.testing.assert_array_equal(signals.stop_loss, [0.1, np.nan, 0.2, np.nan])

    @pytest.mark.parametrize("elsewhere", [np.nan, np.inf, -5.0])
    def test_what_stands_where_nothing_is_decided_does_not_matter(self, elsewhere: float) -> None:
        signals = read(size=at_cells(0.1, 0.2, 0.3, 0.4, elsewhere=elsewhere))
        np.testing.assert_array_equal(signals.size, [0.1, 0.2, 0.3, 0.4])

    @pytest.mark.parametrize("scalar", [1, np.int32(1), np.float64(1), np.float32(1)])
    def test_scalars_of_python_and_numpy_arrive_as_floats(self, scalar: Any) -> None:
        assert (read(size=scalar).size, type(read(size=scalar).size)) == (1.0, float)

    def test_a_frame_of_ints_is_cast(self) -> None:
        np.testing.assert_array_equal(read(take_profit=frame(at_cells(1, 2, 3, 4).astype(int))).take_profit, [1.0, 2.0, 3.0, 4.0])

    @pytest.mark.parametrize("value", [True, np.True_, "0.1", [0.1], 0.1j])
    def test_booleans_and_texts_are_no_numbers(self, value: Any) -> None:
        assert "wanted a number, None, or a float frame of 70 bars x 3 assets" in refusal(stop_loss=value)

    def test_a_frame_of_objects_or_booleans_is_refused(self) -> None:
        assert (
            refusal(size=frame(at_cells(1, 1, 1, 1), object))
            == "'size' is a frame of 70 x 3 with object values; wanted float values"
        )
        assert "with bool values; wanted float values" in refusal(size=ENTRIES)

    def test_no_entry_needs_no_value(self) -> None:
        signals = read(entries=flags(), stop_loss=frame(np.full((BARS, ASSETS), 7.0)))
        assert len(signals.stop_loss) == 0


class TestCounts:
    @pytest.mark.parametrize(("key", "least"), [("max_bars", 1), ("cooldown", 0)])
    def test_whole_numbers_of_python_and_numpy(self, key: str, least: int) -> None:
        for value in (least, np.int64(24), 2**31):
            assert (getattr(read(**{key: value}), key), type(getattr(read(**{key: value}), key))) == (int(value), int)

    @pytest.mark.parametrize("value", [-1, 24.0, np.float64(3), True, np.True_, "24", 2**31 + 1, np.array(3)])
    def test_anything_else_is_refused(self, value: Any) -> None:
        assert "wanted a whole number from 1 to 2147483648, or None" in refusal(max_bars=value)
        assert "wanted a whole number from 0 to 2147483648, or None" in refusal(cooldown=value)

    def test_zero_bars_are_too_few(self) -> None:
        assert refusal(max_bars=0) == "'max_bars' is 0 (int); wanted a whole number from 1 to 2147483648, or None"


class TestTags:
    def test_named_entries_are_ored_and_the_first_true_name_is_the_tag(self) -> None:
        dip, burst = flags((3, 0), (0, 1)), flags((3, 0), (69, 0), (64, 2))
        signals = read(entries={"dip": frame(dip), "burst": burst})
        np.testing.assert_array_equal(decided(signals, "entries"), dip | burst)
        assert [signals.tag_names[t] for t in signals.tag] == ["dip", "burst", "dip", "burst"]

    def test_the_frames_of_the_answer_are_not_changed(self) -> None:
        dip, burst = flags((3, 0)), flags((4, 0))
        read(entries={"dip": dip, "burst": burst})
        np.testing.assert_array_equal(dip, flags((3, 0)))

    def test_eight_names_are_allowed(self) -> None:
        names = [f"reason {i}" for i in range(8)]
        assert read(entries=dict.fromkeys(names, ENTRIES)).tag_names == tuple(names)

    @pytest.mark.parametrize("count", [0, 9])
    def test_another_number_of_names_is_refused(self, count: int) -> None:
        entries = {f"reason {i}": ENTRIES for i in range(count)}
        assert refusal(entries=entries) == f"'entries' is a dict of {count} frames; wanted 1 to 8"

    @pytest.mark.parametrize("name", ["", "x" * 41, 5, "two\nlines", "\ud800"])
    def test_another_name_is_refused(self, name: Any) -> None:
        assert "wanted a text of 1 to 40 printable letters" in refusal(entries={name: ENTRIES})

    def test_a_frame_among_them_that_is_none_is_named(self) -> None:
        assert refusal(entries={"dip": ENTRIES, "burst": None}).startswith("'entries' 'burst' is a NoneType; wanted")


class TestShape:
    @pytest.mark.parametrize("key", ["entries", "short_exits", "stop_loss", "rank"])
    def test_another_shape_names_what_was_found_and_wanted(self, key: str) -> None:
        said = refusal(**{key: np.zeros((ASSETS, BARS), bool)})
        assert said.startswith(f"{key!r} is a ndarray of shape (3, 70) with bool values; wanted a ")
        assert said.endswith("of 70 bars x 3 assets, as market.close is")

    def test_rows_or_columns_in_another_order_are_refused(self) -> None:
        for other in (
            ENTRIES.iloc[::-1],
            ENTRIES.iloc[:, ::-1],
            ENTRIES.reset_index(drop=True),
            ENTRIES.rename(columns=str.lower),
        ):
            assert "rows or columns in another order or under other labels" in refusal(exits=other)

    def test_lost_rows_are_explained(self) -> None:
        assert "keep all of them, without dropna" in refusal(exits=ENTRIES.iloc[5:])

    def test_a_series_beside_a_frame_is_explained(self) -> None:
        wide = pd.DataFrame(np.zeros((BARS, BARS + ASSETS), bool), index=SHAPE.index)
        assert "use frame.div(series, axis=0)" in refusal(entries=wide)

    def test_one_value_a_bar_is_explained(self) -> None:
        said = refusal(entries=ENTRIES["A000"])
        assert said.startswith("'entries' is a series of 70 bool values; wanted a boolean frame or array")
        assert said.endswith("compare whole frames")

    def test_other_kinds_of_arrays_are_refused(self) -> None:
        for value in (np.ma.masked_array(flags()), flags().tolist(), flags()[:, :, None]):
            assert "wanted a boolean frame or array" in refusal(exits=value)


class TestFlags:
    def test_objects_are_refused_with_the_way_to_shift_booleans(self) -> None:
        assert "use shift(1, fill_value=False)" in refusal(entries=ENTRIES.shift(1))

    def test_nullable_booleans_are_refused_with_the_way_out(self) -> None:
        assert ".astype(bool)" in refusal(entries=ENTRIES.astype("boolean"))

    @pytest.mark.parametrize("dtype", [int, float, np.uint8])
    def test_numbers_are_no_booleans(self, dtype: Any) -> None:
        said = refusal(entries=ENTRIES.astype(dtype))
        assert said.startswith(f"'entries' is a frame of 70 x 3 with {np.dtype(dtype)} values; wanted plain booleans")
        assert said.endswith("(compare with > or <, as in x > 0)")


class TestKeys:
    @pytest.mark.parametrize(("key", "nearest"), [("entry", "entries"), ("stoploss", "stop_loss"), ("maxbars", "max_bars")])
    def test_an_unknown_key_is_refused_with_all_there_are_and_the_nearest(self, key: str, nearest: str) -> None:
        said = refusal(**{key: 1})
        assert said == f"signals returned the unknown key {key!r}; allowed are {', '.join(KEYS)}; did you mean {nearest!r}?"

    def test_a_key_that_is_no_text_is_refused(self) -> None:
        with pytest.raises(ContractBreach, match="unknown key 5"):
            read_answer({"entries": ENTRIES, 5: 1}, SHAPE)

    @pytest.mark.parametrize(
        ("answer", "found"), [(None, "a NoneType"), (ENTRIES, "a frame of 70 x 3"), ((1, 2), "a tuple"), (True, "True")]
    )
    def test_an_answer_that_is_no_dict_is_refused(self, answer: Any, found: str) -> None:
        with pytest.raises(ContractBreach, match=f"signals returned {found}.*; wanted a dict with 'entries'"):
            read_answer(answer, SHAPE)

    def test_entries_are_needed(self) -> None:
        assert refusal(entries=None) == "signals returned None as 'entries'; wanted a boolean frame under that key"
        with pytest.raises(ContractBreach, match="returned no 'entries'"):
            read_answer({"exits": ENTRIES}, SHAPE)


class TestPlot:
    def test_lines_for_the_chart_are_checked_and_left_out(self) -> None:
        assert read(plot={"average": frame(at_cells(1, 2, 3, 4)), "in trend": ENTRIES}) is not None

    @pytest.mark.parametrize(
        ("plot", "said"),
        [
            (ENTRIES, "'plot' is a frame of 70 x 3 with bool values; wanted a dict of names to frames"),
            ({"a": ENTRIES["A000"]}, "'plot' 'a' is a series of 70 bool values; wanted a frame"),
            ({"a": frame("x", object)}, "'plot' 'a' is a frame of 70 x 3 with object values; wanted numbers or booleans"),
            ({5: ENTRIES}, "'plot' has the name 5; wanted a text"),
            ({str(i): ENTRIES for i in range(13)}, "'plot' has 13 frames; wanted at most 12"),
        ],
    )
    def test_anything_else_is_refused(self, plot: Any, said: str) -> None:
        assert refusal(plot=plot).startswith(said)


def test_the_lead_in_is_cut_off_everywhere() -> None:
    shape = Shape(SHAPE.index, SHAPE.columns, 10)
    entries = {"early": flags((9, 0), (10, 0)), "late": flags((9, 0), (64, 2))}
    signals = read_answer(
        {"entries": entries, "exits": flags((0, 1), (69, 1)), "size": at_cells(-1, -1, -1, 0.5, elsewhere=0.25)}, shape
    )
    assert signals.bars == 60
    np.testing.assert_array_equal(decided(signals, "entries"), flags((10, 0), (64, 2))[10:])
    np.testing.assert_array_equal(decided(signals, "exits"), flags((69, 1))[10:])
    np.testing.assert_array_equal(signals.size, [0.25, 0.5])
    np.testing.assert_array_equal(signals.tag, [0, 1])


def test_without_the_short_side_its_entries_ask_for_no_values_but_are_still_checked() -> None:
    answer = {
        "entries": ENTRIES,
        "short_entries": frame(flags((7, 1))),
        "short_exits": ENTRIES,
        "size": at_cells(0.1, 0.2, 0.3, 0.4),
    }
    signals = read_answer(answer, SHAPE, with_shorts=False)
    assert signals.short_entries is signals.short_exits is None
    np.testing.assert_array_equal(signals.size, [0.1, 0.2, 0.3, 0.4])
    with pytest.raises(ContractBreach, match="'size' is -1 at one of 1 entries"):
        read_answer(answer, SHAPE)
    with pytest.raises(ContractBreach, match="'short_exits' is 1"):
        read_answer(answer | {"short_exits": 1}, SHAPE, with_shorts=False)
