"""Colours that can be told from the ground, numbers in the form that their unit asks for, charts that lose no extreme."""

import math

import numpy as np
import pandas as pd
import pytest

from engine.figures import PORTFOLIO_FIGURES
from pages import figures, figures_candles, look

TIMES = pd.date_range("2024-01-01", periods=20_000, freq="h", tz="UTC")


def _luminance(colour: str) -> float:
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("meaning", sorted(look.COLOURS.keys() - {"null", "grid", "ground"}))
def test_each_colour_stands_out_from_its_ground_by_three_to_one(meaning: str, dark: bool) -> None:
    low, high = sorted(_luminance(look.colour(name, dark)) for name in (meaning, "ground"))
    assert (high + 0.05) / (low + 0.05) >= 3


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("total_return", 0.12345, "+12.35%"),
        ("max_drawdown", -0.2, "-20.00%"),
        ("win_rate", 0.5, "50.00%"),
        ("trades_with_open", 12_345.0, "12,345"),
        ("sharpe", 1.236, "1.24"),
        ("turnover", 3.2, "3.20×"),
        ("sharpe", math.nan, "not computed"),
        ("calmar", None, "not computed"),
    ],
)
def test_a_figure_is_written_in_its_unit(name: str, value: float | None, text: str) -> None:
    assert look.figure_text(name, value) == text


@pytest.mark.parametrize(
    ("name", "change", "text"),
    [("total_return", 0.012, "+1.20 pp"), ("sharpe", -0.31, "-0.31"), ("trades", 31.0, "+31"), ("trades", 0.0, "0"),
     ("total_return", 0.0, "0"), ("sharpe", math.nan, None)],
)  # fmt: skip
def test_a_change_is_written_with_its_sign(name: str, change: float, text: str | None) -> None:
    assert look.figure_change(name, change) == text


def test_times_are_utc_and_say_so() -> None:
    assert look.moment(pd.Timestamp("2026-11-22 14:13", tz="Europe/Berlin")) == "2026-11-22 13:13 UTC"


@pytest.mark.parametrize(("seconds", "text"), [(40, "40 s"), (200, "3 min 20 s"), (18_600, "5 h 10 min"), (183_600, "2 d 3 h")])
def test_a_duration_is_written_as_people_say_it(seconds: float, text: str) -> None:
    assert look.duration(seconds) == text


def test_a_table_holds_percent_under_a_header_that_says_so() -> None:
    frame = pd.DataFrame({"validation_total_return": [0.1, math.nan], "symbol": ["A", "B"]})
    shown, config = look.figure_table(frame, prefixes=("validation_",))
    assert shown["validation_total_return"].iloc[0] == pytest.approx(10)
    assert config["validation_total_return"]["label"] == "Total return, % (validation)"
    assert config["validation_total_return"]["help"] == PORTFOLIO_FIGURES["total_return"].definition
    assert frame["validation_total_return"].iloc[0] == 0.1


def test_text_of_others_is_shown_letter_for_letter() -> None:
    assert look.plain("a *b* $c$ [d](e)") == r"a \*b\* \$c\$ \[d\]\(e\)"


def test_thinning_keeps_ends_peak_and_trough() -> None:
    values = np.sin(np.arange(len(TIMES)) / 50)
    values[7_777], values[12_345] = 9.0, -9.0
    kept = figures.thin(pd.Series(values, TIMES))
    assert len(kept) <= figures.MAX_POINTS + 2
    assert {TIMES[0], TIMES[7_777], TIMES[12_345], TIMES[-1]} <= set(kept.index)


def test_wide_candles_span_those_that_they_stand_for() -> None:
    rng = np.random.default_rng(1)
    low, high = np.sort(rng.uniform(1, 2, (2, len(TIMES))), axis=0)
    candles = pd.DataFrame({"open": low, "high": high, "low": low, "close": high}, TIMES)
    wide = figures_candles.thin_candles(candles)
    assert len(wide) <= figures_candles.MAX_CANDLES
    assert wide["high"].max() == candles["high"].max()
    assert wide["low"].min() == candles["low"].min()
    assert wide["open"].iloc[0] == candles["open"].iloc[0]
    assert wide["close"].iloc[-1] == candles["close"].iloc[-1]


@pytest.mark.parametrize("dark", [False, True])
def test_an_equity_chart_has_units_zone_and_the_colours_of_its_meanings(dark: bool) -> None:
    equity = pd.Series(np.linspace(1, 2, len(TIMES)), TIMES)
    figure = figures.equity_figure(equity, equity * 1.1, window="validation", dark=dark)
    assert figure.layout.xaxis.title.text == "Time (UTC)"
    assert figure.layout.yaxis.title.text.endswith("%")
    tints = {trace.name: trace.line.color for trace in figure.data}
    assert tints == {
        "Buy-and-hold": look.colour("buy_and_hold", dark),
        "Strategy (validation)": look.colour("validation", dark),
    }
