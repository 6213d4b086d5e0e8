"""The same is asked again where that can help, caps hold meanwhile, whoever waits says why, and nothing is made up."""

import contextlib
import threading
from dataclasses import replace
from typing import Any

import pytest

from engine.model_records import CallPlace, Caps
from engine.proposal.asked_prompts import InForce
from engine.proposal.asking import AskingEnded, ReplyFault, Trouble
from tests.patience import LONG_S
from tests.proposal.conftest import START, Desk
from tests.proposal.prompts import replaced, small_prompt
from tests.scripted_model import Script


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("429", "rate_limited"),
        ("500", "server_error"),
        ("503", "server_error"),
        ("not json", "server_error"),
        ("dropped", "unreachable"),
        ("timeout", "timeout"),
        ("tokens a minute", "rate_limited"),
    ],
)
def test_a_model_that_is_away_is_asked_the_same_again_with_growing_pauses(fault: str, status: str, desk: Desk) -> None:
    patient = desk.choice = desk.server.choice()
    if fault == "timeout":
        desk.choice = desk.server.choice(timeout_s=0.2)

    def at_wait(_: float) -> bool:
        if sum(desk.waited) == 1 + 2 + 4:  # the answer may take as long as it likes
            desk.choice = patient
        return False

    desk.at_wait, desk.server.script = at_wait, Script(at={1: fault, 2: fault, 3: fault})
    answer = desk.ask("draft")
    assert desk.statuses == [status, status, status, "answered"]
    assert [call.attempt for call in desk.calls] == [1, 2, 3, 4]
    assert answer.call_ids == tuple(call.call_id for call in desk.calls)
    assert len({call.call_id for call in desk.calls}) == 4
    assert len({call.prompt for call in desk.calls}) == 1
    assert sum(desk.waited) == 1 + 2 + 4
    assert all(call.problem and call.usd is None and call.tokens_in is None for call in desk.calls[:3])


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("malformed", "malformed"),
        ("empty", "empty"),
        ("truncated", "truncated"),
        ("endless", "truncated"),
        ("refused", "refused"),
        ("prose", "malformed"),
        ("javascript", "malformed"),
    ],
)
def test_a_reply_that_cannot_be_used_is_asked_for_three_times_and_no_more(fault: str, status: str, desk: Desk) -> None:
    desk.choice = desk.server.choice(max_tokens=500)
    desk.server.script = Script(at={1: fault, 2: fault, 3: fault})
    with pytest.raises(ReplyFault) as raised:
        desk.ask("draft")
    assert raised.value.status == status
    assert desk.statuses == [status] * 3
    assert raised.value.call_ids == tuple(call.call_id for call in desk.calls)
    assert str(raised.value)
    assert desk.waited == []
    assert all(call.tokens_in and call.usd for call in desk.calls)
    assert desk.ask("draft").fields["code"]


def test_a_language_that_is_not_python_is_named(desk: Desk) -> None:
    desk.server.script = Script(at={1: "javascript"})
    desk.ask("draft")
    assert "JavaScript" in desk.calls[0].problem
    assert desk.statuses == ["malformed", "answered"]


@pytest.mark.parametrize("fault", ["too long", "too long, in its own words"])
def test_a_prompt_that_is_too_long_is_not_asked_again_for_it_would_hold_the_arm_for_ever(fault: str, desk: Desk) -> None:
    desk.server.script = Script(at={1: fault})
    with pytest.raises(ReplyFault) as raised:
        desk.ask("draft")
    assert (raised.value.status, desk.statuses, desk.waited) == ("rejected", ["rejected"], [])


def test_a_limit_of_tokens_a_minute_is_waited_for_whatever_the_client_takes_it_for(desk: Desk, monkeypatch: Any) -> None:
    monkeypatch.setattr(desk, "environment", desk.environment | {"ANTHROPIC_API_KEY": "none"})
    desk.choice = desk.server.choice("anthropic/claude-scripted")
    desk.server.script = Script(at={1: "tokens a minute"})
    back = desk.server.choice()

    def at_wait(_: float) -> bool:
        desk.choice = back
        return False

    desk.at_wait = at_wait
    desk.ask("draft")
    assert desk.statuses == ["rate_limited", "answered"]


