"""A proposed prompt is tried on its share of the runs, the same ones in equal campaigns, and comes into force nowhere else."""

import dataclasses
import itertools
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import PromptError
from engine.model_records import CallPlace, Caps
from engine.proposal.asked_prompts import Prompts
from engine.proposal.asking import Answer, AskingEnded
from engine.proposal.prompt_book import Prompt, prompt_text
from engine.proposal.roles import ROLES
from engine.records import StopConditions
from engine.research.model_desk import ModelDesk
from engine.research.service import ResearchService
from engine.research.tried_prompts import drawn
from engine.settings import Settings
from engine.store.prompt_queries import Tried
from tests.patience import LONG_S
from tests.research import small
from tests.scripted_model import Script, ScriptedModel

NUMBERS = range(1, 401)


@pytest.fixture
def server() -> Iterator[ScriptedModel]:
    with ScriptedModel(Script(good=0.4, broken=0.6)) as running:
        yield running


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """A store whose prompts may be edited."""
    return replace(settings, prompts_path=Path(shutil.copy(settings.prompts_path, tmp_path / "prompts.yaml")))


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
        book = desk.prompts_for("c", 1, number).book()
        is_drawn = bool(drawn(desk.queries.tried_prompts(), 1, number))
        assert book["draft"] == (draft if is_drawn else now["draft"])
        assert book["repair"] == now["repair"]


def test_what_is_saved_meanwhile_is_used_by_the_next_call_but_for_the_role_that_was_drawn(desk: ModelDesk) -> None:
    tried = _other(desk, "draft")
    _tried(desk, tried, 1.0)
    prompts = desk.prompts_for("c", 1, 1)
    assert prompts.book()["draft"] == tried
    saved = [_other(desk, role, "As it is saved.") for role in ("draft", "repair")]
    for prompt in saved:
        desk.prompts.save_prompt(prompt, desk.prompts.text_hash)
    assert prompts.book()["repair"] == saved[1]
    assert prompts.book()["draft"] == tried


def test_a_trial_that_has_ended_is_over_for_runs_on_their_way_and_one_that_begins_later_is_for_later_runs(
    desk: ModelDesk,
) -> None:
    first, second = _other(desk, "draft"), _other(desk, "repair")
    before, seq = desk.book(), _tried(desk, first, 1.0)
    prompts = desk.prompts_for("c", 1, 1)
    _tried(desk, second, 1.0)
    assert (prompts.book()["draft"], prompts.book()["repair"]) == (first, before["repair"])
    desk.ledger.end_try(seq)
    assert prompts.book() == before


def test_a_text_that_is_no_prompt_is_refused_and_one_that_is_no_more_is_left_out(desk: ModelDesk) -> None:
    bad = prompt_text(_other(desk, "draft", "Use {thema}."))
    seq = desk.ledger.propose_prompt("draft", bad, "", "Ada")
    with pytest.raises(PromptError, match="did you mean theme"):
        desk.try_prompt(seq, 0.5)
    desk.ledger.try_prompt(seq, 1.0, "of other rules")  # as a program with other rules has left it
    mend = _other(desk, "repair")
    _tried(desk, mend, 1.0)
    book = desk.prompts_for("c", 1, 1).book()
    assert (book["draft"], book["repair"]) == (desk.book()["draft"], mend)


def _ask(desk: ModelDesk, prompts: Prompts, ended: threading.Event) -> Answer:
    inputs = dict.fromkeys(ROLES["draft"].inputs, "something")
    seqs = itertools.count(1)
    return desk.asker.ask("draft", inputs, CallPlace("c", 1), seq=lambda: next(seqs), cancelled=ended, prompts=prompts)


@pytest.mark.parametrize("caps", [Caps(), Caps(usd_per_day=5.0)])  # rejected by its server; without a price under a cap
def test_a_tried_text_whose_model_cannot_be_asked_ends_its_trial_and_is_told_in_an_event(
    desk: ModelDesk, server: ScriptedModel, service: ResearchService, caps: Caps
) -> None:
    desk.choose(server.choice())
    desk.set_caps(caps)
    tried = replace(_other(desk, "draft"), model="openai/another")
    server.script = Script(at={1: "unauthorized"}) if caps == Caps() else Script()
    seq = _tried(desk, tried, 1.0)
    prompts = [desk.prompts_for("c", 1, number) for number in (1, 2)]
    answer = _ask(desk, prompts[0], threading.Event())
    versions = [desk.queries.call(call_id).prompt_version for call_id in answer.call_ids]
    assert versions[-1] == desk.book()["draft"].version
    assert tried.version in versions or caps != Caps()
    assert (desk.queries.tried_prompts(), desk.asker.trouble) == ([], None)
    _ask(desk, prompts[1], threading.Event())
    (event,) = service.queries.events(kind="trial_ended").itertuples()
    assert event.campaign_id == "c"
    for words in (f"proposal {seq}", tried.version, "draft"):
        assert words in event.detail
    assert dict(zip(*desk.queries.proposals()[["seq", "state"]].to_numpy().T, strict=True)) == {seq: "open"}


def test_a_key_that_is_wrong_for_both_texts_ends_no_trial_and_the_trouble_names_the_version(
    desk: ModelDesk, server: ScriptedModel
) -> None:
    desk.choose(server.choice())
    tried = _other(desk, "draft")
    seq = _tried(desk, tried, 1.0)
    server.script = Script(faults={"unauthorized": 1.0})
    ended = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        asking = threads.submit(_ask, desk, desk.prompts_for("c", 1, 1), ended)
        while desk.asker.trouble is None and not asking.done():
            threading.Event().wait(0.01)
        trouble = desk.asker.trouble
        ended.set()
        assert isinstance(asking.exception(LONG_S), AskingEnded)
    assert trouble is not None
    for words in ("rejected the call", tried.version, f"proposal {seq}", "end its trial"):
        assert words in trouble.message
    assert [one.seq for one in desk.queries.tried_prompts()] == [seq]


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
        assert service.wait(LONG_S)
        asked = {
            number: {c.prompt_version for c in desk.queries.calls_of_run(campaign_id, number) if c.role == "repair"}
            for number in range(1, 9)
        }
        told.append(asked)
        spoken = set().union(*asked.values())
        assert spoken == {before.version, mend.version}
        assert all(len(versions) <= 1 for versions in asked.values()), "a run keeps what it has drawn"
        known = desk.queries.prompt_versions("repair").set_index("version")
        assert known.loc[mend.version, "text"] == prompt_text(mend)
        assert known["taken_up"].isna().to_dict() == {before.version: False, mend.version: True}
        service.close()
    assert told[0] == told[1]
