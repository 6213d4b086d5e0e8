"""Which language model is asked: chosen from what runs on this machine or at a provider, and tried. No key is ever asked for."""

from urllib.parse import urlsplit

import streamlit as st

from engine.model_records import NO_MODEL, ModelChoice
from engine.proposal.language_model import (
    LocalServer,
    choice_from_environment,
    find_local_servers,
    key_names,
    price_of,
    provider_of,
)
from engine.research.service import ResearchService
from engine.settings import read_environment
from pages import look
from pages.access import attempt
from pages.model_trial import show_trial

OTHER_SERVER, BY_NAME = "Another server that speaks OpenAI's language", "Another provider, by its name"
PROVIDERS = {
    "OpenAI": "openai/", "Anthropic": "anthropic/", "Google Gemini": "gemini/", "OpenRouter": "openrouter/",
    "Mistral": "mistral/", "DeepSeek": "deepseek/", OTHER_SERVER: "openai/", BY_NAME: "",
}  # fmt: skip
"""Where a model is -> what stands before its name for DSPy."""
KEPT = {"persist_state": "session"}
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
        wanted = _fields(chosen, servers)
        if wanted.model:
            st.caption(key_told(wanted))
        with st.container(horizontal=True, gap="small"):
            st.button("Use this model", key="model.use", type="primary", on_click=attempt, args=(service.model.choose, wanted),
                      disabled=not wanted.model or wanted == chosen, help="From the next call on.")  # fmt: skip
            st.button("Use no model", key="model.none", icon=":material/block:", disabled=chosen is None, on_click=attempt,
                      args=(service.model.choose, NO_MODEL),
                      help="The random arm goes on; the model's arm of a campaign at work waits.")  # fmt: skip
            st.button("Try it", key="model.try", icon=":material/network_ping:", disabled=not wanted.model,
                      on_click=attempt, args=(service.model.trials.begin, wanted),
                      help="Makes one small call, which is recorded and counts against the caps.")  # fmt: skip
        show_trial(service)


def _counted(server: LocalServer) -> str:
    return "1 model" if len(server.models) == 1 else f"{len(server.models):,} models"


def _fields(chosen: ModelChoice | None, servers: list[LocalServer]) -> ModelChoice:
    """The choice that the fields amount to; an empty name while there is none."""
    found = {f"{server.name} on this machine": server for server in servers if server.models}
    places = [*found, *PROVIDERS]
    first = chosen or ModelChoice("")
    if st.session_state.get("model.place") not in places:
        st.session_state["model.place"] = _place_of(first, found)
    place = st.selectbox("Where it is", places, key="model.place", **KEPT)
    model, api_base = _named(place, found.get(place), first)
    with st.grid(2, min_column_width=130):
        prices = (None, None) if not model or _is_listed(model) else _prices(first)
        most = st.number_input("Longest reply, tokens", 256, 200_000, first.max_tokens, step=500, key="model.max_tokens", **KEPT)
        wait = st.number_input("Longest wait, s", 5.0, 7_200.0, first.timeout_s, step=60.0, format="%.0f", key="model.timeout_s",
                               help="A small model on this machine can need minutes for a strategy.", **KEPT)  # fmt: skip
    _price_told(ModelChoice(model, api_base, *prices))
    return ModelChoice(model, api_base, *prices, most, wait)


def _place_of(choice: ModelChoice, found: dict[str, LocalServer]) -> str:
    if not choice.model:
        return next(iter(found), "OpenAI")
    for label, server in found.items():
        if choice.model in server.models and choice.api_base == server.api_base:
            return label
    if choice.api_base:
        return OTHER_SERVER if provider_of(choice.model) == "openai" else BY_NAME
    return next(label for label, prefix in PROVIDERS.items() if choice.model.startswith(prefix))


def _named(place: str, server: LocalServer | None, first: ModelChoice) -> tuple[str, str]:
    """Model and address."""
    if server is not None:
        return str(st.selectbox("Model", server.models, key=f"model.of.{server.name}", **KEPT)), server.api_base
    prefix, api_base = PROVIDERS[place], ""
    old = first.model.removeprefix(prefix) if first.model.startswith(prefix) else ""
    told = "provider/model, as litellm names it" if place == BY_NAME else "its name there"
    name = st.text_input("Model", old, key=f"model.name.{place}", placeholder=told, **KEPT).strip()
    if place in (OTHER_SERVER, BY_NAME):
        usual = "http://127.0.0.1:8080/v1" if place == OTHER_SERVER else "the provider's own"
        api_base = st.text_input("Address", first.api_base, key=f"model.address.{place}", placeholder=usual, **KEPT).strip()
    is_whole = bool(name) and (place != OTHER_SERVER or bool(api_base)) and (place != BY_NAME or "/" in name)
    return (prefix + name.removeprefix(prefix) if is_whole else ""), api_base


def _is_listed(model: str) -> bool:
    return price_of(ModelChoice(model)) is not None


def _prices(first: ModelChoice) -> tuple[float | None, float | None]:
    tokens_in, tokens_out = (
        st.number_input(f"USD a million tokens {way}", 0.0, value=price, step=0.1, format="%.4g", key=f"model.price_{way}",
                        placeholder="not known", **KEPT)
        for way, price in (("in", first.price_in), ("out", first.price_out))
    )  # fmt: skip
    return tokens_in, tokens_out


def _price_told(choice: ModelChoice) -> None:
    price = price_of(choice) if choice.model else None
    if price is not None:
        st.caption(f"Price: {price[0]:,.4g} USD for a million tokens in, {price[1]:,.4g} USD out.")
    elif choice.model:
        st.caption("No price is listed for it. Without both, tokens are counted and cost is not computed; enter 0 if it is free.")


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
