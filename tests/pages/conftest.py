"""The app on a small store of its own: one synthetic market, one finished campaign of five runs.

`app` is the whole app on a copy of that store, so that a test may write; `empty_app` the same without any campaign.
`open_page(app, "campaigns")` shows a page.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from engine.market.catalog import Catalog
from engine.market.demo import DEMO_EDGE, DEMO_STRENGTH, demo_market, describe_edge
from engine.market.quality import assess
from engine.records import Benchmarks, StopConditions
from engine.research.campaign import Choices
from engine.research.service import ResearchService
from engine.settings import Limits, Settings, load_settings
from engine.strategy.sandbox import SandboxPool
from tests.patience import LONG_S

APP = Path(__file__).parents[2] / "app.py"
CHOICES = Choices(
    name="Small search", theme="volume", scenarios=6, min_trades=20, seed=3, stop=StopConditions(runs=5),
    benchmarks=Benchmarks(total_return=0.05, trades=50, assets=5, win_rate=0.5),
)  # fmt: skip
"""What the finished campaign was asked for."""


def open_page(app: AppTest, name: str) -> AppTest:
    """That page of the app, run; nothing on it may have raised."""
    app.switch_page(f"pages/{name}.py").run()
    assert not app.exception, app.exception[0].message
    return app


def service_of(store_dir: Path) -> ResearchService:
    """A service on that store with room for one small child."""
    return ResearchService(replace(load_settings(store_dir), slots=1, limits=Limits(indicator_cache_mb=64)))


@pytest.fixture(scope="session")
def market_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the markets `small` (8 assets) and `demo` (12, for speed), 3,000 SYNTHETIC hourly bars each; no campaign."""
    store = tmp_path_factory.mktemp("market_store")
    for name, assets in (("small", 8), ("demo", 12)):
        panel = demo_market(name, assets=assets, bars=3_000)
        edge = {"edge": DEMO_EDGE, "edge_strength": DEMO_STRENGTH, "edge_text": describe_edge(DEMO_EDGE, DEMO_STRENGTH)}
        Catalog(Settings(store_dir=store).bars_dir).save(panel, source="SYNTHETIC", quality=assess(panel), extra_meta=edge)
    return store


@pytest.fixture(scope="session")
def finished_store(market_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with one finished campaign of five runs."""
    store = tmp_path_factory.mktemp("finished_store") / "store"
    shutil.copytree(market_store, store)
    service = service_of(store)
    service.launch(service.draft("small", CHOICES))
    assert service.wait(LONG_S)
    assert service.queries.campaigns()["best_run_id"].notna().all(), "the pages need a run with a result"
    service.close()
    return store


def _app_on(store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    monkeypatch.setenv("EDGEWISE_STORE", str(store))
    failures, close = [], ResearchService.close

    def close_loudly(service: ResearchService) -> None:
        try:
            close(service)
        except Exception as error:
            failures.append(error)  # the cache only logs it

    monkeypatch.setattr(ResearchService, "close", close_loudly)
    monkeypatch.setattr(SandboxPool, "warm", lambda pool: None)  # a second of work that few of these tests need
    yield AppTest.from_file(APP, default_timeout=LONG_S)
    st.cache_resource.clear()  # closes the service, and with it the ledger
    assert not failures


@pytest.fixture
def store(finished_store: Path, tmp_path: Path) -> Path:
    """This test's own copy of the finished store, the one that `app` opens."""
    return Path(shutil.copytree(finished_store, tmp_path / "store"))


@pytest.fixture
def app(store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The app on the finished campaign, not yet run."""
    yield from _app_on(store, monkeypatch)


@pytest.fixture
def empty_app(market_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The app on a store without a campaign, not yet run."""
    yield from _app_on(Path(shutil.copytree(market_store, tmp_path / "store")), monkeypatch)


@pytest.fixture
def page(app: AppTest) -> Callable[[str], AppTest]:
    """`page("runs")`: that page on the finished campaign."""
    app.run()
    return lambda name: open_page(app, name)


@pytest.fixture(autouse=True)
def no_model_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the developer's environment nor a model server on this machine decides what a test sees."""
    for name in ("MODEL", "API_BASE", "API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "")  # empty goes over what `.env` says
    monkeypatch.setattr("pages.model_choice.local_servers", list)
