"""Prompts: a text is changed with its reasons, kept with its history, and never lost to someone else's."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.proposal.prompt_book import prompt_text
from engine.research.model_desk import ModelDesk
from engine.settings import PROJECT_DIR
from pages.access import research
from tests.pages.conftest import APP, open_page
from tests.pages.model_rows import HOSTILE, research_with_a_model
from tests.patience import LONG_S

SHARPER = "\nName the market's side that loses the money."


@pytest.fixture
def book_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This test's own copy of the prompts, the one that the app opens."""
    copied = Path(shutil.copy(PROJECT_DIR / "prompts.yaml", tmp_path / "prompts.yaml"))
    monkeypatch.setenv("EDGEWISE_PROMPTS", str(copied))
    return copied


@pytest.fixture
def prompts(book_path: Path, page: Callable[[str], AppTest]) -> AppTest:
    """The page on `draft`, after twelve runs of the model arm."""
    campaign = str(research().queries.campaigns()["campaign_id"].iloc[0])
    research_with_a_model(research(), campaign, first=6, runs=12)
    return page("prompts")


def _desk() -> ModelDesk:
    return research().model


def _told(app: AppTest) -> str:
    parts = [*app.main.success, *app.main.error, *app.main.info, *app.main.warning, *app.main.caption, *app.main.markdown]
    return " ".join(element.value for element in parts)


def _codes(app: AppTest) -> str:
    return "\n".join(element.value for element in app.code)


def _press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception, app.exception[0].message
    return app


def _view(app: AppTest, name: str) -> AppTest:
    app.segmented_control(key="prompts.view").set_value(name).run()
    assert not app.exception, app.exception[0].message
    return app


def _type(app: AppTest, text: str) -> AppTest:
    next(area for area in app.text_area if area.label == "Instructions").set_value(text).run()
    assert not app.exception, app.exception[0].message
    return app


def _is_open(app: AppTest, label: str) -> bool:
    return not next(button for button in app.button if button.label == label).disabled


def test_the_prompt_stands_with_purpose_calls_and_share_answered(prompts: AppTest) -> None:
    draft = _desk().book()["draft"]
    assert prompts.text_area[0].value == draft.instructions
    assert f"`{draft.version}`" in _told(prompts)
    assert "12 calls, answered 67% of 12" in _told(prompts)
    assert not _is_open(prompts, "Save"), "nothing is changed yet"


def test_a_change_is_checked_saved_and_kept_with_who_and_why(prompts: AppTest, book_path: Path) -> None:
    old = _desk().book()["draft"]
    _type(prompts, old.instructions + SHARPER)
    assert "In order, and not saved yet" in _told(prompts)
    prompts.text_input(key="prompts.why").set_value("Drafts *never* say who pays").run()
    prompts.text_input(key="prompts.who").set_value("Ada").run()
    _press(prompts, "Save")
    new = _desk().book()["draft"]
    assert new.instructions == old.instructions + SHARPER
    assert SHARPER.strip() in book_path.read_text(), "the next call, and the next process, reads it"
    first = _desk().queries.prompt_versions("draft").iloc[0]
    assert (first["version"], first["who"], first["why"]) == (new.version, "Ada", "Drafts *never* say who pays")
    assert not _is_open(prompts, "Save")
    assert prompts.text_area[0].value == new.instructions


def test_a_bad_text_is_told_in_a_sentence_and_cannot_be_saved(prompts: AppTest) -> None:
    before = _desk().prompts.text_hash
    _type(prompts, _desk().book()["draft"].instructions + "\nUse {thema} too.")
    assert "did you mean theme" in _told(prompts)
    assert not _is_open(prompts, "Save")
    _press(prompts, "Undo my changes")
    assert prompts.text_area[0].value == _desk().book()["draft"].instructions
    assert _desk().prompts.text_hash == before


def test_a_save_of_someone_else_is_noticed_shown_and_not_overwritten(prompts: AppTest) -> None:
    old = _desk().book()["draft"]
    _type(prompts, old.instructions + SHARPER)
    theirs = replace(old, instructions=old.instructions + "\nTheirs.")
    _desk().prompts.save_prompt(theirs, _desk().prompts.text_hash)
    _press(prompts, "Save")
    assert _desk().book()["draft"] == theirs
    assert "Someone else has saved this prompt meanwhile" in _told(prompts)
    assert not _is_open(prompts, "Save"), "first one or the other is taken"
    assert "+    Theirs." in _codes(prompts)
    _press(prompts, "Keep mine, to be saved over theirs")
    assert prompts.text_area[0].value == old.instructions + SHARPER, "what was typed is not lost"
    _press(prompts, "Save")
    assert _desk().book()["draft"].instructions == old.instructions + SHARPER


def test_theirs_can_be_taken_instead(prompts: AppTest) -> None:
    old = _desk().book()["draft"]
    _type(prompts, old.instructions + SHARPER)
    _desk().prompts.save_prompt(replace(old, instructions=old.instructions + "\nTheirs."), _desk().prompts.text_hash)
    prompts.run()
    _press(prompts, "Take theirs, drop mine")
    assert prompts.text_area[0].value == old.instructions + "\nTheirs."


