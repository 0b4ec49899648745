"""A real server, and a real browser that looks at its page."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

ADDRESS = re.compile(r"http://[\d.]+:\d+/")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of what the server prints as errors."""
    return tmp_path_factory.mktemp("explorer") / "stderr"


@pytest.fixture(scope="session")
def address(terminal: Path) -> Iterator[str]:
    """Start ``isoloss explore`` and return its address; no request may fail or warn."""
    command = [sys.executable, "-c", "from isoloss.cli import app; app()"]
    command += ["explore", "--no-browser", "--port", "0"]
    with (
        terminal.open("wb") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as server,
    ):
        assert server.stdout is not None
        found = ADDRESS.search(server.stdout.readline())
        assert found is not None, "isoloss explore printed no address"
        yield found[0]
        server.terminate()
    assert re.search("Traceback|Warning", terminal.read_text()) is None


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Start the machine's Chromium; without one the tests are skipped, but in CI."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        if os.environ.get("ISOLOSS_NEEDS_BROWSER"):
            pytest.fail("CI needs a browser: install the package chromium")
        pytest.skip("needs Chromium")
    # whatever Chromium itself would ask of the internet is off
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu", *quiet]
        )
        yield browser
        browser.close()


@contextmanager
def watched(page: Any, address: str) -> Iterator[Any]:
    """Yield a page that may ask nobody but the explorer, and must meet no error of its own."""
    page.set_viewport_size({"width": 1300, "height": 900})
    page.set_default_timeout(20_000)
    errors: list[str] = []

    def failed(error: Any) -> None:
        errors.append(str(error))

    def asked(request: Any) -> None:
        if not request.url.startswith((address, "data:")):
            errors.append(request.url)

    page.on("pageerror", failed)
    page.on("request", asked)
    yield page
    page.remove_listener("pageerror", failed)
    page.remove_listener("request", asked)
    assert not errors


@pytest.fixture(scope="session")
def window(chromium: Any) -> Iterator[Any]:
    """Open the page that tests use one after another: the browser keeps what it has compiled."""
    context = chromium.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def page(window: Any, address: str) -> Iterator[Any]:
    """Return the page as if it were new: nothing is stored, routed or set by an earlier test."""
    window.emulate_media(color_scheme="light")
    with watched(window, address) as watched_window:
        yield watched_window
        window.evaluate("try { localStorage.clear(); } catch { }")
        window.goto("about:blank")
    window.unroute_all()
    for other in window.context.pages[1:]:
        other.close()


@pytest.fixture
def own_page(chromium: Any, address: str) -> Iterator[Any]:
    """Open a page of its own, for what cannot be undone."""
    page = chromium.new_page()
    with watched(page, address) as watched_page:
        yield watched_page
    page.close()
