"""The Check tab: what a check of a run finds, and a strategy by hand from the editor to a run of its own."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from engine.store.answers import RunRow
from engine.strategy.isolation import isolation
from pages import code_views, look
from pages.access import research
from tests.pages.conftest import CHOICES, open_page
from tests.patience import LONG_S
from tests.research.small import strategy as written

MINE = written('return {"entries": market.close > ta.sma(market.close, n), "max_bars": 7}', text="A person's.")
PEEKS = written('return {"entries": market.close.shift(-1) > market.close, "max_bars": 3}')
TRICKS = written('raise ValueError("<b>bold</b> [link](http://x) **loud**")')
NO_SYNTAX = "PARAMS = {}\n\n\ndef signals(market, params, ta)\n    return {}\n"


def _campaign() -> str:
    return str(research().queries.campaigns()["campaign_id"].iloc[0])


def _best() -> RunRow:
    queries = research().queries
    return queries.run(str(queries.runs(_campaign())["run_id"].iloc[0]))


def _told(app: AppTest) -> str:
    parts = [*app.main.success, *app.main.error, *app.main.info, *app.main.warning, *app.main.caption]
    return " ".join(element.value for element in parts)


def _codes(app: AppTest) -> list[str]:
    return [element.value for element in app.code]


def _press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception
    return app


def _write(app: AppTest, source: str) -> AppTest:
    app.text_area[0].set_value(source).run()
    return app


def _checked(app: AppTest, source: str) -> AppTest:
    """The page once the check that was asked for is there."""
    assert "Checking" in _told(app) or research().examiner.known(source, _campaign()).is_done
    research().examiner.known(source, _campaign()).future.result(LONG_S)
    app.run()
    assert not app.exception
    return app


@pytest.fixture
def check(page: Callable[[str], AppTest]) -> AppTest:
    """The Check tab of the best run."""
    app = page("strategy")
    app.segmented_control(key="strategy.view").set_value("Check").run()
    assert not app.exception
    return app


def test_a_run_is_checked_on_demand_and_told_in_words(check: AppTest) -> None:
    assert "Accepted" not in _told(check)
    _press(check, f"Check run {_best().number}")
    _checked(check, _best().source)
    assert "Accepted" in _told(check)
    tiles = {metric.label: metric.value for metric in check.metric}
    assert tiles["Isolation"] == look.ISOLATION[isolation().level][0]
    assert tiles["Warm-up"].endswith("bars")
    assert tiles["Compares assets"] in ("yes", "no")
    assert int(tiles["Parameter sets"]) > 1
    assert tiles["Took"].endswith(" s")


def test_the_editor_holds_the_source_of_the_run_and_a_look_ahead_is_told_with_its_distance(check: AppTest) -> None:
    assert check.text_area[0].value == _best().source
    _press(_write(check, PEEKS), "Check")
    _checked(check, PEEKS)
    assert "Refused as lookahead: it looks ahead" in _told(check)
    assert any("1 bar" in text for text in _codes(check))
    assert research().queries.campaign(_campaign()).runs == 5, "a check is no run"


def test_a_refusal_marks_its_line(check: AppTest) -> None:
    _press(_write(check, NO_SYNTAX), "Check")
    _checked(check, NO_SYNTAX)
    assert "Refused as syntax" in _told(check)
    assert any("→ 4  def signals(market, params, ta)" in text for text in _codes(check))


def test_what_a_strategy_says_is_shown_as_text_and_never_as_markdown(check: AppTest) -> None:
    _press(_write(check, TRICKS), "Check")
    _checked(check, TRICKS)
    assert any("<b>bold</b> [link](http://x) **loud**" in text for text in _codes(check))
    assert "bold" not in _told(check)


def test_a_strategy_by_hand_becomes_a_run_of_its_own(check: AppTest) -> None:
    parent = _best()
    _write(check, MINE)
    check.text_input(key="editor.note").set_value("Hold for *seven* bars").run()
    _press(check, "Run it as a run of its own")
    assert "Taken" in _told(check) or "recorded" in _told(check)
    assert research().wait(LONG_S)
    check.run()
    assert "recorded as run 6, by hand" in _told(check)
    queries = research().queries
    run = queries.run(str(queries.recent_runs(_campaign(), limit=1)["run_id"].iloc[0]))
    assert (run.number, run.arm, run.source, run.parent_run_id) == (6, "human", MINE, parent.run_id)
    assert run.summary == "Hold for *seven* bars"
    check.query_params["run"] = run.run_id
    open_page(check, "strategy")
    assert "Run 6 by hand, from run" in _told(check)
    open_page(check, "runs")
    assert "by hand" in check.dataframe[0].value["arm"].tolist()


def test_a_refused_strategy_by_hand_is_a_failed_run_with_a_check_tab(check: AppTest) -> None:
    _press(_write(check, NO_SYNTAX), "Run it as a run of its own")
    assert research().wait(LONG_S)
    runs = research().queries.recent_runs(_campaign(), limit=1)
    assert runs["failure_kind"].iloc[0] == "syntax"
    check.query_params["run"] = str(runs["run_id"].iloc[0])
    open_page(check, "strategy")
    assert "Run 6 failed" in _told(check)
    check.segmented_control(key="strategy.failed_view").set_value("Check").run()
    assert check.text_area[0].value == NO_SYNTAX


def test_an_empty_source_is_refused_in_a_sentence(check: AppTest) -> None:
    _press(_write(check, "  "), "Run it as a run of its own")
    assert "there is no source" in _told(check)
    assert "Taken" not in _told(check)


def test_what_was_given_up_is_told(check: AppTest) -> None:
    _press(_write(check, written("while True:\n    pass")), "Run it as a run of its own")
    research().stop()
    assert research().wait(LONG_S)
    check.run()
    assert "given up" in _told(check)


def test_without_a_campaign_the_page_says_what_the_editor_waits_for(empty_app: AppTest) -> None:
    empty_app.run()
    open_page(empty_app, "strategy")
    assert "an editor for strategies of your own" in _told(empty_app)


def test_a_campaign_without_a_run_has_the_editor(empty_app: AppTest) -> None:
    empty_app.run()
    research().enter(research().draft("small", CHOICES))
    open_page(empty_app, "strategy")
    assert "def signals(market, params, ta)" in empty_app.text_area[0].value
    _press(_write(empty_app, MINE), "Run it as a run of its own")
    assert research().wait(LONG_S)
    empty_app.run()
    assert "Run 1 by hand, no parent" in _told(empty_app)


def test_an_excerpt_points_at_its_line() -> None:
    source = "\n".join(f"line {n}" for n in range(1, 13))
    assert code_views.excerpt(source, 11, around=1) == "  10  line 10\n→ 11  line 11\n  12  line 12"
    assert code_views.excerpt(source, 13) == ""
