"""Which model is asked: choosing it, finding one on this machine, what it costs, and DSPy's client for it."""

import contextlib
import functools
import http.client
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from engine.model_records import ModelChoice
from engine.proposal.redaction import key_line, redact
from engine.settings import read_environment

NO_KEY = "none"
_SEARCH_S = 0.25
_NAME = re.compile(r"""[A-Za-z][\w.\-]*/[^\s"'`;|&<>$]{1,200}""")
_REASONING_TOKENS = 16_000  # DSPy's least for models that think aloud before they answer


@dataclass(frozen=True)
class LocalServer:
    """A model server that answered on this machine; `models` as `ModelChoice.model` wants them."""

    name: str
    api_base: str
    models: tuple[str, ...]


# name, usual port, provider by which litellm and DSPy call it
LOCAL_SERVERS = (("Ollama", 11434, "ollama_chat"), ("LM Studio", 1234, "openai"), ("llama.cpp", 8080, "openai"))


def choice_from_environment(environment: Mapping[str, str] | None = None) -> ModelChoice | None:
    """The model that MODEL and API_BASE name, None without MODEL. A name without a provider is taken for a server that
    speaks OpenAI's language.

    >>> choice_from_environment({"MODEL": "qwen3", "API_BASE": "http://127.0.0.1:1234/v1"}).model
    'openai/qwen3'
    """
    environment = read_environment() if environment is None else environment
    model = environment.get("MODEL", "").strip()
    if not model:
        return None
    return ModelChoice(model=model if "/" in model else f"openai/{model}", api_base=environment.get("API_BASE", "").strip())


def find_local_servers(servers: tuple[tuple[str, int, str], ...] = LOCAL_SERVERS) -> list[LocalServer]:
    """Model servers that answer on their usual loopback ports, in the order given; at most about 0.3 s in all."""
    pool = ThreadPoolExecutor(len(servers))
    asked = [pool.submit(_ask_for_models, *server) for server in servers]
    wait(asked, timeout=_SEARCH_S)
    pool.shutdown(wait=False, cancel_futures=True)
    return [found for call in asked if call.done() and not call.cancelled() and (found := call.result()) is not None]


