"""The analyst's story: while a campaign is at work a prompt is edited in the browser, and the next call is told the new text."""

import dataclasses
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from engine.records import StopConditions
from engine.research.service import ResearchService
from engine.settings import PROJECT_DIR, Settings
from tests.browser.conftest import WAIT_MS, app_on
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
    expect.set_options(timeout=WAIT_MS)
    prompts = Path(shutil.copy(PROJECT_DIR / "prompts.yaml", tmp_path / "prompts.yaml"))
    with ScriptedModel(Script()) as server:
        server.hold()
        campaign_at_work(tmp_path / "store", server)
        with app_on(tmp_path / "store", EDGEWISE_PROMPTS=str(prompts), API_KEY="none") as address:
            page = browser.new_page(viewport={"width": 1440, "height": 900}, base_url=address)
            page.set_default_timeout(WAIT_MS)
            page.goto("/prompts?role=draft")
            server.wait_until_held(1, timeout_s=120.0)  # the first run asks what the market is like; the others wait for it
            text = page.get_by_role("textbox", name="Instructions")
            text.fill(f"{text.input_value()}\n\n{MARK}")
            text.press("Tab")
            page.get_by_role("button", name="Save", exact=True).click()
            expect(page.get_by_text("Saved as version").first).to_be_visible()
            assert not any(MARK in seen.text for seen in server.seen)
            server.release()
            server.wait_until_seen("draft", MARK)
            expect(page.locator("[data-testid=stException]")).to_have_count(0)
    assert MARK in prompts.read_text(encoding="utf-8")
