"""The candle chart: a strategy's own lines stand where they can be read, under names that are text."""

import numpy as np
import pandas as pd

from pages import figures

TIMES = pd.date_range("2024-01-01", periods=50, freq="h", tz="UTC")
CANDLES = pd.DataFrame({"open": 1.0, "high": 2.0, "low": 0.5, "close": 1.5}, TIMES)
TRADES = pd.DataFrame(
    columns=["direction", "entry_time", "entry_price", "exit_time", "exit_price", "return", "reason", "pnl"]
).astype({"pnl": float})
LINE = pd.Series(np.linspace(1, 2, 50), TIMES)


def test_lines_apart_have_an_axis_of_their_own_below_the_candles() -> None:
    figure = figures.candle_figure(CANDLES, TRADES, lines={"mean": LINE}, apart={"rsi": LINE * 50})
    axes = {trace.name: trace.yaxis for trace in figure.data}
    assert (axes["mean"], axes["rsi"]) == ("y", "y2")
    assert figure.layout.yaxis2.domain[1] < figure.layout.yaxis.domain[0]
    assert figure.layout.height > figures.candle_figure(CANDLES, TRADES, lines={"mean": LINE}).layout.height


def test_the_name_of_a_line_is_text_and_no_markup() -> None:
    figure = figures.candle_figure(CANDLES, TRADES, lines={"<a href='x'>here</a>": LINE})
    assert figure.data[1].name == "&lt;a href=&#x27;x&#x27;&gt;here&lt;/a&gt;"
    assert "<a" not in figure.data[1].hovertemplate
