"""What the quality report finds in markets with known faults, and that it finds nothing in a market without."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.market.assemble import assemble
from engine.market.quality import QualityReport, assess
from engine.market.sources import read_bars
from tests.market.files import long_frame, write

SYMBOLS = tuple("ABCDEF")
Report = Callable[[pd.DataFrame], QualityReport]
RealReport = Callable[[str], QualityReport]


@pytest.fixture
def report(tmp_path: Path) -> Report:
    """The report that an import of the frame would store."""

    def made(frame: pd.DataFrame) -> QualityReport:
        panel, intake = assemble(read_bars(write(frame, tmp_path / "bars.parquet")), "test")
        return assess(panel, intake)

    return made


def at(frame: pd.DataFrame, symbol: str, bar: int) -> int:
    """Index of a symbol's bar in a `long_frame`."""
    return int(np.flatnonzero(frame["symbol"] == symbol)[bar])


def spoken_of(report: QualityReport, text: str) -> list[str]:
    return [m for m in report.messages if text in m]


def test_clean_market_has_no_flags(report: Report) -> None:
    found = report(long_frame(SYMBOLS, bars=400))
    assert (found.assets["flags"] == "").all()
    assert len(found.messages) == 1
    assert found.messages[0].startswith("Survivors only: no asset ends before the market does")
    assert (found.assets["bars"] == 400).all()
    assert (found.assets[["gaps", "nan_rows", "ohlc_violations", "zero_volume", "outlier_moves"]] == 0).all(axis=None)


def test_gaps_no_bars_and_zero_volume_are_counted(report: Report) -> None:
    frame = long_frame(SYMBOLS, bars=100)
    frame.loc[at(frame, "B", 10), "low"] = np.nan
    frame.loc[[at(frame, "B", 20), at(frame, "B", 21)], "volume"] = 0.0
    frame.loc[at(frame, "C", 20), "volume"] = np.nan
    frame = frame.drop(index=[at(frame, "A", 5), at(frame, "A", 6)])
    found = report(frame)
    assert found.assets.loc["A", ["gaps", "nan_rows"]].tolist() == [2, 0]
    assert found.assets.loc["B", ["gaps", "nan_rows", "zero_volume"]].tolist() == [1, 1, 2]
    assert found.assets.loc["C", "missing_volume"] == 1
    assert "1 row without all four prices above zero, counted as no bar: B 1." in found.messages
    assert "3 gaps, rows without a bar of an asset that trades: A 2, B 1." in found.messages
    assert "2 bars with zero volume: B 2." in found.messages
    assert "2 bars with zero volume." in found.assets.loc["B", "flags"]


@pytest.mark.parametrize(
    "broken", [{"high": 0.5}, {"low": 1.5}, {"open": 1.5}, {"open": 0.5}, {"close": 1.5}, {"close": 0.5}], ids=lambda b: str(b)
)
def test_ohlc_violations_are_kept_and_counted(report: Report, broken: dict[str, float]) -> None:
    frame = long_frame(SYMBOLS, bars=50)
    (field, factor), row = next(iter(broken.items())), at(frame, "D", 49)
    frame.loc[row, field] *= factor
    found = report(frame)
    assert found.assets["ohlc_violations"].to_dict() == dict.fromkeys(SYMBOLS, 0) | {"D": 1}
    assert spoken_of(found, "1 OHLC violation")
    assert found.assets.loc["D", "bars"] == 50


def test_listed_late_and_ended_early(report: Report) -> None:
    frame = long_frame(SYMBOLS, bars=100)
    frame = frame.drop(index=[at(frame, "E", i) for i in range(30)] + [at(frame, "F", i) for i in range(60, 100)])
    found = report(frame)
    assert found.assets.index[found.assets["listed_late"]].tolist() == ["E"]
    assert found.assets.index[found.assets["ended_early"]].tolist() == ["F"]
    assert "Ends on 2022-03-03 11:00Z, before the market does" in found.assets.loc["F", "flags"]
    assert found.assets.loc["F", "last_bar"] == pd.Timestamp("2022-03-03T11:00Z")
    assert found.market["survivors_only"] is False
    assert not spoken_of(found, "Survivors only")


