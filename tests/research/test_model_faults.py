"""A model that fails in every way it can: no run is lost, no cent is uncounted, no key gets out."""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator

import pytest

from engine.records import StopConditions
from engine.research.service import ResearchService
from tests.patience import LONG_S
from tests.research import small
from tests.scripted_model import FAULTS, TRANSPORT, Script, ScriptedModel

RUNS = 20
KEY = "sk-planted-0123456789abcdef0123456789"
WAITED_FOR = ("unauthorized",)
"""Waits until a person changes something, so it is tried by itself."""
EACH = 0.02


@pytest.fixture
def server() -> Iterator[ScriptedModel]:
    faults = {name: EACH for name in FAULTS if name not in WAITED_FOR}
    script = Script(good=0.5, poor=0.1, broken=0.15, leaking=0.15, hostile=0.1, repairs=0.7, faults=faults)
    with ScriptedModel(script) as running:
        yield running


@pytest.fixture
def made(open_service, own_processes, server, settings, monkeypatch) -> tuple[ResearchService, str]:
    """A campaign of both arms, made to its end while the model fails, with a key in the environment."""
    monkeypatch.setenv("API_KEY", KEY)
    service = open_service(settings)
    service.model.choose(dataclasses.replace(server.choice(), timeout_s=5.0))
    choices = dataclasses.replace(small.CHOICES, proposer="model+random", theme=f"volume {KEY}", stop=StopConditions(runs=RUNS))
    campaign_id = service.launch(service.draft("small", choices))
    assert service.wait(LONG_S)
    assert service.status().problem is None
    return service, campaign_id


def test_no_run_is_lost_no_cent_uncounted_and_no_key_told(made, server, settings):
    service, campaign_id = made
    runs = service.queries.runs(campaign_id)
    assert sorted(runs["number"]) == list(range(1, RUNS + 1))
    assert Counter(runs["arm"]) == {"model": RUNS // 2, "random": RUNS // 2}
    assert len(service.model.queries.stories(campaign_id)) == RUNS // 2
    _every_cent_is_counted(service, campaign_id, server)
    _no_key_is_told(service, campaign_id, server)
    service.close()
    told = [path for path in settings.store_dir.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert told == []


def _every_cent_is_counted(service: ResearchService, campaign_id: str, server: ScriptedModel) -> None:
    calls = service.model.queries.calls(campaign_id=campaign_id, limit=100_000)
    assert len(calls) == len(server.seen)
    assert len(set(calls["status"])) >= 7
    choice = service.model.choice
    told = [seen for seen in server.seen if seen.fault not in TRANSPORT]
    cost = sum(seen.tokens_in * choice.price_in + seen.tokens_out * choice.price_out for seen in told) / 1e6
    assert service.model.queries.spent_in_campaign(campaign_id).usd == pytest.approx(cost, abs=1e-9)


def _no_key_is_told(service: ResearchService, campaign_id: str, server: ScriptedModel) -> None:
    for number in range(1, RUNS + 1):
        for call in service.model.queries.calls_of_run(campaign_id, number):
            assert KEY not in repr(call)
    assert all(KEY not in json.dumps(seen.body) for seen in server.seen)
