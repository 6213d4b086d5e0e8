"""Parts that show what runs did, figures side by side; how a table of trades reads. Used by several pages."""

import json
from collections.abc import Mapping

import streamlit as st

from engine.records import RUN_WINDOWS
from engine.research.service import ResearchService
from pages import figures_runs, look, tables

TRADE_COLUMNS = {
    "symbol": st.column_config.TextColumn("Asset", pinned=True),
    "entry_time": st.column_config.DatetimeColumn("Entry (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"),
    "exit_time": st.column_config.DatetimeColumn("Exit (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"),
    "direction": st.column_config.TextColumn("Side", width="small"),
    "entry_price": st.column_config.NumberColumn("Entry price", format="%.6g", help="After slippage."),
    "exit_price": st.column_config.NumberColumn("Exit price", format="%.6g", help="After slippage."),
    "return": st.column_config.NumberColumn("P/L, % of notional", format="%+,.2f", help="P/L after fees per entry notional."),
    "pnl": st.column_config.NumberColumn("P/L, % of sleeve", format="%+,.2f", help="After fees, over the sleeve's capital."),
    "bars_held": st.column_config.NumberColumn("Bars held", format="%,d"),
    "reason": st.column_config.TextColumn("Ended by", help="`open`: still held at the window's end, valued at the last close."),
    "entry_tag": st.column_config.TextColumn("Entry rule", help="The name of the entry that was true first."),
    "ambiguous": st.column_config.CheckboxColumn("Ambiguous", help="Stop and target lay in one bar; the stop was taken."),
}


def show_figures(columns: Mapping[str, Mapping[str, float]], key: str) -> None:
    """All portfolio figures, a column for each entry, with their definitions."""
    config = {title: st.column_config.TextColumn(alignment="right", width="small") for title in columns}
    config["Figure"] = st.column_config.TextColumn(pinned=True)
    st.dataframe(tables.side_by_side(columns), column_config=config, hide_index=True, height=520, key=key)


def compare(service: ResearchService, run_ids: list[str]) -> None:
    """The ticked runs side by side: growth from the daily returns in the ledger, figures, parameters."""
    runs = [service.queries.run(run_id) for run_id in run_ids]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        window = st.segmented_control("Window", RUN_WINDOWS, default="validation", required=True, key="runs.window")
        for run in runs:
            st.page_link("pages/strategy.py", label=f"Open run {run.number:,}", icon=":material/arrow_forward:",
                         query_params={"campaign": run.campaign_id, "run": run.run_id})  # fmt: skip
    returns = {f"Run {run.number:,}": service.queries.daily_returns(run.run_id, window) for run in runs if run.failure is None}
    if returns:
        look.show(figures_runs.growth_figure(returns, dark=look.is_dark()), "runs.growth")
    show_figures({f"Run {run.number:,}": run.figures.get(window, {}) for run in runs}, "runs.figures")
    for run in runs:
        st.caption(f"Run {run.number:,}: {look.plain(tables.params_text(json.dumps(run.params or {})))}")
