"""The candle chart: a strategy's own lines stand where they can be read, under names that are text."""

from itertools import pairwise

import numpy as np
import pandas as pd

from pages import figures_candles

TIMES = pd.date_range("2024-01-01", periods=50, freq="h", tz="UTC")
CANDLES = pd.DataFrame({"open": 1.0, "high": 2.0, "low": 0.5, "close": 1.5}, TIMES)
TRADES = pd.DataFrame(
    columns=["direction", "entry_time", "entry_price", "exit_time", "exit_price", "return", "reason", "pnl"]
).astype({"pnl": float})
LINE = pd.Series(np.linspace(1, 2, 50), TIMES)


def test_lines_apart_have_an_axis_of_their_own_below_the_candles() -> None:
    figure = figures_candles.candle_figure(CANDLES, TRADES, lines={"mean": LINE}, apart={"rsi": LINE * 50})
    axes = {trace.name: trace.yaxis for trace in figure.data}
    assert (axes["mean"], axes["rsi"]) == (None, "y2")  # plotly's first axis goes without saying
    assert figure.layout.yaxis2.domain[1] < figure.layout.yaxis.domain[0]
    assert figure.layout.height > figures_candles.candle_figure(CANDLES, TRADES, lines={"mean": LINE}).layout.height


def test_the_name_of_a_line_is_text_and_no_markup() -> None:
    figure = figures_candles.candle_figure(CANDLES, TRADES, lines={"<a href='x'>here</a>": LINE})
    assert figure.data[1].name == "&lt;a href=&#x27;x&#x27;&gt;here&lt;/a&gt;"
    assert "<a" not in figure.data[1].hovertemplate


def test_volume_and_each_line_apart_have_a_pane_and_no_two_overlap() -> None:
    candles = CANDLES.assign(volume=7.0)
    figure = figures_candles.candle_figure(candles, TRADES, apart={"rsi": LINE, "atr": LINE}, volume=True)
    axes = [figure.layout[name] for name in ("yaxis", "yaxis2", "yaxis3", "yaxis4")]
    assert [axis.title.text for axis in axes] == ["Price", "Volume", "rsi", "atr"]
    assert all(lower.domain[1] < upper.domain[0] for upper, lower in pairwise(axes))
    assert min(axis.domain[0] for axis in axes) >= 0
    assert next(t for t in figure.data if t.name == "Volume").yaxis == "y2"


def test_levels_of_two_trades_are_two_lines_that_reach_to_the_end_of_their_last_bars() -> None:
    levels = pd.DataFrame({"trade": [0, 0, 1], "bar": [3, 4, 9], "stop": [1.0, 1.1, 2.0], "target": [3.0, 3.0, np.nan]})
    drawn = figures_candles.level_lines(levels, TIMES, 3_600)
    assert drawn["stop"].isna().sum() == 2
    first = drawn.iloc[: int(drawn["stop"].isna().idxmax())]
    assert (first["time"].iloc[0], first["time"].iloc[-1]) == (TIMES[3], TIMES[5])
    figure = figures_candles.candle_figure(CANDLES, TRADES, levels=drawn)
    assert {"Stop", "Target"} <= {trace.name for trace in figure.data}


def test_entry_rules_of_few_trades_stand_at_their_entries() -> None:
    trade = {"direction": "long", "entry_time": TIMES[3], "entry_price": 1.0, "exit_time": TIMES[5], "exit_price": 1.2,
             "return": 0.2, "reason": "exit_signal", "pnl": 0.2, "entry_tag": "<b>dip"}  # fmt: skip
    figure = figures_candles.candle_figure(CANDLES, pd.DataFrame([trade]))
    assert next(t for t in figure.data if t.name == "Entry long").text == ("&lt;b&gt;dip",)
    many = figures_candles.candle_figure(CANDLES, pd.DataFrame([trade] * (figures_candles.MOST_TAGS + 1)))
    assert next(t for t in many.data if t.name == "Entry long").text is None
