"""The README and the guide: their Python blocks run, print what they show, commands exist."""

import contextlib
import io
import os
import re
import shutil
import subprocess
import sysconfig
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[1]


class Block(NamedTuple):
    """A fenced block: its language, content, first line's number, and the text before it."""

    language: str
    content: str
    line: int
    before: str


def read_blocks(text: str) -> list[Block]:
    blocks, end = [], 0
    for fence in re.finditer(r"^```(\w*)[^\n]*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        line = text.count("\n", 0, fence.start(2)) + 1
        blocks.append(Block(fence[1], fence[2], line, text[end : fence.start()]))
        end = fence.end()
    return blocks


PAGES = {
    name: (ROOT / name).read_text(encoding="utf-8")
    for name in (
        "README.md",
        "docs/estimators.md",
        "docs/large.md",
        "docs/proofs.md",
        "docs/sweeps.md",
    )
}
BLOCKS = {name: read_blocks(text) for name, text in PAGES.items()}
SHELL = "".join(
    block.content
    for blocks in BLOCKS.values()
    for block in blocks
    if block.language in {"sh", "console"}
)
COMMANDS = re.findall(r"^(?:\$ )?(?:.*&& )?isoloss ([a-z][a-z-]*)(.*)$", SHELL, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_python_blocks_print_what_the_page_shows(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    compared = 0
    for block, following in pairwise([*BLOCKS[page], Block("", "", 0, "end")]):
        if block.language != "python":
            continue
        # The empty lines make a traceback point to the line of the page.
        code = compile("\n" * (block.line - 1) + block.content, page, "exec")
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(code, names)  # later blocks go on from earlier ones
        if following.language in {"text", "output"} and not following.before.strip():
            assert printed.getvalue() == following.content, f"{page}, line {following.line}"
            compared += 1
    assert compared, f"{page} has no python block that is followed by its output"


@pytest.mark.parametrize(("name", "rest"), COMMANDS)
def test_commands_exist(name: str, rest: str) -> None:
    scripts = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    program = shutil.which("isoloss", path=scripts)
    assert program is not None, "the isoloss command is not installed"
    done = subprocess.run(
        [program, name, "--help"],
        env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for option in re.findall(r"(?<!\S)--[a-z-]+", rest):
        assert re.search(rf"{option}(?![a-z-])", done.stdout), f"isoloss {name} has no {option}"


def test_commands_include_the_main_one() -> None:
    assert ("reproduce", "") in COMMANDS


@pytest.mark.parametrize("page", PAGES)
def test_links_to_files_lead_somewhere(page: str) -> None:
    folder = (ROOT / page).parent
    for target in re.findall(r"\]\(([^)#\s]+)\)|src=\"([^\"]+)\"", PAGES[page]):
        path = "".join(target)
        assert path.startswith("https://") or (folder / path).exists(), f"{page} links to {path}"
