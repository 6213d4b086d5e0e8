"""The one research service of this process, for every page and every viewer; and where its errors become sentences."""

from collections.abc import Callable
from typing import Any

import streamlit as st
from engine.research.service import ResearchService

from engine.errors import EngineError
from engine.settings import load_settings


@st.cache_resource(show_spinner="Opening the ledger", on_release=lambda service: service.close())
def _open_service(store_dir: str) -> ResearchService:
    return ResearchService(load_settings(store_dir))


def research() -> ResearchService:
    """The service of the store that the settings name; opened once. If it cannot be opened, the page says why and ends."""
    try:
        return _open_service(str(load_settings().store_dir))
    except EngineError as error:
        st.error(str(error))
        st.stop()


def attempt(act: Callable[..., Any], *args: Any) -> None:
    """Call it, for a button's on_click; an EngineError is kept for `show_problem`, since a callback has no place on the page."""
    try:
        act(*args)
    except EngineError as error:
        st.session_state["access.problem"] = str(error)


def show_problem() -> None:
    """Show, once, what the last attempt ran into."""
    if problem := st.session_state.pop("access.problem", None):
        st.error(problem)
