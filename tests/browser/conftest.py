"""The app as a newcomer starts it, in a store of its own, and headless Chromium to look at it."""

import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WAIT_MS = 240_000


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


@contextmanager
def app_on(store: Path, **environment: str) -> Iterator[str]:
    """Address of an app on that store, started as `make run` does, with those variables; it ends with the block."""
    port = _free_port()
    log = store.parent / "app.log"
    with log.open("w") as output:
        app = subprocess.Popen(
            [sys.executable, "app.py", "--server.port", str(port)],
            cwd=ROOT, env=os.environ | {"EDGEWISE_STORE": str(store)} | environment, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
        address = f"http://127.0.0.1:{port}"
        try:
            while not _answers(address):
                assert app.poll() is None, f"the app ended: {log.read_text()}"
            yield address
        finally:
            app.terminate()
            try:
                app.wait(60)
            except subprocess.TimeoutExpired:
                app.kill()
                app.wait()


@pytest.fixture
def fresh_address(tmp_path: Path) -> Iterator[str]:
    """Address of an app that nobody has opened yet, on a new store."""
    with app_on(tmp_path / "store") as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's headless Chromium."""
    assert CHROMIUM, "no Chromium is installed: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(fresh_address: str, browser: Browser) -> Page:
    """A browser page of 1440 x 900 on a fresh app's address."""
    page = browser.new_page(viewport={"width": 1440, "height": 900}, base_url=fresh_address)
    page.set_default_timeout(WAIT_MS)
    return page
