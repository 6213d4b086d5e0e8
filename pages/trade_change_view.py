"""One run against another, trade by trade: what vanished, appeared or ended otherwise, and the change of the code with it."""

import pandas as pd
import streamlit as st

from engine.analysis.trade_changes import summed, trade_changes
from engine.errors import EngineError
from engine.research.service import ResearchService
from engine.store.answers import CampaignRow, RunRow
from pages import code_views, look
from pages.result_views import TRADE_COLUMNS

SHOWN = 50
_WORDS = {
    "the same": "The same entry and end", "other end": "The same entry, another end", "vanished": "Vanished",
    "appeared": "Appeared",
}  # fmt: skip


def run_change(service: ResearchService, run: RunRow, other: RunRow, campaign: CampaignRow, window: str) -> None:
    """Trades of `run` against those of `other` on that window, and the code of both."""
    try:
        with st.spinner("Computing both again from the ledger"):
            before, after = (service.results.result(r.run_id, window).trades for r in (other, run))
    except EngineError as error:
        look.problem(error)
        return
    changes = trade_changes(before, after)
    st.markdown(f"**Trades of run {run.number:,} against run {other.number:,}**, {window}, open positions included")
    sums = summed(changes)
    share = 100 / len(campaign.spec.assets)
    shown = pd.DataFrame({
        "Trades": sums["kind"].map(_WORDS), "n": sums["trades"],
        f"P/L in run {other.number:,}, % of capital": share * sums["pnl_before"],
        f"P/L in run {run.number:,}, % of capital": share * sums["pnl"], "Change, points": share * sums["change"],
    })  # fmt: skip
    numbers = {name: st.column_config.NumberColumn(format="%+,.2f") for name in shown.columns[2:]}
    st.dataframe(shown, column_config=numbers | {"n": st.column_config.NumberColumn(format="%,d")}, hide_index=True)
    st.caption("A trade is the same where asset, side and time of entry are. The same end can make another P/L, since a sleeve"
               " that has won or lost other money before puts in other amounts.")  # fmt: skip
    _largest(changes, share)
    with st.expander("The change of the code that goes with it", icon=":material/difference:"):
        diff = code_views.code_diff(other.source, run.source, (f"run {other.number:,}", f"run {run.number:,}"))
        if diff:
            st.code(diff, "diff")
        else:
            st.info("The code of both is the same; their parameters differ.", icon=":material/equal:")


def _largest(changes: pd.DataFrame, share: float) -> None:
    """The trades whose change weighs most."""
    moved = changes[changes["kind"] != "the same"]
    largest = moved.loc[moved["change"].abs().sort_values(ascending=False).index[:SHOWN]].copy()
    if largest.empty:
        return
    largest["kind"] = largest["kind"].map(_WORDS)
    largest["change"] *= share
    for name in ("reason", "reason_before"):
        largest[name] = largest[name].str.replace("_", " ")
    config = TRADE_COLUMNS | {
        "kind": st.column_config.TextColumn("What became of it"),
        "change": st.column_config.NumberColumn("Change, points of capital", format="%+,.3f"),
        "reason_before": st.column_config.TextColumn("Ended by, before"), "reason": st.column_config.TextColumn("Ended by, now"),
        "exit_time_before": st.column_config.DatetimeColumn("Exit before (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"),
        "exit_time": st.column_config.DatetimeColumn("Exit now (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"),
    }  # fmt: skip
    order = ["symbol", "kind", "direction", "entry_time", "change", "exit_time_before", "exit_time", "reason_before", "reason"]
    st.dataframe(largest[order], column_config=config, hide_index=True, height=look.table_height(len(largest), 320),
                 placeholder="")  # fmt: skip
