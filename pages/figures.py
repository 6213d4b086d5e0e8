"""Charts, as pure functions: data in, plotly figure out. One template for all, light and dark.

Colours and units come from `pages.look`. A series of more than `MAX_POINTS` points is thinned before it is drawn: of each
stretch the lowest and highest value stay, so that no peak and no fall is lost.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from engine.analysis.luck import LuckCurve
from engine.records import RUN_WINDOWS
from pages.look import colour, figure_label

MAX_POINTS = 5_000

_SPANS = (("1w", 7, "day"), ("1m", 1, "month"), ("3m", 3, "month"), ("1y", 1, "year"))


def blank(dark: bool, *, height: int, x: str, y: str) -> go.Figure:
    """An empty figure in the house template, with titled axes."""
    grid, text, soft = colour("grid", dark), colour("text", dark), colour("neutral", dark)
    axis = {"gridcolor": grid, "linecolor": grid, "zeroline": False, "automargin": True, "tickfont": {"color": soft, "size": 12}}
    title = {"font": {"color": soft, "size": 12}}
    return go.Figure(
        layout={
            "height": height,
            "margin": {"l": 8, "r": 8, "t": 36, "b": 8},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": '"Source Sans", "Source Sans Pro", sans-serif', "size": 13, "color": text},
            "hovermode": "x unified",
            "hoverlabel": {"bgcolor": colour("ground", dark), "bordercolor": grid, "font": {"color": text}},
            "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 1, "xanchor": "right", "font": {"size": 12}},
            "xaxis": {**axis, "title": {"text": x, **title}, "showgrid": False},
            "yaxis": {**axis, "title": {"text": y, **title}},
            "uirevision": "kept",
        }
    )


def time_axis(figure: go.Figure, dark: bool, times: pd.Index) -> go.Figure:
    """Buttons for the last week, month, … as far as the series reaches."""
    reach = (times[-1] - times[0]).days if len(times) else 0
    days = {"day": 1, "month": 30, "year": 365}
    buttons = [
        {"count": n, "label": label, "step": step, "stepmode": "backward"} for label, n, step in _SPANS if n * days[step] < reach
    ]
    ground = colour("grid", dark)
    selector = {"buttons": [*buttons, {"step": "all", "label": "All"}], "x": 0, "y": 1.0, "yanchor": "bottom", "bgcolor": ground,
                "activecolor": colour("null", dark), "font": {"size": 11}}  # fmt: skip
    figure.update_xaxes(rangeselector=selector, rangeslider={"visible": False}, type="date")
    if len(figure.data) > 1:  # buttons and legend in two rows: on a narrow screen they would lie on each other
        rows = figure.layout.height - 112
        figure.update_layout(margin_t=62, legend_y=1 + 28 / max(rows, 1))
    return figure


def thin(series: pd.Series, points: int = MAX_POINTS) -> pd.Series:
    """The series with at most about `points` points: first, last, and the extremes of each of points / 2 stretches."""
    if len(series) <= points:
        return series
    values = series.to_numpy(float)
    edges = np.linspace(0, len(values), points // 2 + 1).astype(int)
    filled_low, filled_high = np.where(np.isnan(values), np.inf, values), np.where(np.isnan(values), -np.inf, values)
    kept = {0, len(values) - 1}
    for start, stop in pairwise(edges):
        kept |= {start + int(filled_low[start:stop].argmin()), start + int(filled_high[start:stop].argmax())}
    return series.iloc[sorted(kept)]


def plain_times(index: pd.Index) -> np.ndarray:
    """The values of an index, UTC times without their zone: plotly copies those at once, zoned ones one by one."""
    return (index.tz_convert(None) if isinstance(index, pd.DatetimeIndex) and index.tz else index).to_numpy()


def line(series: pd.Series, name: str, tint: str, *, dash: str = "solid", width: float = 1.8, form: str = "+.2%") -> go.Scatter:
    """The series as a trace, thinned; `form` is plotly's number format of what hovering tells."""
    series = thin(series)
    look = {"color": tint, "dash": dash, "width": width}
    return go.Scatter(
        x=plain_times(series.index), y=series.to_numpy(), name=name, mode="lines", line=look,
        hovertemplate=f"%{{y:{form}}}<extra>{name}</extra>",
    )  # fmt: skip


def equity_figure(
    equity: pd.Series,
    buy_and_hold: pd.Series | None = None,
    *,
    window: str = "train",
    others: Mapping[str, pd.Series] | None = None,
    dark: bool = False,
    height: int = 340,
) -> go.Figure:
    """Growth of capital over time, in percent of the starting capital, against buy-and-hold (dashed).

    Series: UTC time -> multiple of starting capital (1.0 = start). `others`: further runs by name, dotted.
    """
    figure = blank(dark, height=height, x="Time (UTC)", y="Return on starting capital, %")
    if buy_and_hold is not None:
        figure.add_trace(line(buy_and_hold - 1, "Buy-and-hold", colour("buy_and_hold", dark), dash="dash", width=1.4))
    for name, series in (others or {}).items():
        figure.add_trace(line(series - 1, name, colour(window, dark), dash="dot", width=1.4))
    figure.add_trace(line(equity - 1, f"Strategy ({window})", colour(window, dark), width=2))
    figure.update_yaxes(tickformat="+.0%")
    return time_axis(figure, dark, equity.index)