def test_duplicates_disorder_and_left_out_assets_are_told(report: Report) -> None:
    frame = long_frame(SYMBOLS, bars=50)
    frame.loc[frame["symbol"] == "F", "open"] = -1.0
    frame = pd.concat([frame, frame.iloc[[3, 4]]])
    found = report(frame)
    assert "2 identical duplicate rows dropped." in found.messages
    assert spoken_of(found, "1 row stood before an earlier bar")
    assert spoken_of(found, "1 asset left out, without a single valid bar: F.")


def test_single_wrong_close_is_named_with_its_bar(report: Report) -> None:
    frame = long_frame(SYMBOLS, bars=300)
    frame.loc[at(frame, "C", 150), "close"] *= 0.5
    found = report(frame)
    assert found.assets["wrong_closes"].to_dict() == dict.fromkeys(SYMBOLS, 0) | {"C": 1}
    assert found.messages[0].startswith("C: wrong close on 2022-03-07 06:00Z")


def test_whole_bar_out_of_place_is_told_from_a_move_that_stays(report: Report) -> None:
    frame = long_frame(SYMBOLS, bars=300)
    prices = ["open", "high", "low", "close"]
    frame.loc[at(frame, "C", 150), prices] *= 1.5
    frame.loc[at(frame, "D", 150) : at(frame, "D", 299), prices] *= 1.5
    found = report(frame)
    assert found.assets["bars_out_of_place"].to_dict() == dict.fromkeys(SYMBOLS, 0) | {"C": 1}
    assert found.assets["outlier_moves"].to_dict() == dict.fromkeys(SYMBOLS, 0) | {"C": 2, "D": 1}
    assert found.assets.loc["D", "largest_move"] == pytest.approx(0.5, abs=0.05)


def test_move_of_the_whole_market_is_no_outlier(report: Report) -> None:
    frame = long_frame(SYMBOLS, bars=300)
    crash = frame["timestamp"] >= frame["timestamp"].iloc[150]
    frame.loc[crash, ["open", "high", "low", "close"]] *= 0.5
    assert report(frame).assets["outlier_moves"].sum() == 0


def test_prices_that_mostly_stand_still_have_a_scale(report: Report) -> None:
    frame = long_frame(SYMBOLS, bars=300, step=0.0)
    frame["volume"] = 1.0
    rows = [at(frame, "A", i) for i in (20, 60, 61, 200)]
    frame.loc[rows, "close"] *= 1.001
    frame.loc[at(frame, "A", 250), "close"] *= 1.4
    assert report(frame).assets["outlier_moves"].to_dict() == dict.fromkeys(SYMBOLS, 0) | {"A": 2}


def test_long_wicks_are_told(report: Report) -> None:
    frame = long_frame(SYMBOLS, bars=50)
    frame.loc[at(frame, "B", 7), "low"] *= 0.3
    found = report(frame)
    assert found.assets["long_wicks"].to_dict() == dict.fromkeys(SYMBOLS, 0) | {"B": 1}
    assert spoken_of(found, "1 bar with a low under half")


@pytest.mark.parametrize(
    ("missing", "factor", "sentence"),
    [
        (3, 0.01, r"1/10.*redenominated, or another asset"),
        (3, 40.0, r"×[34].*redenominated, or another asset"),
        (10, 1.0, "halted, or delisted and the ticker used again"),
    ],
)
def test_reused_ticker_is_named_first(report: Report, missing: int, factor: float, sentence: str) -> None:
    frame = long_frame(SYMBOLS, bars=100, freq="1D")
    frame.loc[at(frame, "B", 40) : at(frame, "B", 99), ["open", "high", "low", "close"]] *= factor
    frame = frame.drop(index=[at(frame, "B", 39 - i) for i in range(missing)])
    found = report(frame)
    assert found.messages[0].startswith(f"B: no bar on {missing} rows from ")
    pd.testing.assert_series_equal(
        found.assets["flags"].str.contains(sentence), found.assets.index.to_series() == "B", check_names=False
    )


def test_short_gap_without_a_jump_is_no_reused_ticker(report: Report) -> None:
    frame = long_frame(SYMBOLS, bars=100, freq="1D")
    found = report(frame.drop(index=[at(frame, "B", 39), at(frame, "B", 40)]))
    assert found.assets.loc["B", "flags"] == ""


def without_hours(frame: pd.DataFrame, first: int, stop: int) -> pd.DataFrame:
    times = frame["timestamp"].drop_duplicates().sort_values().iloc[first:stop]
    return frame[~frame["timestamp"].isin(times)]


