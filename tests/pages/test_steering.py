"""Steering: what a person asks of the model's arm, what is in force, and which runs answered it."""

import pytest
from streamlit.testing.v1 import AppTest

from engine.model_records import Steering
from pages.access import research
from tests.pages.conftest import open_page
from tests.pages.model_runs import HOSTILE, Recorded, record_campaign


@pytest.fixture
def made(app: AppTest) -> Recorded:
    """A campaign with a model's arm."""
    app.run()
    return record_campaign(research())


@pytest.fixture
def steer(app: AppTest, made: Recorded) -> AppTest:
    """What can be asked for of run 3."""
    app.query_params["run"] = made.runs[3]
    app.session_state["strategy.view"] = "Steer"
    return open_page(app, "strategy")


def press(page: AppTest, key: str) -> AppTest:
    page.button(key=f"steering.{key}").click().run()
    assert not page.exception
    return page


def asked(made: Recorded) -> list[Steering]:
    return [one for one, _ in research().model.queries.steering(made.campaign_id)]


def test_a_run_is_continued_for_so_many_generations_with_a_note(steer: AppTest, made: Recorded) -> None:
    steer.text_area(key="steering.note").set_value(HOSTILE)
    steer.number_input(key="steering.generations").set_value(2)
    press(steer, "continue")
    assert asked(made) == [Steering(1, "continue", made.runs[3], HOSTILE, 2)]
    assert "continued for 2 runs" in steer.success[0].value
    assert HOSTILE in [text.value for text in steer.text], "a person's note is no Markdown"
    assert steer.text_area(key="steering.note").value == ""


def test_for_ever_lasts_until_it_is_withdrawn(steer: AppTest, made: Recorded) -> None:
    steer.toggle(key="steering.for_ever").set_value(True).run()
    press(steer, "continue")
    assert asked(made)[0].generations is None
    assert any("for ever, 0 runs so far" in m.value for m in steer.markdown)
    press(steer, "withdraw.1")
    assert asked(made) == []


def test_what_is_answered_tells_by_which_runs(app: AppTest, made: Recorded) -> None:
    ledger = research().model.ledger
    seq = ledger.steer(made.campaign_id, "continue", run_id=made.runs[1], generations=2)
    for number in (3, 5):
        ledger.steering_used(seq, made.runs[number])
    app.query_params["run"] = made.runs[3]
    app.session_state["strategy.view"] = "Steer"
    open_page(app, "strategy")
    answered = next(c.value for c in app.caption if c.value.startswith("Answered by"))
    assert made.runs[3] in answered
    assert made.runs[5] in answered
    assert app.expander[-1].label == "Answered: 1"


def test_a_run_that_is_barred_can_be_allowed_again(steer: AppTest, made: Recorded) -> None:
    press(steer, "never")
    assert asked(made) == [Steering(1, "never", made.runs[3])]
    assert steer.button(key="steering.never").disabled
    press(steer, "withdraw.1")
    assert not steer.button(key="steering.never").disabled


def test_a_note_for_the_next_writer_must_say_something(steer: AppTest, made: Recorded) -> None:
    press(steer, "try_next")
    assert "no note" in steer.error[0].value
    steer.text_area(key="steering.try").set_value("a time stop")
    press(steer, "try_next")
    assert asked(made) == [Steering(1, "try", None, "a time stop")]


def test_a_failed_run_cannot_be_continued(app: AppTest, made: Recorded) -> None:
    app.query_params["run"] = made.runs[7]
    app.session_state["strategy.failed_view"] = "Steer"
    open_page(app, "strategy")
    assert app.button(key="steering.continue").disabled


def test_a_campaign_without_a_model_says_how_to_get_one(app: AppTest) -> None:
    app.run()
    app.session_state["strategy.view"] = "Steer"
    open_page(app, "strategy")
    assert "this campaign has none" in app.info[0].value
