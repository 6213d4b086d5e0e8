"""What is sent, what is recorded of it, and that no key is in either."""

import ast
import json
import threading
from dataclasses import replace

import pytest

from engine.model_records import CallPlace
from engine.proposal.roles import ROLES
from tests.proposal.conftest import START, Desk
from tests.proposal.prompts import replaced, small_prompt
from tests.scripted_model import Script, ScriptedModel

PNG = b"\x89PNG\r\n\x1a\nnot much of a picture"


@pytest.mark.parametrize("role", list(ROLES))
def test_every_role_is_asked_and_answered_with_its_own_fields(role: str, desk: Desk) -> None:
    answer = desk.ask(role)
    assert tuple(answer.fields) == ROLES[role].outputs
    assert all(answer.fields.values())
    call = desk.calls[0]
    assert (call.role, call.status, call.attempt, call.seq) == (role, "answered", 1, 1)
    assert answer.call_ids == (call.call_id,)
    assert call.fields == answer.fields
    assert call.inputs == {name: f"some {name}" for name in ROLES[role].inputs if name != "chart"}  # a picture is none of these


def test_the_record_holds_what_was_sent_what_came_and_what_it_cost(desk: Desk) -> None:
    desk.ask("draft", theme="volume bursts")
    call, seen = desk.calls[0], desk.server.seen[0]
    assert [message["content"] for message in json.loads(call.prompt)] == [m["content"] for m in seen.body["messages"]]
    assert call.reply == seen.reply
    assert (call.tokens_in, call.tokens_out) == (seen.tokens_in, seen.tokens_out)
    assert call.usd == pytest.approx((seen.tokens_in * 1.0 + seen.tokens_out * 4.0) / 1e6)
    assert (call.model, call.prompt_version, call.at_utc) == ("openai/scripted", desk.book.prompts["draft"].version, START)


def test_the_code_comes_without_fences_and_parses(desk: Desk) -> None:
    names = {getattr(node, "name", "") for node in ast.parse(desk.ask("draft").fields["code"]).body}
    assert "signals" in names


def test_constant_text_comes_first_and_a_reference_to_an_input_reads_as_its_name(desk: Desk) -> None:
    desk.book = replaced(desk.book, small_prompt("draft", 'Write for {theme}. Answer like {"fast": [5, 20]} {nothing}.'))
    desk.ask("draft", theme="dips")
    system, user = (message["content"] for message in desk.server.seen[0].body["messages"])
    assert system.rstrip().endswith('Write for theme. Answer like {"fast": [5, 20]} {nothing}.')
    assert "dips" not in system
    assert "[[ ## theme ## ]]\ndips" in user


def test_an_input_that_shares_its_name_with_an_output_is_told_apart(desk: Desk) -> None:
    desk.book = replaced(desk.book, small_prompt("repair", "Mend {code} by {fault} at {line}."))
    desk.ask("repair", code="def signals(m, p, ta): return 1", line="1")
    seen = desk.server.seen[0]
    assert "Mend given_code by fault at line." in seen.text
    assert "[[ ## given_code ## ]]\ndef signals" in seen.text
    assert desk.ask("coach").fields["instructions"]


def test_temperature_model_and_limit_of_the_prompt_are_sent(desk: Desk) -> None:
    desk.choice = desk.server.choice(max_tokens=321)
    desk.book = replaced(desk.book, small_prompt("lesson", temperature=0.25, model="openai/another"))
    desk.ask("lesson")
    body = desk.server.seen[0].body
    assert (body["temperature"], body["model"], body["max_completion_tokens"]) == (0.25, "another", 321)
    assert desk.calls[0].model == "openai/another"


def test_another_model_than_the_one_that_was_priced_has_no_price(desk: Desk) -> None:
    desk.book = replaced(desk.book, small_prompt("lesson", model="openai/another"))
    desk.ask("lesson")
    assert desk.calls[0].usd is None


def test_a_chart_goes_along_where_the_prompt_asks_for_it_and_there_is_one(desk: Desk) -> None:
    prompt = small_prompt("trade_review")
    with_chart = replace(prompt, inputs={**prompt.inputs, "chart": "the chart"}, instructions="Look at {chart}.")
    desk.book = replaced(desk.book, with_chart)
    desk.ask("trade_review", image=PNG)
    desk.ask("trade_review")
    kinds = [part["type"] for part in desk.server.seen[0].body["messages"][1]["content"]]
    assert "image_url" in kinds
    assert isinstance(desk.server.seen[1].body["messages"][1]["content"], str)
    assert "PNG, 29 bytes" in desk.calls[0].inputs["chart"]
    assert "base64" not in desk.calls[0].prompt
    assert "chart" not in desk.calls[1].inputs


# --- threads, keys, sameness


def test_four_calls_are_in_flight_at_once_and_each_gets_its_own_answer(desk: Desk) -> None:
    desk.server.hold()
    answers: dict[str, str] = {}

    def ask(theme: str) -> None:
        answers[theme] = desk.ask("draft", CallPlace("c1", int(theme)), theme=theme).fields["code"]

    threads = [threading.Thread(target=ask, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    desk.server.wait_until_held(4)
    assert desk.budget.in_flight == 4
    desk.server.release()
    for thread in threads:
        thread.join()
    for theme, code in answers.items():
        assert desk.ask("draft", theme=theme).fields["code"] == code


def test_equal_questions_have_equal_records_but_for_times(desk: Desk, server: ScriptedModel) -> None:
    server.script = Script(at={1: "malformed", 4: "malformed"})
    other = Desk(server)
    for each in (desk, other):
        each.ask("draft")
        each.ask("lesson")
    assert [replace(call, latency_s=0.0) for call in desk.calls] == [replace(call, latency_s=0.0) for call in other.calls]


def test_a_planted_key_reaches_the_server_as_a_key_and_nothing_else(desk: Desk) -> None:
    planted = "planted-key-0123456789"
    desk.environment = {"API_KEY": planted, "OPENAI_API_KEY": "sk-never-meant-for-this-server"}
    desk.server.script = Script(at={1: "unauthorized", 2: "refused"})
    desk.ask("draft", ideas=f"use {planted} with sk-ant-api03-abcdefghijkl", theme=f"echo {planted}")
    assert {seen.headers["Authorization"] for seen in desk.server.seen} == {f"Bearer {planted}"}
    for text in [repr(desk.calls), *(seen.text for seen in desk.server.seen)]:
        assert planted not in text
        assert "sk-ant" not in text
        assert "sk-never" not in text
    assert desk.calls[0].inputs["theme"] == "echo [key]"


@pytest.mark.parametrize("planted", ["sk-proj-abcdefghijklmnop", "planted-key-0123456789"])
def test_a_key_that_stands_where_the_model_is_named_is_not_recorded(desk: Desk, planted: str) -> None:
    assert desk.choice is not None
    desk.environment = {"API_KEY": planted}
    desk.choice = replace(desk.choice, model=f"openai/{planted}")
    desk.server.script = Script(at={1: "unauthorized"})
    desk.ask("draft")
    assert {call.model for call in desk.calls} == {"openai/[key]"}
    assert planted not in repr(desk.calls)


def test_of_a_reply_that_was_cut_off_the_record_tells_and_no_log(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.server.script = Script(at={1: "truncated"})
    desk.ask("draft")
    assert desk.statuses == ["truncated", "answered"]
    assert capsys.readouterr() == ("", "")


def test_letters_that_no_provider_can_receive_do_not_stop_a_call(desk: Desk) -> None:
    assert desk.ask("draft", ideas="half a pair \ud83d").fields["code"]
