"""The candle chart: one asset's bars and volume, its trades with stops and targets, what the strategy saw. Pure functions."""

from collections.abc import Mapping
from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.figures import blank, line, plain_times, time_axis
from pages.look import colour

MAX_CANDLES = 1_500  # more are too narrow to read on any screen
MOST_TAGS = 30
PANE_PX = 110
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_OF_SEVERAL = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}


def thin_candles(candles: pd.DataFrame, most: int = MAX_CANDLES) -> pd.DataFrame:
    """Candles of several bars each, so that at most `most` remain; labelled by the open of their first bar."""
    if len(candles) <= most:
        return candles
    width = -(-len(candles) // most)
    stretch = np.arange(len(candles)) // width
    grouped = candles.groupby(stretch)
    wide = grouped.agg({name: how for name, how in _OF_SEVERAL.items() if name in candles})
    return wide.set_axis(candles.index[::width][: len(wide)])


def candle_figure(
    candles: pd.DataFrame,
    trades: pd.DataFrame,
    *,
    lines: Mapping[str, pd.Series] | None = None,
    apart: Mapping[str, pd.Series] | None = None,
    levels: pd.DataFrame | None = None,
    volume: bool = False,
    dark: bool = False,
    height: int = 460,
) -> go.Figure:
    """One asset's candles with its trades: entries as triangles (long up, short down), exits as crosses coloured by result.

    `candles`: index UTC time, columns open, high, low, close and for `volume` that too. `trades`: columns of `simulate_trades`;
    of few their entry rules stand beside them. `lines`: drawn over the candles; `apart`: each in a pane of its own below.
    `levels`: columns time, stop, target; rows of NaN part trades.
    """
    panes = ["Volume"] * volume + list(apart or {})
    figure = blank(dark, height=height + PANE_PX * len(panes), x="Time (UTC)", y="Price")
    shown = thin_candles(candles)
    up, down = colour("neutral", dark), colour("text", dark)
    figure.add_trace(
        go.Candlestick(
            x=plain_times(shown.index), open=shown["open"], high=shown["high"], low=shown["low"], close=shown["close"],
            name="Price",
            increasing={"line": {"color": up, "width": 1}, "fillcolor": colour("ground", dark)},
            decreasing={"line": {"color": down, "width": 1}, "fillcolor": up}, showlegend=False,
        )
    )  # fmt: skip
    for number, (name, series) in enumerate((lines or {}).items()):
        tint = colour("all" if number < len(_DASHES) else "neutral", dark)
        figure.add_trace(line(series, escape(name), tint, dash=_DASHES[number % len(_DASHES)], width=1.3, form=",.6~g"))
    if volume:
        figure.add_trace(
            go.Bar(x=plain_times(shown.index), y=shown["volume"], name="Volume", yaxis="y2", showlegend=False,
                   marker={"color": colour("neutral", dark), "line": {"width": 0}},
                   hovertemplate="%{y:,.4~s}<extra>Volume</extra>")
        )  # fmt: skip
    for number, (name, series) in enumerate((apart or {}).items(), 2 + volume):
        drawn = line(series, escape(name), colour("all", dark), width=1.3, form=",.6~g")
        figure.add_trace(drawn.update(yaxis=f"y{number}", showlegend=False))
    _stack(figure, [escape(name) for name in panes])
    if levels is not None:
        for name, tint in (("stop", "loss"), ("target", "profit")):
            if levels[name].notna().any():
                figure.add_trace(_level(levels, name, colour(tint, dark)))
    for side, symbol in (("long", "triangle-up"), ("short", "triangle-down")):
        part = trades[trades["direction"] == side]
        figure.add_trace(_marks(part, "entry", f"Entry {side}", colour(side, dark), symbol, dark, tags=len(trades) <= MOST_TAGS))
    for name, part in (("profit", trades[trades["pnl"] > 0]), ("loss", trades[trades["pnl"] <= 0])):
        figure.add_trace(_marks(part, "exit", f"Exit, {name}", colour(name, dark), "x" if name == "loss" else "circle", dark))
    figure.update_layout(hovermode="closest")
    return time_axis(figure, dark, shown.index)


def _stack(figure: go.Figure, panes: list[str]) -> None:
    """The candles above, and below them a pane with an axis of its own for each title; all share the time axis."""
    if not panes:
        return
    share, gap = PANE_PX / figure.layout.height, 0.03
    axis = figure.layout.yaxis.to_plotly_json()
    figure.update_layout(yaxis_domain=[share * len(panes) + gap, 1])
    for number, title in enumerate(panes):
        top = share * (len(panes) - number)
        own = axis | {"domain": [max(top - share + gap, 0), top], "title": axis["title"] | {"text": title}, "anchor": "x",
                      "nticks": 4}  # fmt: skip
        figure.update_layout({f"yaxis{number + 2}": own})
    figure.update_xaxes(anchor=f"y{len(panes) + 1}")


def _level(levels: pd.DataFrame, name: str, tint: str) -> go.Scatter:
    return go.Scatter(
        x=plain_times(pd.DatetimeIndex(levels["time"])), y=levels[name], name=name.capitalize(), mode="lines",
        line={"color": tint, "width": 1.2, "dash": "dot", "shape": "hv"},
        hovertemplate=f"{name} %{{y:,.6~g}}<extra></extra>",
    )  # fmt: skip


def level_lines(levels: pd.DataFrame, times: pd.DatetimeIndex, bar_s: int) -> pd.DataFrame:
    """`backtest.levels.trade_levels` as lines for a chart: columns time, stop, target. Each trade's levels reach to the end of
    its last bar; a row of NaN parts it from the next."""
    parts = []
    for _, own in levels.groupby("trade"):
        at = times[own["bar"]]
        ends = [at[-1] + pd.Timedelta(seconds=bar_s)] * 2
        values = own[["stop", "target"]].to_numpy(float)
        parts.append(
            pd.DataFrame(
                np.vstack([values, values[-1:], [[np.nan, np.nan]]]), columns=["stop", "target"]
            ).assign(time=at.append(pd.DatetimeIndex(ends)))
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"time": times[:0], "stop": [], "target": []})


def _marks(
    trades: pd.DataFrame, end: str, name: str, tint: str, symbol: str, dark: bool, *, tags: bool = False
) -> go.Scatter:  # fmt: skip
    text = "%{customdata[0]} %{customdata[1]}<br>P/L %{customdata[2]:+.2%} of notional<br>reason %{customdata[3]}"
    told = tags and "entry_tag" in trades and bool(trades["entry_tag"].fillna("").any())
    return go.Scatter(
        x=trades[f"{end}_time"], y=trades[f"{end}_price"], name=name, mode="markers+text" if told else "markers",
        text=[escape(tag) for tag in trades["entry_tag"]] if told else None, textposition="bottom center",
        textfont={"size": 11, "color": tint},
        customdata=trades[["direction", f"{end}_time", "return", "reason"]].to_numpy(),
        marker={"color": tint, "symbol": symbol, "size": 10, "line": {"color": colour("ground", dark), "width": 1}},
        hovertemplate=f"{name} at %{{y:,.6~g}}<br>{text}<extra></extra>",
    )  # fmt: skip
