"""Parts of the Trades page: what stands out, groups, sequences, kinds of entries, the worst and the best trades."""

import pandas as pd
import streamlit as st

from engine.analysis.breakdowns import breakdown_table
from engine.analysis.dimensions import Dimension
from engine.analysis.findings import NAMED, Finding
from engine.analysis.group_tests import q_values
from engine.features.entry_states import RECENT
from engine.research.explanations import ExplainedRun
from engine.store.answers import RunRow
from pages import figures_trades, look, selection
from pages.result_views import TRADE_COLUMNS

CELL_COLUMNS = {
    "label": st.column_config.TextColumn("By", pinned=True),
    "what": st.column_config.TextColumn("Trades", pinned=True, width="medium"),
    "trades": st.column_config.NumberColumn("n", format="%,d", help="Trades, open positions included."),
    "pnl": st.column_config.NumberColumn("P/L, % of capital", format="%+,.2f", help="Sum of P/L over all starting capital."),
    "wins": st.column_config.NumberColumn("Won, %", format="%,.1f", help="Share of trades with P/L after fees above 0."),
    "expectancy": st.column_config.NumberColumn("Mean, %", format="%+,.3f", help="Mean P/L after fees per entry notional."),
    "low": st.column_config.NumberColumn("Mean from, %", format="%+,.3f", help="Lower bound of the 95 % interval, by periods."),
    "high": st.column_config.NumberColumn("to, %", format="%+,.3f", help="Upper bound."),
    "others": st.column_config.NumberColumn("Others, %", format="%+,.3f", help="Mean of all other trades."),
    "q": st.column_config.NumberColumn("q", format="%.3g", help="Share of false discoveries among all that are as surprising."),
    "note": st.column_config.TextColumn("Note", width="large"),
}
MOVES = {"before": f"{RECENT} bars before", "during": "during", "after": f"{RECENT} bars after"}


def stands_out(run: ExplainedRun) -> None:
    """What is beyond chance, most money first; or that nothing is."""
    found = run.found
    tried = int(found.breakdowns["p"].notna().sum())
    if not found.findings:
        st.info(
            f"Nothing beyond chance: none of {tried:,} groups of trades differs from the others at a false discovery rate of"
            f" {NAMED:.0%}. What stands below describes these trades and need not come again.",
            icon=":material/casino:",
        )  # fmt: skip
        return
    st.markdown(f"**Beyond chance**, of {tried:,} groups at a false discovery rate of {NAMED:.0%}, most money first")
    look.told_table([_finding_row(f) for f in found.findings], "Trades")


def _finding_row(f: Finding) -> dict[str, str]:
    return {
        "Trades": f.what[:1].upper() + f.what[1:], "n": f"{f.n:,}", "P/L of capital": look.percent(f.value),
        "95% interval": look.interval(f.low, f.high), "q": f"{f.q:.2g}",
        "In words": f"{look.percent(f.expectancy)} a trade on average, all others {look.percent(f.others)}",
    }  # fmt: skip


def cells_table(cells: pd.DataFrame, key: str, *, height: int = 420) -> None:
    """Cells of a breakdown, in percent, with their intervals and chances."""
    shown = cells.copy()
    shown[["pnl", "wins", "expectancy", "low", "high", "others"]] *= 100
    shown["what"] = shown["what"].str[:1].str.upper() + shown["what"].str[1:]
    order = [c for c in CELL_COLUMNS if c in shown]
    st.dataframe(shown[order], column_config=CELL_COLUMNS, hide_index=True, height=look.table_height(len(shown), height),
                 placeholder=look.NOT_COMPUTED, key=key)  # fmt: skip


def groups(run: ExplainedRun, row: RunRow) -> None:
    """Every dimension, one at a time, and the hours of the week."""
    cells = run.found.breakdowns
    labels = dict(zip(cells["dimension"], cells["label"], strict=True))
    chosen = st.selectbox(
        "By", list(labels), format_func=lambda name: labels[name].capitalize(), key="trades.dimension", width=320
    )
    own = cells[cells["dimension"] == chosen]
    if chosen == "asset":
        own = own.sort_values("pnl")
    cells_table(own.drop(columns="label"), f"trades.cells.{chosen}")
    if run.result.market.panel.bar_s < 86_400:
        look.show(figures_trades.week_figure(run.found.table, len(run.spec.assets), dark=look.is_dark()), "trades.week")


