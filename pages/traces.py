"""Traces: what was the model asked, and what did it say?"""

import math
from typing import Any, get_args

import streamlit as st

from engine.errors import EngineError, UnknownEntry, UnknownRun
from engine.model_records import CallRecord, CallStatus
from engine.proposal.roles import ROLES
from pages import look, replay_view, selection, trace_table, trace_views
from pages.access import research

service = research()
queries = service.model.queries

PAGE = 100
LISTED = [
    "at_utc", "role", "number", "origin", "status", "ended", "attempt", "model", "tokens", "usd", "latency_s", "prompt_version",
    "link", "problem", "campaign_id",
]  # fmt: skip
MEMORY: dict[str, Any] = {"persist_state": "session", "bind": "query-params"}
"""Filters are in the address and stay while one call is looked at."""


def one_of(label: str, name: str, options: list[str], **more: Any) -> str | None:
    """What this viewer has chosen among them; None for all."""
    return st.selectbox(
        label, options, index=None, placeholder="all", key=f"traces.{name}", on_change=first_page, **MEMORY, **more
    )


def first_page() -> None:
    """Other filters, other calls: begin at the newest."""
    st.session_state["traces.page"] = 1


def filters() -> tuple[dict[str, Any], str]:
    """The conditions that this viewer has set, and the text searched for."""
    board = service.queries.campaigns()
    names = dict(zip(board["campaign_id"], board["name"], strict=True))
    with st.grid(4, min_column_width=160):
        campaign = one_of("Campaign", "campaign", list(names), format_func=lambda i: f"{names.get(i, 'gone')} ({i})")
        number = st.number_input("Run", 0, None, None, 1, placeholder="all", key="traces.run", on_change=first_page,
                                 help="Its number; 0: calls for no run.", **MEMORY)  # fmt: skip
        role = one_of("Role", "role", list(ROLES))
        status = one_of("Reply", "status", list(get_args(CallStatus)), format_func=lambda s: trace_table.STATUSES[s][0])
        model = one_of("Model", "model", queries.models_asked())
        versions = queries.prompt_versions(role)["version"].tolist() if role else []
        version = one_of("Prompt version", "version", versions, disabled=not role, help="Choose a role first.")
        text = st.text_input("Text", key="traces.text", placeholder="in prompt or reply", on_change=first_page, **MEMORY)
    conditions = {"campaign_id": campaign, "number": number, "role": role, "status": status, "model": model}
    return conditions | {"prompt_version": version if role else None}, (text or "").strip()


def listed() -> None:
    """The calls that meet the filters, newest first, a page at a time."""
    conditions, text = filters()
    page = st.session_state.get("traces.page", 1)
    offset = (page - 1) * PAGE
    calls = queries.calls(**conditions, text=text or None, limit=PAGE + 1, offset=offset)
    has_more, calls = len(calls) > PAGE, calls.head(PAGE)
    found = None if text else queries.count_calls(**conditions)
    pages = page + has_more if found is None else max(1, math.ceil(found / PAGE))
    if calls.empty and page > 1:
        first_page()
        st.rerun()
    of = f" of {found:,}" if found is not None else ", more follow" if has_more else ""
    told = f"Calls {offset + 1:,} to {offset + len(calls):,}{of}, newest first. Tick one to open it." if len(calls) else ""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption(told or "No call meets all of these conditions: take one away.")
        st.pagination(pages, width=320, key="traces.page", persist_state="session")
    if len(calls):
        trace_table.call_table(calls, LISTED, "traces.table")


def opened(call_id: str) -> None:
    """One call, or its replay."""
    call = queries.call(call_id)
    _follow_replay(call)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.button("All calls", key="traces.back", icon=":material/arrow_back:", on_click=selection.choose, args=("call", None))
        view = st.segmented_control("View", ["Call", "Replay"], default="Call", required=True, key="traces.view",
                                    persist_state="page", label_visibility="collapsed")  # fmt: skip
    if view == "Call":
        trace_views.call_page(service, call)
    else:
        replay_view.replay(service, call)


def _follow_replay(call: CallRecord) -> None:
    """A replay that the address names is opened, in the view of the call whose inputs it asked again."""
    replay_id = st.query_params.pop("replay", None)
    if not replay_id:
        return
    if replay_id in dict(service.replays.past(call.role)):
        st.session_state["replay.shown"], st.session_state["traces.view"] = replay_id, "Replay"
    else:
        st.warning(f"The replay {look.plain(repr(replay_id[:40]))} is not in this ledger.", icon=":material/link_off:")


def _tell_gone() -> None:
    """Say that the campaign or the run of the address is not there."""
    selection.tell_gone("campaign", set(service.queries.campaigns()["campaign_id"]), "The campaign", "All calls are shown.")
    if run_id := selection.current("run"):
        try:
            service.queries.run(run_id)
        except UnknownRun:
            selection.tell_gone("run", (), "The run", "")
            st.caption("The calls of all runs are shown.")


def page() -> None:
    """All calls or the one in the address."""
    if queries.count_calls() == 0:
        st.info(
            "No call yet. Every request to a language model will stand here: the prompt as it was sent, the reply, what was read "
            "out of it, what it cost, and how the run ended that it fed.",
            icon=":material/hourglass_empty:",
        )
        st.page_link("pages/research_setup.py", label="Set up a campaign with a model", icon=":material/arrow_forward:")
        return
    _tell_gone()
    call_id = selection.current("call")
    try:
        if call_id:
            opened(call_id)
            return
    except UnknownEntry as error:
        selection.choose("call", None)
        look.problem(error)
    listed()


look.header("Traces", "What was the model asked, and what did it say?")
try:
    page()
except EngineError as error:
    look.problem(error)
