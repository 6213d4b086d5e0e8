"""The model's arm from the first call to the ledger, against a server that is scripted."""

import dataclasses
import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from engine.market.bars import Panel
from engine.market.splits import split_windows
from engine.model_records import Story
from engine.proposal.roles import ROLES
from engine.records import StopConditions
from engine.research.campaign import Start
from engine.research.service import ResearchService
from engine.research.turns import IN_FLIGHT
from engine.settings import Settings
from tests.patience import LONG_S
from tests.research import small
from tests.scripted_model import Script, ScriptedModel

WORD = r"On validation, against the best before: (better|not shown|worse)\."
MIXED = Script(good=0.5, poor=0.1, broken=0.15, leaking=0.15, hostile=0.1, repairs=0.7)


@pytest.fixture
def server() -> Iterator[ScriptedModel]:
    with ScriptedModel(MIXED) as running:
        yield running


@pytest.fixture
def campaign(open_service, own_processes, monkeypatch) -> Callable[..., tuple[ResearchService, str]]:
    """A campaign of so many runs, made to its end against that server."""
    for name in ("MODEL", "API_BASE"):
        monkeypatch.delenv(name, raising=False)

    def run(
        server: ScriptedModel, settings: Settings, *, runs: int, proposer: str = "model+random"
    ) -> tuple[ResearchService, str]:
        service = open_service(settings)
        service.model.choose(server.choice())
        choices = dataclasses.replace(small.CHOICES, proposer=proposer, theme="use volume", stop=StopConditions(runs=runs))
        campaign_id = service.launch(service.draft("small", choices))
        assert service.wait(LONG_S)
        assert service.status().problem is None
        return service, campaign_id

    return run


def test_every_run_is_accounted_for_and_has_its_story(campaign, server, settings):
    service, campaign_id = campaign(server, settings, runs=12)
    runs = service.queries.runs(campaign_id).sort_values("number")
    assert runs["number"].tolist() == list(range(1, 13))
    assert runs["arm"].tolist() == ["model", "random"] * 6
    for run in runs[runs["arm"] == "model"].itertuples():
        story = service.model.queries.story(run.run_id)
        assert isinstance(story, Story)
        assert (story.pack != "") == (run.status == "scored")
    assert service.queries.state(campaign_id) == "finished"


def test_equal_replies_give_equal_ledgers(campaign, server, market_store, tmp_path):
    told = []
    for name in ("once", "again"):
        settings = small.store_with(market_store, tmp_path / name, slots=2)
        service, campaign_id = campaign(server, settings, runs=10)
        board = service.queries.runs(campaign_id).to_dict("records")
        stories = service.model.queries.stories(campaign_id)
        calls = [
            (c.call_id, c.role, c.prompt, c.reply, c.status, c.usd)
            for n in range(1, 17)
            for c in service.model.queries.calls_of_run(campaign_id, n)
        ]
        told.append((str(board), stories, calls, service.model.queries.beliefs()))
        service.close()
    assert told[0] == told[1]


def test_a_campaign_that_goes_on_equals_one_that_was_never_stopped_and_asks_what_the_market_is_like_once(
    campaign, server, market_store, tmp_path
):
    told = []
    for name, parts in (("whole", [7]), ("in parts", [3, 7])):
        settings = small.store_with(market_store, tmp_path / name.replace(" ", "_"), slots=2)
        for runs in parts:
            service, campaign_id = campaign(server, settings, runs=runs, proposer="model")
            calls = service.model.queries.calls(campaign_id=campaign_id, role="market", limit=None)
            stories = service.model.queries.stories(campaign_id)
            board = service.queries.runs(campaign_id).sort_values("number")
            service.close()
        told.append((str(board.to_dict("records")), stories))
        assert calls["number"].tolist() == [1]
        assert len({story.market for story in stories}) == 1
        assert stories[0].market
    assert told[0] == told[1]


def test_every_role_is_called_by_a_campaign_and_seen_in_its_traces(campaign, server, settings):
    service, campaign_id = campaign(server, settings, runs=22, proposer="model")
    called = set(service.model.queries.statuses(campaign_id, 30)["role"])
    assert set(ROLES) - called == set()


def test_while_the_model_is_away_its_arm_waits_and_the_random_arm_goes_on(
    open_service, own_processes, server, settings, recorded
):
    server.away()
    service = open_service(settings)
    service.model.choose(server.choice())
    choices = dataclasses.replace(small.CHOICES, proposer="model+random", stop=StopConditions(runs=8))
    campaign_id = service.launch(service.draft("small", choices))
    for _ in range(4):
        assert recorded.acquire(timeout=LONG_S)
    assert set(service.queries.runs(campaign_id)["arm"]) == {"random"}
    assert "cannot be reached" in service.status().model_trouble
    assert len(service.status().making) == IN_FLIGHT
    server.back()
    service.model.choose(dataclasses.replace(server.choice(), max_tokens=3_999))  # any change is tried at once
    assert service.wait(LONG_S)
    runs = service.queries.runs(campaign_id)
    assert sorted(runs["number"]) == list(range(1, 9))


def test_what_the_model_reads_comes_from_train_but_for_one_word(campaign, server, panel, tmp_path):
    """Every price behind train is another one: all texts stay, to the byte, but for the word on validation."""
    server.script = dataclasses.replace(MIXED, ignores=WORD)
    told = []
    behind = split_windows(panel.bars)[0].stop
    for name, scale in (("as it was", None), ("another", np.random.default_rng(3).uniform(0.5, 2.0, (panel.bars - behind, 1)))):
        market = tmp_path / name.replace(" ", "_")
        small.save(panel if scale is None else _other_future(panel, behind, scale), market)
        service, campaign_id = campaign(
            server, small.store_with(market, tmp_path / f"{market.name}_store"), runs=8, proposer="model"
        )
        calls = [c for n in range(1, 9) for c in service.model.queries.calls_of_run(campaign_id, n)]
        told.append([(c.place.number, c.role, _without_the_word(str(c.inputs)), c.reply) for c in calls])
        service.close()
    assert len(told[0]) > 20
    assert told[0] == told[1]


def _other_future(panel: Panel, behind: int, scale: np.ndarray) -> Panel:
    """The panel with all prices from that row on multiplied, each bar's by a number of its own."""
    fields = {name: getattr(panel, name).copy(order="F") for name in ("open", "high", "low", "close")}
    for values in fields.values():
        values[behind:] *= scale
    return dataclasses.replace(panel, **fields, data_hash=f"{panel.data_hash[:-4]}beef")


def _without_the_word(text: str) -> str:
    found = re.sub(WORD, "", text)
    assert "alidation" not in found
    return found


def test_a_campaign_starts_from_strategies_that_are_given_and_builds_on_them(open_service, own_processes, server, settings):
    service = open_service(settings)
    service.model.choose(server.choice())
    choices = dataclasses.replace(small.CHOICES, proposer="model", stop=StopConditions(runs=8))
    starts = [Start(small.CROSS, "A cross of averages."), Start(small.BUYS_ONCE, "It buys once.")]
    campaign_id = service.launch(service.draft("small", choices), starts)
    assert service.wait(LONG_S)
    runs = service.queries.runs(campaign_id).sort_values("number")
    assert runs["arm"].tolist()[:3] == ["human", "human", "model"]
    mine = set(runs.loc[runs["arm"] == "human", "run_id"])
    built_on = {parent for story in service.model.queries.stories(campaign_id) for parent in story.parents}
    assert built_on & mine
    service.launch(service.draft("small", choices), starts)
    assert service.wait(LONG_S)
    assert len(service.queries.runs(campaign_id)) == 8
