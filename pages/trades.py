"""Trades: why did it win, and why did it lose?"""

import pandas as pd
import streamlit as st

from engine.analysis.pack_text import pack_text
from engine.errors import DataError, EngineError
from engine.records import RUN_WINDOWS
from engine.research.explanations import ExplainedRun
from pages import look, run_choice, trade_views, what_if_view
from pages.access import research

service = research()

VIEWS = {
    "Groups": trade_views.groups,
    "Sequences": trade_views.sequences,
    "Worst and best": trade_views.extremes,
    "Kinds of entries": trade_views.kinds,
    "What if": what_if_view.what_if,
}


def page() -> None:
    """One run's trades on one window, explained."""
    _, run = run_choice.campaign_and_run(service, "What its trades have in common")
    if run.failure or not run.figures["train"]:
        look.problem(f"Run {run.number:,} failed, so there are no trades. {run.failure or run.reason}")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        window = st.segmented_control("Window", RUN_WINDOWS, default="train", required=True, key="trades.window",
                                      persist_state="session")  # fmt: skip
        view = st.segmented_control("View", list(VIEWS), default="Groups", required=True, key="trades.view", wrap=True,
                                    persist_state="session")  # fmt: skip
        st.page_link("pages/strategy.py", label=f"Open run {run.number:,}", icon=":material/arrow_forward:",
                     query_params={"campaign": run.campaign_id, "run": run.run_id})  # fmt: skip
    try:
        with st.spinner("Computing it again from the ledger"):
            explained = service.explanations.of(run.run_id, window)
    except DataError as error:
        look.problem(error)
        st.markdown("Trades are computed from bars, so none can be shown. The ledger still holds what the run came to:")
        choices = {"campaign": run.campaign_id, "run": run.run_id}
        st.page_link("pages/assets.py", label="Figures of each asset", icon=":material/stacked_bar_chart:", query_params=choices)
        st.page_link("pages/strategy.py", label="All figures and the code", icon=":material/code:",
                     query_params=choices | {"tab": "figures"})  # fmt: skip
        return
    sample = explained.found.sample
    if not sample.trades:
        st.info(f"Run {run.number:,} made no trade on {window}.", icon=":material/hourglass_empty:")
        return
    days = "a day" if sample.period_days == 1 else f"{sample.period_days:,} days"
    st.caption(f"{sample.trades:,} trades on {window}, open positions included, in {sample.periods:,} periods of {days} that are"
               " taken as independent.")  # fmt: skip
    _downloads(f"run_{run.number}_{window}", run.run_id, window, explained)
    trade_views.stands_out(explained)
    VIEWS[view](service, explained, run, window)


def _downloads(name: str, run_id: str, window: str, explained: ExplainedRun) -> None:
    """The trades with all that is known of each, the groups, and the explanation as text; made when the button is pressed."""

    def whole() -> pd.DataFrame:
        return service.explanations.whole_trades(run_id, window)

    found = explained.found
    with st.popover("Download", icon=":material/download:", key="trades.download"):
        for label, make, file, mime in (
            ("Trades with states (CSV)", lambda: whole().to_csv(index=False), f"{name}_trades.csv", "text/csv"),
            ("Trades with states (Parquet)", lambda: whole().to_parquet(index=False), f"{name}_trades.parquet", None),
            ("Groups (CSV)", lambda: found.breakdowns.to_csv(index=False), f"{name}_groups.csv", "text/csv"),
            ("In words (text)", lambda: pack_text(found, explained.result.market), f"{name}.txt", "text/plain"),
        ):
            st.download_button(label, make, file, mime, on_click="ignore", width="stretch", key=f"trades.download.{file}")


look.header("Trades", "Why did it win, and why did it lose?")
try:
    page()
except EngineError as error:
    look.problem(error)
