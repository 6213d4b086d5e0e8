"""Charts of trades: how far they went, and what each hour of the week made. Pure functions."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from engine.features.entry_states import WEEKDAYS
from pages.figures import blank
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
    most = float(np.abs(made).max()) or 1.0
    scale = [[0, colour("loss", dark)], [0.5, colour("ground", dark)], [1, colour("profit", dark)]]
    figure = blank(dark, height=height, x="Hour of entry (UTC)", y="Weekday of entry")
    figure.add_trace(
        go.Heatmap(
            z=np.where(numbers > 0, made, np.nan), x=[f"{hour:02d}" for hour in range(24)], y=list(WEEKDAYS), customdata=numbers,
            zmin=-most, zmax=most, colorscale=scale,
            colorbar={"title": {"text": "P/L, % of capital"}, "thickness": 12}, xgap=1, ygap=1,
            hovertemplate="%{y} %{x}:00 UTC<br>P/L %{z:+.3f}% of capital<br>n = %{customdata:,}<extra></extra>",
        )
    )  # fmt: skip
    figure.update_layout(hovermode="closest")
    figure.update_yaxes(autorange="reversed")
    return figure
