"""The one research service of this process, for every page and every viewer."""

import streamlit as st

from engine.errors import EngineError
from engine.research.service import ResearchService
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
