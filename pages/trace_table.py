"""Calls to the model as a table, and the words for how they ended."""

from typing import Any

import pandas as pd
import streamlit as st

from pages import look, selection

STATUSES = {
    "answered": ("answered", "green", "The reply could be read."),
    "malformed": ("malformed", "orange", "Fields are missing or are not what was asked for; the same was asked again."),
    "empty": ("empty", "orange", "The reply was empty; the same was asked again."),
    "truncated": ("truncated", "orange", "The reply ended at the limit of tokens; the same was asked again."),
    "refused": ("refused", "orange", "The model, or its provider's filter, would not answer."),
    "rate_limited": ("rate limited", "gray", "Too many requests; asked again after a while."),
    "server_error": ("server error", "gray", "The provider failed; asked again after a while."),
    "timeout": ("timeout", "gray", "No answer came in time; asked again after a while."),
    "unreachable": ("unreachable", "gray", "No connection; asked again after a while."),
    "rejected": ("rejected", "red", "The provider would not take it: key, money, unknown model or too long."),
    "stopped": ("stopped", "gray", "The work was told to stop before an answer came."),
    "lost": ("lost", "orange", "This program ended before an answer came; the call counts at the most that was expected."),
}
"""How a call ended -> word, colour, meaning."""

ORIGINS = {"loop": "a run", "trial": "trying the model", "replay": "a replay", "compile": "compiling"}
"""What a call was made for -> how it is told."""

RUN_COLUMNS = ["seq", "role", "status", "attempt", "tokens", "usd", "latency_s", "problem"]
COLUMNS = {
    "at_utc": st.column_config.DatetimeColumn("Time, UTC", format="YYYY-MM-DD HH:mm:ss"),
    "seq": st.column_config.NumberColumn("Call", format="%d", width=50, help="The calls of a run, counted from 1."),
    "role": st.column_config.TextColumn("Role", help="Which prompt it was."),
    "number": st.column_config.NumberColumn("Run", format="%,d", width=60, help="The run that it fed; 0: none."),
    "status": st.column_config.TextColumn("Reply", help="How the call ended."),
    "attempt": st.column_config.NumberColumn("Attempt", format="%d", width=70, help="How often the same was asked, from 1."),
    "model": st.column_config.TextColumn("Model"),
    "tokens": st.column_config.NumberColumn("Tokens", format="%,d", width=110, help="Sent and received together."),
    "usd": st.column_config.NumberColumn("Cost, USD", format="%.4f", width=110, help="Not computed where no price is known."),
    "latency_s": st.column_config.NumberColumn("Latency, s", format="%.1f"),
    "prompt_version": st.column_config.TextColumn("Prompt version"),
    "ended": st.column_config.TextColumn(
        "How the run ended", help="Scored, kept, or how it failed; empty while there is no run."
    ),
    "problem": st.column_config.TextColumn("Problem", width="large"),
    "campaign_id": st.column_config.TextColumn("Campaign"),
    "origin": st.column_config.TextColumn("Made for", width=90, help="Replays and compiling try prompts; they feed no run."),
    "link": st.column_config.LinkColumn("Strategy", display_text="open run", width=80, help="Opens in a new tab."),
}


def with_words(calls: pd.DataFrame) -> pd.DataFrame:
    """The calls with tokens in one column, how the run ended in words, and a link to it."""
    statuses = {status: word for status, (word, _, _) in STATUSES.items()}
    return calls.assign(
        tokens=calls["tokens_in"].astype(float) + calls["tokens_out"].astype(float),
        status=calls["status"].map(statuses),
        origin=[ORIGINS.get(origin, origin) for origin in calls["origin"]],
        ended=[ended(row) for row in calls.itertuples()],
        link=[
            None if look.is_missing(row.run_id) else selection.address("strategy", campaign=row.campaign_id, run=row.run_id)
            for row in calls.itertuples()
        ],
    )


def ended(row: Any) -> str:
    """How the run that a call fed has ended, in words."""
    if look.is_missing(row.run_status):
        return ""
    if row.run_status == "failed":
        return f"failed: {row.run_failure}"
    return "scored" if look.is_missing(row.kept) else f"scored, {'kept' if row.kept else 'not kept'}"


def call_table(calls: pd.DataFrame, columns: list[str], key: str, current: str | None = None) -> None:
    """A table of calls in which a ticked row is opened."""
    ids = calls["call_id"].tolist()
    key = f"{key}.{hash(tuple(ids))}"  # other rows are another table: a tick must never slide to another call

    def opened() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        if rows:
            selection.choose("call", ids[rows[0]])

    st.dataframe(
        with_words(calls), column_order=columns, column_config=COLUMNS, hide_index=True, key=key, on_select=opened,
        selection_mode="single-row", selection_default={"selection": {"rows": [ids.index(current)] if current in ids else []}},
        height=look.table_height(len(calls), 640), placeholder=look.NOT_COMPUTED if columns != RUN_COLUMNS else "",
    )  # fmt: skip
