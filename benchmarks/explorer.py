"""How quickly the page answers a slider, in a real browser: `python benchmarks/explorer.py`.

Each move of a slider of the example page is timed from the input event until the page has drawn the
answer, by the browser's own clock. Beside it stands the engine's share, without server and browser.
Needs Playwright and Chromium.
"""

import shutil
import statistics
import subprocess
import sys
import time
from itertools import cycle

from playwright.sync_api import sync_playwright

from isoloss.explorer.example import ExampleState, view

MOVES = 100
SLIDERS = {"lr": (0.2, 2.9), "steps": (0, 60), "level": (-6, 1), "alpha": (0.01, 0.99)}


def main() -> None:
    times = []
    for i in range(MOVES):
        state = ExampleState(lr=0.2 + 0.027 * i)
        begin = time.perf_counter()
        view(state)
        times.append(1e3 * (time.perf_counter() - begin))
    report("engine", times[5:])
    command = [sys.executable, "-c", "from isoloss.cli import app; app()"]
    command += ["explore", "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().split()[4]
        try:
            measure(address)
        finally:
            server.terminate()


def measure(address: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1300, "height": 900})
        page.goto(address)
        page.wait_for_selector("#ends td")
        for name, (low, high) in SLIDERS.items():
            slider = page.locator(f'#example [data-field="{name}"] input[type=range]')
            page.evaluate("performance.clearMeasures()")
            for i, _ in zip(cycle(range(20)), range(MOVES), strict=False):
                slider.fill(str(round(low + (high - low) * i / 19, 2 if high < 10 else 0)))
                page.wait_for_timeout(30)
            entries = "performance.getEntriesByName('isoloss-answer').map((e) => e.duration)"
            report(name, page.evaluate(entries))
        browser.close()


def report(name: str, times: list[float]) -> None:
    middle, most = statistics.median(times), max(times)
    print(f"{name:>8}: median {middle:5.1f} ms, most {most:5.1f} ms, of {len(times)}")


if __name__ == "__main__":
    main()
