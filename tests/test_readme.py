"""README and documentation: code runs, prints what is shown, commands, links and names exist."""

import contextlib
import functools
import importlib
import io
import os
import re
import shutil
import subprocess
import sysconfig
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from judged import judged_claims
from typer.testing import CliRunner

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
_MADE = {"auto_gallery", "generated", "_build"}  # written by the build of the documentation


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
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    if not _MADE & set(path.parts)
}
BLOCKS = {name: read_blocks(text) for name, text in PAGES.items()}
SHELL = "".join(
    block.content.replace("\\\n", " ")
    for blocks in BLOCKS.values()
    for block in blocks
    if block.language in {"sh", "console"}
)
COMMANDS = sorted(
    set(re.findall(r"^(?:\$ )?(?:.*&& )?isoloss ([a-z][a-z-]*)(.*)$", SHELL, re.MULTILINE))
)


def written_names(page: str) -> set[str]:
    """Return what a page has in backquotes."""
    return set(re.findall(r"(?<!`)`([^`\n]+)`(?!`)", PAGES[page]))


def run_command(line: str) -> str:
    """Run an isoloss command in this process, and return what it prints."""
    from isoloss.cli import app

    # what bash makes of quotes
    words = re.findall(r"'([^']*)'|\"([^\"]*)\"|(\S+)", line)
    runner = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"})
    done = runner.invoke(app, ["".join(word) for word in words][1:])
    assert done.exit_code == 0, f"{line}: {done.output}{done.exception}"
    return "\n".join(row.rstrip() for row in done.output.strip("\n").splitlines())


def split_session(content: str) -> list[tuple[str, list[str]]]:
    """Split a console block into its commands, each with the lines that it prints."""
    parts: list[tuple[str, list[str]]] = []
    for row in content.replace("\\\n", " ").splitlines():
        if row.startswith("$ "):
            parts.append((row[2:], []))
        else:
            parts[-1][1].append(row)
    return parts


