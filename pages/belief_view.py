"""One lesson or theory on a page: its evidence, its uses, and what can be done with it."""

import streamlit as st

from engine.model_records import Belief
from engine.proposal.beliefs import has_faded, weight
from engine.research.service import ResearchService
from engine.store.model_ledger import BeliefChange, ModelLedger
from pages import look, selection
from pages.access import attempt, show_problem
from pages.run_links import run_links

MAX_LETTERS = 2_000


def standing(belief: Belief) -> str:
    """Whether writers may be shown it, and why not."""
    if belief.is_muted:
        return "muted"
    return "faded" if has_faded(belief) else ("pinned" if belief.is_pinned else "shown")


def detail(service: ResearchService, belief: Belief) -> None:
    """One belief with its evidence and its uses, and what can be done with it."""
    st.markdown(f"**{belief.kind.capitalize()}** :gray[{standing(belief)}, weight {weight(belief):.2f}]")
    st.text(belief.text)
    for title, text in (("What would disprove it", belief.disproof), ("Found in a market like this", belief.regime)):
        if text:
            st.caption(title)
            st.text(text)
    uses = service.model.queries.belief_uses(belief.belief_id)
    st.markdown(
        f"**Runs for it ({len(belief.runs_for):,}):** {run_links(service, belief.runs_for)}  \n"
        f"**Runs against it ({len(belief.runs_against):,}):** {run_links(service, belief.runs_against)}  \n"
        f"**Runs whose writer was shown it ({len(uses):,}):** {run_links(service, uses)}"
    )
    actions(service.model.ledger, belief)


def actions(ledger: ModelLedger, belief: Belief) -> None:
    """Pin, mute, edit, delete."""
    pin: BeliefChange = "unpin" if belief.is_pinned else "pin"
    mute: BeliefChange = "unmute" if belief.is_muted else "mute"
    with st.container(horizontal=True, gap="small"):
        st.button(pin.capitalize(), key="memory.pin", icon=":material/keep:", on_click=change, args=(ledger, belief, pin),
                  help="A pinned one never fades and is shown first.")  # fmt: skip
        st.button(
            mute.capitalize(), key="memory.mute", icon=":material/volume_off:", on_click=change, args=(ledger, belief, mute),
            help="A muted one is shown to no writer; runs go on to speak for and against it.",
        )  # fmt: skip
        with st.popover("Edit", icon=":material/edit:"):
            key = f"memory.edit.{belief.belief_id}.{hash(belief.text)}"
            st.text_area("What it says", belief.text, key=key, max_chars=MAX_LETTERS, height=160)
            st.caption("Its evidence stays: change the wording, not the claim. Mute it instead where it is wrong.")
            st.button("Save", key="memory.save", on_click=edit, args=(ledger, belief, key))
        st.button("Delete", key="memory.delete", icon=":material/delete:", on_click=change, args=(ledger, belief, "delete"),
                  help="It leaves this page and every later prompt. It can be brought back.")  # fmt: skip


def edit(ledger: ModelLedger, belief: Belief, field: str) -> None:
    """The belief says from now on what that field holds."""
    if text := str(st.session_state[field] or "").strip():
        attempt(ledger.belief_event, belief.belief_id, "edit", text)
    else:
        st.session_state["access.problem"] = "The new wording is empty; write what it is to say, or delete it."


def change(ledger: ModelLedger, belief: Belief, kind: BeliefChange) -> None:
    """Pin, mute, delete or restore it."""
    attempt(ledger.belief_event, belief.belief_id, kind)
    if kind == "delete":
        st.session_state["memory.deleted"] = belief
        selection.choose("belief", None)
    elif kind == "restore":
        st.session_state.pop("memory.deleted", None)
        selection.choose("belief", belief.belief_id)


def told(ledger: ModelLedger) -> None:
    """What went wrong, and a way back from a deletion."""
    show_problem()
    gone: Belief | None = st.session_state.get("memory.deleted")
    if gone is not None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"Deleted: {look.plain(gone.text[:120])}", width="content")
            st.button("Undo", key="memory.undo", icon=":material/undo:", on_click=change, args=(ledger, gone, "restore"))
