"""The analyst's question: it bought again and again and was stopped out each time; when, and at what prices?"""

from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect

from engine.research.service import ResearchService
from engine.settings import Settings
from tests.browser.conftest import app_on, page_on
from tests.patience import LONG_S
from tests.research import small

pytestmark = pytest.mark.browser
STOPPED = small.strategy(
    'return {"entries": market.close > 0, "stop_loss": 0.004, "max_bars": 60}', text="Buys whatever happens."
)


def stopped_out(store: Path) -> None:
    """A store with a campaign of one run, which is stopped out in rows."""
    small.save(small.small_panel(), store)
    service = ResearchService(Settings(store_dir=store))
    campaign_id = service.enter(service.draft("small", small.CHOICES))
    service.run_by_hand(campaign_id, STOPPED)
    assert service.wait(LONG_S)
    service.close()


def tick_first_row(page: Page, table: int) -> None:
    """Tick the first row of that table of the page; its cells are drawn, not elements."""
    grid = page.locator("[data-testid=stDataFrame]").nth(table).locator("canvas").first
    grid.scroll_into_view_if_needed()
    box = grid.bounding_box()
    assert box
    page.mouse.click(box["x"] + 15, box["y"] + 52)


def test_from_overview_to_the_candles_of_one_stop_out_episode_in_three_clicks(tmp_path: Path, browser: Browser) -> None:
    stopped_out(tmp_path / "store")
    with app_on(tmp_path / "store") as address, page_on(address, browser) as page:
        page.goto("/")
        page.get_by_role("link", name="Trades", exact=True).click()
        page.get_by_text("Sequences", exact=True).click()
        expect(page.get_by_text("Chance of as much")).to_be_visible()
        tick_first_row(page, 0)
        expect(page.get_by_text("Tick one to see it from close by")).to_be_visible()
        chart = page.locator(".js-plotly-plot").last
        expect(chart.locator(".legendtext", has_text="Stop")).to_be_visible()
        expect(chart.locator(".legendtext", has_text="Entry long")).to_be_visible()
        tick_first_row(page, 1)  # and one more for the arithmetic of one of its trades
        expect(page.get_by_text("How this trade was counted")).to_be_visible()
        expect(page.get_by_text("makes the same trade")).to_be_visible()
        with page.expect_download() as taken:
            page.get_by_role("button", name="Charts of this page").click()
        charts = Path(taken.value.path()).read_text(encoding="utf-8")
        assert charts.count("plotly-graph-div") >= 1
        assert taken.value.suggested_filename == "edgewise_trades.html"
        page.get_by_role("button", name="Download").first.click()
        with page.expect_download() as taken:
            page.get_by_role("button", name="Trades with states (CSV)").click()
        trades = pd.read_csv(taken.value.path())
        assert set(trades["reason"]) >= {"stop_loss"}
        assert {"entry_state.volume", "exit_state.volume"} <= set(trades)