@pytest.mark.parametrize("fault", ["429", "unauthorized", "too long"])
def test_a_problem_is_told_in_the_providers_words_without_the_clients_advice(fault: str, desk: Desk) -> None:
    desk.server.script = Script(at={1: fault})
    with contextlib.suppress(ReplyFault):
        desk.ask("draft")
    assert "To fix" not in desk.calls[0].problem
    assert "credential came from" not in desk.calls[0].problem


def test_after_hours_away_the_call_is_answered_and_meanwhile_the_trouble_says_since_when(desk: Desk) -> None:
    told: list[Trouble | None] = []

    def at_wait(_: float) -> bool:
        told.append(desk.asker.trouble)
        if len(desk.calls) == 8:
            desk.server.back()
        return False

    desk.at_wait = at_wait
    desk.server.away()
    assert desk.ask("draft").fields["code"]
    assert desk.statuses == ["unreachable"] * 8 + ["answered"]
    assert sum(desk.waited) == 1 + 2 + 4 + 8 + 4 * 60
    assert {(t.kind, t.since) for t in told if t} == {("away", START)}
    assert told[0] is not None
    assert "openai/scripted" in told[0].message
    assert "2026-01-01 00:00:00 UTC" in told[0].message
    assert desk.asker.trouble is None


def test_a_request_that_never_reached_anybody_costs_nothing_and_one_that_broke_off_is_not_computed(desk: Desk) -> None:
    desk.at_wait = lambda _: bool(desk.server.back())
    desk.server.script = Script(at={1: "dropped"})
    desk.server.away()
    desk.ask("draft")
    assert desk.statuses == ["unreachable", "unreachable", "answered"]
    refused, dropped, _ = desk.calls
    assert (refused.usd, refused.tokens_in, refused.tokens_out) == (0.0, 0, 0)
    assert (dropped.usd, dropped.tokens_in, dropped.tokens_out) == (None, None, None)


@pytest.mark.parametrize("model", ["openai/scripted", "mistral/scripted"])  # by DSPy's own client and by litellm
def test_an_address_that_nobody_has_is_unreachable_and_costs_nothing(model: str, desk: Desk) -> None:
    desk.at_wait = lambda _: True
    desk.choice = desk.server.choice(model, api_base="http://nobody.invalid/v1")
    with pytest.raises(AskingEnded):
        desk.ask("draft")
    (call,) = desk.calls
    assert (call.status, call.usd) == ("unreachable", 0.0)


def test_an_overloaded_server_is_waited_for_too(desk: Desk) -> None:
    desk.at_wait = lambda _: bool(desk.server.back())
    desk.server.away(refuses=False)
    desk.ask("draft")
    assert desk.statuses == ["server_error", "answered"]


def test_a_rejected_call_waits_until_something_is_changed(desk: Desk) -> None:
    def at_wait(_: float) -> bool:
        trouble = desk.asker.trouble
        assert trouble is not None
        assert trouble.kind == "rejected"
        desk.environment = {"API_KEY": "a-better-key"}
        return False

    desk.at_wait = at_wait
    desk.server.script = Script(at={1: "unauthorized"})
    desk.ask("draft")
    assert desk.statuses == ["rejected", "answered"]
    assert len(desk.waited) == 1
    assert desk.server.seen[1].headers["Authorization"] == "Bearer a-better-key"


def test_a_model_that_nobody_knows_is_rejected_and_another_choice_serves_at_once(desk: Desk) -> None:
    good = desk.choice

    def at_wait(_: float) -> bool:
        desk.choice = good
        return False

    desk.at_wait, desk.choice = at_wait, desk.server.choice("openai/")
    desk.ask("draft")
    assert desk.statuses == ["rejected", "answered"]


def test_without_a_model_nothing_is_sent_until_one_is_chosen(desk: Desk) -> None:
    good = desk.choice

    def at_wait(_: float) -> bool:
        assert desk.asker.trouble is not None
        assert desk.asker.trouble.kind == "no model"
        desk.choice = good
        return False

    desk.at_wait, desk.choice = at_wait, None
    desk.ask("draft")
    assert desk.statuses == ["answered"]


def test_an_edited_prompt_serves_the_next_attempt(desk: Desk) -> None:
    first = desk.book.prompts["draft"].version

    def at_wait(_: float) -> bool:
        desk.book = replaced(desk.book, small_prompt("draft", "Write better for {theme}."))
        return False

    desk.at_wait = at_wait
    desk.server.script = Script(at={1: "500"})
    desk.ask("draft")
    assert [call.prompt_version for call in desk.calls] == [first, desk.book.prompts["draft"].version]
    assert "Write better for theme." in desk.server.seen[1].text


