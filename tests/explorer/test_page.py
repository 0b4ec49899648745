"""The page in a real browser: what is moved there, and the numbers that it then shows."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from processes import run_script

import isoloss as il
from isoloss.datasets import load, split
from isoloss.paper import draws

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

TABS = ("example", "spectrum", "data")


def wait(page: Any, tab: str, before: str | None) -> None:
    """Wait until the tab has been answered since it had been ``before`` times."""
    page.wait_for_function(
        "([tab, before]) => (document.getElementById(tab).dataset.answered ?? null) !== before",
        arg=[tab, before],
    )
    page.wait_for_function("tab => !document.querySelector(`#${tab} .busy`)", arg=tab)


def open_tab(page: Any, address: str, tab: str, query: str = "") -> None:
    page.goto(f"{address}?tab={tab}&{query}")
    wait(page, tab, None)


class Answered:
    """Waits, at its end, until the page shows the answer to what was done inside."""

    def __init__(self, page: Any, tab: str) -> None:
        self.page, self.tab = page, tab

    def __enter__(self) -> None:
        self.before = self.page.locator(f"#{self.tab}").get_attribute("data-answered")

    def __exit__(self, *_: object) -> None:
        wait(self.page, self.tab, self.before)


def cell(page: Any, name: str) -> float:
    return float(page.locator(f'[data-cell="{name}"]').inner_text())


def wait_for_start(page: Any) -> None:
    """Wait until the answer to the newest start is shown: the address has what was asked for."""
    page.wait_for_function("""() => {
        const shown = [...document.querySelectorAll("[data-field=start] input")];
        const asked = new URLSearchParams(location.search).get("start") ?? "";
        return asked.split(",").every((value, i) => Number(value) === Number(shown[i].value));
    }""")


def state(page: Any) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def ends(lr: float, steps: int, level: float, start: Any = (0, 0)) -> tuple[il.Run, il.Run]:
    problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [start[0] - 3, start[1] - 2])
    flow = il.train(problem, il.GradientFlow(), train_loss=level)
    return flow, il.train(problem, il.anneal(lr, steps), train_loss=level)


def shows(page: Any, flow: il.Run, annealed: il.Run) -> None:
    for name, run in (("flow", flow), ("annealed", annealed)):
        assert cell(page, f"{name} train loss") == pytest.approx(float(run.train_loss), rel=1e-4)
        assert cell(page, f"{name} test loss") == pytest.approx(float(run.test_loss), rel=1e-4)
        assert cell(page, f"{name} steps") == int(run.steps)
    ratio = float(page.locator("#ratio").inner_text())
    assert ratio == pytest.approx(float(flow.test_loss / annealed.test_loss), rel=1e-4)


def test_sliders_move_the_numbers(page: Any, address: str) -> None:
    open_tab(page, address, "example")
    shows(page, *ends(1.4475, 12, 0.12))
    for field, value in (("lr", "1.1"), ("steps", "4"), ("level", "-2")):
        slider = page.locator(f'#example [data-field="{field}"] input[type=range]')
        with Answered(page, "example"):
            slider.fill(value)
    shows(page, *ends(1.1, 4, 0.01))
    # with the keyboard alone, and from the number to the slider
    with Answered(page, "example"):
        page.locator('[data-field="steps"] input[type=range]').press("ArrowRight")
    assert page.locator("#steps").input_value() == "5"
    with Answered(page, "example"):
        page.locator("#lr").fill("0.75")
    assert page.locator('[data-field="lr"] input[type=range]').input_value() == "0.75"
    shows(page, *ends(0.75, 5, 0.01))


def test_the_batch_size_is_full_until_it_is_given(page: Any, address: str) -> None:
    open_tab(page, address, "example")
    full = page.locator("#ratio").inner_text()
    assert page.locator("#batch").input_value() == ""
    with Answered(page, "example"):
        page.locator("#batch").fill("2")
    assert page.locator("#ratio").inner_text() != full
    assert "Minibatches of 2" in page.locator("#notes").inner_text()
    assert "batch=2" in page.url
    with Answered(page, "example"):
        page.locator("#batch").fill("")
    assert page.locator("#ratio").inner_text() == full
    assert "Minibatches" not in page.locator("#notes").inner_text()


def test_start_is_dragged_and_moved_by_keys(page: Any, address: str) -> None:
    open_tab(page, address, "example")
    point = page.locator("#plane-annealed .start-point")
    box = point.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    with Answered(page, "example"):
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 30, y - 20, steps=4)
        page.mouse.up()
    wait_for_start(page)
    start = [float(v) for v in state(page)["start"][0].split(",")]
    assert start[0] > 0.2
    assert start[1] > 0.2
    shows(page, *ends(1.4475, 12, 0.12, start))
    with Answered(page, "example"):
        point.press("ArrowLeft")
    moved = [float(v) for v in state(page)["start"][0].split(",")]
    assert moved[0] == pytest.approx(start[0] - 0.1)
    assert moved[1] == start[1]


def test_path_is_played_step_by_step_and_told_under_the_pointer(page: Any, address: str) -> None:
    open_tab(page, address, "example", "steps=6")
    page.locator("#play").click()
    page.wait_for_function("() => Number(document.getElementById('frame').value) >= 2")
    page.locator("#play").click()
    frame = int(page.locator("#frame").input_value())
    assert f"annealed: step {min(frame, 6)}, " in page.locator("#frame-text").inner_text()
    page.locator("#frame").fill("3")
    _, annealed = ends(1.4475, 6, 0.12)
    path = annealed.path(points=80)
    told = re.search(
        r"annealed: step 3, time \S+: train (\S+), test (\S+)",
        page.locator("#frame-text").inner_text(),
    )
    assert told is not None
    np.testing.assert_allclose(
        [float(v) for v in told.groups()], [path.train_loss[3], path.test_loss[3]], rtol=1e-3
    )
    box = page.locator("#plane-annealed .now").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tip = page.locator("figure:has(#plane-annealed) .tip")
    assert tip.inner_text().startswith("annealed: step 3, ")


def test_start_follows_keys_that_are_quicker_than_answers(page: Any, address: str) -> None:
    open_tab(page, address, "example")
    point = page.locator("#plane-flow .start-point")
    point.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('[data-field=start] input').value === '1'")
    assert state(page)["start"] == ["1,0"]


def test_a_start_dropped_outside_stays_in_the_panel(page: Any, address: str) -> None:
    open_tab(page, address, "example")
    box = page.locator("#plane-flow .start-point").bounding_box()
    with Answered(page, "example"):
        page.mouse.move(box["x"] + 5, box["y"] + 5)
        page.mouse.down()
        page.mouse.move(2, 2, steps=3)
        page.mouse.up()
    wait_for_start(page)
    start = [float(v) for v in state(page)["start"][0].split(",")]
    assert -2 < start[0] < 0
    assert 3 < start[1] < 6


def test_draws_and_the_proposition(page: Any, address: str) -> None:
    open_tab(page, address, "example", "lr=1.5&steps=3&level=0.01")
    with Answered(page, "example"):
        page.locator("#instance").check()
    assert page.locator("#bounds .good").count() == 2
    assert "both parts must hold" in page.locator("#premises").inner_text()
    with Answered(page, "example"):
        page.locator('[data-draw="3,0"]').click()
    for button, draw in zip(page.locator("#draws button").all(), draws(), strict=True):
        assert button.get_attribute("data-draw") == ",".join(map(str, draw.counts))
        assert f"({draw.probability})" in button.inner_text()
    assert "identical up to sign" in page.locator("#notes").inner_text()
    assert page.locator("#bounds").is_hidden()


def test_impossible_values_get_a_message_in_place(page: Any, address: str) -> None:
    open_tab(page, address, "example")
    for field, value in (("lr", "-1"), ("level", "0"), ("steps", "")):
        box = page.locator(f"#{field}")
        with Answered(page, "example"):
            box.fill(value)
            if not value:  # what is not finished yet is read when it is left
                box.press("Tab")
        assert " must be " in page.locator(f'[data-field="{field}"] .error').inner_text()
        assert box.get_attribute("aria-invalid") == "true"
        with Answered(page, "example"):
            box.fill("1")
        assert page.locator(".error").count() == 0
        assert box.get_attribute("aria-invalid") is None


def test_spectrum_is_edited_and_its_filters_follow(page: Any, address: str) -> None:
    open_tab(page, address, "spectrum", "levels=3")
    with Answered(page, "spectrum"):
        page.locator('[aria-label="test eigenvalue 1"]').fill("5")
    with Answered(page, "spectrum"):
        page.locator('[aria-label="remove direction 5"]').click()
    with Answered(page, "spectrum"):
        page.locator("#spectrum .rows input").nth(2).fill("gd(0.5, 20) > flow")
    problem = il.Problem.from_spectra([1, 0.5, 0.25, 0.125], [5, 0.4, 0.6, 0.8], [1] * 4)
    schedules = {
        "flow": il.GradientFlow(),
        "gd(1.0, 10) > flow": il.anneal(1.0, 10),
        "gd(0.5, 20) > flow": il.anneal(0.5, 20),
    }
    found = il.compare(problem, schedules, 3)
    assert page.locator("#spectrum .verdicts li").all_inner_texts() == list(found.verdicts)
    assert page.locator("#spectrum .filters .series").count() == 3
    with Answered(page, "spectrum"):
        page.locator("#spectrum .rows input").nth(1).fill("gd(1.0")
    message = page.locator("#spectrum .rows > div").nth(1).locator(".error")
    assert "\n  gd(1.0\n" in message.inner_text()
    with Answered(page, "spectrum"):
        page.locator("#preset").select_option("spiked")
    assert page.locator("#directions tbody tr").count() == 12


def test_files_are_uploaded(page: Any, address: str, tmp_path: Path) -> None:
    open_tab(page, address, "data", "data=iris")
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(60, 3))
    good, bad = tmp_path / "<b>rows.csv", tmp_path / "bad.csv"
    lines = [",".join(map(repr, map(float, row))) for row in rows]
    good.write_text("a,b,price\n" + "\n".join(lines) + "\n")
    bad.write_text("a,b\n1,2\n3\n")
    with Answered(page, "data"):
        page.locator("#upload").set_input_files(bad)
    message = page.locator('[data-field="file"] .error').inner_text()
    assert message == "data row 2 of 'bad.csv' has 1 fields for 2 columns"
    with Answered(page, "data"):
        page.locator("#upload").set_input_files(good)
    with Answered(page, "data"):
        page.locator("#target-column").select_option("a")
    data = split(load(good), target="a")
    problem = il.Problem.from_data(data.X, data.y, data.X_test, data.y_test)
    lr = float(problem.max_lr)
    schedules = {
        "flow": il.GradientFlow(),
        "gd(1.0, 10) > flow": il.anneal(lr, 10),
        "gd(0.1, 1000)": il.GradientDescent(0.1 * lr, 1000),
    }
    found = il.compare(problem, schedules)
    assert page.locator("#data .verdicts li").all_inner_texts() == list(found.verdicts)
    assert page.locator("#upload-name").inner_text() == "showing <b>rows.csv"


def test_a_link_shows_what_its_sender_saw(page: Any, address: str) -> None:
    open_tab(page, address, "example")
    with Answered(page, "example"):
        page.locator('[data-draw="1,2"]').click()
    with Answered(page, "example"):
        page.locator("#steps").fill("7")
    link, seen = page.url, page.locator("#ends").inner_text()
    other = page.context.new_page()
    other.goto(link)
    wait(other, "example", None)
    assert other.locator("#ends").inner_text() == seen
    assert other.locator("#steps").input_value() == "7"
    open_tab(other, address, "data", "data=file&file=0&name=mine.csv")
    assert "'mine.csv', which this explorer does not hold" in other.locator(".error").inner_text()


@pytest.mark.parametrize("tab", TABS)
def test_the_exported_script_recomputes_what_is_shown(
    page: Any, address: str, tab: str, tmp_path: Path
) -> None:
    query = {
        "example": "draw=1,2&lr=1.3&steps=5&level=0.03&start=0.3,0&target=2,1",
        "spectrum": "train=1,0.1,0&test=1,2,3&start=1,-1,2&noise=0.5&levels=3"
        "&schedule=nesterov(0.5,0.9,50)",
        "data": "data=wine&seed=4&test_size=0.3&levels=2&schedule=cosine(1.0,30)>flow",
    }[tab]
    open_tab(page, address, tab, query)
    with page.expect_download() as download:
        page.locator(f"#{tab} .exports button", has_text="Python script").click()
    script = tmp_path / "script.py"
    download.value.save_as(script)
    done = run_script(script, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    shown = page.evaluate("url => fetch(url).then(r => r.json())", f"api/{tab}?{query}")
    if tab == "example":
        for part, bound in enumerate(shown["bounds"], 1):
            assert re.search(f"part {part}: {bound['value']} [<>]= {bound['bound']}\n", done.stdout)
        wanted = [run[k] for run in shown["runs"].values() for k in ("train_loss", "test_loss")]
    else:
        stops = [curve["stops"] for curve in shown["curves"]]
        pairs = [zip(stop["train_loss"], stop["test_loss"], strict=True) for stop in stops]
        wanted = [loss for pair in pairs for both in pair for loss in both]
        assert "\n".join(shown["verdicts"]) in done.stdout
        lists = re.findall(r"^filter of .*: (\[.*\])$", done.stdout, re.MULTILINE)
        assert [json.loads(values) for values in lists] == shown["filters"]["values"]
    found = re.findall(r"(?:train|test) loss ([\d.e+-]+\d)(?=\n|,)", done.stdout)
    # the same bits, not only the same digits
    assert [float(value) for value in found[: len(wanted)]] == wanted


CONTRAST = """() => {
    const light = (text) => text.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255)
        .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = light(getComputedStyle(document.body).backgroundColor);
    return Math.min(...[...document.querySelectorAll("p, li, th, td, label, a")]
        .filter((e) => e.offsetParent && e.textContent.trim())
        .map((e) => light(getComputedStyle(e).color))
        .map((v) => (Math.max(v, ground) + 0.05) / (Math.min(v, ground) + 0.05)));
}"""
"""The least ratio of a text's light to that of its ground."""


