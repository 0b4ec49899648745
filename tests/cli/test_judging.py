"""isoloss compare: verdicts over many splits, over given test rows, and none for one split."""

import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from processes import run_isoloss, run_script
from sklearn.datasets import load_diabetes

import isoloss as il
from isoloss.comparison import bootstrap_compare
from isoloss.datasets import load, split_repeatedly

SCHEDULE = ("--schedule", "gd(1.0, 100) > flow")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    X = rng.standard_normal((60, 2))
    y = X @ [2.0, -1.0] + rng.standard_normal(60)
    path = tmp_path / "rows.csv"
    table = np.c_[X, np.repeat(np.arange(12), 5), rng.permutation(60), y]
    np.savetxt(path, table, delimiter=",", header="a,b,site,day,y", comments="")
    return path


def judged(*arguments: str | Path) -> dict[str, Any]:
    done = run_isoloss("compare", *arguments, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def ends(found: dict[str, Any]) -> list[tuple[float, float]]:
    return [(row["low"], row["high"]) for row in found["rows"] if row["schedule"] != "flow"]


def test_twenty_splits_agree_with_those_of_python(rows: Path) -> None:
    ignored = ("--ignore", "site", "--ignore", "day")
    found = judged(rows, *ignored, *SCHEDULE, "--levels", "3", "--seed", "2", "--test-size", "0.3")
    splits = split_repeatedly(load(rows), ignore=["site", "day"], seed=2, test_size=0.3)
    problems = [il.Problem.from_data(s.X, s.y, s.X_test, s.y_test) for s in splits]
    python = il.comparison.compare_repeatedly(
        problems, SCHEDULE[1], 3, test_per_train=splits.test_per_train
    )
    (stops,) = python.schedules
    np.testing.assert_allclose(ends(found), np.c_[stops.low, stops.high], rtol=1e-9, atol=1e-12)
    assert len(problems) == 20
    assert found["verdicts"][1:] == list(python.verdicts)
    assert any("20 splits: 18 test rows each" in note for note in found["notes"])


def test_given_test_rows_are_drawn_anew(tmp_path: Path) -> None:
    X, y = load_diabetes(return_X_y=True)
    np.savez(tmp_path / "a.npz", X=X[:300], y=y[:300], X_test=X[300:], y_test=y[300:])
    found = judged(tmp_path / "a.npz", *SCHEDULE, "--levels", "3")
    mean, scale = X[:300].mean(0), X[:300].std(0)
    inputs, outputs = (X - mean) / scale, y - y[:300].mean()
    problem = il.Problem.from_data(inputs[:300], outputs[:300])
    python = bootstrap_compare(problem, inputs[300:], outputs[300:], SCHEDULE[1], 3)
    (stops,) = python.schedules
    np.testing.assert_allclose(ends(found), np.c_[stops.low, stops.high], rtol=1e-7, atol=1e-9)
    done = run_isoloss("compare", tmp_path / "a.npz", *SCHEDULE, "--levels", "3")
    assert "\nOver the test rows\n" in done.stdout
    assert "paired bootstrap" in done.stdout


def test_groups_and_time_are_said(rows: Path) -> None:
    groups = judged(rows, "--groups", "site", "--ignore", "day", "--repeats", "3", *SCHEDULE)
    assert any("rows with the same 'site' stay together" in note for note in groups["notes"])
    timed = run_isoloss("compare", rows, "--time", "day", "--ignore", "site", *SCHEDULE)
    assert timed.returncode == 0, timed.stderr
    assert "each tests on the rows that follow its train rows (5 splits" in timed.stdout
    ordered = run_isoloss("compare", rows, "--time-order", "--repeats", "2", "--levels", "2")
    assert "the last in the order of the rows" in ordered.stdout


def test_one_split_has_no_verdict(tmp_path: Path, rows: Path) -> None:
    done = run_isoloss("compare", rows, "--repeats", "1", "--levels", "2", "--out", tmp_path / "o")
    assert done.returncode == 0, done.stderr
    assert "\n  One split gives no interval, and so no verdict. More --repeats give both.\n" in (
        done.stdout
    )
    assert "At equal train loss, gd" not in done.stdout
    assert "Over 1" not in done.stdout
    with (tmp_path / "o" / "results.csv").open(encoding="utf-8", newline="") as file:
        assert {row["effect"] for row in csv.DictReader(file)} == {""}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--test", "{rows}", "--repeats", "3"], "leave out --repeats"),
        (["--test", "{rows}", "--groups", "a"], "leave out --groups"),
        (["--test", "{rows}", "--time", "a"], "leave out --time"),
        (["--test", "{rows}", "--time-order"], "leave out --time-order"),
        (
            ["--time", "day", "--groups", "site"],
            "in one way, but groups and time were given: leave one out",
        ),
        (["--time", "dya"], "did you mean 'day'"),
        (["--time-order", "--test-size", "0.2"], "give no test size"),
        (["--repeats", "0"], "--repeats"),
    ],
)
def test_mistakes(rows: Path, options: list[str], message: str) -> None:
    done = run_isoloss("compare", rows, *(part.format(rows=rows) for part in options))
    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr


def test_diabetes_over_forty_splits_cannot_tell() -> None:
    found = judged("diabetes", "--repeats", "40", "--levels", "6", *SCHEDULE)
    assert not {"helps", "hurts"} & {row["effect"] for row in found["rows"]}
    assert "cannot tell" in found["verdicts"][1]


KILLED = """
import os, signal
from isoloss.cli.judging import _in_processes

def kill(made):
    os.kill(os.getpid(), signal.SIGKILL)

def nothing():
    raise AssertionError

try:
    list(_in_processes(kill, iter([nothing] * 3)))
except ValueError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks these processes")
def test_a_process_that_is_killed_is_one_line(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    assert "a process that compared splits was killed, perhaps for" in run_script(script).stdout
