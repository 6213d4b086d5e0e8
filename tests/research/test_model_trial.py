"""A trial makes one call, tells what came back or what kept it from being made, and waits for nothing."""

import threading
from collections.abc import Callable, Iterator

import pytest

from engine.errors import CampaignError
from engine.model_records import CallRecord, Caps, ModelChoice, Spent
from engine.proposal.budget import Budget
from engine.proposal.prompt_file import PromptFile
from engine.research.model_trial import Trial, Trials
from engine.settings import PROJECT_DIR
from tests.scripted_model import Script, ScriptedModel


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel() as server:
        yield server


@pytest.fixture
def recorded() -> list[CallRecord]:
    return []


@pytest.fixture
def budget() -> Budget:
    return Budget(lambda campaign_id: Spent(), lambda campaign_id: Spent())


@pytest.fixture
def trials(recorded: list[CallRecord], budget: Budget) -> Iterator[Trials]:
    opened = Trials(PromptFile(PROJECT_DIR / "prompts.yaml").book, recorded.append, budget)
    yield opened
    opened.close()


@pytest.fixture
def tried(trials: Trials, model: ScriptedModel) -> Callable[[], Trial]:
    """Try the scripted model and wait for the end."""

    def run() -> Trial:
        trials.begin(model.choice())
        while not (trials.latest is not None and trials.latest.is_done):
            threading.Event().wait(0.01)
        return trials.latest

    return run


def test_a_model_that_answers_is_told_with_what_it_took(tried: Callable[[], Trial], recorded: list[CallRecord]) -> None:
    trial = tried()
    assert trial.call is not None
    assert (trial.call.status, trial.call.place.origin) == ("answered", "trial")
    assert trial.call.usd is not None
    assert recorded == [trial.call]


@pytest.mark.parametrize("fault", ["unauthorized", "503", "malformed", "empty"])
def test_one_call_is_made_whatever_becomes_of_it(
    tried: Callable[[], Trial], model: ScriptedModel, recorded: list[CallRecord], fault: str
) -> None:
    model.script = Script(at=dict.fromkeys(range(1, 9), fault))
    trial = tried()
    assert trial.call is not None
    assert trial.call.status != "answered"
    assert trial.call.problem
    assert recorded == [trial.call]
    assert len(model.seen) == 1


def test_a_cap_that_leaves_no_room_is_told_and_nothing_is_sent(
    tried: Callable[[], Trial], model: ScriptedModel, budget: Budget
) -> None:
    budget.caps = Caps(calls_per_day=0)
    trial = tried()
    assert trial.call is None
    assert "the cap of 0 calls per day leaves no room" in trial.problem
    assert model.seen == []


def test_while_one_is_on_its_way_no_other_is_begun_and_closing_ends_it(trials: Trials, model: ScriptedModel) -> None:
    model.hold()
    trials.begin(model.choice())
    model.wait_until_held(1)
    trials.begin(model.choice("openai/another"))
    trials.close()
    assert trials.latest is not None
    assert trials.latest.choice.model == "openai/scripted"
    assert trials.latest.is_done


def test_a_key_in_place_of_a_name_is_not_tried_and_not_recorded(trials: Trials, recorded: list[CallRecord]) -> None:
    with pytest.raises(CampaignError, match="a key stands where"):
        trials.begin(ModelChoice("openai/sk-proj-abcdefghijklmnop"))
    trials.close()
    assert (trials.latest, recorded) == (None, [])
