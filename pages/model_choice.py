"""Which language model is asked: chosen from what runs on this machine or at a provider, and tried. No key is ever asked for."""

from urllib.parse import urlsplit

import streamlit as st

from engine.model_records import NO_MODEL, ModelChoice
from engine.proposal.language_model import (
    LocalServer,
    choice_from_environment,
    find_local_servers,
    key_names,
    provider_of,
)
from engine.research.service import ResearchService
from engine.settings import read_environment
from pages import look
from pages.access import attempt
from pages.model_fields import model_fields, typed_choice
from pages.model_trial import show_trial

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@st.cache_data(ttl="15s", show_spinner=False)
def local_servers() -> list[LocalServer]:
    """Model servers on this machine, looked for every 15 s at most: it takes up to 0.3 s."""
    return find_local_servers()


def model_choice(service: ResearchService) -> None:
    """What is asked now, the fields to change it, and a trial."""
    chosen, servers = service.model.choice, local_servers()
    if chosen is None:
        named = choice_from_environment()
        st.info("No language model is chosen: the random arm runs. It needs no key.", icon=":material/casino:")
        for server in servers:
            st.caption(f"{server.name} runs on this machine with {_counted(server)}: choose it here, no key is needed.")
        if named is not None:
            st.button(f"Use {named.model}, which the environment names", key="model.environment", on_click=attempt,
                      args=(service.model.choose, named))  # fmt: skip
    else:
        place = f" at `{chosen.api_base.replace('`', '')}`" if chosen.api_base else ""
        st.markdown(f"**{look.plain(chosen.model)}** is asked{place}.")
    with st.expander("Choose a model", icon=":material/smart_toy:", expanded=chosen is None):
        wanted = model_fields(chosen, servers)
        if wanted.model:
            st.caption(key_told(wanted))
        with st.container(horizontal=True, gap="small"):
            st.button("Use this model", key="model.use", type="primary", on_click=attempt, args=(_choose, service, servers),
                      disabled=not wanted.model or wanted == chosen, help="From the next call on.")  # fmt: skip
            st.button("Use no model", key="model.none", icon=":material/block:", disabled=chosen is None, on_click=attempt,
                      args=(service.model.choose, NO_MODEL),
                      help="The random arm goes on; the model's arm of a campaign at work waits.")  # fmt: skip
            st.button("Try it", key="model.try", icon=":material/network_ping:", disabled=not wanted.model,
                      on_click=attempt, args=(_try, service, servers),
                      help="Makes one small call, which is recorded and counts against the caps.")  # fmt: skip
        show_trial(service)


def _counted(server: LocalServer) -> str:
    return "1 model" if len(server.models) == 1 else f"{len(server.models):,} models"


def _choose(service: ResearchService, servers: list[LocalServer]) -> None:
    service.model.choose(typed_choice(service.model.choice, servers))


def _try(service: ResearchService, servers: list[LocalServer]) -> None:
    service.model.trials.begin(typed_choice(service.model.choice, servers))


def key_told(choice: ModelChoice) -> str:
    """Where its key is read from, or which line is wanted; a server on this machine needs none."""
    if urlsplit(choice.api_base).hostname in _LOOPBACK or (provider_of(choice.model) == "ollama_chat" and not choice.api_base):
        return "It runs on this machine: no key is needed."
    names, environment = key_names(choice), read_environment()
    if found := next((name for name in names if environment.get(name)), None):
        return f":material/key: Its key is read from `{found}`."
    others = f" (or `{names[1]}`)" if names[1:] else ""
    return (
        f":orange[:material/key_off: No key is set.] Set `{names[0]}`{others} in the environment, or write"
        f" the line `{names[0]}=…` into `.env` at the top of the project, read before each call. Keys are not asked for here."
    )
