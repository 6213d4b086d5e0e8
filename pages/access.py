"""The one research service of this process, for every page and every viewer; and where its errors become sentences."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from engine.errors import EngineError
from engine.research.service import ResearchService
from engine.settings import load_settings
from pages import look


@st.cache_resource(
    show_spinner="Opening the ledger; on the first start the demo markets are made too",
    on_release=lambda service: service.close(),
)
def _open_service(store_dir: str) -> ResearchService:
    address = f"http://{st.get_option('server.address') or 'localhost'}:{st.get_option('server.port')}"
    service = ResearchService(load_settings(store_dir), address=address)
    try:
        if not service.catalog.names():
            service.catalog.ensure_demo()
        service.recover()
    except BaseException:
        service.close()  # else the ledger stays taken by a service that nobody has
        raise
    return service


def research() -> ResearchService:
    """The service of the store that the settings name; opened once, and a campaign
    that was cut off goes on. If it cannot be opened, the page says why and ends."""
    try:
        return _open_service(str(load_settings().store_dir))
    except EngineError as error:
        look.problem(error)
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
        look.problem(problem)
