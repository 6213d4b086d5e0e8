"""Files as users have them: what is understood, and what is refused with its place and its reason."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.errors import ImportRefused
from engine.market.assemble import assemble
from engine.market.bars import Panel
from engine.market.sources import read_bars, symbol_of
from tests.market.files import FIRST, long_frame, write

Form = Callable[[pd.Series], pd.Series]


def panel_in(path: Path) -> Panel:
    return assemble(read_bars(path), "test")[0]


def assert_same_bars(left: Panel, right: Panel) -> None:
    assert left.symbols == right.symbols
    assert left.data_hash == right.data_hash


@pytest.fixture
def expected(tmp_path: Path) -> Panel:
    return panel_in(write(long_frame(), tmp_path / "expected.parquet"))


def test_csv_holds_the_same_bars_as_parquet(tmp_path: Path, expected: Panel) -> None:
    csv = write(long_frame(), tmp_path / "bars.csv")
    packed = tmp_path / "bars.csv.gz"
    packed.write_bytes(gzip.compress(csv.read_bytes()))
    assert_same_bars(panel_in(csv), expected)
    assert_same_bars(panel_in(packed), expected)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("names", ["{}", "{}-1h", "{}_1h", "{}-1h-2022-03", "{}_data"])
def test_folder_with_a_file_per_symbol_holds_the_same_bars(tmp_path: Path, expected: Panel, suffix: str, names: str) -> None:
    for symbol, part in long_frame().groupby("symbol"):
        write(part.drop(columns="symbol"), tmp_path / "folder" / (names.format(symbol) + suffix))
    assert_same_bars(panel_in(tmp_path / "folder"), expected)


def test_symbol_column_in_a_folder_wins_over_the_file_name(tmp_path: Path, expected: Panel) -> None:
    for i, (_, part) in enumerate(long_frame().groupby("symbol")):
        write(part, tmp_path / "folder" / f"part{i}.csv")
    assert_same_bars(panel_in(tmp_path / "folder"), expected)


@pytest.mark.parametrize(
    ("file", "symbol"),
    [
        ("BTC_USDT-1h.csv", "BTC_USDT"),
        ("BTCUSDT-5m-2022-03-01.csv.gz", "BTCUSDT"),
        ("BTC_USDT_USDT-1h-futures.parquet", "BTC_USDT_USDT"),
        ("BRK-B.csv", "BRK-B"),
        ("AAPL_1d.CSV", "AAPL"),
        ("eurusd daily.csv", "eurusd"),
        ("1h.csv", "1h"),
    ],
)
def test_symbol_from_the_file_name(file: str, symbol: str) -> None:
    assert symbol_of(file) == symbol


def test_single_file_without_symbols_is_one_asset(tmp_path: Path) -> None:
    path = write(long_frame(("X",)).drop(columns="symbol"), tmp_path / "ETH_USDT-1h.csv")
    assert panel_in(path).symbols == ("ETH_USDT",)


@pytest.mark.parametrize(
    "names",
    [
        {
            "timestamp": "Open time",
            "symbol": "Ticker",
            "open": "Open",
            "high": "High",
            "low": "Low",
            "close": "Close",
            "volume": "Vol",
        },
        {
            "timestamp": "DATE",
            "symbol": "Name",
            "open": "OPEN",
            "high": "HIGH",
            "low": "LOW",
            "close": "CLOSE",
            "volume": "VOLUME",
        },
        {"timestamp": "", "symbol": "pair", "volume": "Volume USDT"},
        {"timestamp": "Unnamed: 0", "symbol": "coin"},
        {"timestamp": "datetime", "symbol": "asset"},
        {"timestamp": "time"},
    ],
)
def test_usual_column_names_are_understood(tmp_path: Path, expected: Panel, names: dict[str, str]) -> None:
    assert_same_bars(panel_in(write(long_frame().rename(columns=names), tmp_path / "bars.csv")), expected)


def test_adjusted_close_is_not_the_close(tmp_path: Path, expected: Panel) -> None:
    frame = long_frame()
    frame.insert(2, "Adj Close", frame["close"] / 7)
    assert_same_bars(panel_in(write(frame, tmp_path / "bars.csv")), expected)
    with pytest.raises(ImportRefused, match="no column close"):
        read_bars(write(frame.drop(columns="close"), tmp_path / "without.csv"))


def test_volume_in_units_of_the_asset_wins_over_quote_volume(tmp_path: Path, expected: Panel) -> None:
    frame = long_frame().rename(columns={"volume": "Volume BTC"})
    frame.insert(2, "Volume USDT", 1.0)
    assert_same_bars(panel_in(write(frame, tmp_path / "bars.csv")), expected)
    quoted = read_bars(write(frame.drop(columns="Volume BTC"), tmp_path / "quoted.csv"))
    assert "quote currency" in quoted.notes[0]


def as_epoch(times: pd.Series, unit: str) -> pd.Series:
    return times.dt.as_unit(unit).astype("int64")


@pytest.mark.parametrize(
    "form",
    [
        lambda t: as_epoch(t, "s"),
        lambda t: as_epoch(t, "ms"),
        lambda t: as_epoch(t, "us"),
        lambda t: as_epoch(t, "ns"),
        lambda t: as_epoch(t, "s").astype(float),
        lambda t: as_epoch(t, "ms").where(np.arange(len(t)) % 2 == 0, as_epoch(t, "us")),
        lambda t: as_epoch(t, "ms").astype(str),
        lambda t: t.dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        lambda t: t.dt.strftime("%Y-%m-%d %H:%M:%S"),
        lambda t: t.dt.strftime("%Y-%m-%d %H:%M"),
        lambda t: t.dt.strftime("%Y-%m-%d %H:%M:%S UTC"),
        lambda t: t.dt.tz_convert("Asia/Tokyo"),
        lambda t: t.dt.tz_convert("America/New_York").astype(str),
        lambda t: t.dt.tz_localize(None),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_times_in_every_usual_form(tmp_path: Path, expected: Panel, form: Form, suffix: str) -> None:
    frame = long_frame()
    frame["timestamp"] = form(frame["timestamp"])
    assert_same_bars(panel_in(write(frame, tmp_path / f"bars{suffix}")), expected)


@pytest.mark.parametrize(
    "form", [lambda t: t.dt.date, lambda t: t.dt.strftime("%Y%m%d").astype(int), lambda t: t.dt.strftime("%Y-%m-%d")]
)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_dates_are_midnight_utc(tmp_path: Path, form: Form, suffix: str) -> None:
    frame = long_frame(freq="1D")
    expected = panel_in(write(frame, tmp_path / "expected.parquet"))
    frame["timestamp"] = form(frame["timestamp"])
    assert_same_bars(panel_in(write(frame, tmp_path / f"bars{suffix}")), expected)


def test_datetime_index_in_parquet_is_the_time(tmp_path: Path, expected: Panel) -> None:
    frame = long_frame().set_index("timestamp")
    for name in ("Date", None):
        frame.index.name = name
        frame.to_parquet(tmp_path / "indexed.parquet")
        assert_same_bars(panel_in(tmp_path / "indexed.parquet"), expected)


def test_categories_decimals_and_small_floats_are_numbers(tmp_path: Path) -> None:
    frame = long_frame()
    frame["symbol"] = frame["symbol"].astype("category")
    frame["volume"] = frame["volume"].round().astype("int64")
    plain = panel_in(write(frame.astype({"symbol": str}), tmp_path / "plain.parquet"))
    assert_same_bars(panel_in(write(frame, tmp_path / "category.parquet")), plain)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    table = table.set_column(table.column_names.index("volume"), "volume", table["volume"].cast(pa.decimal128(22, 2)))
    pq.write_table(table, tmp_path / "decimal.parquet")
    assert_same_bars(panel_in(tmp_path / "decimal.parquet"), plain)


def test_tickers_that_look_like_something_else_stay_text(tmp_path: Path) -> None:
    frame = long_frame(("NA", "TRUE", "1E5", "007"))
    assert set(panel_in(write(frame, tmp_path / "bars.csv")).symbols) == {"NA", "TRUE", "1E5", "007"}


def test_semicolons_and_an_address_above_the_names(tmp_path: Path, expected: Panel) -> None:
    path = tmp_path / "bars.csv"
    path.write_text("https://www.example.org\n" + long_frame().to_csv(index=False, sep=";"), encoding="utf-8-sig")
    assert_same_bars(panel_in(path), expected)


def test_empty_cells_are_no_text(tmp_path: Path) -> None:
    frame = long_frame().astype({"close": object})
    for row, empty in enumerate(["", "NaN", "null", "None", "N/A"]):
        frame.loc[row, "close"] = empty
    panel = panel_in(write(frame, tmp_path / "bars.csv"))
    assert int(panel.exists.sum()) == len(frame) - 5


REFUSED = [
    ("open", 3, "abc", r"bars.csv, row 4: the open is 'abc'; wanted a number"),
    ("volume", 0, "many", r"bars.csv, row 1: the volume is 'many'; wanted a number"),
    ("close", 7, "1,234.5", r"bars.csv, row 8: the close is '1,234.5'"),
    ("timestamp", 5, "yesterday", r"bars.csv, row 6: the time is 'yesterday'; wanted an ISO time"),
    ("timestamp", 5, "", r"bars.csv, row 6: the time is 'nothing'"),
    ("timestamp", 2, "31/12/2022 00:00", r"row 3: the time is '31/12/2022 00:00'"),
    ("symbol", 9, " ", r"bars.csv, row 10: the symbol is 'nothing'; wanted a name"),
]


@pytest.mark.parametrize(("column", "row", "value", "message"), REFUSED)
def test_unparsable_value_is_refused_with_its_row(tmp_path: Path, column: str, row: int, value: str, message: str) -> None:
    frame = long_frame().astype(object)
    frame.loc[row, column] = value
    with pytest.raises(ImportRefused, match=message):
        read_bars(write(frame, tmp_path / "bars.csv"))


def test_value_that_does_not_fit_is_found_far_down_a_long_file(tmp_path: Path) -> None:
    frame = long_frame(("A",), bars=60_000)
    frame["volume"] = frame["volume"].round(0).astype("int64").astype(object)
    frame.loc[55_000, "volume"] = 1.5
    path = write(frame, tmp_path / "bars.csv")
    assert read_bars(path).values[4, 55_000] == 1.5
    frame = frame.astype(object)
    frame.loc[55_000, "close"] = "halted"
    with pytest.raises(ImportRefused, match=r"row 55,001: the close is 'halted'"):
        read_bars(write(frame, path))
    frame.loc[55_000, "close"] = 1.0
    frame.loc[55_001, "timestamp"] = "later"
    with pytest.raises(ImportRefused, match=r"row 55,002: the time is 'later'"):
        read_bars(write(frame, path))


@pytest.mark.parametrize("value", [0, 17, -1_600_000_000, 10**19])
def test_numbers_that_are_no_times_are_refused(tmp_path: Path, value: int) -> None:
    frame = long_frame()
    frame["timestamp"] = as_epoch(frame["timestamp"], "s").astype(object)
    frame.loc[1, "timestamp"] = value
    with pytest.raises(ImportRefused, match="row 2: the time is"):
        read_bars(write(frame, tmp_path / "bars.csv"))


@pytest.mark.parametrize("column", ["timestamp", "open", "high", "low", "close"])
def test_missing_column_is_named(tmp_path: Path, column: str) -> None:
    with pytest.raises(ImportRefused, match=f"bars.csv: no column {column}.*found.*'symbol'"):
        read_bars(write(long_frame().drop(columns=column), tmp_path / "bars.csv"))


def test_two_columns_for_one_field_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="2 columns could be the open"):
        read_bars(write(long_frame().assign(Open=1.0), tmp_path / "bars.csv"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("bars.csv", b"", "is empty"),
        ("bars.csv", b"timestamp,open,high,low,close\n", "no rows"),
        ("bars.csv", b"PK\x03\x04\0\0\0\0binary", "not plain text"),
        ("bars.csv", b"1646092800,1,2,1,2\n1646096400,1,2,1,2\n", "first line holds numbers"),
        ("bars.csv", b"timestamp,open,high,low,close\n1646092800,1,2\n", "cannot be read"),
        ("bars.csv.gz", b"not gzip at all", "cannot be read"),
        ("bars.parquet", b"not parquet at all", "cannot be read"),
        ("bars.pkl", b"\x80\x04.", "wanted Parquet"),
        ("bars.csv", b"timestamp,open,high,low,close\n1646092800,0,0,0,0\n1646096400,,,,\n", "none of its 2 rows is a bar"),
    ],
)
def test_unusable_file_is_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImportRefused, match=f"{name}.*{message}"):
        read_bars(tmp_path / name)


def test_missing_path_and_folder_without_bars_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="no such file or folder"):
        read_bars(tmp_path / "nowhere.csv")
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(ImportRefused, match="no Parquet or CSV file among 1 files"):
        read_bars(tmp_path)


def test_bad_file_in_a_folder_is_the_one_that_is_named(tmp_path: Path) -> None:
    write(long_frame(("A",)), tmp_path / "A.csv")
    write(long_frame(("B",)).astype(object).replace({"open": {100.0: "x"}}), tmp_path / "B.csv")
    with pytest.raises(ImportRefused, match=r"B.csv, row 1: the open is 'x'"):
        read_bars(tmp_path)


def test_other_files_in_a_folder_are_mentioned(tmp_path: Path) -> None:
    write(long_frame(("A",)), tmp_path / "A.csv")
    write(long_frame(("B",)).drop(columns="volume"), tmp_path / "B.csv")
    (tmp_path / "readme.md").write_text("notes")
    notes = " ".join(read_bars(tmp_path).notes)
    assert "1 other files" in notes
    assert "1 of 2 files have no volume column (B.csv" in notes


def test_first_bar_stands_at_its_open(tmp_path: Path, expected: Panel) -> None:
    assert pd.Timestamp(int(expected.times_ns[0]), tz="UTC") == FIRST
    frame = long_frame()
    at = frame[(frame["symbol"] == "AAA") & (frame["timestamp"] == FIRST + pd.Timedelta(hours=5))].iloc[0]
    assert expected.high[5, expected.symbols.index("AAA")] == at["high"]
