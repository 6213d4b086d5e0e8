"""The app as a newcomer starts it, in a store of its own, and headless Chromium to look at it."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WAIT_MS = 240_000
TRIES = 3


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


@contextlib.contextmanager
def app_on(store: Path, *, program: str = "app.py", **environment: str) -> Iterator[str]:
    """Address of an app on that store, started as `make run` does, with those variables; it ends with the block. Another
    `program` may change something first."""
    port = _free_port()
    log = store.parent / "app.log"
    with log.open("w") as output:
        app = subprocess.Popen(
            [sys.executable, program, "--server.port", str(port)],
            cwd=ROOT, env=os.environ | {"EDGEWISE_STORE": str(store), "PYTHONPATH": str(ROOT)} | environment,
            stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
        address = f"http://127.0.0.1:{port}"
        try:
            while not _answers(address):
                assert app.poll() is None, f"the app ended: {log.read_text()}"
            yield address
        finally:
            app.terminate()
            try:
                app.wait(WAIT_MS / 1000)
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
def page(fresh_address: str, browser: Browser) -> Iterator[Page]:
    """A browser page on a fresh app's address."""
    with page_on(fresh_address, browser) as page:
        yield page


@contextlib.contextmanager
def page_on(address: str, browser: Browser) -> Iterator[Page]:
    """A page of 1440 x 900 with the patience that a slow machine needs; no app has shown an exception on it in the end."""
    expect.set_options(timeout=WAIT_MS)
    page = browser.new_page(viewport={"width": 1440, "height": 900}, base_url=address)
    page.set_default_timeout(WAIT_MS)
    yield page
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
    page.close()


def write_more(field: Locator, text: str, *, taken: Locator) -> None:
    """Write that behind what stands in the field, and leave it, until what shows that the page has taken it can be pressed."""
    expect(field).not_to_have_value("")  # it is drawn empty and filled a moment later
    whole = field.input_value() + text
    for _ in range(TRIES):
        field.fill(whole)
        field.press("Tab")
        with contextlib.suppress(AssertionError):
            expect(taken).to_be_enabled(timeout=WAIT_MS / TRIES)
            return
        field.fill("")
        field.press("Tab")  # else the same text again would be no change
    raise AssertionError(f"the page does not take what is written: {whole[-80:]!r}")
