"""The meter: on Overview with its intervals, in the sidebar in one line, and honest where there is nothing to say."""

from dataclasses import replace
from pathlib import Path

from streamlit.testing.v1 import AppTest

from engine.analysis.meter import meter_text
from engine.model_records import Story
from engine.records import Proposal
from engine.research.arms import meter_of
from engine.research.campaign import run_id_of
from pages import look
from pages.access import research
from pages.meter_view import campaign_meter
from tests.pages.conftest import open_page
from tests.pages.model_runs import record_campaign
from tests.patience import LONG_S
from tests.research.campaigns import recorded_campaign
from tests.store.samples import run


def overview_of(app: AppTest, campaign_id: str) -> AppTest:
    app.query_params["campaign"] = campaign_id
    app.run()
    assert not app.exception, app.exception[0].message
    return app


def captions(app: AppTest) -> str:
    return "\n".join(caption.value for caption in app.caption)


def test_overview_shows_the_lead_over_the_better_baseline_with_its_interval(app: AppTest) -> None:
    app.run()
    service = research()
    campaign_id = recorded_campaign(service, runs=18, spread=0.2)
    overview_of(app, campaign_id)
    found = meter_of(campaign_id, service.queries)
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Lead of the mean Sharpe"] == f"{found.mean.value:+.2f}"
    assert shown["Lead of the best Sharpe"] == f"{found.best.value:+.2f}"
    assert shown["Search efficiency"] == f"{found.efficiency.value:.2f}×"
    assert look.plain(f"{found.trials:,} trials each") in captions(app)
    spent = next(table.value for table in app.dataframe if "Refused drafts" in table.value.columns)
    assert dict(zip(spent["Arm"], spent["Trials"], strict=True)) == {"model": 30, "mutate": 30, "random": 30}
    assert campaign_meter(service, campaign_id) == found
    assert "model +" in meter_text(found)


def test_the_sidebar_has_the_meter_of_the_campaign_in_view_before_anything_was_at_work(app: AppTest) -> None:
    app.run()
    campaign_id = recorded_campaign(research(), runs=18, spread=0.2)
    viewer = AppTest.from_file(Path(__file__).parents[2] / "app.py", default_timeout=LONG_S)
    overview_of(viewer, campaign_id)
    told = meter_text(campaign_meter(research(), campaign_id))
    assert f"Meter: {told}" in [caption.value for caption in viewer.sidebar.caption]


def test_with_too_few_runs_it_says_so_and_twins_can_be_had_all_the_same(app: AppTest) -> None:
    app.run()
    campaign_id = record_campaign(research()).campaign_id
    overview_of(app, campaign_id)
    assert "too few validated runs" in captions(app)
    assert "Search efficiency" not in {metric.label for metric in app.metric}
    app.button(key="meter.twins").click().run()
    assert not app.exception
    twins = next(table.value for table in app.dataframe if "Twins beaten, %" in table.value.columns)
    assert len(twins)
    assert twins["Twins beaten, %"].between(0, 100).all()


def test_a_campaign_of_one_arm_has_no_meter(app: AppTest) -> None:
    app.run()
    assert "Better than chance" not in " ".join(text.value for text in app.markdown)


def test_baselines_can_have_fewer_runs_once_they_are_known_well_enough(app: AppTest) -> None:
    app.run()
    service = research()
    known, unknown = (recorded_campaign(service, runs=18, spread=spread) for spread in (0.2, 5.0))
    for campaign_id, dealt in ((known, 1), (unknown, 0)):
        app.query_params["campaign"] = campaign_id
        open_page(app, "campaigns")
        app.selectbox(key="campaigns.every").set_value(4).run()
        app.button(key="campaigns.deal").click().run()
        assert len(service.queries.events(campaign_id, kind="baselines")) == dealt
    assert "let it run on" in app.error[0].value


def test_a_run_of_the_mutate_arm_tells_what_was_changed(app: AppTest) -> None:
    app.run()
    service = research()
    campaign_id = record_campaign(service).campaign_id
    parent = service.queries.runs(campaign_id).query("arm == 'model' and status == 'scored'")["run_id"].iloc[0]
    made = service.queries.run(parent)
    run_id = run_id_of(campaign_id, 8)
    record = replace(
        run(8, campaign=campaign_id, params=made.params), run_id=run_id, assets={}, figures=made.figures,
        proposal=Proposal(made.source + "\n# changed", "Buy when volume bursts.", "mutate", parent),
    )  # fmt: skip
    story = Story(
        run_id, "improve", (parent,), hypothesis="Enters only while volatility is low.", is_kept=False, verdict="rejected"
    )
    service.ledger.record_run(record, [], story)
    app.query_params["run"] = run_id
    app.session_state["strategy.view"] = "Why"
    open_page(app, "strategy")
    assert "Enters only while volatility is low." in [text.value for text in app.text]
    assert any("What was changed, drawn at random" in text.value for text in app.markdown)
