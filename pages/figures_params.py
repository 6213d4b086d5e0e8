"""Charts of a search over parameter sets: data in, plotly figure out, in the template of `pages.figures`.

`sets` has a row for each set that was tried: its parameters as columns, and `scenario`, `objective`, `best`, `state`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.figures import blank
from pages.look import colour

CELLS = 12
"""Most cells of a heat map a side: numbers with more values are put into as many equal spans."""
MOST_LINES = 1_000
HEAT_PX, HEAT_WIDE_PX = 420, 900
_SCALE = "Viridis"
_MARKS = {"scored": ("train", "circle"), "no objective": ("neutral", "circle-open"), "pruned": ("neutral", "x-thin-open"),
          "failed": ("loss", "x")}  # fmt: skip


def set_of(customdata: Any) -> int:
    """The set that a clicked mark names: its `customdata` by itself or in front, as a list or as the mapping by place that a
    browser makes of one."""
    if isinstance(customdata, Mapping):
        customdata = customdata.get("0", customdata.get(0))
    return int(customdata[0] if isinstance(customdata, Sequence) else customdata)


def history_figure(sets: pd.DataFrame, objective: str, *, dark: bool) -> go.Figure:
    """The objective of each set in the order tried, with the best so far; sets without one stand on the bottom line."""
    figure = blank(dark, height=320, x="Set, in the order tried", y=objective)
    low = sets["objective"].min() if sets["objective"].notna().any() else 0.0
    for state, (meaning, symbol) in _MARKS.items():
        some = sets[sets["state"] == state]
        if some.empty:
            continue
        marker = {"color": colour(meaning, dark), "symbol": symbol, "size": 7, "opacity": 0.75, "line": {"width": 1}}
        figure.add_scatter(
            x=some["trial"], y=some["objective"].fillna(low), mode="markers", name=state, marker=marker,
            customdata=some["scenario"], hovertemplate="set %{customdata}: %{y:,.3f}" if state == "scored" else f"{state}",
        )  # fmt: skip
    best = {"color": colour("text", dark), "width": 1.6, "shape": "hv"}
    figure.add_scatter(x=sets["trial"], y=sets["best"], mode="lines", name="best so far", line=best, hoverinfo="skip")
    return figure.update_layout(hovermode="closest")


def _is_choice(values: pd.Series) -> bool:
    """Texts or yes and no, which have no place on a scale."""
    return values.dtype == object or values.dtype == bool or isinstance(values.dtype, pd.StringDtype)


def cells(values: pd.Series) -> pd.Series:
    """In which cell each value lies, as the cell's middle or the value itself; in the order of a scale."""
    if _is_choice(values):
        return values.astype(str)
    if values.nunique() <= CELLS:
        return values
    edges = np.linspace(values.min(), values.max(), CELLS + 1)
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, CELLS - 1)
    return pd.Series(np.round((edges[place] + edges[place + 1]) / 2, 6), index=values.index)


def heat_figure(
    sets: pd.DataFrame, x: str, y: str, objective: str, how: str, *, chosen: int | None = None, dark: bool
) -> go.Figure:
    """The best or mean objective of the sets in each cell of two parameters; cells that nothing was tried in stay empty. Each can
    be clicked: over it lie marks that nobody sees, whose `customdata` is the best set there. The `chosen` set's cell has a frame.

    Cells stand side by side, whatever lies between their values: nothing is drawn where nothing was tried.
    """
    known = sets.dropna(subset="objective").assign(x=lambda t: cells(t[x]), y=lambda t: cells(t[y]))
    known = known.sort_values("objective", ascending=False, kind="stable")
    across, up = (pd.Index(sorted(known[axis].unique())) for axis in ("x", "y"))
    grid = known.groupby(["x", "y"], sort=True).agg(
        best=("objective", "max"), mean=("objective", "mean"), scenario=("scenario", "first"), n=("scenario", "size")
    )
    grid = grid.reset_index()
    table = grid.pivot(index="y", columns="x", values=how)
    figure = blank(dark, height=HEAT_PX, x=x, y=y)
    figure.add_heatmap(
        z=table.to_numpy(), x=list(range(len(across))), y=list(range(len(up))), colorscale=_SCALE, hoverongaps=False,
        xgap=1, ygap=1, colorbar={"title": {"text": objective, "side": "right"}, "thickness": 12}, hoverinfo="skip",
    )  # fmt: skip
    grid["place"] = list(zip(across.get_indexer(grid["x"]), up.get_indexer(grid["y"]), strict=True))
    figure.add_trace(_click_marks(grid, len(across), len(up), x, y, how))
    own = known[known["scenario"] == chosen]
    if len(own):
        at_x, at_y = across.get_loc(own["x"].iloc[0]), up.get_loc(own["y"].iloc[0])
        figure.add_shape(type="rect", x0=at_x - 0.5, x1=at_x + 0.5, y0=at_y - 0.5, y1=at_y + 0.5,
                         line={"color": colour("loss", dark), "width": 3})  # fmt: skip
    figure.update_xaxes(
        range=[-0.5, len(across) - 0.5],
        tickvals=list(range(len(across))),
        ticktext=[_cell_text(v) for v in across],
        showgrid=False,
    )
    figure.update_yaxes(
        range=[-0.5, len(up) - 0.5], tickvals=list(range(len(up))), ticktext=[_cell_text(v) for v in up], showgrid=False
    )
    return figure.update_layout(hovermode="closest")


