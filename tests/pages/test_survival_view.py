"""Strategy, Survives?: asked for by a button, tried in the background, each test with figure and threshold, counted as trials."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from pages import look
from pages.access import research
from tests.patience import LONG_S


@pytest.fixture
def tried(page: Callable[[str], AppTest]) -> AppTest:
    """The tab once its trial is done."""
    app = page("strategy")
    app.segmented_control(key="strategy.view").set_value("Survives?").run()
    before = _trials()
    app.button(key="strategy.survives").click().run()
    asked = research().survivals.known(_run_id(app), "train")
    assert asked.future.result(LONG_S).scored == _trials() - before
    return app.run()


def _run_id(app: AppTest) -> str:
    found = app.query_params["run"]
    return found if isinstance(found, str) else str(found[0])


def _trials() -> int:
    spec = research().queries.campaign(str(research().queries.campaigns()["campaign_id"].iloc[0])).spec
    times = research().catalog.open("small").times_ns
    return research().queries.trials(spec.assets, int(times[0]), int(times[-1])).total


def test_the_verdict_and_every_test_stand_there_and_each_backtest_is_counted(tried: AppTest) -> None:
    assert not tried.exception
    found = research().survivals.known(_run_id(tried), "train").future.result()
    said = [*tried.success, *tried.error, *tried.warning]
    assert any(look.plain(found.survival.sentence) in element.value for element in said)
    table = tried.table[0].value
    told = [f"**{look.plain(test.label)}**: {look.plain(test.sentence)}" for test in found.survival.tests]
    assert table["Test"].tolist() == told
    assert set(table["State"]) <= {"passed", "failed", look.NOT_COMPUTED}
    assert table.loc[table["State"] != look.NOT_COMPUTED, "Found"].str.len().gt(0).all()


def test_the_trial_stays_when_the_page_is_left_and_validation_is_tried_by_itself(tried: AppTest) -> None:
    tried.segmented_control(key="strategy.survives_window").set_value("validation").run()
    assert not tried.exception
    assert "on validation" in tried.button(key="strategy.survives").label
    tried.segmented_control(key="strategy.survives_window").set_value("train").run()
    assert "strategy.survives" not in [button.key for button in tried.button]


def test_a_report_of_another_day_stands_there_with_its_time_and_can_be_made_again(
    tried: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = research().survivals.known(_run_id(tried), "train").future.result()
    monkeypatch.setattr(research().survivals, "known", lambda run_id, window: None)
    tried.run()
    assert not tried.exception
    said = [*tried.success, *tried.error, *tried.warning]
    assert any(look.plain(found.survival.sentence) in element.value for element in said)
    assert any(caption.value.startswith("Tried on 2") for caption in tried.caption)
    assert tried.button(key="strategy.survives").label.endswith("on train again")
