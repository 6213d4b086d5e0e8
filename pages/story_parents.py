"""A run beside those it goes back to: links, figures and code."""

import pandas as pd
import streamlit as st

from engine.errors import UnknownRun
from engine.model_records import Story
from engine.records import RUN_WINDOWS
from engine.research.service import ResearchService
from engine.store.answers import CampaignRow, RunRow
from pages import code_views, look
from pages.run_links import run_links

COMPARED = ("sharpe", "total_return", "max_drawdown", "win_rate_with_open", "trades_with_open")


def parents(service: ResearchService, story: Story, run: RunRow, campaign: CampaignRow) -> None:
    """Links to the parents, and the main figures against the first of them."""
    if not story.parents:
        st.markdown("**Parent:** none, it was written from nothing")
        return
    links = run_links(service, story.parents, home=campaign.campaign_id)
    st.markdown(f"**{'Parents' if len(story.parents) > 1 else 'Parent'}:** {links}")
    parent = known_run(service, story.parents[0])
    if parent is None or not run.figures.get("train"):
        st.text("There is no result to compare.")
        return
    config = {"Figure": st.column_config.TextColumn(pinned=True)}
    st.dataframe(
        against(run, parent), hide_index=True, placeholder="", key="story.against",
        column_config=config | {c: st.column_config.TextColumn(alignment="right") for c in ("Parent", "This run", "Change")},
    )  # fmt: skip


def against(run: RunRow, parent: RunRow) -> pd.DataFrame:
    """The main figures of a run on both windows beside its parent's, as text in their units, with the change."""
    rows = []
    for window in RUN_WINDOWS:
        before, now = parent.figures.get(window, {}), run.figures.get(window, {})
        for name in COMPARED:
            old, new = before.get(name), now.get(name)
            computed = not look.is_missing(old) and not look.is_missing(new)
            rows.append({
                "Figure": f"{look.short_label(name)} on {window}", "Parent": look.figure_text(name, old),
                "This run": look.figure_text(name, new), "Change": look.figure_change(name, new - old) if computed else None,
            })  # fmt: skip
    return pd.DataFrame(rows)


def changes(service: ResearchService, story: Story, run: RunRow) -> None:
    """The code against the first parent's."""
    parent = known_run(service, story.parents[0]) if story.parents else None
    if parent is None:
        return
    with st.expander(f"Changes to the code of run {parent.number:,}", icon=":material/difference:"):
        diff = code_views.code_diff(parent.source, run.source, (f"run {parent.number:,}", f"run {run.number:,}"))
        st.code(diff or "The code is the same.", "diff" if diff else None)


def known_run(service: ResearchService, run_id: str) -> RunRow | None:
    """The run, None for one that this ledger does not hold."""
    try:
        return service.queries.run(run_id)
    except UnknownRun:
        return None
