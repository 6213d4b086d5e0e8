"""Fields of the Research page kept under a name, and filled from it again."""

from typing import Any

import streamlit as st

from engine.research.service import ResearchService
from pages import setup
from pages.access import attempt


def presets(service: ResearchService) -> None:
    """Fill the fields from a preset, or keep them as one."""
    kept = service.queries.presets()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        name = st.selectbox("Preset", list(kept), index=None, key="research.preset", width=260,
                            placeholder="choose" if kept else "none saved yet")  # fmt: skip
        st.button("Load", key="research.load", on_click=_load, args=(kept,), disabled=name is None)
        with st.popover("Save as", icon=":material/save:", key="research.saving", on_change="rerun"):
            title = st.text_input("Name of the preset", key="research.preset_name", max_chars=60)
            st.button("Save", key="research.save", on_click=attempt, args=(_save, service), disabled=not title)
        st.button("Reset all fields", type="tertiary", on_click=lambda: setup.fill({}))


def _load(kept: dict[str, dict[str, Any]]) -> None:
    setup.fill(kept[st.session_state["research.preset"]])


def _save(service: ResearchService) -> None:
    """Keep the fields under the name that is typed; it stands in the box then, and the popover closes."""
    title = st.session_state["research.preset_name"]
    service.save_preset(title, setup.chosen())
    st.session_state["research.preset"], st.session_state["research.saving"] = title, False
