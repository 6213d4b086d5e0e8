"""A button acts on what its fields hold when it is pressed, not on what they held when it was drawn: each test changes a field
and presses in one go, as a quick hand does."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.model_records import ModelChoice
from engine.settings import PROJECT_DIR
from pages.access import research
from tests.pages.conftest import open_page
from tests.pages.model_rows import research_with_a_model
from tests.pages.test_traces import _Replays


@pytest.fixture
def made(app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], AppTest]:
    """Pages after six runs of the model arm, with prompts of this test's own."""
    copied = shutil.copy(PROJECT_DIR / "prompts.yaml", tmp_path / "prompts.yaml")
    monkeypatch.setenv("EDGEWISE_PROMPTS", str(copied))
    app.run()
    campaign = str(research().queries.campaigns()["campaign_id"].iloc[0])
    research_with_a_model(research(), campaign, first=6, runs=6)
    return lambda page: open_page(app, page)


def _press(app: AppTest, key: str) -> None:
    app.button(key=key).click().run()
    assert not app.exception, app.exception[0].message


def test_a_replay_takes_what_its_fields_hold(made: Callable[[str], AppTest], monkeypatch: pytest.MonkeyPatch) -> None:
    replays = _Replays()
    monkeypatch.setattr(research(), "replays", replays)
    app = made("traces")
    call_id = str(app.dataframe[0].value.query("role == 'draft' and number == 11")["call_id"].iloc[0])
    app.query_params["call"] = call_id
    app.run()
    app.segmented_control(key="traces.view").set_value("Replay").run()
    area = app.text_area[0]
    area.set_value(area.value + "\nBe bold.").run()
    app.text_area[0].set_value(area.value + "\nBe bolder.")
    app.number_input(key="replay.times").set_value(2)
    app.multiselect(key=f"replay.inputs.{call_id}").set_value([call_id])
    _press(app, "replay.begin")
    inputs, prompt, times = replays.asked[0]
    assert (inputs, times) == ([call_id], 2)
    assert prompt.instructions.endswith("Be bolder.")


def test_a_prompt_is_saved_as_it_is_typed(made: Callable[[str], AppTest]) -> None:
    app = made("prompts")
    area = app.text_area[0]
    area.set_value(area.value + "\nBe bold.").run()
    app.text_area[0].set_value(area.value + "\nBe bolder.")
    app.text_input(key="prompts.why").set_value("A late thought")
    _press(app, "prompts.save")
    assert research().model.book()["draft"].instructions.endswith("Be bolder.")
    assert research().model.queries.prompt_versions("draft").iloc[0]["why"] == "A late thought"


def test_a_campaign_takes_the_name_that_is_typed(made: Callable[[str], AppTest]) -> None:
    app = made("campaigns")
    campaign = str(research().queries.campaigns()["campaign_id"].iloc[0])
    app.text_input(key=f"campaigns.name.{campaign}").set_value("A late name")
    _press(app, "campaigns.rename")
    assert research().queries.campaign(campaign).name == "A late name"


def test_model_and_preset_are_those_in_the_fields(made: Callable[[str], AppTest]) -> None:
    app = made("research_setup")
    app.text_input(key="research.preset_name").set_value("early").run()
    app.text_input(key="research.preset_name").set_value("late")
    _press(app, "research.save")
    assert set(research().queries.presets()) == {"late"}
    app.selectbox(key="model.place").set_value("OpenAI").run()
    app.text_input(key="model.name.OpenAI").set_value("gpt-5-mini").run()
    app.text_input(key="model.name.OpenAI").set_value("gpt-5")
    _press(app, "model.use")
    assert research().model.choice == ModelChoice("openai/gpt-5")
