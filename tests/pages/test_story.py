"""The story of a run: why it was tried, what the model was told and said, and what became of it."""

import pytest
from streamlit.testing.v1 import AppTest

from pages.access import research
from tests.pages.conftest import open_page
from tests.pages.model_runs import HOSTILE, IDEA, LESSON, Recorded, record_campaign


@pytest.fixture
def made(app: AppTest) -> Recorded:
    """A campaign with a model's arm."""
    app.run()
    return record_campaign(research())


def why(app: AppTest, run_id: str, *, failed: bool = False) -> AppTest:
    app.query_params["run"] = run_id
    app.session_state["strategy.failed_view" if failed else "strategy.view"] = "Why"
    return open_page(app, "strategy")


def told(app: AppTest) -> str:
    return "\n".join(m.value for m in app.markdown)


def test_it_tells_hypothesis_parent_result_reviews_and_verdict(app: AppTest, made: Recorded) -> None:
    why(app, made.runs[3])
    story = research().model.queries.story(made.runs[3])
    assert story is not None
    texts = [text.value for text in app.text]
    for said in (story.hypothesis, story.review, story.patterns, story.next_change, story.market, story.steering):
        assert said in texts
    assert any("median Sharpe over folds" in text for text in texts)
    assert made.runs[1] in told(app), "the parent is linked"
    table = app.dataframe[0].value.set_index("Figure")
    assert table.loc["Sharpe ratio on validation", ["Parent", "This run", "Change"]].tolist() == ["0.10", "0.30", "+0.20"]


@pytest.mark.parametrize(("number", "outcome"), [(3, ":green[:material/check_circle: held]"), (5, "did not hold")])
def test_it_tells_whether_the_prediction_held(app: AppTest, made: Recorded, number: int, outcome: str) -> None:
    why(app, made.runs[number])
    assert any(m.value.startswith("Sharpe ratio up: from") and outcome in m.value for m in app.markdown)


def test_texts_of_a_model_are_never_markdown(app: AppTest, made: Recorded) -> None:
    why(app, made.runs[3])
    assert HOSTILE in [text.value for text in app.text]
    assert not any("<b>" in m.value or "](http" in m.value for m in app.markdown)


def test_refused_drafts_statistics_and_changes_stand_as_they_were(app: AppTest, made: Recorded) -> None:
    why(app, made.runs[3])
    blocks = [block.value for block in app.code]
    assert any(HOSTILE in block for block in blocks), "the refusal"
    assert "Sharpe 1.10 on train.\n| asset | P/L |" in blocks
    assert any("+# change 3" in block for block in blocks), "the changes to the parent's code"
    assert "**Draft 2**" in told(app)
    assert "looks ahead" in told(app)


def test_what_the_writer_was_shown_is_linked_even_if_some_is_gone(app: AppTest, made: Recorded) -> None:
    why(app, made.runs[3])
    assert f"/ideas?idea={IDEA.idea_id}" in told(app)
    assert f"/memory?belief={LESSON.belief_id}" in told(app)
    assert "deleted since (`gone-1`)" in told(app)


def test_a_run_without_code_has_its_story_too(app: AppTest, made: Recorded) -> None:
    why(app, made.runs[7], failed=True)
    assert "It never ran." in [text.value for text in app.text]
    assert made.runs[1] in told(app)
    assert made.runs[3] in told(app)


def test_of_a_draw_it_says_that_no_model_was_asked(app: AppTest, made: Recorded) -> None:
    why(app, made.runs[2])
    assert "no model was asked" in app.info[0].value
