"""isoloss match, run as a process of its own, on logs with known differences."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from processes import run_isoloss
from typer.testing import CliRunner

from isoloss.cli import app

if TYPE_CHECKING:
    from conftest import Run

FILES = {".isoloss", "report.html", "results.csv", "match.pdf", "match.png", "match.svg"}
STEP = np.arange(50, 5001, 50)


def log(path: Path, gap: float, decay: bool = False, seed: int = 0, move: float = 0.0) -> None:
    """Write a log: at any train loss, its test loss lies above it by the gap."""
    rng = np.random.default_rng(seed)
    train, rate = 1 + 20 / np.sqrt(STEP), np.full(STEP.size, 1e-3)
    if decay:
        rate[80:] = np.linspace(1e-3, 0, 20)
        train = train - 0.1 * np.clip(STEP / 1000 - 4, 0, None)
    test = train + gap + move
    columns = [STEP, rate, *(each + 0.003 * rng.normal(size=STEP.size) for each in (train, test))]
    header = "step,lr,train_loss,val_loss"
    np.savetxt(path, np.c_[*columns], "%.10g", ",", header=header, comments="")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three logs, and what the command made of them."""
    found = tmp_path_factory.mktemp("match")
    (found / "logs").mkdir()
    log(found / "logs" / "better.csv", 0.08, decay=True, seed=1)
    log(found / "logs" / "flat.csv", 0.10, seed=2)
    log(found / "logs" / "worse.csv", 0.13, decay=True, seed=3)
    levels = ("--levels", "1.5,1.35,1.2")
    done = run_isoloss("match", "logs", *levels, "--json", "--out", "out", cwd=found)
    assert done.returncode == 0, done.stderr
    (found / "said.json").write_text(done.stdout, encoding="utf-8")
    (found / "said.txt").write_text(done.stderr, encoding="utf-8")
    return found


def test_the_numbers_are_those_of_the_logs(folder: Path) -> None:
    said: dict[str, Any] = json.loads((folder / "said.json").read_text(encoding="utf-8"))
    assert (said["reference"], said["levels"]) == ("flat", [1.5, 1.35, 1.2])
    assert said["runs"] == {name: [name] for name in ("better", "flat", "worse")}
    rows = {(row["run"], row["train_loss"]): row for row in said["rows"]}
    for name, gap, effect in (("better", -0.02, "helps"), ("worse", 0.03, "hurts")):
        for level in (1.5, 1.35):
            row = rows[name, level]
            assert row["effect"] == effect
            assert row["difference"] == pytest.approx(gap, abs=0.005)
            assert row["low"] < row["difference"] < row["high"]
        # the flat run ends at a train loss of 1.283
        assert rows[name, 1.2] == {
            **rows[name, 1.2],
            "effect": "not reached",
            "difference": None,
            "low": None,
        }
        assert rows[name, 1.2]["test_loss"] == pytest.approx(1.2 + 0.1 + gap, abs=0.01)
    assert rows["flat", 1.5]["step"] == pytest.approx(1600, rel=0.05)
    assert any("Columns: step is 'step'" in note for note in said["reading"])
    assert said["verdicts"][0].startswith("At equal train loss, better helps at 2 of 3 levels")
    stderr = (folder / "said.txt").read_text(encoding="utf-8")
    assert stderr.count("isoloss: note: Columns: step is 'step'") == 1
    assert "Wrote report.html, the figure and results.csv to out" in stderr


def test_the_files_have_the_same_numbers(folder: Path) -> None:
    out = folder / "out"
    assert {path.name for path in out.iterdir()} == FILES
    with (out / "results.csv").open(encoding="utf-8", newline="") as file:
        written = list(csv.DictReader(file))
    said = json.loads((folder / "said.json").read_text(encoding="utf-8"))["rows"]
    text = [
        {key: "" if value is None else str(value) for key, value in row.items()} for row in said
    ]
    assert written == text
    page = (out / "report.html").read_text(encoding="utf-8")
    for part in (
        "Against flat (90% intervals)",
        "better helps at 2 of 3 levels",
        "<td>hurts</td>",
        "<td>not reached</td>",
        "<svg",
        "leave out the variation between seeds",
        "Losses are those that the runs logged.",
        "Columns: step is",
    ):
        assert part in page
    assert "mean squared errors" not in page
    assert (out / "match.png").read_bytes().startswith(b"\x89PNG")


