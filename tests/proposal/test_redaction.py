"""Keys are read from two places only and stay out of every text."""

from pathlib import Path

import pytest

from engine.proposal.redaction import key_line, redact
from engine.settings import read_environment


@pytest.mark.parametrize(
    "planted",
    [
        "sk-proj-4f9aKq_TT1-xyzzy0123456789",
        "sk-ant-api03-AAAAbbbbCCCCdddd",
        "gsk_0123456789abcdefghij",
        "hf_abcdefghijklmnopqrst",
        "AIzaSyA-1234567890abcdefghijklmnopqrstu",
        "AKIAIOSFODNN7EXAMPLE",
        "xai-0123456789abcdefghij",
    ],
)
def test_what_looks_like_a_key_is_hidden_wherever_it_stands(planted: str) -> None:
    for text in (f"key={planted}", f'{{"Authorization": "Bearer {planted}"}}', f"({planted})", f"{planted}\nnext"):
        assert planted not in redact(text, {})
        assert "[key]" in redact(text, {})


def test_the_values_of_known_keys_are_hidden_even_where_they_look_like_words() -> None:
    environment = {"API_KEY": "correct horse battery", "MY_TOKEN": "correct horse", "MODEL": "openai/local-model"}
    assert redact("say correct horse battery or correct horse to openai/local-model", environment) == (
        "say [key] or [key] to openai/local-model"
    )


def test_what_headers_for_traces_carry_is_hidden_as_written_and_as_sent() -> None:
    environment = {
        "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Basic%20cGxhbnRlZDEyMw==, x-team = planted-team",
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "x-api=planted%2Fapi",
    }
    told = "Authorization: cGxhbnRlZDEyMw== or Basic%20cGxhbnRlZDEyMw== of planted-team at planted/api, planted%2Fapi"
    assert redact(told, environment) == "Authorization: [key] or [key] of [key] at [key], [key]"


def test_headers_and_addresses_lose_their_secret_and_keep_the_rest() -> None:
    assert redact("Authorization: Bearer abc.def.ghi123", {}) == "Authorization: Bearer [key]"
    assert redact("http://me:hunter22@host:8080/v1", {}) == "http://[key]@host:8080/v1"


def test_code_prose_and_stand_ins_for_a_key_are_left_alone() -> None:
    text = 'risk-adjusted: ta.sma(market.close, params["task-length"]) > 0 | none, http://127.0.0.1:11434/v1'
    assert redact(text, {"API_KEY": "none", "OLLAMA_API_KEY": "ollama"}) == text


def test_redacting_twice_changes_nothing_more() -> None:
    environment = {"API_KEY": "planted-secret-1"}
    once = redact("planted-secret-1 Bearer abcdefghijk", environment)
    assert redact(once, environment) == once


def test_the_env_file_is_read_in_its_usual_forms_and_the_process_wins(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "# keys\nexport API_KEY='quoted # no comment'\nMODEL=openai/a # a comment\nEMPTY=\nno assignment\nAPI_BASE=\"http://h/v1\"\n",
        encoding="utf-8",
    )
    assert read_environment({"MODEL": "openai/b"}, folder=tmp_path) == {
        "API_KEY": "quoted # no comment",
        "MODEL": "openai/b",
        "EMPTY": "",
        "API_BASE": "http://h/v1",
    }


def test_no_env_file_is_no_fault(tmp_path: Path) -> None:
    assert read_environment({"A": "b"}, folder=tmp_path) == {"A": "b"}


def test_the_line_of_the_first_key_is_told() -> None:
    environment = {"API_KEY": "correct horse battery"}
    assert key_line("one\ntwo correct horse battery\nsk-abcdefghijklmnop", environment) == 2
    assert key_line("one\n\nsk-abcdefghijklmnop", environment) == 3
    assert key_line("sk-abcdefghijklmnop", {}) == 1
    assert key_line("nothing\n[key] of note", environment) is None
