"""One run as a single HTML file that needs nothing else: figures, curves, assets, what its trades have in common, code."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

import pandas as pd
import plotly.graph_objects as go

from engine.analysis.pack_text import pack_text
from engine.records import RUN_WINDOWS
from engine.research.service import ResearchService
from engine.store.answers import CampaignRow, RunRow
from pages import figures, figures_trades, tables
from pages.chart_file import chart_html, html_page
from pages.figures_runs import fall
from pages.look import arm_text, figure_text, percent, short_label

HEADLINE = ("total_return", "buy_and_hold_return", "sharpe", "max_drawdown", "trades_with_open", "win_rate_with_open",
            "expectancy_with_open")  # fmt: skip
_STYLE = """
body{font:16px/1.5 "Source Sans 3","Source Sans Pro",system-ui,sans-serif;color:#1f2937}
body{max-width:1060px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.7rem;margin-bottom:.2rem}h2{font-size:1.2rem;margin-top:2.2rem;border-bottom:1px solid #e5e7eb}
table{border-collapse:collapse;font-size:.9rem}th,td{border-bottom:1px solid #e5e7eb;padding:.25rem .7rem;text-align:left}
td.n{text-align:right;font-variant-numeric:tabular-nums}.scroll{overflow-x:auto}
pre{background:#f6f8fa;padding:1rem;overflow-x:auto;font-size:.82rem;white-space:pre-wrap}.soft{color:#6b7280}
"""


def report_html(service: ResearchService, run: RunRow, campaign: CampaignRow) -> str:
    """The report of a run that has a result. Raises DataError where its bars are gone."""
    spec = campaign.spec
    charts, found = [], service.explanations.of(run.run_id, "train")
    for window in RUN_WINDOWS:
        result = service.results.result(run.run_id, window)
        charts += [
            (f"Return on {window}", figures.equity_figure(result.equity, result.buy_and_hold, window=window)),
            (f"Drawdown on {window}", figures.drawdown_figure(result.drawdown, fall(result.buy_and_hold), window=window)),
        ]
    assets = service.queries.run_assets(run.run_id, "train")
    charts.append(("Best and worst assets on train", figures.asset_bar_figure(assets)))
    if len(found.found.table):
        charts.append(("P/L by day of exit on train", figures_trades.calendar_figure(found.found.table, len(spec.assets))))
        charts.append(("How far trades went against it, train", figures_trades.excursion_figure(found.found.table, ahead=False)))
    panel = found.result.market.panel
    label = " (SYNTHETIC)" if panel.synthetic else " (survivors only)" if panel.survivors_only else ""
    author = "written by hand" if run.arm == "human" else f"written by the {escape(arm_text(run.arm))} arm"
    parts = [
        f"<h1>Run {run.number:,}: {escape(run.summary)}</h1>",
        f"<p class=soft>Campaign {escape(campaign.name)}, {author}. {escape(spec.dataset)}{label},"
        f" {len(spec.assets):,} assets. Fee {percent(spec.costs.fee_rate, signed=False)}, slippage"
        f" {percent(spec.costs.slippage_rate, signed=False)} a fill; capital {spec.capital:,.2f} {escape(spec.currency)}."
        f" Written {datetime.now(UTC):%Y-%m-%d %H:%M} UTC; every figure was computed from the ledger and these bars.</p>",
        "<h2>Figures</h2>", _headline(run),
        "<p class=soft>Validation is what the run was not fitted on. The best of many runs looks good by luck alone: the"
        " Evidence of the run in Edgewise says how good.</p>",
        *(f"<h2>{escape(title)}</h2>{_chart(chart, first=not at)}" for at, (title, chart) in enumerate(charts)),
        "<h2>Why it won and why it lost, on train</h2>",
        f"<pre>{escape(pack_text(found.found, found.result.market))}</pre>",
        "<h2>Parameters</h2>", _table(["Parameter", "Value"], [[name, f"{value}"] for name, value in (run.params or {}).items()]),
        "<h2>Strategy</h2>", f"<pre>{escape(run.source)}</pre>",
        "<h2>All figures</h2>", _whole(tables.side_by_side({w.capitalize(): run.figures.get(w, {}) for w in RUN_WINDOWS})),
        f"<p class=soft>Run {escape(run.run_id)}, code {escape(run.code_hash)}, bars {escape(spec.data_hash)}.</p>",
    ]  # fmt: skip
    return html_page(f"Run {run.number:,}", _STYLE, "".join(parts))


def _headline(run: RunRow) -> str:
    rows = [[short_label(n), *(figure_text(n, run.figures.get(w, {}).get(n)) for w in RUN_WINDOWS)] for n in HEADLINE]
    return _table(["Figure", *(w.capitalize() for w in RUN_WINDOWS)], rows)


def _chart(figure: go.Figure, *, first: bool) -> str:
    return chart_html(figure.update_layout(paper_bgcolor="white", plot_bgcolor="white"), first=first)


def _whole(frame: pd.DataFrame) -> str:
    return _table([str(c) for c in frame], [[str(v) for v in row] for row in frame.itertuples(index=False)])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    titles = "".join(f"<th>{escape(t)}</th>" for t in head)
    cells = "".join(
        "<tr>" + "".join(f"<td{' class=n' if 0 < i < 3 else ''}>{escape(v)}</td>" for i, v in enumerate(row)) + "</tr>"
        for row in rows
    )
    return f"<div class=scroll><table><tr>{titles}</tr>{cells}</table></div>"