def _ask_for_models(name: str, port: int, provider: str) -> LocalServer | None:
    """What `/v1/models` lists there; None where nothing, or something else, listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_SEARCH_S)
    try:
        connection.request("GET", "/v1/models")
        listed = json.loads(connection.getresponse().read(1_000_000))["data"]
        models = tuple(f"{provider}/{entry['id']}" for entry in listed or ())
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None
    finally:
        connection.close()
    return LocalServer(name, f"http://127.0.0.1:{port}/v1", models)


def problem_of_name(model: str) -> str | None:
    """Why that is no name of a model, in words that do not repeat a key; None if it may be one.

    >>> problem_of_name("gpt-5")
    "'gpt-5' is no model's name; wanted provider/name, such as openai/gpt-5-mini"
    """
    if key_line(model) is not None:
        return "a key stands where a model's name was wanted; put it into the environment or .env, and name provider/name"
    if not _NAME.fullmatch(model):
        return f"{model[:40]!r} is no model's name; wanted provider/name, such as openai/gpt-5-mini"
    return None


def problem_of(choice: ModelChoice) -> str | None:
    """Why that model cannot be asked, by its name or its address; None if it may be. Whether it is there only a call can tell."""
    try:
        address = urlsplit(choice.api_base)
        is_address = not choice.api_base or (address.scheme in ("http", "https") and bool(address.hostname))
    except ValueError:
        is_address = False
    if is_address:
        return problem_of_name(choice.model)
    return f"{redact(choice.api_base)[:60]!r} is no address of a model server; wanted one such as http://127.0.0.1:8080/v1"


def provider_of(model: str) -> str:
    """`anthropic` of `anthropic/claude-…`."""
    return model.partition("/")[0].lower() if "/" in model else "openai"


def key_names(choice: ModelChoice) -> tuple[str, ...]:
    """The environment variables in which a key for it is looked for, the first that is set counts.

    A provider's own address gets the provider's own key (`ANTHROPIC_API_KEY` for `anthropic/…`), else API_KEY. Another
    address gets API_KEY alone: OpenAI's key is not for whatever else speaks its language.
    """
    if choice.api_base and provider_of(choice.model) == "openai":
        return ("API_KEY",)
    own = {"ollama_chat": "OLLAMA", "gemini": "GEMINI"}.get(name := provider_of(choice.model), name.upper())
    return (f"{own}_API_KEY", "API_KEY")


def key_for(choice: ModelChoice, environment: Mapping[str, str]) -> str | None:
    """The key that is sent with a call, None if there is none."""
    return next((key for name in key_names(choice) if (key := environment.get(name))), None)


def for_prompt(choice: ModelChoice, model: str | None) -> ModelChoice:
    """The choice with the model that a prompt asks for. Its price is its own; another provider has another address."""
    if model is None or model == choice.model:
        return choice
    api_base = choice.api_base if provider_of(model) == provider_of(choice.model) else ""
    return replace(choice, model=model, api_base=api_base, price_in=None, price_out=None)


def price_of(choice: ModelChoice) -> tuple[float, float] | None:
    """USD for a million tokens in and out: the model's own by the price list that comes with DSPy, else the choice's; None if
    neither knows.
    """
    known = _listed(choice.model)
    listed = known.get("input_cost_per_token"), known.get("output_cost_per_token")
    if listed[0] is not None and listed[1] is not None:
        return float(listed[0]) * 1e6, float(listed[1]) * 1e6
    if choice.price_in is not None and choice.price_out is not None:
        return choice.price_in, choice.price_out
    return None


def takes_pictures(choice: ModelChoice) -> bool:
    """The model is known to read pictures; one that nobody has listed is taken not to."""
    return bool(_listed(choice.model).get("supports_vision"))


@functools.lru_cache(64)
def _listed(model: str) -> Mapping[str, Any]:
    load_dspy()
    from dspy.clients.model_metadata import model_info  # type: ignore[import-untyped]

    return model_info(provider_of(model), model.partition("/")[2] or model)


def load_dspy() -> Any:
    """DSPy, which takes 0.7 s to import and must find these set before: litellm would ask the network for prices, and read
    whatever `.env` lies above the folder one stands in. It warns of nothing: how a call ended is recorded.
    """
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")
    import dspy  # type: ignore[import-untyped]

    logging.getLogger("dspy").setLevel(logging.ERROR)
    return dspy


@contextlib.contextmanager
def open_model(
    choice: ModelChoice, *, temperature: float | None, environment: Mapping[str, str]
) -> Iterator[tuple[Any, list[dict[str, Any]]]]:
    """A `dspy.LM` for one call, closed afterwards, and the list in which that call's history entry will stand.

    DSPy's cache is off (the same prompt would get the same draft for ever) and so are its retries (they would escape the
    budget). DSPy's own history would keep 10,000 prompts in memory. Raises DSPy's LMConfigurationError if there can be no such
    model.
    """
    key, address = key_for(choice, environment), _address(choice)
    if key is None and (address or provider_of(choice.model).startswith("ollama")):
        key = NO_KEY  # else DSPy would take the provider's key from the environment
    connection = {"api_key": key, "api_base": address, "timeout": choice.timeout_s}
    model = _client(choice, temperature, {name: value for name, value in connection.items() if value})
    history: list[dict[str, Any]] = []
    model.update_history = history.append
    try:
        yield model, history
    finally:
        model.close()


def output_limit(choice: ModelChoice) -> int:
    """The most tokens that a reply can have: the choice's, or the least that DSPy lets a reasoning model have."""
    with contextlib.suppress(load_dspy().utils.exceptions.LMConfigurationError):
        limits = _client(choice, None, {}).kwargs
        return int(limits.get("max_tokens") or limits.get("max_completion_tokens") or choice.max_tokens)
    return choice.max_tokens


def _client(choice: ModelChoice, temperature: float | None, connection: Mapping[str, Any]) -> Any:
    dspy = load_dspy()
    wrong = dspy.utils.exceptions.LMConfigurationError
    options = {"cache": False, "num_retries": 0, **connection}
    try:
        return dspy.LM(choice.model, temperature=temperature, max_tokens=choice.max_tokens, **options)
    except wrong:  # a reasoning model: no temperature, and room for its thoughts
        return dspy.LM(choice.model, temperature=None, max_tokens=max(choice.max_tokens, _REASONING_TOKENS), **options)
    except ValueError as error:
        raise wrong(str(error), model=choice.model) from error


def _address(choice: ModelChoice) -> str:
    """Ollama is usually named without the `/v1` that DSPy needs."""
    address = choice.api_base.rstrip("/")
    if address and provider_of(choice.model).startswith("ollama") and not urlsplit(address).path:
        return f"{address}/v1"
    return address
