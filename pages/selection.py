"""What this viewer looks at: campaign, run, parameter set, asset, window, prompt, call, in the address and across pages.

The address holds the choice, so that a view can be sent to a colleague. Streamlit clears the query string when the page
changes; the session keeps the choice and `restore` puts it back. An address that is opened wins over the session.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any, Literal
from urllib.parse import urlencode

import streamlit as st

from pages import look

NARROWER = {
    "campaign": ("run", "other", "asset"),
    "run": ("set",),
    "set": (),
    "other": (),
    "asset": (),
    "window": (),
    "dataset": (),
    "role": ("version",),
    "version": (),
    "call": (),
    "idea": (),
    "belief": (),
}
"""Each name that can be chosen, with the choices that lose their meaning when it changes. `other` is a run to compare with."""


def _key(name: str) -> str:
    return f"selection.{name}"


def restore() -> None:
    """Bring address and session together; called once by the frame before each page."""
    for name in NARROWER:
        if name in st.query_params:
            st.session_state[_key(name)] = st.query_params[name]
        elif st.session_state.get(_key(name)):
            st.query_params[name] = st.session_state[_key(name)]


def current(name: str) -> str | None:
    """What is chosen under that name, None if nothing is."""
    return st.query_params.get(name) or st.session_state.get(_key(name))


def choose(name: str, value: str | None) -> None:
    """Choose it, here and in the address; narrower choices of before are dropped. None clears the choice."""
    if value != current(name):
        for narrower in NARROWER[name]:
            choose(narrower, None)
    st.session_state[_key(name)] = value
    if value is None:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = value


def tell_gone(name: str, known: Collection[str], what: str, instead: str) -> None:
    """Say that what the address names is not there, and what is shown instead; the choice is dropped. Nothing where it is
    among the known ones, or where none is named."""
    wanted = current(name)
    if wanted and wanted not in known:
        choose(name, None)
        told = f"{what} {look.plain(repr(wanted[:80]))} is not in this ledger, or not any more."
        st.warning(f"{told} {instead}" if len(known) else told, icon=":material/link_off:")


def address(page: str, **choices: str) -> str:
    """A link to a page with these choices, for a cell of a table: `address("strategy", run=run_id)`."""
    return f"/{page}?{urlencode(choices)}"


def picked(name: str) -> str:
    """What the box of `pick` holds now, for a button that is pressed right after it was changed."""
    return str(st.session_state[f"{_key(name)}.box"])


def pick(
    label: str,
    name: str,
    options: Sequence[str],
    *,
    first: str | None = None,
    format_func: Callable[[Any], str] = str,
    help: str | None = None,
    width: int | Literal["stretch"] = 440,
) -> str | None:
    """A select box that stands at the current choice and changes it; at `first`, else the first option, where there is none
    that fits. None if there are no options."""
    if not options:
        return None
    key = f"{_key(name)}.box"
    if current(name) not in options:
        choose(name, first if first in options else options[0])
    st.session_state[key] = current(name)

    def chosen() -> None:
        choose(name, st.session_state[key])

    return st.selectbox(label, options, key=key, format_func=format_func, help=help, on_change=chosen, width=width)
