"""One call to the model, whole. Whatever came from a model or was sent to it is shown as text, never as Markdown."""

import streamlit as st

from engine.model_records import CallRecord
from engine.research.service import ResearchService
from pages import look, selection
from pages.trace_table import ORIGINS, RUN_COLUMNS, STATUSES, call_table, ended
from pages.trace_texts import height_for, show_fields, show_messages, usd_text


def call_page(service: ResearchService, call: CallRecord) -> None:
    """One call, whole: what it was for, what was sent, what came back."""
    _place(service, call)
    _facts(call)
    if call.problem:
        st.caption("What was wrong with it:")
        st.code(call.problem, None, wrap_lines=True)
    show_messages(call.prompt)
    st.markdown("**Reply**, as it came")
    st.code(call.reply or "(nothing came)", None, wrap_lines=True, height=height_for(call.reply))
    st.markdown("**Fields** that were read out of it")
    if not call.fields:
        st.caption("None: the reply could not be read.")
    show_fields(call.fields)


def _place(service: ResearchService, call: CallRecord) -> None:
    """The run that it fed, and the calls before and after it."""
    place = call.place
    calls = service.model.queries.calls(campaign_id=place.campaign_id, number=place.number, newest_first=False, limit=500)
    calls = calls[calls["origin"] == place.origin].sort_values(["seq", "at_utc"], kind="stable")
    ids = calls["call_id"].tolist()
    at = ids.index(call.call_id) if call.call_id in ids else 0
    row = calls.iloc[at]
    what = f"Run {place.number:,}" if place.number else f"Made for {ORIGINS.get(place.origin, place.origin)}"
    fate = f". The run: {ended(row)}." if ended(row) else ". No such run is recorded yet." if place.number else "."
    told = f"{what}, call {at + 1} of {len(ids)}{fate}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for label, to, icon in (("Previous", at - 1, "arrow_back"), ("Next", at + 1, "arrow_forward")):
            goal = ids[to] if 0 <= to < len(ids) else None
            st.button(label, key=f"traces.{label}", icon=f":material/{icon}:", disabled=goal is None, on_click=selection.choose,
                      args=("call", goal), help="In the order in which the run's calls were made.")  # fmt: skip
        st.markdown(look.plain(told))
        if not look.is_missing(row.run_id):
            st.link_button("Open the run", selection.address("strategy", campaign=place.campaign_id, run=row.run_id),
                           icon=":material/code:")  # fmt: skip
        if replayed := service.model.queries.replay_of(call.call_id):
            replay_id, side, source = replayed
            text = {"old": "In force", "new": "Edited"}[side]
            st.link_button(f"Open its replay ({text} text)", selection.address("traces", call=source, replay=replay_id),
                           icon=":material/replay:")  # fmt: skip
    with st.expander(f"All {len(ids)} calls in order", icon=":material/format_list_numbered:"):
        call_table(calls, RUN_COLUMNS, "traces.run", call.call_id)


def _facts(call: CallRecord) -> None:
    word, tint, meaning = STATUSES[call.status]
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.badge(word, color=tint, help=meaning)  # type: ignore[arg-type]
        if call.place.origin != "loop":
            st.badge(f"made for {look.plain(ORIGINS.get(call.place.origin, call.place.origin))}", color="gray")
        link = selection.address("prompts", role=call.role, version=call.prompt_version)
        st.markdown(f"Prompt [{look.plain(call.role)} {look.plain(call.prompt_version)}]({link}), call `{call.call_id}`")
    tokens = None if call.tokens_in is None or call.tokens_out is None else call.tokens_in + call.tokens_out
    split = None if tokens is None else f"{look.count(call.tokens_in)} sent, {look.count(call.tokens_out)} received"
    with st.grid(5, min_column_width=150):
        for label, value, more in (
            ("Model", call.model.rpartition("/")[2], call.model.rpartition("/")[0] or None),
            ("Attempt", look.count(call.attempt), None),
            ("Tokens", look.count(tokens), split),
            ("Cost", usd_text(call.usd), None),
            ("Latency", f"{call.latency_s:.1f} s", look.moment(call.at_utc)),
        ):
            st.metric(label, value, more, delta_color="off", delta_arrow="off", border=True, height="stretch")