def drawdown_figure(
    drawdown: pd.Series, buy_and_hold: pd.Series | None = None, *, window: str = "train", dark: bool = False, height: int = 200
) -> go.Figure:
    """Fall below the highest equity so far, over time (negative fractions), shown as a filled area in percent."""
    figure = blank(dark, height=height, x="Time (UTC)", y="Drawdown, %")
    if buy_and_hold is not None:
        figure.add_trace(line(buy_and_hold, "Buy-and-hold", colour("buy_and_hold", dark), dash="dash", width=1.2))
    area = line(drawdown, f"Strategy ({window})", colour(window, dark), width=1.2)
    figure.add_trace(area.update(fill="tozeroy", opacity=0.9))
    figure.update_yaxes(tickformat=".0%")
    return time_axis(figure, dark, drawdown.index)


def exposure_figure(exposure: pd.Series, *, window: str = "train", dark: bool = False, height: int = 180) -> go.Figure:
    """Share of equity deployed over time, in percent."""
    figure = blank(dark, height=height, x="Time (UTC)", y="Exposure, % of equity")
    figure.add_trace(line(exposure, "Exposure", colour(window, dark), width=1.2, form=".1%").update(fill="tozeroy"))
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return time_axis(figure, dark, exposure.index)


def luck_traces(numbers: np.ndarray, curve: LuckCurve, last: int, window: str, dark: bool) -> list[go.Scatter]:
    """The band that holds the best of so many trials without skill, and the expected best: to lie behind a curve of best results.
    `numbers`: runs at which the curve is known; it is drawn on to run `last`."""
    x = np.append(numbers, max(last, numbers[-1]))
    low, high, expected = (np.append(values, values[-1]) for values in (curve.low, curve.high, curve.expected))
    ground = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    told = f"best by luck alone, {window}"
    return [
        go.Scatter(x=x, y=low, showlegend=False, **ground),
        go.Scatter(x=x, y=high, fill="tonexty", fillcolor=colour("null", dark), **ground,
                   name=f"{curve.level:.0%} of searches without skill, {window}"),
        go.Scatter(x=x, y=expected, mode="lines", name=told.capitalize(), line={"color": colour("neutral", dark), "dash": "dash"},
                   hovertemplate=f"%{{y:,.2f}}<extra>{told}</extra>"),
    ]  # fmt: skip


def best_curve_figure(
    progress: pd.DataFrame, *, objective: str = "sharpe", dark: bool = False, height: int = 340,
    behind: Sequence[go.Scatter] = (), windows: Sequence[str] = RUN_WINDOWS,
) -> go.Figure:  # fmt: skip
    """Each run's objective on these windows (marks) and the best so far (steps), by run number.

    `progress`: as `Queries.progress` gives it. The best on validation is drawn where the objective is Sharpe, by which boards
    are ranked; failed runs leave a gap. `behind`: traces that are drawn first.
    """
    unit = " per year" if objective in ("sharpe", "sortino") else ""
    figure = blank(dark, height=height, x="Run number", y=figure_label(objective) + unit)
    figure.add_traces(list(behind))
    percent = "%" in figure_label(objective)
    form = "+.2%" if percent else ",.2f"
    shown = progress.tail(MAX_POINTS // 2)
    marks = {"train": ("objective", "circle"), "validation": ("validation_objective", "diamond")}
    for window, (column, symbol) in ((w, marks[w]) for w in windows):
        figure.add_trace(
            go.Scattergl(
                x=shown["number"], y=shown[column].astype(float), name=f"Each run, {window}", mode="markers",
                marker={"color": colour(window, dark), "size": 6, "opacity": 0.6, "symbol": symbol},
                hovertemplate=f"%{{y:{form}}}<extra>this run, {window}</extra>",
            )
        )  # fmt: skip
    best = {"train": "best_objective"} | ({"validation": "best_validation_sharpe"} if objective == "sharpe" else {})
    for window, column in ((w, column) for w, column in best.items() if w in windows):
        steps = line(
            progress.set_index("number")[column].astype(float), f"Best so far, {window}", colour(window, dark), form=form
        )
        figure.add_trace(steps.update(line_shape="hv"))
    figure.update_yaxes(tickformat="+.0%" if percent else ",.2~f")
    figure.update_xaxes(tickformat=",d", dtick=1 if len(progress) < 12 else None)
    return figure


def asset_bar_figure(
    assets: pd.DataFrame, figure_name: str = "contribution", *, most: int = 20, dark: bool = False, height: int | None = None
) -> go.Figure:
    """The best and the worst assets by one figure, as horizontal bars. `assets`: indexed by symbol, names of ASSET_FIGURES."""
    values = assets[figure_name].dropna().sort_values()
    half = most // 2
    values = values if len(values) <= most else pd.concat([values.iloc[:half], values.iloc[-half:]])
    figure = blank(dark, height=height or 90 + 22 * len(values), x=figure_label(figure_name), y="Asset")
    percent = "%" in figure_label(figure_name)
    figure.add_trace(
        go.Bar(
            x=values.to_numpy(), y=values.index, orientation="h",
            marker={"color": [colour("profit" if v > 0 else "loss", dark) for v in values]},
            hovertemplate=f"%{{y}}: %{{x:{'+.2%' if percent else ',.2f'}}}<extra></extra>",
        )
    )  # fmt: skip
    figure.update_xaxes(tickformat="+.1%" if percent else ",", showgrid=True, gridcolor=colour("grid", dark))
    figure.update_layout(hovermode="closest", bargap=0.25)
    return figure


def sparkline(values: pd.Series, points: int = 60) -> list[float]:
    """A short list for st.metric or a LineChartColumn: the last values of a series, missing ones left out."""
    return thin(values.dropna(), points).astype(float).tolist()
