"""The order of the house: what may import what, and what each public name must have."""

import doctest
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

import isoloss

ROOT = Path(__file__).parents[1]


def python(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_room_imports_only_from_rooms_below_it() -> None:
    # The contracts are in pyproject.toml.
    done = python("from importlinter.cli import lint_imports; exit(lint_imports(no_cache=True))")
    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_the_core_loads_no_heavy_library() -> None:
    done = python("import sys; from isoloss import *; print(*sys.modules)")
    assert done.returncode == 0, done.stderr
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "numpy" in loaded
    assert not loaded & {"jinja2", "matplotlib", "pandas", "rich", "sklearn", "torch", "typer"}


def test_no_room_hides_or_replaces_modules() -> None:
    # what is in sys.modules is there for all threads
    sources = {path: path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py")}
    assert sources
    found = [
        path.name for path, text in sources.items() if re.search(r"sys\.modules(?!\.get)", text)
    ]
    assert not found


def test_names_are_found_at_first_use() -> None:
    assert dir(isoloss) == sorted([*isoloss.__all__, *isoloss._PACKAGES, "__version__"])
    assert all(hasattr(isoloss, name) for name in isoloss.__all__)
    with pytest.raises(AttributeError, match="module 'isoloss' has no attribute 'trian'"):
        isoloss.trian  # type: ignore[attr-defined] # noqa: B018 - the point of the test


@pytest.mark.parametrize("name", isoloss.__all__)
def test_every_public_name_has_an_example(name: str) -> None:
    text = getattr(isoloss, name).__doc__ or ""
    assert doctest.DocTestParser().get_examples(text), f"isoloss.{name} has no runnable example"


@pytest.mark.parametrize(
    ("file", "pattern"),
    [("CITATION.cff", r"^version: (.+)$"), ("CHANGELOG.md", r"^## \[(\d.+?)\]")],
)
def test_every_file_names_the_same_version(file: str, pattern: str) -> None:
    latest = re.search(pattern, (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
    assert latest is not None
    assert latest[1] == isoloss.__version__ == importlib.metadata.version("isoloss")


@pytest.mark.parametrize(
    "code",
    [
        "import isoloss as il; print(il.Schedule.from_json('[0.5]'))",
        "from isoloss.schedules.schedule import Schedule; print(Schedule.from_json('[0.5]'))",
    ],
)
def test_a_schedule_is_read_in_a_process_that_has_loaded_nothing_else(code: str) -> None:
    done = python(code)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Schedule(GradientDescent([0.5]))\n"