def sequences(run: ExplainedRun, row: RunRow) -> None:
    """Trades that follow each other, and whether a random order would show as many; an episode opens on the candles."""
    found = run.found
    if not found.sequences:
        st.info("No stop-outs in a row and no row of three losses or wins.", icon=":material/linear_scale:")
        return
    st.caption(
        "Chance is the share of 200 random orders of the same trades with as much. Stop-outs come in rows wherever prices are"
        " wild, so a small chance alone is no finding: entries made meanwhile must do worse than others too."
    )
    for number, s in enumerate(found.sequences):
        state = "; ".join(f"{label} {own:.2g} against {others:.2g}" for label, own, others in s.state)
        with st.expander(
            f"{s.what[:1].upper()}{s.what[1:]}: {s.count:,} with {s.trades:,} trades, P/L {look.percent(s.pnl)} of capital,"
            f" chance {s.chance:.2g}", expanded=number == 0,
        ):  # fmt: skip
            if state:
                st.caption(f"When they were decided, against all other trades: {look.plain(state)}.")
            episodes = [
                {
                    "Asset": "several" if e.asset is None else found.names.assets[e.asset], "From": found.names.bar(e.first_bar),
                    "Bars": e.last_bar - e.first_bar + 1, "Trades": len(e.trades), "P/L, % of capital": 100 * e.pnl,
                    "Candles": None if e.asset is None else selection.address(
                        "assets", campaign=row.campaign_id, run=row.run_id, asset=found.names.assets[e.asset]),
                }
                for e in s.episodes
            ]  # fmt: skip
            config = {
                "Candles": st.column_config.LinkColumn(display_text="open"),
                "P/L, % of capital": st.column_config.NumberColumn(format="%+,.3f"),
            }
            st.dataframe(pd.DataFrame(episodes), column_config=config, hide_index=True, key=f"trades.episodes.{s.kind}")


def kinds(run: ExplainedRun, row: RunRow) -> None:
    """Clusters of entries and the splitting rule."""
    found = run.found
    if found.clusters is None:
        st.info("Too few trades for kinds of entries.", icon=":material/scatter_plot:")
        return
    st.markdown(f"**Kinds of entries**: clusters of states, silhouette {found.clusters.silhouette:.2f}")
    cells_table(_tested(run, Dimension("cluster", "", found.clusters.codes, found.clusters.what)), "trades.clusters")
    if found.rule is not None:
        st.markdown("**The rule that splits trades best**, by a decision tree of depth two")
        cells_table(_tested(run, Dimension("rule", "", found.rule.codes, found.rule.what)), "trades.rule")
        ahead = (
            "not computed: too little time"
            if pd.isna(found.rule.ahead)
            else (f"its better leaves led by {look.percent(found.rule.ahead)} a trade, chance {found.rule.p:.2g}")
        )
        st.caption(f"On trades that a tree had not seen {ahead}. The leaves above were chosen on these very trades.")


def _tested(run: ExplainedRun, dimension: Dimension) -> pd.DataFrame:
    cells = breakdown_table(run.found.sample, [dimension]).drop(columns="label")
    return cells.assign(q=q_values(cells["p"].to_numpy(float)))


def extremes(run: ExplainedRun, row: RunRow) -> None:
    """The trades of least and of most return, and how far all of them went."""
    table = run.found.table
    for title, ahead in (("Worst", True), ("Best", False)):
        some = table.sort_values("return", ascending=ahead, kind="stable").head(min(10, (len(table) + 1) // 2))
        st.markdown(f"**{title} trades**")
        trades_table(some, f"trades.{title.lower()}")
    left, right = st.columns(2, gap="medium")
    with left:
        look.show(figures_trades.excursion_figure(table, ahead=False, dark=look.is_dark()), "trades.mae")
    with right:
        look.show(figures_trades.excursion_figure(table, ahead=True, dark=look.is_dark()), "trades.mfe")


def trades_table(table: pd.DataFrame, key: str) -> None:
    """Trades with how far they went."""
    shown = table.copy()
    shown[["return", "mae", "mfe", "asset_move", "market_move", "market_during"]] *= 100
    shown["reason"] = shown["reason"].str.replace("_", " ")
    numbers = {
        "mae": "Against it, %", "mfe": "For it, %", "asset_move": f"Asset {RECENT} bars before, %",
        "market_move": f"Market {RECENT} bars before, %", "market_during": "Market during, %",
    }  # fmt: skip
    config = TRADE_COLUMNS | {n: st.column_config.NumberColumn(label, format="%+,.2f") for n, label in numbers.items()}
    order = ["symbol", "direction", "entry_time", "bars_held", "return", "reason", *numbers]
    st.dataframe(shown[order], column_config=config, hide_index=True, key=key, placeholder=look.NOT_COMPUTED)
