"""From rows to a panel: what decides its content, and what does not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ImportRefused
from engine.market.assemble import Intake, assemble, content_hash
from engine.market.bars import FIELDS, Panel
from engine.market.sources import LongBars, read_bars
from tests.market.files import long_frame, write


def long_bars(frame: pd.DataFrame) -> LongBars:
    """The rows of a frame as the reader hands them on."""
    codes, symbols = pd.factorize(frame["symbol"])
    times = frame["timestamp"].dt.as_unit("ns").astype("int64").to_numpy()
    values = np.array([frame[f].to_numpy(float) if f in frame else np.full(len(frame), np.nan) for f in FIELDS])
    return LongBars(tuple(symbols), codes.astype(np.int64), times, values, (("bars.csv", 0),), "volume" in frame)


def put_together(frame: pd.DataFrame, *, reference: str | None = None) -> tuple[Panel, Intake]:
    return assemble(long_bars(frame), "test", reference=reference)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), missing=st.floats(0, 0.6), repeated=st.integers(0, 10))
def test_order_of_rows_and_repeats_change_nothing(seed: int, missing: float, repeated: int) -> None:
    rng = np.random.default_rng(seed)
    frame = long_frame(("A", "B", "C"), bars=30, seed=seed)
    frame = frame[(rng.random(len(frame)) >= missing) | (frame.index % 30 < 2)]
    again = frame.sample(repeated, random_state=seed, replace=True)
    shuffled = pd.concat([frame, again]).sample(frac=1, random_state=seed)
    (panel, _), (other, intake) = put_together(frame), put_together(shuffled)
    assert panel.data_hash == other.data_hash
    assert panel.symbols == other.symbols
    assert intake.duplicates == repeated
    for symbol, part in frame.groupby("symbol"):
        column = panel.symbols.index(str(symbol))
        rows = np.searchsorted(panel.times_ns, part["timestamp"].dt.as_unit("ns").astype("int64"))
        assert panel.exists[:, column].sum() == len(part)
        for field in FIELDS:
            np.testing.assert_array_equal(getattr(panel, field)[rows, column], part[field])


def test_rows_are_the_union_of_the_times_that_occur() -> None:
    frame = long_frame(("A", "B"), bars=6)
    frame = frame.drop(index=[2, 8, 9])  # A lacks row 2, B rows 2 and 3
    frame.loc[4, "open"] = np.nan  # a row that is no bar keeps its time
    panel, intake = put_together(frame)
    assert panel.bars == 5
    assert intake.nan_rows == {"A": 1}
    a = panel.symbols.index("A")
    assert panel.exists[:, a].tolist() == [True, True, True, False, True]
    assert all(np.isnan(getattr(panel, f)[3, a]) for f in FIELDS)


@pytest.mark.parametrize("bad", [np.nan, 0.0, -1.0, np.inf])
@pytest.mark.parametrize("field", FIELDS[:4])
def test_bar_exists_only_with_four_positive_prices(field: str, bad: float) -> None:
    frame = long_frame(("A",), bars=5)
    frame.loc[1, field] = bad
    panel, intake = put_together(frame)
    assert panel.exists[:, 0].tolist() == [True, False, True, True, True]
    assert intake.nan_rows == {"A": 1}


@pytest.mark.parametrize("bad", [-1.0, np.inf])
def test_impossible_volume_is_none_and_the_bar_stays(bad: float) -> None:
    frame = long_frame(("A",), bars=5)
    frame.loc[1, "volume"] = bad
    panel, _ = put_together(frame)
    assert panel.exists.all()
    assert np.isnan(panel.volume[1, 0])


def test_unsorted_rows_are_counted_within_their_asset() -> None:
    frame = long_frame(("A", "B"), bars=10)
    assert put_together(frame.sort_values("timestamp"))[1].unsorted == 0
    order = [0, 2, 1, 3, 4, 6, 5, *range(7, 20)]
    assert put_together(frame.iloc[order])[1].unsorted == 2


def test_conflicting_duplicate_is_refused_with_both_rows() -> None:
    frame = long_frame(("A", "B"), bars=5)
    other = frame.iloc[[7]].assign(close=1.5)
    with pytest.raises(
        ImportRefused, match=r"bars.csv, row 11: B at 2022-03-01T02:00:00Z has close 1.5, but bars.csv, row 8 gives"
    ):
        put_together(pd.concat([frame, other]))


def test_conflict_between_files_names_both_files(tmp_path: Path) -> None:
    frame = long_frame(("A",), bars=5)
    write(frame, tmp_path / "A.csv")
    write(frame.assign(volume=3.0), tmp_path / "A-1h.csv")
    with pytest.raises(ImportRefused, match=r"A.csv, row 1: A at .* has volume .*A-1h.csv, row 1 gives 3"):
        assemble(read_bars(tmp_path), "test")


def test_single_bar_is_refused() -> None:
    with pytest.raises(ImportRefused, match="bars at 1 time in all; wanted at least two"):
        put_together(long_frame(("A", "B"), bars=1))


def test_ticks_are_refused() -> None:
    frame = long_frame(("A",), bars=9, freq="100ms")
    with pytest.raises(ImportRefused, match="within a second"):
        put_together(frame)


def test_assets_that_share_no_times_are_refused_before_memory_is_gone() -> None:
    assets, rows = 300, 200_000
    long = LongBars(
        tuple(f"S{i:03}" for i in range(assets)), np.arange(rows) % assets, np.arange(rows) * 10**9,
        np.ones((5, rows)), (("bars.csv", 0),), True,
    )  # fmt: skip
    with pytest.raises(ImportRefused, match="share hardly any of the 200,000 times"):
        assemble(long, "test")


def test_asset_without_a_bar_is_left_out_with_its_times() -> None:
    frame = long_frame(("A", "B"), bars=5)
    frame.loc[frame["symbol"] == "B", "close"] = np.nan
    frame.loc[frame["symbol"] == "B", "timestamp"] += pd.Timedelta(days=1)
    panel, intake = put_together(frame)
    assert panel.symbols == ("A",)
    assert panel.bars == 5
    assert intake.left_out == ("B",)


def test_reference_is_the_asset_with_the_highest_median_dollar_volume() -> None:
    frame = long_frame(("ZZZ", "MMM", "AAA"))  # the first trades the most
    frame.loc[frame["symbol"].eq("AAA") & (frame["timestamp"].dt.hour == 3), "volume"] = 1e9  # one burst changes no median
    assert put_together(frame)[0].symbols == ("ZZZ", "AAA", "MMM")
    assert put_together(frame, reference="MMM")[0].symbols == ("MMM", "AAA", "ZZZ")


def test_reference_without_volume_is_the_asset_with_most_bars_then_the_first_name() -> None:
    frame = long_frame(("C", "B", "A"), bars=10).drop(columns="volume")
    assert put_together(frame)[0].symbols[0] == "A"
    panel, _ = put_together(frame.drop(index=25))  # one bar of A
    assert panel.symbols == ("B", "A", "C")
    assert not panel.has_volume
    assert np.isnan(panel.volume).all()


def test_unknown_reference_is_refused_with_the_near_one() -> None:
    with pytest.raises(ImportRefused, match=r"no asset 'BTCUSD' among the 2.*perhaps BTCUSDT"):
        put_together(long_frame(("BTCUSDT", "ETHUSDT")), reference="BTCUSD")


def test_panel_is_asset_contiguous() -> None:
    panel, _ = put_together(long_frame(("B", "A", "C")))
    assert all(getattr(panel, f).flags.f_contiguous for f in FIELDS)
    assert panel.close.shape == (48, 3)


def test_hash_tells_bars_apart_and_nothing_else() -> None:
    panel, _ = put_together(long_frame().drop(index=3))
    fields = {f: getattr(panel, f) for f in FIELDS}

    def hash_of(**changed: np.ndarray) -> str:
        return content_hash(panel.symbols, panel.times_ns, fields | changed)

    other_nan = panel.close.copy()
    other_nan.view(np.uint64)[np.isnan(other_nan)] |= 1
    assert hash_of(close=np.ascontiguousarray(other_nan)) == panel.data_hash
    assert hash_of(volume=panel.volume * 2) != panel.data_hash
    assert hash_of(open=panel.close, close=panel.open) != panel.data_hash
    assert content_hash(panel.symbols[::-1], panel.times_ns, fields) != panel.data_hash
    assert content_hash(panel.symbols, panel.times_ns + 1, fields) != panel.data_hash


@pytest.mark.parametrize(
    ("freq", "timeframe", "days", "bars_per_year"),
    [
        ("15min", "15m", 365, 365 * 96),
        ("1h", "1h", 365, 8760),
        ("1D", "1d", 365, 365),
        ("B", "1d", 252, 252),
        ("7D", "1w", 52, 365 / 7),
    ],
)
def test_calendar_of_a_market(freq: str, timeframe: str, days: int, bars_per_year: float) -> None:
    panel, _ = put_together(long_frame(bars=1000, freq=freq))
    assert (panel.timeframe, panel.days_per_year) == (timeframe, days)
    assert panel.bars_per_year == pytest.approx(bars_per_year)


def test_stock_hours_have_the_bars_of_252_sessions() -> None:
    frame = long_frame(bars=24 * 60)
    hour = frame["timestamp"].dt.hour
    panel, _ = put_together(frame[hour.between(14, 20) & (frame["timestamp"].dt.day_of_week < 5)])
    assert panel.bars_per_year == 7 * 252


def test_days_without_a_weekend_among_them_say_nothing_about_weekends() -> None:
    panel, _ = put_together(long_frame(bars=48))  # Tuesday and Wednesday
    assert panel.days_per_year == 365


def test_name_is_no_content() -> None:
    long = long_bars(long_frame())
    assert assemble(long, "one")[0].data_hash == assemble(replace(long, notes=("x",)), "two")[0].data_hash
