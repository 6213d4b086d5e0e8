"""The fields in which a prompt is edited, whole: text, descriptions of inputs and outputs, temperature, model."""

from dataclasses import replace
from typing import Any

import streamlit as st

from engine.proposal.prompt_book import Prompt
from pages.prompt_draft import with_fields

MONOSPACE = """<style>.st-key-prompt_text textarea {
font-family: "Source Code Pro", monospace; font-size: 0.85rem; tab-size: 4;
}</style>"""


def prompt_fields(prompt: Prompt, key: str, offered: tuple[str, ...]) -> Prompt:
    """The prompt as it stands in the fields, which begin with `prompt`; `offered` are the inputs that it may list. Their keys
    begin with `key`."""
    st.html(MONOSPACE)
    with st.container(key="prompt_text"):
        st.text_area("Instructions", prompt.instructions, height=440, key=f"{key}.text", persist_state="session",
                                    help="{name} refers to an input. Text that never changes comes first.")  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.number_input("Temperature", 0.0, 2.0, prompt.temperature, 0.1, key=f"{key}.temperature", width=180,
                                      placeholder="the model's own", persist_state="session")  # fmt: skip
        st.text_input("Model", prompt.model or "", key=f"{key}.model", placeholder="the campaign's", width=300,
                              persist_state="session", help="Another model for this prompt alone: openai/gpt-5-mini")  # fmt: skip
    with st.expander(f"Purpose, and the fields: {len(prompt.inputs)} in, {len(prompt.outputs)} out", icon=":material/list_alt:"):
        st.text_area("Purpose, for people", prompt.purpose, height=68, key=f"{key}.purpose", persist_state="session")
        listed = st.multiselect("Inputs that the model is given", offered, list(prompt.inputs), key=f"{key}.inputs",
                                persist_state="session")  # fmt: skip
        for name in listed:
            _description(key, "in", name, prompt.inputs.get(name, ""))
        for name, text in prompt.outputs.items():
            _description(key, "out", name, text)
    return prompt_in_fields(prompt, key, offered)


def prompt_in_fields(prompt: Prompt, key: str, offered: tuple[str, ...]) -> Prompt:
    """What the fields of `prompt_fields` hold now: a button reads them when it is pressed, for what it was drawn with may be
    older than what was typed last."""

    def held(field: str, first: Any) -> Any:
        return st.session_state.get(f"{key}.{field}", first)

    instructions, purpose = held("text", prompt.instructions), held("purpose", prompt.purpose)
    temperature, model = held("temperature", prompt.temperature), held("model", prompt.model)
    inputs = {name: held(f"in.{name}", prompt.inputs.get(name, "")) or "" for name in held("inputs", list(prompt.inputs))}
    outputs = {name: held(f"out.{name}", text) or "" for name, text in prompt.outputs.items()}
    if temperature == prompt.temperature:
        temperature = prompt.temperature  # 1 and 1.0 are other texts
    changed = replace(prompt, instructions=instructions or "", purpose=purpose or "", temperature=temperature,
                      model=(model or "").strip() or None)  # fmt: skip
    return with_fields(changed, inputs, outputs, offered)


def _description(key: str, way: str, name: str, text: str) -> None:
    label = f"`{name}` {'is given: what it holds' if way == 'in' else 'is asked for: what it must hold'}"
    st.text_area(label, text, height=68, key=f"{key}.{way}.{name}", persist_state="session")
