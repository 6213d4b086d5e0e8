"""Charts of trades: how far they went, what each hour of the week and each day made, and single ones small. Pure functions."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from engine.features.entry_states import WEEKDAYS
from pages.figures import blank, line
from pages.look import colour

MOST_POINTS = 3_000


def excursion_figure(table: pd.DataFrame, *, ahead: bool, dark: bool = False, height: int = 420) -> go.Figure:
    """Each trade's return against how far the price went for it (`ahead`) or against it, profits and losses apart; of more than
    MOST_POINTS trades every so manieth."""
    column, told = ("mfe", "Went for the trade at most (MFE), %") if ahead else ("mae", "Went against the trade at most (MAE), %")
    figure = blank(dark, height=height, x=told, y="Return after costs, %")
    shown = table.iloc[:: -(-max(len(table), 1) // MOST_POINTS)]
    for name, symbol in (("profit", "circle"), ("loss", "x")):
        part = shown[(shown["pnl"] > 0) == (name == "profit")]
        figure.add_trace(
            go.Scattergl(
                x=100 * part[column], y=100 * part["return"], mode="markers", name=name.capitalize(),
                customdata=part[["symbol", "direction", "entry_time", "reason"]].to_numpy(),
                marker={"color": colour(name, dark), "symbol": symbol, "size": 6, "opacity": 0.55},
                hovertemplate="%{customdata[0]} %{customdata[1]}, %{customdata[2]|%Y-%m-%d %H:%M} UTC<br>%{customdata[3]}"
                              "<br>%{x:+.2f}%, returned %{y:+.2f}%<extra></extra>",
            )
        )  # fmt: skip
    figure.update_layout(hovermode="closest")
    return figure


def week_figure(table: pd.DataFrame, assets: int, *, dark: bool = False, height: int = 330) -> go.Figure:
    """P/L by hour and weekday of entry (UTC), in per cent of starting capital; hovering tells the number of trades."""
    shape = (len(WEEKDAYS), 24)
    place = table["weekday"].to_numpy(np.int64) * 24 + table["hour"].to_numpy(np.int64)
    numbers = np.bincount(place, minlength=shape[0] * 24).reshape(shape)
    made = 100 / assets * np.bincount(place, table["pnl"].to_numpy(float), minlength=shape[0] * 24).reshape(shape)
    figure = blank(dark, height=height, x="Hour of entry (UTC)", y="")
    figure.update_xaxes(type="category", nticks=12, title_standoff=12)
    told = "%{y} %{x}:00 UTC<br>P/L %{z:+.3f}% of capital<br>n = %{customdata:,}<extra></extra>"
    figure.add_trace(_made_map(made, numbers, [f"{hour:02d}" for hour in range(24)], WEEKDAYS, told, dark))
    return _laid_out(figure)


def calendar_figure(table: pd.DataFrame, assets: int, *, dark: bool = False, height: int = 330) -> go.Figure:
    """P/L by day of exit (UTC), in per cent of starting capital: a column a week, a row a weekday; hovering tells the number of
    trades."""
    days = table["exit_time"].dt.tz_convert(None).dt.normalize()
    weeks = days - pd.to_timedelta(days.dt.day_of_week, unit="D")
    columns = pd.date_range(weeks.min(), weeks.max(), freq="7D")
    place = days.dt.day_of_week.to_numpy() * len(columns) + columns.get_indexer(weeks)
    shape, size = (len(WEEKDAYS), len(columns)), len(WEEKDAYS) * len(columns)
    numbers = np.bincount(place, minlength=size).reshape(shape)
    made = 100 / assets * np.bincount(place, table["pnl"].to_numpy(float), minlength=size).reshape(shape)
    figure = blank(dark, height=height, x="Week of exit (UTC), by its Monday", y="")
    told = "%{y} of the week of %{x|%Y-%m-%d}<br>P/L %{z:+.3f}% of capital<br>n = %{customdata:,}<extra></extra>"
    figure.add_trace(_made_map(made, numbers, columns, WEEKDAYS, told, dark))
    return _laid_out(figure)


def _made_map(made: np.ndarray, numbers: np.ndarray, x: Any, y: Any, told: str, dark: bool) -> go.Heatmap:
    """What was made in each cell, losses and profits in their colours; cells without a trade stay empty."""
    most = float(np.abs(made).max()) or 1.0
    scale = [[0, colour("loss", dark)], [0.5, colour("ground", dark)], [1, colour("profit", dark)]]
    title = {"text": "P/L, % of capital", "side": "top", "font": {"size": 12}}
    bar = {"title": title, "thickness": 10, "orientation": "h", "len": 0.5, "x": 1, "xanchor": "right", "y": 1.02,
           "yanchor": "bottom", "tickfont": {"size": 11}, "nticks": 5}  # fmt: skip
    return go.Heatmap(
        z=np.where(numbers > 0, made, np.nan), x=x, y=list(y), customdata=numbers, zmin=-most, zmax=most, colorscale=scale,
        colorbar=bar, xgap=1, ygap=1, hovertemplate=told,
    )  # fmt: skip


def _laid_out(figure: go.Figure) -> go.Figure:
    figure.update_layout(hovermode="closest", margin_t=70)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure


def trade_figure(close: pd.Series, trade: pd.Series, *, dark: bool = False, height: int = 190) -> go.Figure:
    """One trade small: closes around it (index UTC time), its entry and its exit."""
    figure = blank(dark, height=height, x="", y="")
    figure.add_trace(line(close, "Close", colour("neutral", dark), width=1.3, form=",.6~g"))
    won = "profit" if trade["pnl"] > 0 else "loss"
    up = trade["direction"] == "long"
    figure.add_trace(
        go.Scatter(
            x=[trade["entry_time"], trade["exit_time"]], y=[trade["entry_price"], trade["exit_price"]], mode="lines+markers",
            line={"color": colour(won, dark), "width": 1.6},
            marker={"symbol": ["triangle-up" if up else "triangle-down", "circle" if won == "profit" else "x"], "size": 10,
                    "color": [colour("long" if up else "short", dark), colour(won, dark)]},
            hovertemplate="%{y:,.6~g}<extra></extra>", name="Entry and exit",
        )
    )  # fmt: skip
    return figure.update_layout(showlegend=False, margin={"l": 4, "r": 4, "t": 8, "b": 4}, hovermode="closest")
