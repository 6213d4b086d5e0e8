"""Which model is asked, by which key, at what price; and what listens on this machine."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from engine.model_records import ModelChoice
from engine.proposal.language_model import (
    LocalServer,
    choice_from_environment,
    find_local_servers,
    for_prompt,
    key_for,
    open_model,
    output_limit,
    price_of,
    problem_of,
    takes_pictures,
)
from tests.scripted_model import ScriptedModel

ENVIRONMENT = {"API_KEY": "any-key", "OPENAI_API_KEY": "openai-key", "ANTHROPIC_API_KEY": "anthropic-key"}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"MODEL": " "}, None),
        ({"MODEL": "anthropic/claude-sonnet-4-5"}, ModelChoice("anthropic/claude-sonnet-4-5")),
        ({"MODEL": "qwen3", "API_BASE": "http://127.0.0.1:1234/v1"}, ModelChoice("openai/qwen3", "http://127.0.0.1:1234/v1")),
    ],
)
def test_the_environment_names_the_model_or_none(environment: dict[str, str], expected: ModelChoice | None) -> None:
    assert choice_from_environment(environment) == expected


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ModelChoice("openai/gpt-5-mini"), "openai-key"),
        (ModelChoice("anthropic/claude-sonnet-4-5"), "anthropic-key"),
        (ModelChoice("groq/llama"), "any-key"),
        (ModelChoice("openai/local", "http://127.0.0.1:8080/v1"), "any-key"),
    ],
)
def test_a_key_goes_to_whom_it_is_for(choice: ModelChoice, expected: str) -> None:
    assert key_for(choice, ENVIRONMENT) == expected


def test_the_key_of_openai_is_not_sent_to_another_server_not_even_by_dspy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-for-openai-alone-0123")
    choice = ModelChoice("openai/local", "http://127.0.0.1:8080/v1")
    assert key_for(choice, {"OPENAI_API_KEY": "sk-for-openai-alone-0123"}) is None
    with ScriptedModel() as server, open_model(server.choice(), temperature=None, environment={}) as (model, _):
        model("hello")
        assert "sk-for" not in json.dumps(server.seen[0].headers)


def test_prices_are_the_lists_own_else_the_choices_else_none() -> None:
    assert price_of(ModelChoice("openai/gpt-4o-mini", price_in=9.0, price_out=9.0)) == pytest.approx((0.15, 0.60))
    assert price_of(ModelChoice("openai/nobody-knows", price_in=0.0, price_out=2.0)) == (0.0, 2.0)
    assert price_of(ModelChoice("openai/nobody-knows", price_in=1.0)) is None


def test_only_models_known_to_see_get_pictures() -> None:
    assert takes_pictures(ModelChoice("openai/gpt-4o-mini"))
    assert not takes_pictures(ModelChoice("openai/nobody-knows"))


def test_the_model_of_a_prompt_keeps_the_address_of_its_provider_and_no_other() -> None:
    choice = ModelChoice("openai/a", "http://127.0.0.1:1234/v1", price_in=1.0, price_out=2.0)
    assert for_prompt(choice, None) is choice
    assert for_prompt(choice, "openai/b") == ModelChoice("openai/b", "http://127.0.0.1:1234/v1")
    assert for_prompt(choice, "anthropic/c") == ModelChoice("anthropic/c")


def test_a_model_that_thinks_first_gets_room_for_it_and_the_budget_knows() -> None:
    assert output_limit(ModelChoice("openai/gpt-5-mini", max_tokens=500)) == 16_000
    assert output_limit(ModelChoice("openai/gpt-4o-mini", max_tokens=500)) == 500
    with open_model(ModelChoice("openai/gpt-5-mini"), temperature=0.3, environment=ENVIRONMENT) as (model, _):
        assert model.kwargs["temperature"] is None


def test_neither_the_cache_nor_the_history_nor_retries_of_dspy_are_used() -> None:
    with ScriptedModel() as server, open_model(server.choice(), temperature=None, environment={}) as (model, history):
        for _ in range(2):
            model("the same")
        assert len(server.seen) == 2
        assert len(history) == 2
        assert (model.history, model.num_retries) == ([], 0)


def test_ollama_is_found_at_the_address_that_people_give_for_it() -> None:
    with ScriptedModel() as server:
        choice = server.choice("ollama_chat/qwen3", api_base=f"http://127.0.0.1:{server.port}")
        with open_model(choice, temperature=None, environment={}) as (model, _):
            model("hello")
        assert server.seen[0].body["model"] == "qwen3"


# --- servers on this machine


@contextmanager
def web_page() -> Iterator[int]:
    """Some other web server, which knows nothing of models."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html></html>")

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def test_model_servers_are_found_and_other_ports_are_passed_over() -> None:
    with ScriptedModel() as server, web_page() as page, socket.create_server(("127.0.0.1", 0)) as silent:
        # `silent` takes a connection and never says a word
        closed = _free_port()
        found = find_local_servers(
            (
                ("Web page", page, "openai"),
                ("Silent", silent.getsockname()[1], "openai"),
                ("Closed", closed, "openai"),
                ("Ollama", server.port, "ollama_chat"),
            )
        )
    assert found == [LocalServer("Ollama", server.api_base, ("ollama_chat/scripted",))]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (ModelChoice("openrouter/deepseek/deepseek-r1:free"), None),
        (ModelChoice("ollama_chat/qwen2.5-coder:7b", "http://127.0.0.1:11434"), None),
        (ModelChoice("openai//models/a.Q4_K_M.gguf", "https://host/v1"), None),
        (ModelChoice(""), "'' is no model's name"),
        (ModelChoice("gpt-5"), "wanted provider/name"),
        (ModelChoice("openai/a; rm -rf"), "is no model's name"),
        (ModelChoice("openai/sk-proj-abcdefghijklmnop"), "a key stands where"),
        (ModelChoice("openai/a", "ftp://host/v1"), "'ftp://host/v1' is no address"),
        (ModelChoice("openai/a", "127.0.0.1:8080"), "is no address"),
        (ModelChoice("openai/a", "http://[::1"), "is no address"),
    ],
)
def test_what_cannot_be_a_model_is_told_without_its_key(choice: ModelChoice, told: str | None) -> None:
    problem = problem_of(choice)
    assert (problem is None) == (told is None)
    assert (told or "") in (problem or "")
    assert "sk-proj" not in (problem or "")
