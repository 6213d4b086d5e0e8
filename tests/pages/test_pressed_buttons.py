"""A button acts on what its fields hold when it is pressed, not on what they held when it was drawn: each test changes a field
and presses in one go, as a quick hand does."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.model_records import Caps, ModelChoice
from engine.proposal.prompt_book import prompt_text
from engine.settings import PROJECT_DIR
from pages.access import research
from tests.pages.conftest import open_page
from tests.pages.model_rows import research_with_a_model
from tests.pages.test_traces import _Replays
from tests.patience import LONG_S
from tests.research.campaigns import recorded_campaign


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


def test_the_whole_file_is_saved_as_it_is_typed(made: Callable[[str], AppTest]) -> None:
    app = made("prompts")
    app.segmented_control(key="prompts.view").set_value("Whole file").run()
    text = str(app.text_area[0].value)
    app.text_area[0].set_value(f"# An early remark\n{text}").run()
    app.text_area[0].set_value(f"# A late remark\n{text}")
    app.text_input(key="prompts.file_why").set_value("A late thought")
    _press(app, "prompts.file_save")
    assert research().model.prompts.path.read_text().startswith("# A late remark\n")


def test_a_version_that_is_chosen_late_is_the_one_restored(made: Callable[[str], AppTest]) -> None:
    app, desk = made("prompts"), research().model
    old = desk.book()["draft"]
    first, second = (replace(old, instructions=f"{old.instructions}\n{word}") for word in ("Be bold.", "Be bolder."))
    for version in (first, second):
        desk.ledger.prompt_version("draft", version.version, prompt_text(version), who="Ada")
    app.segmented_control(key="prompts.view").set_value("History").run()
    app.selectbox(key="selection.version.box").set_value(second.version).run()
    app.selectbox(key="selection.version.box").set_value(first.version)
    _press(app, "prompts.restore")
    assert desk.book()["draft"] == first


def test_a_trial_takes_the_share_and_the_text_of_the_fields(made: Callable[[str], AppTest]) -> None:
    app, desk = made("prompts"), research().model
    area = app.text_area[0]
    area.set_value(area.value + "\nBe bold.").run()
    app.text_area[0].set_value(area.value + "\nBe bolder.")
    app.text_input(key="prompts.who").set_value("Ada")
    _press(app, "prompts.try")
    (tried,) = desk.queries.tried_prompts()
    assert "Be bolder." in tried.text
    assert desk.queries.proposals().iloc[0]["who"] == "Ada"
    app.segmented_control(key="prompts.view").set_value("Proposals").run()
    seq = int(desk.queries.proposals().iloc[0]["seq"])
    app.slider(key=f"prompts.share.{seq}").set_value(20).run()
    app.slider(key=f"prompts.share.{seq}").set_value(80)
    _press(app, f"prompts.try.{seq}")
    assert [one.share for one in desk.queries.tried_prompts()] == [0.8]


def test_a_compile_takes_the_calls_of_its_field(made: Callable[[str], AppTest], monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[tuple[str, int]] = []
    monkeypatch.setattr(research().compiling, "begin", lambda role, *, calls: begun.append((role, calls)))
    monkeypatch.setenv("MODEL", "openai/scripted")
    app = made("prompts")
    app.segmented_control(key="prompts.view").set_value("Proposals").run()
    app.number_input(key="prompts.compile_calls").set_value(30).run()
    app.number_input(key="prompts.compile_calls").set_value(40)
    _press(app, "prompts.compile")
    assert begun == [("draft", 40)]


def test_the_baselines_share_is_the_one_in_the_field(app: AppTest) -> None:
    app.run()
    campaign = recorded_campaign(research(), runs=18, spread=0.2)
    app.query_params["campaign"] = campaign
    open_page(app, "campaigns").selectbox(key="campaigns.every").set_value(2).run()
    app.selectbox(key="campaigns.every").set_value(8)
    _press(app, "campaigns.deal")
    assert "8" in str(research().queries.events(campaign, kind="baselines")["detail"].iloc[0])


def test_caps_are_those_in_the_fields(made: Callable[[str], AppTest]) -> None:
    app = made("research_setup")
    research().model.choose(ModelChoice("openai/scripted", "http://127.0.0.1:9/v1"))
    app.selectbox(key="research.dataset").set_value("small").run()
    wanted = Caps(usd_per_day=2.5, tokens_per_day=7_000, calls_per_campaign=50)
    app.number_input(key="budget.calls_per_campaign").set_value(10).run()
    for name in ("usd_per_day", "tokens_per_day", "calls_per_campaign"):
        app.number_input(key=f"budget.{name}").set_value(getattr(wanted, name))
    _press(app, "budget.save")
    assert research().model.queries.caps() == wanted


def test_caps_typed_right_before_the_start_hold_for_the_campaign_that_starts(made: Callable[[str], AppTest]) -> None:
    app = made("research_setup")
    research().model.choose(ModelChoice("openai/scripted", "http://127.0.0.1:9/v1"))
    app.selectbox(key="research.dataset").set_value("small").run()
    app.number_input(key="research.stop_runs").set_value(1)
    app.number_input(key="research.seed").set_value(77).run()
    app.number_input(key="budget.own.new.calls_per_campaign").set_value(3)
    _press(app, "research.start")
    service = research()
    service.stop()
    assert service.wait(LONG_S)
    assert list(service.model.queries.own_caps().values()) == [Caps(calls_per_campaign=3)]
