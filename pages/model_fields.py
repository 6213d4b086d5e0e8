"""The fields in which a language model is named: where it is, its name, address and price, and how long it may take."""

import streamlit as st

from engine.model_records import ModelChoice
from engine.proposal.language_model import LocalServer, price_of, provider_of

OTHER_SERVER, BY_NAME = "Another server that speaks OpenAI's language", "Another provider, by its name"
PROVIDERS = {
    "OpenAI": "openai/", "Anthropic": "anthropic/", "Google Gemini": "gemini/", "OpenRouter": "openrouter/",
    "Mistral": "mistral/", "DeepSeek": "deepseek/", OTHER_SERVER: "openai/", BY_NAME: "",
}  # fmt: skip
"""Where a model is -> what stands before its name for DSPy."""
KEPT = {"persist_state": "session"}


def _found(servers: list[LocalServer]) -> dict[str, LocalServer]:
    return {f"{server.name} on this machine": server for server in servers if server.models}


def model_fields(chosen: ModelChoice | None, servers: list[LocalServer]) -> ModelChoice:
    """The choice that the fields amount to; an empty name while there is none."""
    found, first = _found(servers), chosen or ModelChoice("")
    places = [*found, *PROVIDERS]
    if st.session_state.get("model.place") not in places:
        st.session_state["model.place"] = _place_of(first, found)
    place = st.selectbox("Where it is", places, key="model.place", **KEPT)
    _named(place, found.get(place), first)
    model = typed_choice(chosen, servers).model
    with st.grid(2, min_column_width=130):
        if model and not _is_listed(model):
            _prices(first)
        st.number_input("Longest reply, tokens", 256, 200_000, first.max_tokens, step=500, key="model.max_tokens", **KEPT)
        st.number_input("Longest wait, s", 5.0, 7_200.0, first.timeout_s, step=60.0, format="%.0f", key="model.timeout_s",
                               help="A small model on this machine can need minutes for a strategy.", **KEPT)  # fmt: skip
    typed = typed_choice(chosen, servers)
    _price_told(typed)
    return typed


def typed_choice(chosen: ModelChoice | None, servers: list[LocalServer]) -> ModelChoice:
    """What the fields hold now: a button reads them when it is pressed."""
    held, first = st.session_state, chosen or ModelChoice("")
    place = str(held["model.place"])
    if server := _found(servers).get(place):
        model, api_base = str(held.get(f"model.of.{server.name}") or ""), server.api_base
    else:
        name, api_base = (str(held.get(f"model.{field}.{place}") or "").strip() for field in ("name", "address"))
        api_base = api_base if place in (OTHER_SERVER, BY_NAME) else ""
        is_whole = bool(name) and (place != OTHER_SERVER or bool(api_base)) and (place != BY_NAME or "/" in name)
        model = PROVIDERS[place] + name.removeprefix(PROVIDERS[place]) if is_whole else ""
    is_priced = not model or _is_listed(model)
    prices = [None if is_priced else held.get(f"model.price_{way}") for way in ("in", "out")]
    most, wait = held.get("model.max_tokens", first.max_tokens), held.get("model.timeout_s", first.timeout_s)
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


def _named(place: str, server: LocalServer | None, first: ModelChoice) -> None:
    """Model and address."""
    if server is not None:
        st.selectbox("Model", server.models, key=f"model.of.{server.name}", **KEPT)
        return
    prefix = PROVIDERS[place]
    old = first.model.removeprefix(prefix) if first.model.startswith(prefix) else ""
    told = "provider/model, as litellm names it" if place == BY_NAME else "its name there"
    st.text_input("Model", old, key=f"model.name.{place}", placeholder=told, **KEPT)
    if place in (OTHER_SERVER, BY_NAME):
        usual = "http://127.0.0.1:8080/v1" if place == OTHER_SERVER else "the provider's own"
        st.text_input("Address", first.api_base, key=f"model.address.{place}", placeholder=usual, **KEPT)


def _is_listed(model: str) -> bool:
    return price_of(ModelChoice(model)) is not None


def _prices(first: ModelChoice) -> None:
    for way, price in (("in", first.price_in), ("out", first.price_out)):
        st.number_input(f"USD a million tokens {way}", 0.0, value=price, step=0.1, format="%.4g", key=f"model.price_{way}",
                        placeholder="not known", **KEPT)  # fmt: skip


def _price_told(choice: ModelChoice) -> None:
    price = price_of(choice) if choice.model else None
    if price is not None:
        st.caption(f"Price: {price[0]:,.4g} USD for a million tokens in, {price[1]:,.4g} USD out.")
    elif choice.model:
        st.caption("No price is listed for it. Without both, tokens are counted and cost is not computed; enter 0 if it is free.")
