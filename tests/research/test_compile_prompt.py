"""Compiling over a ledger: stored inputs, answers judged on train, every call counted, and a proposal that a person accepts."""

import shutil
from pathlib import Path

import pytest

from engine.errors import PromptError
from engine.model_records import Caps
from engine.records import Failure
from engine.research import service as service_module
from engine.research.compile_prompt import CompileState
from engine.research.judging import Judged, merit
from engine.research.service import ResearchService
from engine.settings import Settings
from tests import scripted_model
from tests.research import campaigns, small
from tests.research.campaigns import LONG
from tests.research.stored_calls import stored
from tests.scripted_model import Script, ScriptedModel

ADDED = "Keep it short."
"""What the scripted coach adds."""


@pytest.fixture
def server(monkeypatch):
    """A model that writes strategies which import os, until it is told to be short."""
    plain = scripted_model.answer_for
    good, bad = Script(), Script(good=0, hostile=1)
    monkeypatch.setattr(scripted_model, "answer_for", lambda text, _: plain(text, good if ADDED in text else bad))
    with ScriptedModel() as running:
        yield running


@pytest.fixture(scope="module")
def filled(market_store, lent_pool, tmp_path_factory) -> Path:
    """A store whose ledger has four runs, each fed by a draft."""
    settings = small.store_with(market_store, tmp_path_factory.mktemp("filled") / "store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service_module, "SandboxPool", lambda slots, limits: lent_pool)
        patch.setattr(service_module, "make_proposer", lambda spec, panel: small.Scripted(small.CROSS))
        service = ResearchService(settings)
        campaigns.finish(service, campaigns.drafted(service, runs=4))
        stored(service, range(1, 5))
        service.close()
    return settings.store_dir


@pytest.fixture
def service(filled, open_service, server, tmp_path, monkeypatch) -> ResearchService:
    for name in ("MODEL", "API_BASE"):
        monkeypatch.delenv(name, raising=False)
    shutil.copytree(filled, tmp_path / "copy")
    opened = open_service(Settings(store_dir=tmp_path / "copy", slots=1, limits=small.QUICK))
    opened.model.choose(server.choice())
    return opened


def compiled(service: ResearchService, **words) -> CompileState:
    service.compiling.begin("draft", **words)
    assert service.compiling.wait(LONG)
    state = service.compiling.state
    assert state is not None
    return state


def test_a_text_that_does_better_is_proposed_and_the_file_stays_as_it_is(service):
    before = service.model.prompts.text
    state = compiled(service, calls=16)
    assert (state.is_proposed, state.problem) == (True, "")
    assert state.compiled.prompt.instructions.endswith(ADDED)
    assert state.compiled.before == 0.25
    assert state.compiled.after > 0.75
    (proposal,) = service.model.queries.proposals().to_dict("records")
    assert (proposal["role"], proposal["state"], proposal["who"]) == ("draft", "open", "compiled by GEPA")
    assert ADDED in proposal["text"]
    assert "against 0.25 of the text in force" in proposal["why"]
    assert service.model.prompts.text == before


def test_every_call_of_it_is_recorded_and_its_cost_told(service, server):
    state = compiled(service, calls=16)
    calls = service.model.queries.calls(origin="compile", limit=None)
    assert len(calls) == len(server.seen) == state.made
    assert set(calls["role"]) == {"draft", "coach"}
    assert state.usd == pytest.approx(calls["usd"].sum())
    assert (set(calls["number"]), calls["run_id"].isna().all()) == ({0}, True)


@pytest.mark.parametrize("calls", [15, 20])
def test_it_never_makes_more_calls_than_it_may_though_replies_cannot_be_read(service, server, calls):
    server.script = Script(faults={"malformed": 0.4})
    state = compiled(service, calls=calls)
    assert len(server.seen) == state.made <= calls


def test_too_few_calls_are_refused_before_one_is_made_and_the_number_wanted_is_told(service, server):
    state = compiled(service, calls=14)
    assert "to try one other text on 4 stored inputs takes 15" in state.problem
    assert server.seen == []
    assert compiled(service, calls=15).compiled.others == 1


def test_it_stops_at_a_cap_and_says_so(service, server):
    service.model.set_caps(Caps(calls_per_campaign=4 + 2))
    state = compiled(service, calls=40)
    assert len(server.seen) == 2
    assert "the cap of" in state.problem
    assert (state.is_done, state.is_proposed) == (True, False)


def test_how_the_stored_runs_ended_goes_to_the_coach(service, server):
    compiled(service, calls=16)
    told = next(seen.text for seen in server.seen if seen.role == "coach")
    assert "policy" in told
    assert "(before: it traded; its median Sharpe ratio over folds of train is" in told


def test_inputs_are_spread_from_the_worst_outcome_to_the_best(service):
    chosen = service.compiling._examples(service.model.book()["draft"], 2)
    every = service.compiling._examples(service.model.book()["draft"], 10)
    assert len(every) == 4
    merits = [example.merit for example, _ in every]
    assert merits == sorted(merits)
    assert [example.merit for example, _ in chosen] == [merits[0], merits[-1]]


def test_what_cannot_be_compiled_is_refused_in_a_sentence(service, server):
    with pytest.raises(PromptError, match="of 'market' nothing can be computed"):
        service.compiling.begin("market")
    with pytest.raises(PromptError, match="wanted at least 2"):
        service.compiling.begin("draft", calls=1)
    server.hold()
    service.compiling.begin("draft")
    server.wait_until_held(1)
    with pytest.raises(PromptError, match="in work"):
        service.compiling.begin("draft")
    service.compiling.end()
    assert service.compiling.wait(LONG)
    assert "could not be measured" in service.compiling.state.problem or "ended" in service.compiling.state.problem
    server.release()


def test_a_role_without_stored_calls_says_how_many_are_wanted(service):
    service.compiling.begin("repair")
    assert service.compiling.wait(LONG)
    assert service.compiling.state.problem.startswith("0 stored calls of repair")


def test_closing_the_service_ends_it(service, server):
    server.hold()
    service.compiling.begin("draft")
    server.wait_until_held(1)
    service.close()
    assert service.compiling.state.is_done


@pytest.mark.parametrize(
    ("judged", "least", "most", "told"),
    [
        (Judged(Failure("policy", "no import")), 0.25, 0.25, "refused: policy"),
        (Judged(Failure("no_trades", "none"), traded=False), 0.5, 0.5, "no trade"),
        (Judged(None, False), 0.5, 0.5, "no trade"),
        (Judged(None, True, None, (float("nan"),)), 0.75, 0.75, "too little"),
        (Judged(None, True, 1.0, (0.0, 0.0)), 0.875, 0.875, "is 0.00"),
        (Judged(None, True, 9.0, (9.0,)), 0.99, 1.0, "is 9.00"),
        (Judged(), 1.0, 1.0, "passed the checks"),
    ],
)
def test_an_answer_that_comes_farther_is_worth_more(judged, least, most, told):
    worth, words = merit(judged)
    assert least <= worth <= most
    assert told in words