def _click_marks(grid: pd.DataFrame, across: int, up: int, x: str, y: str, how: str) -> go.Scatter:
    """Squares without colour that fill each cell on a wide screen, as many as it takes: a heat map itself cannot be clicked."""
    wide, high = HEAT_WIDE_PX / across, 0.75 * HEAT_PX / up
    size = min(wide, high)
    steps = [(_offsets(wide / size), _offsets(high / size))] * len(grid)
    at = [(i, px + dx, py + dy) for i, ((px, py), (dxs, dys)) in enumerate(zip(grid["place"], steps, strict=True))
          for dx in dxs for dy in dys]  # fmt: skip
    row = grid.iloc[[i for i, _, _ in at]]
    unseen = {"marker": {"opacity": 0.0}}
    told = [f"{x} {_cell_text(a)}<br>{y} {_cell_text(b)}" for a, b in zip(row["x"], row["y"], strict=True)]
    return go.Scatter(
        x=[px for _, px, _ in at], y=[py for _, _, py in at], mode="markers", showlegend=False, selected=unseen,
        unselected=unseen, marker={"size": size, "symbol": "square", "opacity": 0.0}, text=told,
        customdata=row[["scenario", "n", how]],
        hovertemplate=f"%{{text}}<br>{how} %{{customdata[2]:,.3f}} of %{{customdata[1]}} sets<br>click: set %{{customdata[0]}}"
        "<extra></extra>",
    )  # fmt: skip


def _offsets(share: float) -> np.ndarray:
    """Places of squares side by side that fill a span of that many squares, from -0.5 to 0.5."""
    number = max(round(share), 1)
    return (np.arange(number) + 0.5) / number - 0.5


def _cell_text(value: object) -> str:
    """A cell's value or middle, as an axis tells it."""
    return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)


def slice_figure(sets: pd.DataFrame, name: str, objective: str, chosen: object, *, dark: bool) -> go.Figure:
    """The objective over one parameter, all others whatever they were; the chosen value is marked by a line."""
    known = sets.dropna(subset="objective")
    figure = blank(dark, height=260, x=name, y=objective)
    values = known[name].astype(str) if known[name].dtype == object else known[name]
    figure.add_scatter(
        x=values, y=known["objective"], mode="markers", showlegend=False, customdata=known["scenario"],
        marker={"color": colour("train", dark), "size": 6, "opacity": 0.6},
        hovertemplate="set %{customdata}: %{x}, %{y:,.3f}<extra></extra>",
    )  # fmt: skip
    if isinstance(chosen, int | float) and not isinstance(chosen, bool):
        figure.add_vline(x=chosen, line={"color": colour("text", dark), "width": 1.4, "dash": "dot"})
    return figure.update_layout(hovermode="closest")


def parallel_figure(sets: pd.DataFrame, names: Sequence[str], objective: str, *, dark: bool) -> go.Figure:
    """A line for each set through its parameters to its objective; of more than MOST_LINES the best are drawn."""
    known = sets.dropna(subset="objective").nlargest(MOST_LINES, "objective")
    dimensions = [_axis(name, known[name]) for name in names] + [{"label": objective, "values": known["objective"]}]
    figure = blank(dark, height=400, x="", y="")
    tint = {"color": colour("text", dark), "size": 12}
    figure.add_parcoords(
        dimensions=dimensions, labelangle=-18, labelfont=tint, tickfont=tint, rangefont=tint,
        unselected={"line": {"opacity": 0.05}}, line={"color": known["objective"], "colorscale": _SCALE, "showscale": False},
    )  # fmt: skip
    return figure.update_layout(margin={"l": 60, "r": 60, "t": 90, "b": 30})


def _axis(name: str, values: pd.Series) -> dict[str, object]:
    if _is_choice(values):
        texts = sorted(values.astype(str).unique())
        places = values.astype(str).map({text: place for place, text in enumerate(texts)})
        return {"label": name, "values": places, "tickvals": list(range(len(texts))), "ticktext": texts}
    return {"label": name, "values": values}


def importance_figure(shares: Mapping[str, float], *, dark: bool) -> go.Figure:
    """What share of the objective's variance each parameter explains, the highest on top."""
    names = list(shares)[::-1]
    figure = blank(dark, height=90 + 32 * len(names), x="Share of the objective's variance, %", y="")
    figure.add_bar(x=[100 * shares[name] for name in names], y=names, orientation="h", marker={"color": colour("neutral", dark)},
                   hovertemplate="%{y}: %{x:.1f} %<extra></extra>")  # fmt: skip
    return figure.update_layout(hovermode="closest", showlegend=False)
