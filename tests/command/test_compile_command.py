"""`prompts compile`: what it answers, and when it refuses."""

import pytest

from engine.research import service as service_module
from engine.research.service import ResearchService
from engine.settings import Settings
from tests import scripted_model
from tests.command.conftest import Cli
from tests.research import campaigns, small
from tests.research.stored_calls import stored
from tests.scripted_model import Script, ScriptedModel


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MODEL", "API_BASE"):
        monkeypatch.delenv(name, raising=False)


def test_a_better_text_is_told_and_waits_for_a_person(cli: Cli, settings: Settings, no_model, monkeypatch) -> None:
    plain = scripted_model.answer_for
    monkeypatch.setattr(
        scripted_model,
        "answer_for",
        lambda text, _: plain(text, Script() if "Keep it short." in text else Script(good=0, hostile=1)),
    )
    monkeypatch.setattr(service_module, "make_proposer", lambda spec, panel: small.Scripted(small.CROSS))
    with ScriptedModel() as server:
        service = ResearchService(settings)
        service.model.choose(server.choice())
        campaigns.finish(service, campaigns.drafted(service, runs=2))
        stored(service, range(1, 3))
        service.close()
        said = cli("prompts", "compile", "draft", "--calls", "12", "--json").answer
        calls = [call for call in cli("traces", "--json").answer["calls"] if call["origin"] == "compile"]
        assert len(calls) == len(server.seen) == said["calls"]
    assert (said["proposed"], said["before"]) == (True, 0.25)
    assert said["after"] > 0.75
    assert said["instructions"].endswith("Keep it short.")
    assert said["usd"] == pytest.approx(sum(call["usd"] for call in calls))


def test_where_no_text_was_tried_it_says_so(cli: Cli, settings: Settings, no_model, monkeypatch) -> None:
    plain = scripted_model.answer_for
    bad = Script(good=0, hostile=1)
    monkeypatch.setattr(
        scripted_model, "answer_for", lambda text, _: ("coach", "nothing") if "new_instructions" in text else plain(text, bad)
    )
    monkeypatch.setattr(service_module, "make_proposer", lambda spec, panel: small.Scripted(small.CROSS))
    with ScriptedModel() as server:
        service = ResearchService(settings)
        service.model.choose(server.choice())
        campaigns.finish(service, campaigns.drafted(service, runs=2))
        stored(service, range(1, 3))
        service.close()
        assert "takes 7; allow 7" in cli("prompts", "compile", "draft", "--calls", "6").refusal
        assert cli("prompts", "compile", "draft", "--calls", "9").out.startswith("no text was tried beside the one in force")
        assert len(server.seen) <= 9


def test_without_a_model_it_says_how_to_name_one(cli: Cli, no_model) -> None:
    assert "no language model is chosen" in cli("prompts", "compile", "draft").refusal


def test_what_cannot_be_compiled_is_refused(cli: Cli, no_model, monkeypatch) -> None:
    monkeypatch.setenv("MODEL", "openai/nobody")
    assert "nothing can be computed" in cli("prompts", "compile", "market").refusal
    assert "0 stored calls of draft" in cli("prompts", "compile", "draft").refusal