@pytest.mark.parametrize("tab", TABS)
def test_narrow_windows_and_zoom_need_no_sideways_scrolling(
    page: Any, address: str, tab: str
) -> None:
    for width in (340, 650):  # a telephone, and 1300 pixels at 200 %
        page.set_viewport_size({"width": width, "height": 700})
        open_tab(page, address, tab)
        grounds = set()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            # text stands out from its ground at least as WCAG 2 asks for: 4.5 to 1
            assert page.evaluate(CONTRAST) >= 4.5
            grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert len(grounds) == 2


def test_tabs_and_controls_are_reached_by_keys(page: Any, address: str) -> None:
    open_tab(page, address, "example")
    page.locator("#tab-example").focus()
    with Answered(page, "spectrum"):
        page.keyboard.press("ArrowRight")
    assert page.locator("#tab-spectrum").get_attribute("aria-selected") == "true"
    assert state(page)["tab"] == ["spectrum"]
    page.keyboard.press("ArrowLeft")
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("document.activeElement.id || document.activeElement.className.baseVal")
        )
    wanted = {"theme", "lr", "steps", "level", "alpha", "instance", "reset", "play", "frame"}
    assert wanted | {"start-point"} <= reached


@pytest.mark.parametrize(
    ("tab", "query"),
    [
        ("example", "lr=bad&draw=zz&start=1"),
        ("spectrum", "schedule=foo&train=1,x"),
        ("data", "data=nothing&levels=0&schedule=gd("),
    ],
)
def test_a_bad_link_can_be_mended(page: Any, address: str, tab: str, query: str) -> None:
    open_tab(page, address, tab, query)
    assert page.locator(f"#{tab} .error").count() >= 2
    assert page.locator(f"#{tab} .panels").first.is_hidden()
    if tab == "example":
        page.locator("#play").evaluate("button => button.click()")  # nothing is there to play
        assert page.locator("#steps").input_value() == "12"
        with Answered(page, tab):
            page.locator("#reset").click()
    elif tab == "spectrum":
        rows = page.locator("#directions tbody tr")
        assert rows.count() == 5
        assert page.locator("#directions [aria-invalid]").count() == 1
        with Answered(page, tab):
            page.locator("#preset").select_option("power")
        with Answered(page, tab):
            page.locator("#spectrum .rows input").nth(1).fill("gd(1, 3)")
    else:
        with Answered(page, tab):
            page.locator("#data-levels").fill("3")
        with Answered(page, tab):
            page.locator('#data [aria-label="remove schedule 2"]').click()
        with Answered(page, tab):
            page.locator("#data-set").select_option("iris")
    assert page.locator(f"#{tab} .error").count() == 0
    assert page.locator(f"#{tab} .panels").first.is_visible()