def test_outage_of_the_whole_market_is_no_gap_of_an_asset(report: Report) -> None:
    found = report(without_hours(long_frame(SYMBOLS, bars=200), 50, 53))
    assert found.market["outages"] == [{"first": "2022-03-03T02:00:00Z", "last": "2022-03-03T04:00:00Z", "bars": 3}]
    assert spoken_of(found, "1 market-wide outage, no asset has a bar: 2022-03-03T02:00:00Z (3 bars).")
    assert found.assets["gaps"].sum() == 0


def test_nights_weekends_and_holidays_are_no_outage(report: Report) -> None:
    hourly = long_frame(SYMBOLS, bars=24 * 90)
    sessions = hourly["timestamp"].dt.hour.between(14, 20) & (hourly["timestamp"].dt.day_of_week < 5)
    assert report(hourly[sessions]).market["outages"] == []
    daily = long_frame(SYMBOLS, bars=300, freq="B")
    holiday = without_hours(daily, 101, 102)
    assert report(holiday).market["outages"] == []
    assert report(without_hours(daily, 100, 106)).market["outages"][0]["first"] == "2022-07-19T00:00:00Z"


def test_market_without_volume_says_so(report: Report) -> None:
    found = report(long_frame(SYMBOLS, bars=50).drop(columns="volume"))
    assert found.market["has_volume"] is False
    assert spoken_of(found, "No volume: strategies that read the volume are refused")
    assert found.assets["missing_volume"].sum() == 0


def test_report_as_json_is_whole(report: Report) -> None:
    frame = long_frame(SYMBOLS, bars=50)
    frame = frame[(frame["symbol"] != "F") | (frame["timestamp"] == frame["timestamp"].max())]
    plain = json.loads(json.dumps(report(frame).as_dict(), allow_nan=False))
    assert [row["symbol"] for row in plain["assets"]] == list(SYMBOLS)
    assert plain["assets"][0]["first_bar"] == "2022-03-01T00:00:00Z"
    assert plain["assets"][5]["largest_move"] is None
    assert "Has a single bar." in plain["assets"][5]["flags"]
    assert plain["market"]["assets"] == 6


@pytest.fixture
def real_report(real_set: Callable[[str], Path]) -> RealReport:
    def made(stem: str) -> QualityReport:
        panel, intake = assemble(read_bars(real_set(stem)), stem)
        return assess(panel, intake)

    return made


@pytest.mark.realdata
def test_crypto394_names_its_broken_tickers(real_report: RealReport) -> None:
    found = real_report("crypto394_1d")
    suspicious = {m.split("USDT:")[0] for m in found.messages if "USDT:" in m}
    assert {"LUNA", "FTT", "CVC", "KEY", "SUN", "BNX"} <= suspicious
    assert len(suspicious) <= 10
    flags = found.assets["flags"]
    assert "no bar on 310 rows" in flags["FTTUSDT"].lower()
    assert "(1/1,000): redenominated" in flags["SUNUSDT"]
    assert found.market["ended_early"] == 40
    assert found.market["survivors_only"] is False


@pytest.mark.realdata
def test_stocks505_counts_its_faults(real_report: RealReport) -> None:
    found = real_report("stocks505_1d")
    assert found.market["nan_rows"] == 11  # 27 missing prices in 11 rows
    assert found.market["ohlc_violations"] == 12
    assert found.assets.index[found.assets["wrong_closes"] > 0].tolist() == ["LNT"]
    assert spoken_of(found, "LNT: wrong close on 2016-05-19: 17.87")
    assert found.market["outages"] == []
    assert found.market["survivors_only"] is True


@pytest.mark.realdata
def test_crypto100_tells_outages_from_wild_bars(real_report: RealReport) -> None:
    found = real_report("crypto100_1h")
    assert [o["bars"] for o in found.market["outages"]] == [2, 3, 4, 2, 1]
    assert found.assets["gaps"].sum() == 0
    assert found.assets["largest_move"].max() == pytest.approx(2.92, abs=0.01)  # UNFI, ×3.92 in an hour
    assert found.assets[["wrong_closes", "bars_out_of_place"]].sum().sum() == 0
    assert found.market["reference"] == "BTCUSDT"
