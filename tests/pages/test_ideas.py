"""Ideas: added as text or file, told what they earned, changed, deleted and brought back."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from streamlit.testing.v1 import AppTest

from engine.model_records import Idea
from pages.access import research
from tests.pages.conftest import open_page
from tests.pages.model_runs import IDEA, record_campaign


@pytest.fixture
def ideas(page: Callable[[str], AppTest]) -> AppTest:
    """The Ideas page of a store without ideas."""
    return page("ideas")


def kept() -> list[Idea]:
    return [idea for idea, _ in research().model.queries.ideas()]


def press(page: AppTest, label: str) -> AppTest:
    next(button for button in page.button if button.label == label).click().run()
    assert not page.exception
    return page


def test_an_empty_page_says_what_ideas_are_for(ideas: AppTest) -> None:
    assert "No idea yet" in ideas.info[0].value


def test_a_thought_is_kept_with_its_weight_and_its_last_day(ideas: AppTest) -> None:
    ideas.text_area(key="ideas.text.0").set_value("Buy fear.\nSell greed.")
    ideas.number_input(key="ideas.weight.0").set_value(2.5)
    ideas.date_input(key="ideas.last_day.0").set_value(date(2031, 5, 4))
    press(ideas, "Add idea")
    (idea,) = kept()
    assert (idea.title, idea.text, idea.weight) == ("Buy fear.", "Buy fear.\nSell greed.", 2.5)
    assert idea.expires == datetime(2031, 5, 5, tzinfo=UTC), "the last day counts"
    assert "Buy fear" in ideas.success[0].value
    assert ideas.dataframe[0].value["last_day"].tolist() == [date(2031, 5, 4)]


def test_a_markdown_file_is_an_idea_under_its_heading(ideas: AppTest) -> None:
    ideas.file_uploader(key="ideas.file.0").upload("notes.md", b"# Volume leads\n\nIt does.", "text/markdown")
    press(ideas, "Add idea")
    assert [idea.title for idea in kept()] == ["Volume leads"]


def test_what_cannot_be_an_idea_is_refused_in_a_sentence(ideas: AppTest) -> None:
    press(ideas, "Add idea")
    assert "the idea is empty" in ideas.error[0].value
    ideas.file_uploader(key="ideas.file.0").upload("paper.pdf", b"%PDF-1.7 broken", "application/pdf")
    press(ideas, "Add idea")
    assert "cannot be read as PDF" in ideas.error[0].value
    assert kept() == []


def test_the_page_tells_which_runs_an_idea_fed_and_how_they_ended(app: AppTest) -> None:
    app.run()
    made = record_campaign(research())
    open_page(app, "ideas")
    row = app.dataframe[0].value.iloc[0]
    assert row[["runs", "scored", "kept", "better"]].tolist() == [2, 2, 1, 0]
    told = " ".join(caption.value for caption in app.caption)
    assert all(made.runs[number] in told for number in (3, 5)), "each run is linked"
    assert IDEA.text in [text.value for text in app.text], "the text stands as it was handed in, never as Markdown"


def test_weight_and_expiry_are_changed_and_a_deletion_is_undone(app: AppTest) -> None:
    app.run()
    research().model.ledger.add_idea(IDEA)
    open_page(app, "ideas")
    app.number_input(key=f"ideas.weight.{IDEA.idea_id}.{IDEA.weight}").set_value(5.0)
    app.date_input(key=f"ideas.last_day.{IDEA.idea_id}.None").set_value(date(2020, 1, 1))
    press(app, "Save")
    (idea,) = kept()
    assert (idea.weight, idea.expires) == (5.0, datetime(2020, 1, 2, tzinfo=UTC))
    assert app.dataframe[0].value["standing"].tolist() == ["expired"]
    press(app, "Delete")
    assert kept() == []
    press(app, "Undo")
    assert kept() == [idea]
