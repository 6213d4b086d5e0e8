"""Charts of evidence: data in, plotly figure out, in the template of `pages.figures`."""

from collections.abc import Sequence

import plotly.graph_objects as go

from engine.analysis.fold_evidence import FoldEvidence, FoldScore
from pages.figures import blank
from pages.look import colour

WALKED, PATHS = "Walk-forward", "Paths"


def folds_figure(found: FoldEvidence, *, dark: bool) -> go.Figure | None:
    """Yearly Sharpe ratios on days not chosen on: walk-forward with its interval and what choosing on the same days shows, its
    windows from the days chosen on to those tested on, and one mark a combinatorial path. None if neither was computed."""
    walked, paths = found.walk_forward, found.paths
    if walked.reason and paths.reason:
        return None
    figure = blank(dark, height=220 + 26 * len(walked.folds), x="Sharpe ratio a year", y="")
    if not paths.reason:
        figure.add_scatter(
            x=list(paths.sharpes), y=[PATHS] * len(paths.sharpes), mode="markers", name="a path",
            marker={"color": colour("train", dark), "size": 9, "opacity": 0.55}, hovertemplate="a path: %{x:.2f}",
        )  # fmt: skip
        figure.add_scatter(
            x=[paths.median], y=[PATHS], mode="markers", name="median of the paths", hovertemplate="median: %{x:.2f}",
            marker={"color": colour("text", dark), "symbol": "line-ns-open", "size": 20, "line": {"width": 3}},
        )  # fmt: skip
    if not walked.reason:
        _windows(figure, walked.folds, dark)
        reach = {"array": [walked.high - walked.sharpe], "arrayminus": [walked.sharpe - walked.low], "thickness": 2}
        figure.add_scatter(
            x=[walked.sharpe], y=[WALKED], error_x=reach, mode="markers", name="walk-forward, 95% interval",
            marker={"color": colour("train", dark), "symbol": "diamond", "size": 11},
            hovertemplate="walk-forward: %{x:.2f}",
        )  # fmt: skip
        figure.add_scatter(
            x=[walked.in_sample], y=[WALKED], mode="markers", name="best on the same days", hovertemplate="in sample: %{x:.2f}",
            marker={"color": colour("neutral", dark), "symbol": "circle-open", "size": 11, "line": {"width": 2}},
        )  # fmt: skip
    figure.add_vline(x=0, line={"color": colour("neutral", dark), "dash": "dot", "width": 1})
    return figure.update_layout(hovermode="closest")


def _windows(figure: go.Figure, folds: Sequence[FoldScore], dark: bool) -> None:
    """A row a window, the earliest next to the walk that joins them."""
    for number in range(len(folds), 0, -1):
        fold, is_first = folds[number - 1], number == 1
        figure.add_scatter(
            x=[fold.chosen_on, fold.tested_on], y=[f"Window {number}"] * 2, mode="lines+markers", name="chosen on, tested on",
            showlegend=is_first, legendgroup="window", line={"color": colour("neutral", dark), "width": 1},
            marker={"color": colour("train", dark), "size": 9, "symbol": ["circle-open", "circle"]},
            text=["on the days chosen on", f"on the next {fold.days:,} days"], hovertemplate="%{text}: %{x:.2f}",
        )  # fmt: skip
