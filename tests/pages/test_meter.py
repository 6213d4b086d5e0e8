"""The meter: on Overview with its intervals, in the sidebar in one line, and honest where there is nothing to say."""

from streamlit.testing.v1 import AppTest

from engine.analysis.meter import meter_text
from engine.research.arms import meter_of
from pages import look
from pages.access import research
from pages.meter_view import campaign_meter
from tests.pages.model_runs import record_campaign
from tests.research.campaigns import recorded_campaign


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
