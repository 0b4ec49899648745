"""The first minutes: what isoloss alone prints, help and its examples, completion, near misses."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

import isoloss
from isoloss.cli import app
from isoloss.cli.completion import DATA_SETS, FAMILIES, PHASES, STATEMENTS
from isoloss.cli.examples import EXAMPLES, THREE
from isoloss.comparison.selection import family_names
from isoloss.datasets import SHIPPED
from isoloss.paper.proofs import NAMES
from isoloss.schedules.grammar import makers
from isoloss.schedules.text import Spec
from isoloss.sweep.config import read_config

if TYPE_CHECKING:
    from conftest import Run

HEAVY = {"numpy", "scipy", "sklearn", "matplotlib", "torch", "pandas", "sympy"}
COMMANDS = getattr(typer.main.get_command(app), "commands")  # noqa: B009 - untyped
EXAMPLE_COMMANDS = [
    text
    for examples in (THREE, *EXAMPLES.values())
    for _, text in examples
    if text.startswith("isoloss ")
]


@pytest.mark.parametrize("arguments", [(), ("--help",), ("compare", "--help")])
def test_help_is_plain_in_a_pipe_and_loads_nothing_heavy(
    arguments: tuple[str, ...], start: Run
) -> None:
    done = start(*arguments, PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0
    loaded = {line.rpartition("|")[2].split(".")[0].strip() for line in done.stderr.splitlines()}
    assert "isoloss" in loaded
    assert not loaded & HEAVY
    assert not any(mark in done.stdout for mark in "\x1b│╭")
    assert not any(line != line.rstrip() for line in done.stdout.splitlines())
    assert "  isoloss compare diabetes" in done.stdout
    if "compare" not in arguments:
        assert all(f"isoloss {name}" in done.stdout for name in ("reproduce", "explore"))
        assert all(f"\n  {name} " in done.stdout for name in COMMANDS)


def test_the_version(start: Run) -> None:
    assert start("--version").stdout == f"isoloss {isoloss.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_has_examples(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"]).stdout
    assert len(EXAMPLES[command]) >= 2
    for what, text in EXAMPLES[command]:
        assert f"  # {what}\n" in shown
        assert all(f"  {line}\n" in shown for line in text.splitlines() if line)
        assert "  \n" not in shown


@pytest.mark.parametrize("text", EXAMPLE_COMMANDS)
def test_every_example_parses(text: str) -> None:
    _, name, *arguments = shlex.split(text)
    found = COMMANDS[name].make_context(name, arguments).params
    for schedule in found.get("schedule") or ():
        if schedule not in ("flow", "rates+flow"):
            Spec.parse(schedule)


def test_the_example_of_a_sweep_is_read(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(EXAMPLES["sweep"][0][1])
    assert read_config(tmp_path / "study.toml").size == "20 problems × 2 schedules × 3 levels"


def test_what_is_completed_is_what_there_is() -> None:
    assert tuple(DATA_SETS) == SHIPPED
    assert STATEMENTS == NAMES
    assert tuple(family_names()) == FAMILIES
    assert set(PHASES) == set(makers())
    for text in PHASES.values():
        Spec.parse(text)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["comp"], ["compare"]),
        (["fit", "--sche"], ["--schedule"]),
        (["compare", "di"], ["diabetes", "digits", "dishes.csv"]),
        (["certify", "lemma2-"], ["lemma2-steps", "lemma2-literal"]),
        (["design", "iris", "--family", "rates"], ["rates", "rates+flow"]),
        (["compare", "iris", "--schedule", "co"], ["constant", "cosine"]),
        (["compare", "iris", "--task", "cl"], ["classification"]),
    ],
)
def test_completion(words: list[str], expected: list[str], start: Run, tmp_path: Path) -> None:
    (tmp_path / "dishes.csv").touch()
    (tmp_path / "diary.txt").touch()
    words = ["isoloss", *words]
    done = start(
        _ISOLOSS_COMPLETE="complete_bash",
        COMP_WORDS=" ".join(words),
        COMP_CWORD=str(len(words) - 1),
    )
    assert (done.stdout.splitlines(), done.stderr) == (expected, "")


def test_completion_of_other_shells_shows_help_too(start: Run) -> None:
    zsh = start(_ISOLOSS_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS="isoloss compare dia")
    assert '"diabetes":"442 rows, regression"' in zsh.stdout
    fish = start(
        _ISOLOSS_COMPLETE="complete_fish",
        _TYPER_COMPLETE_ARGS="isoloss compare dia",
        _TYPER_COMPLETE_FISH_ACTION="get-args",
    )
    assert fish.stdout == "diabetes\t442 rows, regression\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_completion(shell: str, start: Run) -> None:
    done = start("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert done.returncode == 0
    assert f"_ISOLOSS_COMPLETE=complete_{shell}" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["reprodce"], "No such command 'reprodce'. Did you mean 'reproduce'?"),
        (["compare", "iris", "--schdule", "flow"], "No such option: --schdule"),
        (["compare", "iris", "--schdule", "flow"], "--schedule"),
        (["compare", "diabets"], "(did you mean 'diabetes'?)"),
        (["compare", "hoses.csv"], "there is no file 'hoses.csv' (did you mean 'houses.csv'?)"),
        (["compare", "houses"], "(did you mean 'houses.csv'?)"),
        (["compare", "houses.csv", "--target", "prise"], "(did you mean 'price'?)"),
        (["compare", "iris", "--schedule", "cosin(1, 9)"], "(did you mean 'cosine'?)"),
        (["compare", "iris", "--schedule", "gdd(1, 9)"], "(did you mean 'gd'?)"),
        (["compare", "iris", "--schedule", "hoses.csv"], "(did you mean 'houses.csv'?)"),
        (["design", "iris", "--family", "anealed"], "(did you mean 'annealed'?)"),
        (["predict", "houses.cvs", "iris"], "(did you mean 'houses.csv'?)"),
        (["sweep", "house.csv"], "(did you mean 'houses.csv'?)"),
        (["verify", "none/x.json"], "there is no file 'none/x.json', nor a folder 'none'"),
    ],
)
def test_near_misses(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("houses.csv").write_text("a,b,price\n1,2,3\n2,3,4\n3,1,9\n4,4,1\n")
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert message in done.stderr