def test_a_save_of_another_prompt_is_no_conflict(prompts: AppTest) -> None:
    old, market = _desk().book()["draft"], _desk().book()["market"]
    _type(prompts, old.instructions + SHARPER)
    _desk().prompts.save_prompt(replace(market, temperature=0.1), _desk().prompts.text_hash)
    prompts.run()
    _press(prompts, "Save")
    assert _desk().book()["draft"].instructions == old.instructions + SHARPER
    assert _desk().book()["market"].temperature == 0.1


def test_a_broken_file_leaves_the_last_good_book_in_use_and_says_why(prompts: AppTest, book_path: Path) -> None:
    version = _desk().book().version
    book_path.write_text("market: [", encoding="utf-8")
    prompts.run()
    assert "the last good book is in use" in _told(prompts)
    assert "line 1" in _told(prompts)
    _press(prompts, "Put the last good book back")
    assert _desk().prompts.problem is None
    assert _desk().book().version == version


def test_the_preview_is_the_message_as_it_would_be_sent(prompts: AppTest) -> None:
    _type(prompts, _desk().book()["draft"].instructions + SHARPER)
    prompts.toggle(key="prompts.preview").set_value(True).run()
    assert not prompts.exception, prompts.exception[0].message
    assert SHARPER.strip() in _codes(prompts)
    assert "[[ ## theme ## ]]\ntheme of run 17" in _codes(prompts)


def test_the_history_tells_what_each_version_led_to_and_restores(prompts: AppTest) -> None:
    old = _desk().book()["draft"]
    _type(prompts, old.instructions + SHARPER)
    _press(prompts, "Save")
    _view(prompts, "History")
    table = prompts.dataframe[1].value.set_index("version")  # after that of all prompts
    new = _desk().book()["draft"]
    assert table["in_force"].to_dict() == {new.version: "in force", old.version: ""}
    assert table.loc[old.version, "answered"].startswith("67% of 12")
    assert table.loc[old.version, "ran"].startswith("67% of 12")
    assert "8 against" in table.loc[old.version, "lift"]
    assert table.loc[new.version, "lift"].startswith("not computed")
    assert "+    Name the market's side" in _codes(prompts)
    prompts.selectbox(key="selection.version.box").set_value(old.version).run()
    _press(prompts, "Restore this version")
    assert _desk().book()["draft"] == old
    assert _desk().queries.prompt_versions("draft").iloc[0]["why"] == f"restored {old.version}"


def test_an_address_that_names_a_version_leads_to_its_history(book_path: Path, page: Callable[[str], AppTest]) -> None:
    app = page("overview")
    version = _desk().book()["draft"].version
    campaign = str(research().queries.campaigns()["campaign_id"].iloc[0])
    research_with_a_model(research(), campaign, first=6, runs=2)
    app.query_params["role"], app.query_params["version"] = "draft", version
    open_page(app, "prompts")
    assert app.segmented_control(key="prompts.view").value == "History"
    assert any(box.label == "Version" and box.value == version for box in app.selectbox)
    assert _view(app, "Edit").run().segmented_control(key="prompts.view").value == "Edit"


def test_a_proposal_is_accepted_or_declined(prompts: AppTest) -> None:
    old = _desk().book()["draft"]
    for more in ("\nFirst thought.", "\nSecond thought."):
        assert _desk().propose("draft", old.instructions + more, f"because {HOSTILE}", "the coach")
    prompts.run()
    assert any("2 proposals wait" in str(element.value) for element in prompts.main.markdown), "seen from every view"
    _view(prompts, "Proposals")
    assert HOSTILE in _codes(prompts)
    assert "bold" not in _told(prompts)
    by_text = _desk().queries.proposals().set_index("text")["seq"]
    first = next(int(seq) for text, seq in by_text.items() if "First" in text)
    second = next(int(seq) for text, seq in by_text.items() if "Second" in text)
    prompts.button(key=f"prompts.accept.{first}").click().run()
    prompts.button(key=f"prompts.decline.{second}").click().run()
    assert _desk().book()["draft"].instructions == old.instructions + "\nFirst thought."
    assert _desk().queries.proposals().set_index("seq")["state"].to_dict() == {first: "accepted", second: "declined"}


def test_an_edit_is_tried_on_a_share_of_the_runs_and_nothing_comes_into_force(prompts: AppTest, book_path: Path) -> None:
    old, file = _desk().book()["draft"], book_path.read_text()
    assert not _is_open(prompts, "Try on a share of the runs"), "nothing is changed yet"
    _type(prompts, old.instructions + SHARPER)
    prompts.text_input(key="prompts.who").set_value("Ada").run()
    _press(prompts, "Try on a share of the runs")
    (tried,) = _desk().queries.tried_prompts()
    assert (tried.role, tried.share) == ("draft", 0.5)
    assert SHARPER.strip() in tried.text
    assert book_path.read_text() == file
    assert _desk().queries.proposals().iloc[0]["who"] == "Ada"
    assert prompts.text_area[0].value == old.instructions


