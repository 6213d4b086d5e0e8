"""The analyst's story: while a campaign is at work a prompt is edited in the browser, and the next call is told the new text."""

import dataclasses
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from engine.records import StopConditions
from engine.research.service import ResearchService
from engine.settings import PROJECT_DIR, Settings
from tests.browser.conftest import app_on, page_on, write_more
from tests.research import small
from tests.scripted_model import Script, ScriptedModel

pytestmark = pytest.mark.browser
MARK = "Prefer quiet hours to busy ones."


def campaign_at_work(store: Path, server: ScriptedModel) -> None:
    """A store whose campaign of the model's arm is to be taken up by the next process."""
    small.save(small.small_panel(), store)
    service = ResearchService(Settings(store_dir=store))
    service.model.choose(dataclasses.replace(server.choice(), timeout_s=600.0))
    choices = dataclasses.replace(small.CHOICES, proposer="model", theme="volume", stop=StopConditions(runs=40))
    campaign_id = service.enter(service.draft("small", choices))
    service.ledger.campaign_event(campaign_id, "started")
    service.close()


def test_a_prompt_that_is_edited_during_a_campaign_is_used_by_the_next_call(tmp_path: Path, browser: Browser) -> None:
    prompts = Path(shutil.copy(PROJECT_DIR / "prompts.yaml", tmp_path / "prompts.yaml"))
    with ScriptedModel(Script()) as server:
        server.hold()
        campaign_at_work(tmp_path / "store", server)
        environment = {"EDGEWISE_PROMPTS": str(prompts), "API_KEY": "none"}
        with app_on(tmp_path / "store", **environment) as address, page_on(address, browser) as page:
            page.goto("/prompts?role=draft")
            server.wait_until_held(1)  # the first run asks what the market is like; the others wait for it
            save = page.get_by_role("button", name="Save", exact=True)
            write_more(page.get_by_role("textbox", name="Instructions"), f"\n\n{MARK}", taken=save)
            save.click()
            expect(page.get_by_text("Nothing is changed yet")).to_be_visible()  # a toast is gone before a busy machine looks
            assert not any(MARK in seen.text for seen in server.seen)
            server.release()
            server.wait_until_seen("draft", MARK)
    assert MARK in prompts.read_text(encoding="utf-8")


def test_an_edit_is_not_put_back_by_a_redraw_of_the_sidebar_that_was_about_to_begin(tmp_path: Path, browser: Browser) -> None:
    """Once the field showed the edit and the page said for minutes that nothing was changed: see `late_redraw.py`."""
    prompts = Path(shutil.copy(PROJECT_DIR / "prompts.yaml", tmp_path / "prompts.yaml"))
    small.save(small.small_panel(), tmp_path / "store")
    environment = {"EDGEWISE_PROMPTS": str(prompts), "LATE_REDRAW": str(tmp_path)}
    app = app_on(tmp_path / "store", program="tests/browser/late_redraw.py", **environment)
    with app as address, page_on(address, browser) as page:
        page.goto("/prompts?role=draft")
        expect(page.get_by_text("Nothing is changed yet")).to_be_visible()
        text = page.get_by_role("textbox", name="Instructions")
        expect(text).not_to_have_value("")
        (tmp_path / "armed").touch()
        while not (tmp_path / "about_to_begin").exists():
            page.evaluate("1")
        text.fill(f"{text.input_value()} {MARK}")
        text.press("Tab")
        expect(page.get_by_text("it would be version")).to_be_visible()