def test_a_replay_asks_another_book_than_the_live_one(desk: Desk) -> None:
    tried = replaced(desk.book, small_prompt("draft", "Try this for {theme}."))
    replay = CallPlace("c1", 1, "replay")
    answers = [desk.ask("draft", replay, prompts=InForce(lambda: tried), seq=lambda: 1) for _ in range(2)]
    assert "Try this for theme." in desk.server.seen[0].text
    assert answers[0].call_ids != answers[1].call_ids


# --- ended


def test_told_to_end_while_waiting_it_ends(desk: Desk) -> None:
    desk.at_wait = lambda _: True
    desk.server.away()
    with pytest.raises(AskingEnded):
        desk.ask("draft")
    assert desk.statuses == ["unreachable"]
    assert desk.asker.trouble is None
    assert desk.budget.in_flight == 0


def test_told_to_end_while_the_model_thinks_it_ends_and_the_call_is_recorded(desk: Desk) -> None:
    desk.server.hold()
    cancelled, ended = threading.Event(), []

    def ask() -> None:
        try:
            desk.ask("draft", cancelled=cancelled)
        except AskingEnded as error:
            ended.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    desk.server.wait_until_held(1)
    cancelled.set()
    thread.join(LONG_S)
    assert len(ended) == 1
    assert desk.statuses == ["stopped"]
    assert "told to end" in desk.calls[0].problem
    assert desk.budget.in_flight == 0


def test_cancelled_before_it_began_nothing_is_sent(desk: Desk) -> None:
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(AskingEnded):
        desk.ask("draft", cancelled=cancelled)
    assert desk.server.seen == []


# --- caps


def test_at_the_cap_nothing_more_is_sent_until_it_is_raised(desk: Desk) -> None:
    def at_wait(_: float) -> bool:
        trouble = desk.asker.trouble
        assert trouble is not None
        assert trouble.kind == "cap"
        assert "2 calls per day" in trouble.message
        desk.budget.caps = Caps(calls_per_day=3)
        return False

    desk.at_wait = at_wait
    desk.budget.caps = Caps(calls_per_day=2)
    for _ in range(2):
        desk.ask("draft")
    assert desk.waited == []
    desk.ask("draft")
    assert len(desk.waited) == 1
    assert desk.statuses == ["answered"] * 3


def test_retries_count_against_the_cap(desk: Desk) -> None:
    desk.server.script = Script(at={1: "malformed", 2: "malformed"})
    desk.budget.caps = Caps(calls_per_day=2)
    desk.at_wait = lambda _: True
    with pytest.raises(AskingEnded):
        desk.ask("draft")
    assert desk.statuses == ["malformed", "malformed"]


def test_under_a_cap_in_dollars_prices_are_asked_for_before_any_call(desk: Desk) -> None:
    priced = desk.server.choice()

    def at_wait(_: float) -> bool:
        trouble = desk.asker.trouble
        assert trouble is not None
        assert trouble.kind == "price"
        assert "give its prices" in trouble.message
        assert desk.server.seen == []
        desk.choice = priced
        return False

    desk.at_wait = at_wait
    desk.choice = replace(priced, price_in=None, price_out=None)
    desk.budget.caps = Caps(usd_per_day=1.0)
    desk.ask("draft")
    assert desk.statuses == ["answered"]


def test_calls_in_flight_never_spend_past_a_cap_in_dollars(desk: Desk) -> None:
    desk.choice = desk.server.choice(max_tokens=1_000)
    desk.budget.caps = Caps(usd_per_day=0.03)
    desk.at_wait = lambda seconds: seconds > 1.5  # a cap that calls in flight fill is waited for; a real one ends the test

    def spend() -> None:
        for _ in range(20):
            try:
                desk.ask("draft")
            except AskingEnded:
                return

    threads = [threading.Thread(target=spend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = sum(call.usd or 0.0 for call in desk.calls)
    assert 0.02 < spent <= 0.03


def test_a_server_that_does_not_tell_tokens_leaves_the_cost_not_computed(desk: Desk) -> None:
    desk.server.script = Script(reports_usage=False)
    desk.ask("draft")
    assert (desk.calls[0].tokens_in, desk.calls[0].tokens_out, desk.calls[0].usd) == (None, None, None)
