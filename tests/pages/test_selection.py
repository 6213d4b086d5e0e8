"""What a viewer looks at stays when the page changes, travels in the address, and drops what no longer fits."""

from streamlit.testing.v1 import AppTest

from pages.access import research


def _first() -> tuple[str, str]:
    board = research().queries.campaigns().iloc[0]
    return str(board["campaign_id"]), str(board["best_run_id"])


def test_the_choice_is_in_the_address(app: AppTest) -> None:
    app.run()
    assert app.query_params["campaign"] == _first()[0]


def test_the_choice_survives_a_page_change_which_clears_the_address(app: AppTest) -> None:
    app.run()
    run_id = next(run for run in research().queries.run_ids() if run != _first()[1])
    app.query_params["run"] = run_id
    app.run()
    app.switch_page("pages/strategy.py").run()
    assert app.selectbox(key="selection.run.box").value == run_id


def test_another_campaign_drops_the_run(app: AppTest) -> None:
    app.run()
    service = research()
    first, run_id = _first()
    spec = service.queries.campaign(first).spec
    other = service.enter(type(spec)(**{**spec.__dict__, "name": "Another"}))
    app.query_params["run"] = run_id
    app.run()
    app.selectbox(key="selection.campaign.box").set_value(other).run()
    assert app.query_params["campaign"] == other
    assert "run" not in app.query_params