def test_unknown_tabs_show_the_example(page: Any, address: str) -> None:
    for name in ("__proto__", "constructor", "nothing"):
        page.goto(f"{address}?tab={name}")
        wait(page, "example", None)
        assert page.locator("#ratio").inner_text() == "1.7638"


def test_a_browser_without_storage_shows_the_page(own_page: Any, address: str) -> None:
    own_page.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new Error('no'); }})"
    )
    open_tab(own_page, address, "example")
    own_page.locator("#theme").select_option("dark")
    assert own_page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_rows_keep_the_focus_when_one_is_removed(page: Any, address: str) -> None:
    open_tab(page, address, "spectrum")
    for label in ("remove schedule 2", "remove direction 2"):
        with Answered(page, "spectrum"):
            page.locator(f'#spectrum [aria-label="{label}"]').press("Enter")
        assert page.evaluate("document.activeElement.getAttribute('aria-label')") == label
    # what is pressed while a text is read is not lost
    page.locator("#spectrum .rows input").nth(1).fill("gd(0.5, 7)")
    with Answered(page, "spectrum"):
        page.locator('[aria-label="remove direction 1"]').click(delay=500)
    page.wait_for_function("() => document.querySelectorAll('#directions tbody tr').length === 3")
    assert state(page)["schedule"] == ["gd(0.5, 7)"]


