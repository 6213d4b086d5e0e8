"""What a model would get of a prompt: its messages, filled with the inputs of a stored call."""

import streamlit as st

from engine.proposal.exchange import CHART, fill
from engine.proposal.prompt_book import Prompt
from engine.research.model_desk import ModelDesk
from pages import look
from pages.trace_texts import show_messages

STORED = 20
"""Stored calls that a preview can be filled with: the newest of the role."""


def preview(desk: ModelDesk, draft: Prompt) -> None:
    """The messages as they would be sent, filled with the inputs of a stored call of the role."""
    if not st.toggle("Preview: what the model would get", key="prompts.preview", persist_state="session"):
        return
    stored = desk.queries.calls(role=draft.role, limit=STORED)
    if stored.empty:
        st.info("No call of this role is stored yet: the first run that makes one gives the inputs to fill this with.",
                icon=":material/hourglass_empty:")  # fmt: skip
        return
    texts = {row.call_id: f"run {row.number:,}, call {row.seq}, {look.moment(row.at_utc)}" for row in stored.itertuples()}
    chosen = st.selectbox("Filled with the inputs of", list(texts), format_func=texts.__getitem__, width=440,
                          key=f"prompts.preview.{draft.role}", persist_state="session")  # fmt: skip
    inputs = desk.queries.call(str(chosen)).inputs
    if missing := [name for name in draft.inputs if name not in inputs and name != CHART]:
        st.warning(f"That call was not given {', '.join(missing)}: shown empty here.", icon=":material/warning:")
    filled = fill(draft, dict.fromkeys(draft.inputs, "") | dict(inputs))
    st.caption(f"About {filled.tokens_guess:,} tokens to send, guessed from its letters.")
    show_messages(filled.shown)
