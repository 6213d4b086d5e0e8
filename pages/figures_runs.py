"""Charts of several runs and of a dataset's coverage: data in, plotly figure out, in the template of `pages.figures`."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.figures import asset_bar_figure, blank, line, plain_times, time_axis
from pages.figures_candles import candle_figure
from pages.look import colour

RUN_STYLES = (
    (("#18212B", "#E4E9EF"), "solid"),
    (("#21708C", "#5FB4D6"), "dash"),
    (("#7A4FB5", "#C9A3F5"), "dot"),
    (("#2E8B57", "#6FD3A8"), "dashdot"),
    (("#A8780A", "#F5C34D"), "longdash"),
)
"""Colour (light, dark) and dash of each run in a comparison; a comparison has no meaning to colour by, only an order."""

MOST_COMPARED = len(RUN_STYLES)
COVERAGE_STEPS = 240

NO_TRADES = pd.DataFrame(
    {c: pd.Series(dtype=float) for c in (
        "entry_price", "exit_price", "entry_time", "exit_time", "pnl", "return", "direction", "reason",
    )}
)  # fmt: skip


def growth_figure(returns: Mapping[str, pd.Series], *, dark: bool = False, height: int = 340) -> go.Figure:
    """Growth of capital of several runs, from their daily returns by UTC day, in percent of the starting capital."""
    figure = blank(dark, height=height, x="Day (UTC)", y="Return on starting capital, %")
    for (name, series), (tints, dash) in zip(returns.items(), RUN_STYLES, strict=False):
        figure.add_trace(line((1 + series.astype(float)).cumprod() - 1, name, tints[dark], dash=dash))
    figure.update_yaxes(tickformat="+.0%")
    days = pd.DatetimeIndex([]) if not returns else next(iter(returns.values())).index
    return time_axis(figure, dark, days)


def fall(equity: pd.Series) -> pd.Series:
    """How far a curve of capital lies below its highest value so far (1 to begin with), as negative fractions."""
    return equity / equity.cummax().clip(lower=1) - 1


def coverage_figure(exists: np.ndarray, times: pd.DatetimeIndex, symbols: tuple[str, ...], *, dark: bool = False) -> go.Figure:
    """Share of bars that each asset has, over time: one row an asset, dark where all bars are there, empty where none is.

    `exists`: bool (bars, assets).
    """
    edges = np.unique(np.linspace(0, len(times), min(len(times), COVERAGE_STEPS) + 1).astype(int))
    counts = np.add.reduceat(exists, edges[:-1], axis=0, dtype=np.int32)
    share = (100 * counts / np.diff(edges)[:, None]).round().astype(np.uint8)
    figure = blank(dark, height=min(150 + 7 * len(symbols), 900), x="Time (UTC)", y="Asset")
    figure.add_trace(
        go.Heatmap(
            z=share.T, x=plain_times(times[edges[:-1]]), y=list(symbols), zmin=0, zmax=100, hoverongaps=False,
            colorscale=[[0, colour("ground", dark)], [1, colour("neutral", dark)]],
            colorbar={"title": {"text": "Bars, %"}, "thickness": 12},
            hovertemplate="%{y}, from %{x|%Y-%m-%d}: %{z}% of bars<extra></extra>",
        )
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure.update_layout(hovermode="closest")


def listed_figure(exists: np.ndarray, times: pd.DatetimeIndex, *, dark: bool = False, height: int = 220) -> go.Figure:
    """How many assets have a bar, over time. `exists`: bool (bars, assets)."""
    figure = blank(dark, height=height, x="Time (UTC)", y="Assets with a bar")
    counted = pd.Series(exists.sum(axis=1), times)
    figure.add_trace(line(counted, "Assets", colour("all", dark), form=",d").update(line_shape="hv"))
    figure.update_yaxes(tickformat=",d", rangemode="tozero")
    return time_axis(figure, dark, times)


def price_figure(candles: pd.DataFrame, *, dark: bool = False, height: int = 420) -> go.Figure:
    """One asset's candles alone. Index UTC time; open, high, low, close."""
    return candle_figure(candles, NO_TRADES, dark=dark, height=height).update_layout(showlegend=False)


def change_bar_figure(change: pd.DataFrame, figure_name: str, *, dark: bool = False) -> go.Figure:
    """The assets that gained and lost most between two runs, by the change of one figure; `change` as `Queries.asset_change`."""
    table = change.set_index("symbol")[[f"change_{figure_name}"]].set_axis([figure_name], axis=1)
    figure = asset_bar_figure(table, figure_name, dark=dark)
    return figure.update_xaxes(title_text=f"Change of: {figure.layout.xaxis.title.text}")


def asset_growth_figure(made: pd.Series, window: str, *, dark: bool = False, height: int = 150) -> go.Figure:
    """One asset small: what its trades had made at each close, in shares of a sleeve's capital."""
    figure = blank(dark, height=height, x="", y="")
    won = "profit" if len(made) and made.iloc[-1] > 0 else "loss"
    figure.add_hline(y=0, line={"color": colour("neutral", dark), "width": 0.8, "dash": "dot"})
    figure.add_trace(line(made, window, colour(won, dark), width=1.4))
    figure.update_yaxes(tickformat="+.0%", nticks=4)
    return figure.update_layout(showlegend=False, margin={"l": 4, "r": 4, "t": 4, "b": 4})
