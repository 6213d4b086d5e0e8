"""Replay: the same stored inputs with the prompt in force and with an edited one, several times each, side by side."""

import pandas as pd
import streamlit as st

from engine.errors import PromptError
from engine.model_records import CallRecord
from engine.proposal.prompt_book import Prompt, prompt_text
from engine.proposal.roles import ROLES
from engine.research.replay import MAX_TIMES
from engine.research.service import ResearchService
from pages import code_views, look, trace_table
from pages.access import attempt, show_problem
from pages.prompt_draft import problems_in
from pages.prompt_fields import prompt_fields, prompt_in_fields
from pages.replay_answers import standing

INPUTS, TIMES = 3, 5
LISTED = 40
"""Stored calls that are offered as inputs: the newest of the role."""


def replay(service: ResearchService, call: CallRecord) -> None:
    """A form that starts a replay of this call's role, and below it the replays that there are."""
    prompt = service.model.book()[call.role]
    st.markdown(
        "**Edit this prompt and replay.** One answer of a random model proves nothing: the prompt in force and yours are asked "
        "the same stored inputs, several times each. The running research is not touched; the calls count against the caps."
    )
    stored = service.model.queries.calls(role=call.role, status="answered", origin="loop", limit=LISTED)
    texts = input_texts(service, stored)
    own = texts.get(call.call_id, f"{call.role} of run {call.place.number:,}, call {call.seq}")
    texts = {call.call_id: f"this one, {own}", **{i: t for i, t in texts.items() if i != call.call_id}}
    chosen = st.multiselect("Stored inputs", list(texts), list(texts)[:INPUTS], format_func=texts.__getitem__,
                            key=f"replay.inputs.{call.call_id}", persist_state="page")  # fmt: skip
    times = st.number_input("Times each", 1, MAX_TIMES, TIMES, key="replay.times", width=180, persist_state="session")
    offered = tuple(name for name in ROLES[call.role].inputs if name in call.inputs or name in prompt.inputs)
    draft = prompt_fields(prompt, _key(prompt), offered)
    problems = problems_in(service.model.book(), draft)
    for problem in problems:
        look.problem(problem)
    diff = code_views.code_diff(prompt_text(prompt), prompt_text(draft), ("in force", "edited"))
    if diff:
        with st.expander("What is changed", icon=":material/difference:"):
            st.code(diff, "diff", wrap_lines=True)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Replay", key="replay.begin", type="primary", icon=":material/replay:", on_click=attempt,
            args=(_begin, service, call, offered), disabled=bool(problems) or not diff or not chosen,
        )  # fmt: skip
        asked = 2 * len(chosen) * int(times)
        st.caption(f"{asked:,} calls: {len(chosen)} inputs, {times:,} times, 2 prompts." if diff else "Change the prompt first.")
    show_problem()
    _shown(service, call.role)


def input_texts(service: ResearchService, stored: pd.DataFrame) -> dict[str, str]:
    """By call: what it was, and what became of it: draft of run 12, call 3: refused, lookahead; the run: scored, kept."""
    refused = service.model.queries.first_refusals(stored["call_id"].tolist())
    texts = {}
    for row in stored.itertuples():
        fate = [f"refused, {refused[row.call_id]}"] if row.call_id in refused else []
        fate += [f"the run {end}"] if (end := trace_table.ended(row)) else ["no run is recorded yet"]
        texts[row.call_id] = f"{row.role} of run {row.number:,}, call {row.seq}: {'; '.join(fate)}"
    return texts


def _begin(service: ResearchService, call: CallRecord, offered: tuple[str, ...]) -> None:
    """Replay what the fields hold now, not when the button was drawn."""
    held, prompt = st.session_state, service.model.book()[call.role]
    draft = prompt_in_fields(prompt, _key(prompt), offered)
    if draft.version == prompt.version:
        raise PromptError("the text is the one in force, so there is nothing to compare; change it first")
    calls = held[f"replay.inputs.{call.call_id}"]
    held["replay.shown"] = service.replays.begin(calls, draft, times=int(held["replay.times"]))


def _key(prompt: Prompt) -> str:
    """With what the keys of the fields begin in which that prompt is edited."""
    return f"replay.{prompt.role}.{prompt.version}"


def _shown(service: ResearchService, role: str) -> None:
    """The replay that this viewer looks at: the one just started, else the newest of the role."""
    names = {replay_id: f"of {look.moment(at)}, {replay_id}" for replay_id, at in service.replays.past(role)}
    ids = list(names)
    if not ids:
        st.caption("No replay of this prompt yet: its two sets of answers will stand here, side by side.")
        return
    st.divider()
    if st.session_state.get("replay.shown") not in ids:
        st.session_state["replay.shown"] = ids[0]
    if len(ids) > 1:
        st.selectbox("Replay", ids, key="replay.shown", format_func=names.__getitem__, width=440, persist_state="page")
    replay_id = st.session_state["replay.shown"]
    in_work = not service.replays.state(replay_id).is_done
    st.fragment(standing, run_every=2.0 if in_work else None, key="replay.live")(service, replay_id, in_work)
