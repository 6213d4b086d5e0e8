"""Prompts: what is the model told?"""

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from engine.errors import EngineError
from pages import look, prompt_editor, prompt_file_view, prompt_history, prompt_proposals, selection, trace_texts
from pages.access import research

service = research()
desk = service.model

TABLE = {
    "role": st.column_config.TextColumn("Prompt", pinned=True),
    "calls": st.column_config.NumberColumn("Calls", format="%,d", help="In the research itself; replays are not counted."),
    "share": st.column_config.ProgressColumn("Answered", format="percent", help="Replies that could be read."),
    "purpose": st.column_config.TextColumn("What it is for", width="large"),
    "usd": st.column_config.NumberColumn("Cost, USD", format="%.4f", help="Of its calls with a known price."),
    "version": st.column_config.TextColumn("In force"),
}
VIEWS: dict[str, Any] = {
    "Edit": partial(prompt_editor.edit, desk),
    "History": partial(prompt_history.history, service),
    "Proposals": partial(prompt_proposals.proposals, service),
    "Whole file": lambda role: prompt_file_view.whole_file(desk),
}


def roles() -> pd.DataFrame:
    """Every prompt with its purpose and what became of its calls."""
    listed = pd.DataFrame([{"role": p.role, "purpose": p.purpose, "version": p.version} for p in desk.book().prompts.values()])
    table = listed.merge(desk.queries.role_calls(), on="role", how="left")
    calls, heard = table["calls"].fillna(0), table["heard"]
    priced = table["unpriced_calls"].fillna(0) < calls
    return table.assign(calls=calls, share=table["answered"] / heard.where(heard > 0), usd=table["usd"].where(priced))


def role_text(table: pd.DataFrame, role: str) -> str:
    """draft: 120 calls, 92% answered"""
    row = table.set_index("role").loc[role]
    if not row["calls"]:
        return f"{role}: no call yet"
    return f"{role}: {look.count(row['calls'])} calls, {look.percent(row['share'], signed=False, digits=0)} answered"


def chosen_role() -> str:
    """The prompt that this viewer looks at, with what it is for and what became of its calls."""
    table = roles()
    selection.tell_gone("role", set(table["role"]), "The prompt", "Another one is shown.")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        role = str(selection.pick("Prompt", "role", table["role"].tolist(), first="draft", format_func=partial(role_text, table)))
        with st.popover(f"All {len(table)} prompts", icon=":material/list:", width="content"):
            st.dataframe(table, column_order=list(TABLE), column_config=TABLE, hide_index=True, width=960,
                         height="content", placeholder="none yet")  # fmt: skip
    row = table.set_index("role").loc[role]
    st.markdown(look.plain(row["purpose"]))
    answered = prompt_history.share_text(row["share"], row["calls"])
    told = (
        f"{look.count(row['calls'])} calls, answered {answered}, cost {trace_texts.usd_text(row['usd'])}." if row["calls"] else ""
    )
    st.caption(f"Version `{row['version']}` is in force. {told or 'It was never asked yet.'}")
    return role


def page() -> None:
    """One prompt and what is done with it."""
    prompt_file_view.broken(desk)
    role = chosen_role()
    waiting = int((desk.queries.proposals()["state"] == "open").sum())
    if waiting:
        st.badge(f"{waiting} {'proposal waits' if waiting == 1 else 'proposals wait'}", color="blue", icon=":material/lightbulb:")
    first = "History" if selection.current("version") else "Edit"  # an address that names a version leads to its history
    view = st.segmented_control("View", list(VIEWS), default=first, required=True, key="prompts.view", persist_state="session",
                                label_visibility="collapsed")  # fmt: skip
    VIEWS[view](role)


look.header("Prompts", "What is the model told?")
try:
    page()
except EngineError as error:
    look.problem(error)
