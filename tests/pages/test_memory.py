"""Memory: lessons and theories with their evidence; edited, pinned, muted, deleted and brought back by a person."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from engine.model_records import Belief
from pages.access import research
from tests.pages.conftest import open_page
from tests.pages.model_runs import LESSON, THEORY, Recorded, record_campaign


@pytest.fixture
def made(app: AppTest) -> Recorded:
    """A campaign that has found a lesson and a theory."""
    app.run()
    return record_campaign(research())


@pytest.fixture
def memory(app: AppTest, made: Recorded) -> AppTest:
    """The Memory page, at the lesson."""
    app.query_params["belief"] = LESSON.belief_id
    return open_page(app, "memory")


def lesson() -> Belief | None:
    return next((b for b in research().model.queries.beliefs() if b.belief_id == LESSON.belief_id), None)


def press(page: AppTest, key: str) -> AppTest:
    page.button(key=f"memory.{key}").click().run()
    assert not page.exception
    return page


def test_an_empty_memory_says_what_will_stand_there(page: Callable[[str], AppTest]) -> None:
    assert "Nothing is learned yet" in page("memory").info[0].value


def test_each_belief_has_its_weight_and_its_runs_for_and_against(memory: AppTest, made: Recorded) -> None:
    row = memory.dataframe[0].value.set_index("kind").loc["lesson"]
    assert (row["for"], row["against"], row["used"], row["weight"]) == (2, 1, 2, pytest.approx(3 / 5))
    evidence = next(m.value for m in memory.markdown if "Runs against it" in m.value)
    before, after = evidence.split("Runs against it")
    assert made.runs[1] in before
    assert made.runs[3] in before
    assert made.runs[5] in after.split("shown it")[0]


def test_what_a_model_said_is_shown_letter_for_letter(memory: AppTest) -> None:
    shown = [text.value for text in memory.text]
    assert LESSON.text in shown
    assert LESSON.regime in shown
    assert not any("<b>" in m.value for m in memory.markdown)


def test_one_that_runs_contradict_is_told_to_have_faded(app: AppTest, made: Recorded) -> None:
    runs = tuple(made.runs.values())
    research().model.ledger.record_belief(Belief("old-1", "lesson", "Gaps close.", runs_against=runs), made.campaign_id)
    app.query_params["belief"] = "old-1"
    open_page(app, "memory")
    assert app.dataframe[0].value.set_index("text")["standing"]["Gaps close."] == "faded"
    press(app, "pin")
    assert app.dataframe[0].value.set_index("text")["standing"]["Gaps close."] == "pinned"


def test_it_is_pinned_and_muted_and_back(memory: AppTest) -> None:
    for key, field in (("pin", "is_pinned"), ("mute", "is_muted")):
        assert getattr(lesson(), field) is False
        press(memory, key)
        assert getattr(lesson(), field) is True
        press(memory, key)
        assert getattr(lesson(), field) is False


def test_its_wording_is_edited_but_never_emptied(memory: AppTest) -> None:
    key = f"memory.edit.{LESSON.belief_id}.{hash(LESSON.text)}"
    memory.text_area(key=key).set_value("  ").run()
    press(memory, "save")
    assert "wording is empty" in memory.error[0].value
    memory.text_area(key=key).set_value("Stops of three ATR hold.").run()
    press(memory, "save")
    found = lesson()
    assert found is not None
    assert (found.text, found.disproof, len(found.runs_for)) == ("Stops of three ATR hold.", LESSON.disproof, 2)


def test_a_deleted_one_comes_back_with_undo(memory: AppTest) -> None:
    before = lesson()
    press(memory, "delete")
    assert lesson() is None
    press(memory, "undo")
    assert lesson() == before


def test_kind_and_words_narrow_the_list(memory: AppTest) -> None:
    memory.segmented_control(key="memory.kind").set_value("theory").run()
    assert memory.dataframe[0].value["text"].tolist() == [THEORY.text]
    memory.text_input(key="memory.text").set_value("nowhere").run()
    assert "Nothing fits" in memory.info[0].value