def test_a_file_without_a_usable_target_can_be_given_one(
    page: Any, address: str, tmp_path: Path
) -> None:
    open_tab(page, address, "data")
    file = tmp_path / "mine.csv"
    lines = [f"n{i},{i % 7},{i * i % 13},5" for i in range(30)]
    file.write_text("id,a,price,const\n" + "\n".join(lines) + "\n")
    with Answered(page, "data"):
        page.locator("#upload").set_input_files(file)
    assert "'id' of mine.csv holds text" in page.locator("#data .error").inner_text()
    assert page.locator("#data .stale").count() == 1
    with Answered(page, "data"):
        page.locator("#ignore").select_option("id")
    assert "'const' is constant" in page.locator("#data .error").inner_text()
    with Answered(page, "data"):
        page.locator("#target-column").select_option("price")
    assert page.locator("#data .error").count() == 0
    assert "mine.csv" in page.locator("#upload-name").inner_text()
    # the same file again, as a link of it asks for, keeps what the link says
    link = state(page)
    with Answered(page, "data"):
        page.locator("#upload").set_input_files(file)
    assert state(page) == link
    assert page.locator("#data .error").count() == 0
    # the script knows the file by its content
    with page.expect_download() as download:
        page.locator("#data .exports button", has_text="Python script").click()
    download.value.save_as(tmp_path / "script.py")
    done = subprocess.run(
        [sys.executable, "script.py"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    verdicts = page.locator("#data .verdicts li").all_inner_texts()
    assert "\n".join(verdicts) in done.stdout
    file.write_text(file.read_text().replace("n3,", "n4,"))
    done = run_script("script.py", cwd=tmp_path)
    assert done.stderr == "this is not the file that the explorer showed\n"


def test_what_cannot_be_saved_is_told(page: Any, address: str) -> None:
    open_tab(page, address, "data")
    page.route("**/export/**", lambda route: route.abort())
    page.locator("#data .exports button").first.click()
    page.wait_for_function("() => !document.querySelector('#data .failure').hidden")
    assert "does not answer" in page.locator("#data .failure").inner_text()
