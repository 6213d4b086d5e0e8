"""Replays: the same inputs asked again with two texts, judged on train, without touching the research."""

import dataclasses
import threading
from collections.abc import Iterator

import pytest

from engine.errors import PromptError, UnknownEntry
from engine.model_records import Caps
from engine.proposal.prompt_book import Prompt
from engine.research import asides
from engine.research.judging import Judge
from engine.research.replay import Replay
from engine.research.service import ResearchService
from tests.research import small
from tests.research.campaigns import LONG
from tests.research.stored_calls import stored
from tests.scripted_model import Script, ScriptedModel

MARK = "Say everything twice."


@pytest.fixture
def server() -> Iterator[ScriptedModel]:
    with ScriptedModel() as running:
        yield running


@pytest.fixture
def service(open_service, server, monkeypatch) -> ResearchService:
    for name in ("MODEL", "API_BASE"):
        monkeypatch.delenv(name, raising=False)
    opened = open_service()
    opened.model.choose(server.choice())
    return opened


def edited(service: ResearchService, role: str = "draft", text: str = MARK) -> Prompt:
    prompt = service.model.book()[role]
    return dataclasses.replace(prompt, instructions=f"{prompt.instructions}\n{text}")


def played(service: ResearchService, calls, prompt: Prompt, times: int = 2) -> Replay:
    replay_id = service.replays.begin([call.call_id for call in calls], prompt, times)
    assert service.replays.wait(replay_id, LONG)
    return service.replays.state(replay_id)


def test_each_stored_input_is_asked_again_so_many_times_with_either_text(service, server):
    calls = stored(service, range(1, 3))
    found = played(service, calls, edited(service))
    assert (found.is_done, found.problem, found.wanted) == (True, "", 4)
    for side in (found.old, found.new):
        assert [answer.source_call_id for answer in side.answers] == [c.call_id for c in calls for _ in range(2)]
    assert (found.old.version, found.new.version) == (calls[0].prompt_version, edited(service).version)
    assert sum(MARK in seen.text for seen in server.seen) == 4
    assert all(sum(f"the theme of run {n}" in seen.text for seen in server.seen) == 4 for n in (1, 2))


def test_another_model_temperature_and_description_are_replayed_too(service, server):
    now = service.model.book()["draft"]
    other = dataclasses.replace(now, model="openai/another", temperature=0.1, inputs={**now.inputs, "theme": MARK})
    found = played(service, stored(service, range(1, 2)), other, times=1)
    asked = {seen.body["model"]: (seen.body["temperature"], MARK in seen.text) for seen in server.seen}
    assert asked == {"scripted": (now.temperature, False), "another": (0.1, True)}
    assert (found.old.usd, found.new.usd is None) == (pytest.approx(found.old.usd), True), "nobody knows the other's price"
    assert "model: openai/another" in found.new.text


def test_the_sides_tell_what_parsed_passed_traded_and_what_it_cost(service, server):
    found = played(service, stored(service, range(1, 3)), edited(service))
    for side in (found.old, found.new):
        assert (side.parsed, side.passed, side.traded) == (4, 4, 4)
        assert isinstance(side.median_objective, float)
    answers = [*found.old.answers, *found.new.answers]
    asked = {answer.call_id: answer for answer in answers}
    assert len(asked) == 8
    tokens = sum(seen.tokens_in + seen.tokens_out for seen in server.seen)
    assert found.old.tokens + found.new.tokens == tokens
    assert found.old.usd + found.new.usd == pytest.approx(sum(s.tokens_in + 4 * s.tokens_out for s in server.seen) / 1e6)


@pytest.mark.parametrize(
    ("script", "parsed", "passed", "traded", "kind"),
    [
        (Script(good=0, poor=1), 1, 1, 0, "no_trades"),
        (Script(good=0, leaking=1), 1, 0, 0, "lookahead"),
        (Script(good=0, hostile=1), 1, 0, 0, "policy"),
        (Script(faults={"refused": 1.0}), 0, 0, 0, None),
    ],
)
def test_what_an_answer_is_worth_is_computed(service, server, script, parsed, passed, traded, kind):
    server.script = script
    side = played(service, stored(service, range(1, 2)), edited(service), times=1).new
    assert (side.parsed, side.passed, side.traded, side.median_objective) == (parsed, passed, traded, None)
    (answer,) = side.answers
    assert (answer.failure.kind if answer.failure else None) == kind
    assert answer.attempts == (1 if parsed else 3)


def test_a_role_that_writes_no_strategy_is_judged_by_whether_it_can_be_read(service):
    (answer,) = played(service, stored(service, range(1, 2), role="market"), edited(service, "market"), times=1).new.answers
    assert (answer.status, answer.has_passed, answer.traded, answer.objective) == ("answered", None, None, None)
    assert set(answer.fields) == {"regime", "mood"}


def test_its_calls_are_recorded_and_count_and_feed_no_run(service):
    calls = stored(service, range(1, 2))
    campaign_id = calls[0].place.campaign_id
    before = service.model.queries.spent_in_campaign(campaign_id)
    found = played(service, calls, edited(service), times=1)
    after = service.model.queries.spent_in_campaign(campaign_id)
    assert after.calls - before.calls == 2
    assert after.usd - before.usd == pytest.approx(found.old.usd + found.new.usd)
    recorded = service.model.queries.calls(origin="replay")
    assert (set(recorded["number"]), recorded["run_id"].isna().all()) == ({0}, True)
    assert service.model.queries.next_seq(campaign_id, 1) == calls[0].seq + 1
    assert len(service.queries.runs(campaign_id)) == 0