def assert_shown(printed: str, shown: list[str], place: str) -> None:
    """Assert that a command printed what a page shows; a line … stands for lines left out."""
    pattern = r"\n".join(r"(?:.*\n)*?.*" if row == "…" else re.escape(row) for row in shown)
    assert re.fullmatch(pattern, printed), f"{place} shows other than:\n{printed}"


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(b.language == "python" for b in BLOCKS[page])]
)
def test_blocks_print_what_the_page_shows(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if any(re.search(r"^import torch", b.content, re.MULTILINE) for b in BLOCKS[page]):
        pytest.importorskip("torch", reason="the extra torch")
    monkeypatch.chdir(tmp_path)
    kinds = importlib.import_module("isoloss.schedules.schedule").Phase.kinds
    monkeypatch.setattr(
        "isoloss.schedules.schedule.Phase.kinds", dict(kinds)
    )  # a page may add its own
    names: dict[str, Any] = {"__name__": "__main__"}
    compared = 0
    for block, following in pairwise([*BLOCKS[page], Block("", "", 0, "end")]):
        if block.language == "console":
            for command, shown in split_session(block.content):
                if command.startswith("isoloss "):
                    printed = run_command(command)
                    if shown:
                        assert_shown(printed, shown, f"{page}, line {block.line}")
        if block.language != "python":
            continue
        # The empty lines make a traceback point to the line of the page.
        code = compile("\n" * (block.line - 1) + block.content, page, "exec")
        if page == "README.md":  # who copies one block runs that block alone
            names = {"__name__": "__main__"}
        with contextlib.redirect_stdout(io.StringIO()) as printed_here:
            exec(code, names)  # later blocks go on from earlier ones
        if following.language in {"text", "output"} and not following.before.strip():
            assert printed_here.getvalue() == following.content, f"{page}, line {following.line}"
            compared += 1
    assert compared, f"{page} has no python block that is followed by its output"


def test_comparisons_of_the_readme_run() -> None:
    text = PAGES["README.md"]
    commands = re.findall(r"^isoloss (compare .* --schedule \".*)$", text, re.MULTILINE)
    (against,) = re.findall(r"`(--against [^`]+)`", text)
    assert len(commands) == 1
    for command in (*commands, f"compare digits {against}"):
        few = re.sub(r" --levels \d+", "", command) + " --levels 2 --repeats 2"
        assert "Over 2 splits" in run_command(f"isoloss {few}")


@functools.cache
def printed_help(name: str) -> str:
    """Return what the installed command prints of a subcommand."""
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
    return done.stdout


@pytest.mark.parametrize(("name", "rest"), COMMANDS)
def test_commands_exist(name: str, rest: str) -> None:
    shown = printed_help(name)
    for option in re.findall(r"(?<!\S)--[a-z-]+", rest):
        assert re.search(rf"{option}(?![a-z-])", shown), f"isoloss {name} has no {option}"


def test_commands_include_the_main_one() -> None:
    assert ("reproduce", "") in COMMANDS


def test_scripts_and_extras_in_shell_blocks_exist() -> None:
    for script in re.findall(r"python (\S+\.py)", SHELL):
        assert (ROOT / script).is_file(), script
    for extras in re.findall(r"(?:isoloss|'\.)\[([a-z,]+)\]", SHELL):
        assert set(extras.split(",")) <= set(PROJECT["project"]["optional-dependencies"]), extras


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings and labels, as GitHub and MyST name them."""
    plain = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    found = set(re.findall(r"^\(([\w-]+)\)=$", plain, re.MULTILINE))
    for heading in re.findall(r"^#+ +(.+)$", plain, re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        found.add(slug)
    return found


def exists_or_is_built(path: Path) -> bool:
    """Whether a file is there, or comes from an example of the gallery that is."""
    if "auto_gallery" not in path.parts:
        return path.exists()
    name = re.fullmatch(r"(?:sphx_glr_)?(plot_\w+?)(?:_\d{3}|_thumb)?", path.stem)
    return path.stem == "index" or (
        name is not None and (ROOT / "docs" / "gallery" / f"{name[1]}.py").exists()
    )


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    folder, text = (ROOT / page).parent, PAGES[page]
    prose = re.sub(r"^```(?!\{).*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    targets = ["".join(t) for t in re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", prose)]
    targets += re.findall(r"^```\{(?:figure|image)\} (\S+)", prose, re.MULTILINE)
    for role in re.findall(r"\{doc\}`(?:[^`<]*<)?([^`>]+)>?`", prose):
        path = ROOT / "docs" / role[1:] if role.startswith("/") else folder / role
        targets.append(os.path.relpath(f"{path}.md" if path.suffix != ".md" else path, folder))
    for target in targets:
        if re.match(r"https?://|mailto:", target):
            continue
        name, _, anchor = target.partition("#")
        base = ROOT / "docs" if name.startswith("/") else folder
        path = (base / name.lstrip("/")).resolve() if name else ROOT / page
        assert exists_or_is_built(path), f"{page} links to {target}"
        if anchor and path.suffix == ".md":
            known = anchors(path.read_text(encoding="utf-8"))
            assert anchor in known, f"{page} links to {target}; anchors: {sorted(known)}"


def test_the_papers_page_names_every_claim_and_certificate() -> None:
    from isoloss.paper import proofs

    named = written_names("docs/paper.md")
    assert set(judged_claims()) <= named
    assert set(proofs.NAMES) <= named


def test_lines_of_reproduce_are_what_it_computes() -> None:
    shown = [
        row
        for blocks in BLOCKS.values()
        for block in blocks
        if block.language == "text"
        for row in block.content.splitlines()
        if "proved for" in row and row.split()[0] in judged_claims()
    ]
    assert shown
    for row in shown:
        claim = judged_claims()[row.split()[0]]
        assert re.search(rf"\s{claim.verdict}\s", row), row
        assert row.endswith(claim.computed), row


def test_the_page_on_building_has_the_rooms_in_their_order() -> None:
    contract = PROJECT["tool"]["importlinter"]["contracts"][0]
    cells = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", PAGES["docs/building.md"], re.MULTILINE)
    rooms = [" | ".join(re.findall(r"`(\w+)`", cell)) for cell in cells]
    assert rooms == contract["layers"]