def test_without_a_folder_it_only_prints(folder: Path) -> None:
    before = set(folder.iterdir())
    done = run_isoloss("match", "logs/*.csv", "--levels", 3, "--against", "worse", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("3 runs at equal train loss\n")
    assert "\nAgainst worse (90% intervals)\n  At equal train loss, better helps at" in done.stdout
    assert "\nHow to read this\n  Each row is a train loss." in done.stdout
    assert "Nothing was written; --out DIR" in done.stdout
    assert "\x1b" not in done.stdout
    assert set(folder.iterdir()) == before


def test_seeds_are_pairs(tmp_path: Path, run: Run) -> None:
    moves = np.array([0.05, -0.02, 0.03])  # of a seed, in both of its runs
    for seed, move in enumerate(moves):
        log(tmp_path / f"a_{seed}.csv", 0.10, seed=2 * seed, move=move)
        log(tmp_path / f"b_{seed}.csv", 0.12, decay=True, seed=2 * seed + 1, move=move)
    groups = [f"--group={name}={name}_0, {name}_1,{name}_2" for name in "ab"]
    done = run("match", ".", *groups, "--levels", "1.4", "--json", "--smoothing", "0.2")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["runs"] == {name: [f"{name}_{seed}" for seed in range(3)] for name in "ab"}
    row = said["rows"][1]
    assert (row["run"], row["effect"], row["seeds"]) == ("b", "hurts", 3)
    assert row["difference"] == pytest.approx(0.02, abs=0.004)
    # nothing of the 0.03 that seeds differ by is in the interval of their differences
    assert row["high"] - row["low"] < 0.02
    assert any("Student's t over 3 pairs of seeds" in note for note in said["notes"])


def test_a_folder_of_others_is_left_alone(tmp_path: Path, run: Run) -> None:
    log(tmp_path / "a.csv", 0.1)
    log(tmp_path / "b.csv", 0.1, decay=True, seed=1)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "notes.txt").touch()
    done = run("match", "a.csv", "b.csv", "--out", "own")
    assert (done.returncode, done.stdout) == (2, "")
    assert "own holds files that isoloss did not make" in done.stderr
    assert [path.name for path in (tmp_path / "own").iterdir()] == ["notes.txt"]
    options = ("--out", "own", "--force", "--figure-width", 3.3)
    done = run("match", "a.csv", "b.csv", *options)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "own").iterdir()} == FILES | {"notes.txt"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("a.csv", "a comparison needs at least two runs; got 1"),
        ("a.csv two.csv", "the run 'two' has 2 rows with a train loss; matching needs at least 8"),
        ("a.csv none.csv", "the run 'none' has no test loss"),
        ("a.csv flat.csv", "the runs do not overlap: no run has a train loss in common with 'a'"),
        ("a.csv zero.csv", "zero"),
        ("a.csv b.csv --against c", "reference must name a run or group; 'c' is neither"),
        ("a.csv b.csv --levels 0.5", "levels must be within what 'a' and another run reach"),
        ("a.csv b.csv --levels x", "levels must be how many"),
        ("a.csv b.csv --group g=a,x", "group 'g' names the run 'x', which does not exist"),
        ("a.csv b.csv --group g", "--group must be NAME=RUN,RUN; got 'g'"),
        ("a.csv b.csv --figure-width 4", "--figure-width sizes the figure that --out DIR writes"),
        ("a.csv missing.csv", "there is no file 'missing.csv'"),
        ("norate.csv b.csv", "Give --columns lr=NAME"),
        ("a.csv b.csv --columns x=y", "--columns has 'x'"),
        ("bytes a.csv", "bytes are runs that come with isoloss; give them alone"),
        ("bytes --every 2", "--every: bytes are runs that come with isoloss, and there is nothing"),
    ],
)
def test_bad_input_is_one_line(
    arguments: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    log(tmp_path / "a.csv", 0.1)
    log(tmp_path / "b.csv", 0.1, decay=True, seed=1)
    lines = (tmp_path / "a.csv").read_text().splitlines()
    (tmp_path / "two.csv").write_text("\n".join(lines[:3]))
    (tmp_path / "none.csv").write_text("\n".join(line.rpartition(",")[0] for line in lines))
    (tmp_path / "norate.csv").write_text("\n".join(line.replace("lr", "x", 1) for line in lines))
    head, same = lines[0], "1e-3,1.5,1.6"
    (tmp_path / "flat.csv").write_text("\n".join([head, *(f"{step},{same}" for step in STEP)]))
    (tmp_path / "zero.csv").write_text("\n".join([head, *(f"{step},0,2,2" for step in STEP)]))
    before = set(tmp_path.iterdir())
    done = CliRunner().invoke(app, ["match", *arguments.split(" ")])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("isoloss: error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
    assert set(tmp_path.iterdir()) == before


def test_runs_that_come_with_isoloss(tmp_path: Path) -> None:
    some = [f"--run={name}_12k_2e-3" for name in ("const", "wsd50")]
    done = run_isoloss("match", "bytes", *some, "--levels", "1.5,1.4", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    high, low = [row for row in json.loads(done.stdout)["rows"] if row["run"] == "wsd50_12k_2e-3"]
    assert (high["effect"], high["difference"]) == ("no difference", 0)  # the cool-down comes later
    # Train losses are means over the 50 steps before a row, which the command knows.
    again = run_isoloss(
        *("match", "bytes", *some, "--levels", "1.4", "--averaged", 50, "--json"), cwd=tmp_path
    )
    (given,) = [row for row in json.loads(again.stdout)["rows"] if row["run"] == "wsd50_12k_2e-3"]
    assert given["difference"] == low["difference"] != 0
