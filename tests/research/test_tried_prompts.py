"""A proposed prompt is tried on its share of the runs, the same ones in equal campaigns, and comes into force nowhere else."""

import dataclasses
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import PromptError
from engine.proposal.prompt_book import Prompt, prompt_text
from engine.records import StopConditions
from engine.research.model_desk import ModelDesk
from engine.research.service import ResearchService
from engine.research.tried_prompts import drawn
from engine.store.prompt_queries import Tried
from tests.research import small
from tests.scripted_model import Script, ScriptedModel

WAIT_S = 240
NUMBERS = range(1, 401)


@pytest.fixture
def server() -> Iterator[ScriptedModel]:
    with ScriptedModel(Script(good=0.4, broken=0.6)) as running:
        yield running


@pytest.fixture
def desk(service: ResearchService) -> ModelDesk:
    return service.model


def _other(desk: ModelDesk, role: str, more: str = "Say who loses.") -> Prompt:
    prompt = desk.book()[role]
    return replace(prompt, instructions=f"{prompt.instructions}\n{more}")


def _tried(desk: ModelDesk, prompt: Prompt, share: float) -> int:
    seq = desk.ledger.propose_prompt(prompt.role, prompt_text(prompt), "", "Ada")
    desk.try_prompt(seq, share)
    return seq


def test_each_tried_text_gets_its_share_of_the_runs_always_the_same_ones() -> None:
    tried = [Tried(1, "draft", "v2", "", 0.5), Tried(2, "draft", "v3", "", 0.2), Tried(3, "repair", "m2", "", 0.5)]

    def runs(seed: int) -> list[set[int]]:
        found = {number: drawn(tried, seed, number) for number in NUMBERS}
        return [{number for number, some in found.items() if one in some} for one in tried]

    first, second, third = runs(1)
    assert not first & second
    for some, share in ((first, 0.5), (second, 0.2), (third, 0.5), (first & third, 0.25)):  # roles are drawn independently
        assert len(some) / len(NUMBERS) == pytest.approx(share, abs=0.08)
    assert runs(1) == [first, second, third]
    assert runs(2)[0] != first


def test_a_run_is_asked_with_what_it_has_drawn_and_else_with_the_text_in_force(desk: ModelDesk) -> None:
    draft, now = _other(desk, "draft"), desk.book()
    _tried(desk, draft, 0.5)
    for number in range(1, 9):
        book = desk.book_for(1, number)
        assert book is not None
        is_drawn = bool(drawn(desk.queries.tried_prompts(), 1, number))
        assert book["draft"] == (draft if is_drawn else now["draft"])
        assert book["repair"] == now["repair"]


def test_without_a_trial_every_call_reads_the_book_anew(desk: ModelDesk) -> None:
    assert desk.book_for(1, 1) is None
    seq = _tried(desk, _other(desk, "draft"), 1.0)
    assert desk.book_for(1, 1) is not None
    desk.ledger.end_try(seq)
    assert desk.book_for(1, 1) is None


def test_a_text_that_is_no_prompt_is_refused_and_one_that_is_no_more_is_left_out(desk: ModelDesk) -> None:
    bad = prompt_text(_other(desk, "draft", "Use {thema}."))
    seq = desk.ledger.propose_prompt("draft", bad, "", "Ada")
    with pytest.raises(PromptError, match="did you mean theme"):
        desk.try_prompt(seq, 0.5)
    desk.ledger.try_prompt(seq, 1.0, "of other rules")  # as a program with other rules has left it
    mend = _other(desk, "repair")
    _tried(desk, mend, 1.0)
    book = desk.book_for(1, 1)
    assert book is not None
    assert (book["draft"], book["repair"]) == (desk.book()["draft"], mend)


def test_a_campaign_asks_the_tried_text_in_its_runs_and_equal_campaigns_draw_equally(
    open_service, own_processes, server: ScriptedModel, market_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MODEL", "API_BASE"):
        monkeypatch.delenv(name, raising=False)
    told = []
    for name in ("once", "again"):
        service = open_service(small.store_with(market_store, tmp_path / name, slots=2))
        desk = service.model
        desk.choose(server.choice())
        before, mend = desk.book()["repair"], _other(desk, "repair")
        _tried(desk, mend, 0.5)
        choices = dataclasses.replace(small.CHOICES, proposer="model", stop=StopConditions(runs=8))
        campaign_id = service.launch(service.draft("small", choices))
        assert service.wait(WAIT_S)
        asked = {
            number: {c.prompt_version for c in desk.queries.calls_of_run(campaign_id, number) if c.role == "repair"}
            for number in range(1, 9)
        }
        told.append(asked)
        spoken = set().union(*asked.values())
        assert spoken == {before.version, mend.version}
        assert all(len(versions) <= 1 for versions in asked.values()), "a run keeps its prompts"
        known = desk.queries.prompt_versions("repair").set_index("version")
        assert known.loc[mend.version, "text"] == prompt_text(mend)
        assert known["taken_up"].isna().to_dict() == {before.version: False, mend.version: True}
        service.close()
    assert told[0] == told[1]