def test_each_scoring_is_a_trial(service, panel):
    played(service, stored(service, range(1, 2)), edited(service), times=2)
    counted = service.queries.trials(panel.symbols, int(panel.times_ns[0]), int(panel.times_ns[-1]))
    assert counted.total == 4
    assert counted.by_arm == {"model": 4}
    (campaign_id,) = service.queries.campaigns()["campaign_id"]
    assert service.queries.campaign_trials(campaign_id) == {"replay": 4}


def test_it_ends_at_a_cap_with_the_answers_that_it_has_and_says_so(service, server):
    calls = stored(service, range(1, 3))
    made = service.model.queries.spent_in_campaign(calls[0].place.campaign_id).calls
    service.model.set_caps(Caps(calls_per_campaign=made + 3))
    found = played(service, calls, edited(service))
    assert len(found.old.answers) + len(found.new.answers) == 3
    assert "the cap of" in found.problem
    assert len(server.seen) == 3


def test_a_model_that_stays_away_is_given_up_with_the_reason(service, server, monkeypatch):
    monkeypatch.setattr(asides, "PATIENCE_S", 0.0)
    server.script = Script(faults={"503": 1.0})
    found = played(service, stored(service, range(1, 2)), edited(service), times=1)
    assert found.is_done
    assert "answers with an error of its own" in found.problem
    assert (found.old.answers, found.new.answers) == ((), ())


def test_ending_it_keeps_what_has_been_answered(service, server):
    calls = stored(service, range(1, 3))
    server.hold()
    replay_id = service.replays.begin([call.call_id for call in calls], edited(service), 5)
    server.wait_until_held(4)
    service.replays.end(replay_id)
    assert service.replays.wait(replay_id, LONG)
    server.release()
    found = service.replays.state(replay_id)
    assert (found.is_done, found.old.answers) == (True, ())
    assert "ended" in found.problem
    assert [known for known, _ in service.replays.past("draft")] == [replay_id]


def test_a_replay_is_opened_again_after_a_restart_as_it_was(service, server, open_service):
    server.script = Script(good=1, leaking=1, poor=1)
    whole = played(service, stored(service, range(1, 3)), edited(service))
    server.script = Script()
    calls = stored(service, range(3, 5))
    made = service.model.queries.spent_in_campaign(calls[0].place.campaign_id).calls
    service.model.set_caps(Caps(calls_per_campaign=made + 3))
    capped = played(service, calls, edited(service, text="Another."))
    service.close()
    again = open_service()
    assert [known for known, _ in again.replays.past("draft")] == [capped.replay_id, whole.replay_id]
    assert again.replays.state(whole.replay_id) == whole
    assert again.replays.state(capped.replay_id) == capped
    answer = whole.new.answers[-1]
    asked = (whole.replay_id, "new", answer.source_call_id)
    assert again.model.queries.replay_of(answer.call_id) == asked, "a call knows the replay that it was made for"
    assert again.model.queries.replay_of(calls[0].call_id) is None


def test_a_replay_that_the_programs_end_cut_short_says_so_after_a_restart(service, server, open_service):
    server.hold()
    replay_id = service.replays.begin([stored(service, range(1, 2))[0].call_id], edited(service), 5)
    server.wait_until_held(4)
    service.close()
    server.release()
    found = open_service().replays.state(replay_id)
    assert (found.is_done, found.problem) == (True, "the program was closed before all was asked")


def test_closing_the_service_ends_a_replay(service, server):
    server.hold()
    replay_id = service.replays.begin([stored(service, range(1, 2))[0].call_id], edited(service), 5)
    server.wait_until_held(4)
    service.close()
    assert service.replays.state(replay_id).is_done


def test_what_cannot_be_asked_again_is_refused_in_a_sentence(service):
    (draft,), (market,) = stored(service, range(1, 2)), stored(service, range(2, 3), role="market")
    (bare,) = stored(service, range(3, 4), inputs={"theme": "x"})
    prompt = edited(service)
    with pytest.raises(PromptError, match="no call was chosen"):
        service.replays.begin([], prompt)
    with pytest.raises(PromptError, match="wanted 1 to 50 times"):
        service.replays.begin([draft.call_id], prompt, 0)
    with pytest.raises(PromptError, match="was for market"):
        service.replays.begin([draft.call_id, market.call_id], prompt)
    with pytest.raises(PromptError, match="was made without"):
        service.replays.begin([bare.call_id], prompt)
    with pytest.raises(PromptError, match=r"draft: .*wrong"):
        service.replays.begin([draft.call_id], dataclasses.replace(prompt, instructions=f"{prompt.instructions} {{wrong}}"))
    with pytest.raises(UnknownEntry):
        service.replays.begin(["nothing"], prompt)
    with pytest.raises(UnknownEntry):
        service.replays.state("nothing")


def test_an_answer_is_judged_on_train_alone(service):
    """A strategy that fails on validation does as well as it does on train."""
    (call,) = stored(service, range(1, 2))
    judge = Judge(service.evaluator, service.replays._judge.train, service.model.queries, service.ledger.record_trials)
    fields = {"code": small.fails_on_validation()}
    judged = judge.judge("draft", call.inputs, fields, call.place, origin="replay", cancelled=threading.Event())
    assert judged is not None
    assert (judged.failure, judged.traded) == (None, True)