def test_a_trial_is_begun_changed_and_ended_and_held_against_the_text_in_force(prompts: AppTest) -> None:
    """The text in force drafted runs 6 to 17 and 24 to 29, the one on trial 18 to 23 and 30 to 35."""
    old = _desk().book()["draft"]
    new = replace(old, instructions=old.instructions + SHARPER)
    seq = _desk().ledger.propose_prompt("draft", prompt_text(new), "", "Ada")
    _view(prompts, "Proposals")
    prompts.slider(key=f"prompts.share.{seq}").set_value(30).run()
    prompts.button(key=f"prompts.try.{seq}").click().run()
    assert [one.share for one in _desk().queries.tried_prompts()] == [0.3]
    assert "Nothing to compare yet" in _told(prompts)
    campaign = str(research().queries.campaigns()["campaign_id"].iloc[0])
    research_with_a_model(research(), campaign, first=18, runs=6, prompt=new)
    research_with_a_model(research(), campaign, first=24, runs=6)
    research_with_a_model(research(), campaign, first=30, runs=6, prompt=new)
    prompts.run()
    table = prompts.dataframe[-1].value.set_index("which")
    assert table["runs"].to_dict() == {"on trial": 6, "in force": 6}, "runs that one of them alone had are left out"
    assert table.loc["on trial", "ran"].startswith("67% of 6")
    assert table.loc["in force", "kept"].startswith("33% of 6")
    assert f"18 to 29 of `{campaign}`" in _told(prompts)
    prompts.button(key=f"prompts.end.{seq}").click().run()
    assert _desk().queries.tried_prompts() == []
    assert _desk().queries.proposals()["state"].tolist() == ["open"]


def test_a_trial_that_the_program_has_ended_says_why_under_its_proposal(prompts: AppTest) -> None:
    desk = _desk()
    tried = replace(desk.book()["draft"], model="openai/gone")
    seq = desk.ledger.propose_prompt("draft", prompt_text(tried), "A larger one.", "Ada")
    desk.try_prompt(seq, 0.5)
    desk.ledger.end_try(seq, why="the model openai/gone rejected the call")
    _view(prompts, "Proposals")
    assert any("Its trial was ended" in w.value and "openai/gone rejected the call" in w.value for w in prompts.warning)
    assert "the text in force is asked instead" in _told(prompts)


def test_a_compile_begins_with_a_model_and_for_what_can_be_judged(prompts: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[tuple[str, int]] = []
    monkeypatch.setattr(research().compiling, "begin", lambda role, *, calls: begun.append((role, calls)))
    _view(prompts, "Proposals")
    assert prompts.button(key="prompts.compile").disabled, "no model is chosen"
    monkeypatch.setenv("MODEL", "openai/scripted")
    prompts.run()
    prompts.button(key="prompts.compile").click().run()
    assert begun == [("draft", 60)]
    prompts.selectbox(key="selection.role.box").set_value("market").run()
    assert prompts.button(key="prompts.compile").disabled
    assert "Not for market" in _told(prompts)


def test_the_whole_file_is_saved_or_refused(prompts: AppTest, book_path: Path) -> None:
    _view(prompts, "Whole file")
    area = prompts.text_area[0]
    text = area.value
    assert text == book_path.read_text()
    area.set_value(text.replace("market:\n  purpose:", "market:\n  purposes:")).run()
    assert "did you mean purpose" in _told(prompts)
    assert not _is_open(prompts, "Save the file")
    changed = "# A remark of mine\n" + text.replace(prompt_text(_desk().book()["draft"]).splitlines()[1], "  purpose: Drafts.", 1)
    prompts.text_area[0].set_value(changed).run()
    _press(prompts, "Save the file")
    assert book_path.read_text() == changed
    assert _desk().book()["draft"].purpose == "Drafts."


def test_before_the_first_call_the_page_says_what_will_come(book_path: Path, empty_app: AppTest) -> None:
    empty_app.run()
    open_page(empty_app, "prompts")
    assert "never asked yet" in _told(empty_app)
    _view(empty_app, "History")
    assert "begins the history" in _told(empty_app)
    _view(empty_app, "Proposals")
    assert "No proposal waits" in _told(empty_app)


def test_a_broken_file_is_told_in_the_sidebar_of_every_page_with_the_way_to_mend_it(app: AppTest, book_path: Path) -> None:
    def told(viewer: AppTest) -> int:
        viewer.run()  # Overview: no page of prompts
        return sum("Prompts file broken" in link.proto.label for link in viewer.sidebar.get("page_link"))

    assert _desk().book(), "there is a last good book"
    book_path.write_text("draft: [")
    assert told(app) == 1
    shutil.copy(PROJECT_DIR / "prompts.yaml", book_path)
    assert told(AppTest.from_file(APP, default_timeout=LONG_S)) == 0, "a mended file is read again"
