"""The newcomer's story: open the app, press Start, see a run appear, open its strategy and its assets."""

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def test_newcomer_reaches_a_first_result(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Start a first campaign").click()
    expect(page.get_by_text("Running").first).to_be_visible()
    opens = page.get_by_role("link", name=re.compile(r"Open run \d+"))
    opens.wait_for()
    opens.click()
    expect(page.get_by_role("heading", name="Strategy", exact=True)).to_be_visible()
    page.get_by_role("radio", name="Code").or_(page.get_by_role("button", name="Code", exact=True)).first.click()
    expect(page.get_by_text("def signals(market, params, ta)").first).to_be_visible()
    page.get_by_role("link", name="Assets").first.click()
    expect(page.get_by_role("heading", name="Assets", exact=True)).to_be_visible()
    expect(page.get_by_text("SYN000USD").or_(page.locator("[data-testid=stDataFrame]")).first).to_be_visible()


def test_a_link_to_a_page_opens_it_in_its_frame_on_a_fresh_server(page: Page) -> None:
    page.goto("/runs")
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Overview").first).to_be_visible()
