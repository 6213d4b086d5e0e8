"""The funnel from proposals to strategies that hold, drawn: data in, plotly figure out."""

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from pages.figures import blank
from pages.look import ARMS, arm_text, colour

_TINTS = {"model": "model", "random": "random", "mutate": "mutate", "human": "all"}
BAR_PX = 30


def funnel_figure(counts: pd.DataFrame, labels: Mapping[str, str], *, dark: bool = False) -> go.Figure:
    """Runs that reached each step, a bar for each arm, with their share of the arm's runs.

    `counts`: a row for each arm (index), a column for each step, NaN where a step does not apply; `labels`: step -> its name.
    """
    figure = blank(dark, height=90 + BAR_PX * max(len(counts), 1) * len(labels), x="Runs", y="")
    order = {arm: place for place, arm in enumerate(ARMS)}
    for arm in sorted(counts.index, key=lambda name: order.get(name, len(order)), reverse=True):
        row = counts.loc[arm]
        text = ["does not apply" if pd.isna(n) else f"{n:,.0f} ({n / row.iloc[0]:.0%})" for n in row]
        figure.add_trace(
            go.Bar(
                x=row.fillna(0), y=[labels[step] for step in counts.columns], orientation="h", name=arm_text(str(arm)),
                text=text, textposition="outside", cliponaxis=False,
                marker={"color": colour(_TINTS.get(str(arm), "neutral"), dark)},
                hovertemplate="%{y}: %{text}<extra>" + arm_text(str(arm)) + "</extra>",
            )
        )  # fmt: skip
    figure.update_layout(hovermode="closest", bargap=0.25, barmode="group", legend_traceorder="reversed")
    most = max(counts.max().max(), 1) if counts.size else 1
    figure.update_xaxes(range=[0, 1.35 * most], tickformat=",d", dtick=1 if most < 8 else None)  # room for the longest bar's text
    figure.update_yaxes(autorange="reversed")
    return figure
