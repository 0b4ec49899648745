"""A real server, and a real browser that looks at its page."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

ADDRESS = re.compile(r"http://[\d.]+:\d+/")
SIZE = {"width": 1300, "height": 900}
FORGET = "try { localStorage.clear(); sessionStorage.clear(); } catch { }"
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


@pytest.fixture(scope="session")
def context(chromium: Any) -> Iterator[Any]:
    """Open what the tests' pages have in common: the browser keeps the scripts compiled."""
    made = chromium.new_context(viewport=SIZE)
    yield made
    made.close()


@pytest.fixture
def page(context: Any, address: str) -> Iterator[Any]:
    """Open an empty page; it may ask nobody but the explorer, and must meet no error of its own.

    It starts with nothing stored: what an earlier test left behind is gone.
    """
    made = context.new_page()
    made.set_default_timeout(20_000)
    errors: list[str] = []
    made.on("pageerror", lambda error: errors.append(str(error)))
    made.on("request", lambda r: r.url.startswith((address, "data:")) or errors.append(r.url))
    yield made
    for each in context.pages:
        if each.url.startswith(address):
            each.evaluate(FORGET)
        each.close()
    assert not errors
