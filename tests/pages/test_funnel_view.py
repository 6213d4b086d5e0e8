"""The funnel: how far runs of each arm and prompt version came, the refusals that stopped them, and the runs themselves."""

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from engine.analysis.meter import meter_text
from engine.research.arms import meter_of
from engine.store.funnel import STEPS
from pages import look
from pages.access import research
from pages.figures_funnel import funnel_figure
from pages.funnel_view import LABELS
from tests.pages.conftest import open_page
from tests.pages.model_runs import Recorded, record_campaign


@pytest.fixture
def made(app: AppTest) -> Recorded:
    """A campaign with a model's arm."""
    app.run()
    return record_campaign(research())


@pytest.fixture
def funnel(app: AppTest, made: Recorded) -> AppTest:
    """The funnel of that campaign."""
    app.query_params["campaign"] = made.campaign_id
    app.session_state["runs.view"] = "Funnel"
    return open_page(app, "runs")


def test_each_arm_and_version_has_its_numbers_and_shares(funnel: AppTest) -> None:
    table = funnel.dataframe[0].value.set_index(["arm", "role", "version"])
    assert table["proposed"].sum() == 7
    improve = table.loc[("model", "improve", "/prompts?role=improve&version=v1")]
    assert improve[list(STEPS[1:])].tolist() == ["1 (100%)"] * 5 + ["0 (0%)"]
    drawn = table.xs("random").iloc[0]
    assert drawn["traded"] == "2 (67%)"
    assert drawn[["beat_parent", "validated"]].isna().all(), "nobody asks a draw whether it beat a parent"


def test_first_drafts_count_without_their_repairs(funnel: AppTest) -> None:
    funnel.toggle(key="funnel.first_drafts").set_value(True).run()
    table = funnel.dataframe[0].value.set_index("role")
    assert table.loc["improve", ["parsed", "policy"]].tolist() == ["1 (100%)", "0 (0%)"]


def test_a_step_opens_to_its_refusals_and_its_runs(funnel: AppTest, made: Recorded) -> None:
    funnel.segmented_control(key="funnel.step").set_value("policy").run()
    refusals, cases = funnel.dataframe[1].value, funnel.dataframe[2].value
    assert set(refusals["kind"]) == {"policy", "error"}
    assert cases["passed"].tolist() == [False, True, True, True, True, True], "the run without code never came to this step"
    assert [link.rpartition("run=")[2] for link in cases["link"]] == cases["run_id"].tolist()
    assert cases["link"].iloc[0].endswith(made.runs[4])
    asked = cases[cases["arm"] == "model"]
    assert [link.rpartition("&version=v")[0] for link in asked["version"]] == [f"/prompts?role={r}" for r in asked["role"]]
    assert cases.loc[cases["arm"] != "model", "version"].isna().all()
    assert any("5 of 6 runs that came to it passed, 83.33% (95% interval 43.65 to 96.99%)" in c.value for c in funnel.caption)


def test_steps_of_the_models_arm_leave_draws_out(funnel: AppTest) -> None:
    funnel.segmented_control(key="funnel.step").set_value("beat_parent").run()
    assert set(funnel.dataframe[1].value["arm"]) == {"model"}


def test_the_figure_has_a_bar_for_each_arm_and_says_what_does_not_apply() -> None:
    counts = pd.DataFrame([[4.0, 2.0, float("nan")], [8.0, 6.0, 1.0]], index=["random", "model"], columns=["a", "b", "c"])
    bars = {bar.name: list(bar.text) for bar in funnel_figure(counts, {"a": "A", "b": "B", "c": "C"}).data}
    assert bars == {"random": ["4 (100%)", "2 (50%)", "does not apply"], "model": ["8 (100%)", "6 (75%)", "1 (12%)"]}


def test_every_step_has_a_name() -> None:
    assert tuple(LABELS) == STEPS


def test_it_tells_how_far_the_arms_are_apart(funnel: AppTest, made: Recorded) -> None:
    told = look.plain(meter_text(meter_of(made.campaign_id, research().queries)))
    assert any(told[1:] in caption.value for caption in funnel.main.caption)
