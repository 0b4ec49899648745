"""isoloss fit and isoloss predict, run as processes of their own."""

from __future__ import annotations

import zipfile
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from processes import run_isoloss as run
from typer.testing import CliRunner

import isoloss as il
from isoloss.cli import app
from isoloss.estimators import load_model

if TYPE_CHECKING:
    from conftest import Run

RNG = np.random.default_rng(8)
SCALES = np.geomspace(1, 0.3, 4)


def rows(scales: np.ndarray, count: int) -> np.ndarray:
    X = RNG.normal(size=(count, 4)) * scales
    return np.c_[X, X.sum(axis=1) + 0.5 * RNG.normal(size=count)]


def write(path: Path, header: str, table: Any) -> Path:
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in table)]) + "\n")
    return path


@pytest.fixture
def train(tmp_path: Path) -> Path:
    return write(tmp_path / "train.csv", "a,b,c,d,y", rows(SCALES, 40))


@pytest.fixture
def validation(tmp_path: Path) -> Path:
    return write(tmp_path / "val.csv", "a,b,c,d,y", rows(SCALES[::-1], 30))


def numbers(path: Path) -> tuple[np.ndarray, np.ndarray]:
    table = np.loadtxt(path, delimiter=",", skiprows=1)
    return table[:, :-1], table[:, -1]


def looped(train: Path, lr: float, steps: int) -> Any:
    """Return the function that a plain training loop on standardised features arrives at."""
    X, y = numbers(train)
    mean, scale = X.mean(0), X.std(0)
    Z = (X - mean) / scale
    stable = 1 / np.linalg.eigvalsh(Z.T @ Z / len(Z)).max()
    weights = np.zeros(4)
    for _ in range(steps):
        weights -= lr * stable * 2 * Z.T @ (Z @ weights - (y - y.mean())) / len(Z)
    return lambda X: (X - mean) / scale @ weights + y.mean()


def test_a_model_predicts_what_a_training_loop_does(
    train: Path, validation: Path, tmp_path: Path, start: Run
) -> None:
    model, out = tmp_path / "m.skops", tmp_path / "p.csv"
    schedules = ["--schedule", "gd(0.4, 6)", "--schedule", "gd(0.001, 2)"]
    options = ["--validation", validation, *schedules, "--levels", 1, "--save", model]
    done = run("fit", train, *options)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert "30 validation rows, from val.csv" in done.stdout
    predict = looped(train, 0.4, 6)
    X, y = numbers(validation)
    score = 1 - ((predict(X) - y) ** 2).mean() / y.var()
    reason = "gd(0.4, 6): of 2 candidates, its score on the validation rows is the highest:"
    assert f"{reason} {score:.4g}." in " ".join(done.stdout.split())
    assert f"Wrote the model to {model}" in done.stdout
    shuffled = write(
        tmp_path / "new.csv", "extra,d,c,b,a", np.c_[np.zeros(30), X[:, ::-1]].tolist()
    )
    done = start("predict", model, shuffled, "--out", out)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"Wrote 30 predictions to {out}"
    assert out.read_text().splitlines()[0] == "prediction"
    np.testing.assert_allclose(np.loadtxt(out, skiprows=1), predict(X), rtol=1e-12)
    printed = run("predict", model, shuffled)
    assert printed.stdout == out.read_text()


def test_cross_validation_and_the_reason(train: Path, tmp_path: Path, start: Run) -> None:
    options = ("--schedule", "flow", "--schedule", "gd(1.0, 3) > flow", "--folds", 4)
    done = start("fit", train, *options)
    assert done.returncode == 0, done.stderr
    assert "over 4 folds" in done.stdout
    assert "(standard error)." in done.stdout
    assert "Ridge regression with its best penalty has" in done.stdout
    assert "judge the model on other rows" in done.stdout
    assert "Nothing was written; --save FILE.skops writes the model." in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train.csv"]
    again = run("fit", train, *options)
    assert again.stdout == done.stdout


def test_classes_keep_their_names(tmp_path: Path) -> None:
    table = rows(SCALES, 60)
    labels = np.where(table[:, 4] > 0, "high", "low")
    data = write(
        tmp_path / "data.csv",
        "a,b,c,d,level",
        [[*r[:4], w] for r, w in zip(table, labels, strict=True)],
    )
    model = tmp_path / "m.skops"
    done = run("fit", data, "--target", "level", "--kernel", "rbf", "--gamma", 0.1, "--save", model)
    assert done.returncode == 0, done.stderr
    assert "classification, 2 classes (the target is text)" in done.stdout
    assert "accuracy" in done.stdout
    found = run("predict", model, data).stdout.split()
    assert found[0] == "prediction"
    assert set(found[1:]) == {"high", "low"}
    assert np.mean(np.array(found[1:]) == labels) > 0.8
    frame = pd.DataFrame(table[:, :4], columns=list("abcd"))
    np.testing.assert_array_equal(load_model(model).predict(frame), found[1:])


def test_several_targets_and_schedule_files(tmp_path: Path) -> None:
    schedule = il.Schedule(il.GradientDescent([0.1, 0.05]), il.HeavyBall(0.02, 0.5, 3))
    (tmp_path / "mine.json").write_text(schedule.to_json())
    model = tmp_path / "m.skops"
    done = run("fit", "linnerud", "--schedule", tmp_path / "mine.json", "--save", model)
    assert done.returncode == 0, done.stderr
    assert "mine: of " in done.stdout
    assert load_model(model)[-1].schedule_ == schedule
    printed = run("predict", model, "linnerud").stdout.splitlines()
    assert printed[0] == "prediction_Weight,prediction_Waist,prediction_Pulse"
    assert len(printed) == 21


def test_families_are_designed(train: Path, validation: Path) -> None:
    command = ["fit", train, "--validation", validation, "--schedule", "flow", "--schedule"]
    done = run(*command, "annealed", "--levels", 5)
    assert done.returncode == 0, done.stderr
    assert "annealed" in done.stdout


BAD: dict[str, tuple[list[str], str]] = {
    "no file": (["fit", "none.csv"], "there is no file 'none.csv'"),
    "near miss": (["fit", "diabtes"], "did you mean 'diabetes'?"),
    "target": (["fit", "train.csv", "--target", "yy"], "has no column 'yy' (did you mean 'y'?)"),
    "NaN": (["fit", "gaps.csv"], "column 'a' of gaps.csv has 1 missing value(s)"),
    "text": (["fit", "text.csv"], "are numbers, but 'x' in data row 1 is not"),
    "one class": (["fit", "one.csv", "--task", "classification"], "y has one class"),
    "columns": (["fit", "train.csv", "--validation", "text.csv"], "must have train.csv's columns"),
    "schedule": (["fit", "train.csv", "--schedule", "gd(1)"], "expected ',' and the number of"),
    "family": (["fit", "train.csv", "--schedule", "rate"], "family 'rate' (did you mean 'rates'?)"),
    "kernel": (["fit", "train.csv", "--kernel", "rbff"], "no kernel 'rbff' (did you mean 'rbf'?)"),
    "scoring": (["fit", "train.csv", "--scoring", "accurcy"], "(did you mean 'accuracy'?)"),
    "unused gamma": (["fit", "train.csv", "--gamma", "1"], "--gamma is for a kernel"),
    "precomputed": (["fit", "train.csv", "--kernel", "precomputed"], "use it in Python"),
    "both": (
        ["fit", "train.csv", "--folds", "3", "--validation", "train.csv"],
        "give --folds or --validation, not both",
    ),
    "ignore": (["fit", "train.csv", "--ignore", "aa"], "no column 'aa' to ignore (did you mean"),
    "suffix": (["fit", "train.csv", "--save", "m.pkl"], "must end in .skops; got m.pkl"),
    "exists": (["fit", "train.csv", "--save", "old.skops"], "old.skops exists; choose another"),
    "folder": (["fit", "train.csv", "--save", "no/m.skops"], "there is no folder no to write"),
    "no model": (["predict", "none.skops", "train.csv"], "there is no file 'none.skops'"),
    "not skops": (["predict", "train.csv", "train.csv"], "'train.csv' is not a skops file"),
    "a zip": (["predict", "zip.skops", "train.csv"], "cannot read 'zip.skops' as skops"),
    "cut off": (["predict", "cut.skops", "train.csv"], "'cut.skops' is not a skops file"),
    "untrusted": (
        ["predict", "trap.skops", "train.csv"],
        "holds types that isoloss does not trust: fractions.Fraction; if you know its source",
    ),
    "wrong end": (["predict", "good.skops", "train.csv", "--out", "p.txt"], "must end in .csv"),
    "own rows": (
        ["predict", "good.skops", "train.csv", "--out", "train.csv", "--force"],
        "--out would write over the rows to predict",
    ),
    "no schedule file": (["fit", "train.csv", "--schedule", "s.json"], "s.json"),
    "no names": (["predict", "plain.skops", "train.csv"], "is no model with named features"),
    "lacking": (["predict", "good.skops", "text.csv"], "lacks 3 of the model's 4 features, such"),
    "lacking one": (["predict", "good.skops", "three.csv"], "1 of the model's 4 features: 'd'; it"),
    "new gaps": (["predict", "good.skops", "holes.csv"], "column 'b' of holes.csv has 1 missing"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    write(folder / "train.csv", "a,b,c,d,y", rows(SCALES, 20))
    write(folder / "gaps.csv", "a,y", [["", 1.5], *[[i, i + 0.5] for i in range(9)]])
    write(folder / "holes.csv", "a,b,c,d", [[1, 2, 3, 4], [1, "", 3, 4]])
    write(folder / "three.csv", "a,b,c,y", [[1, 2, 3, 4]])
    write(folder / "text.csv", "a,y", [["x", 1.5], *[[i, i + 0.5] for i in range(9)]])
    write(folder / "one.csv", "a,y", [[i, 1] for i in range(9)])
    done = run("fit", folder / "train.csv", "--schedule", "flow", "--save", folder / "good.skops")
    assert done.returncode == 0, done.stderr
    (folder / "old.skops").write_text("mine")
    (folder / "cut.skops").write_bytes((folder / "good.skops").read_bytes()[:-200])
    from skops import io as skops  # imports PyTorch too

    skops.dump(Fraction(1, 3), folder / "trap.skops")
    skops.dump({"a": 1}, folder / "plain.skops")
    with zipfile.ZipFile(folder / "zip.skops", "w") as archive:
        archive.writestr("a.txt", "nothing")
    return folder


@pytest.mark.parametrize("case", BAD)
def test_errors_are_one_line_and_leave_nothing(
    case: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    arguments, message = BAD[case]
    done = CliRunner().invoke(app, arguments)  # a process for each would take minutes
    assert done.exit_code == 2
    assert done.stderr.startswith("isoloss: error: ")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_columns_can_be_left_out_and_new_rows_need_no_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table = rows(SCALES, 30)
    write(tmp_path / "ids.csv", "id,a,b,c,d,y", [[f"n{i}", *r] for i, r in enumerate(table)])
    command = ["fit", "ids.csv", "--schedule", "flow", "--ignore", "id", "--save", "m.skops"]
    assert CliRunner().invoke(app, command).exit_code == 0
    found = CliRunner().invoke(app, ["predict", "m.skops", "ids.csv"]).stdout.split()
    expected = load_model("m.skops").predict(pd.DataFrame(table[:, :4], columns=list("abcd")))
    np.testing.assert_allclose(np.array(found[1:], dtype=float), expected, rtol=1e-12)
    np.savez("train.npz", X=table[:, :4], y=table[:, 4])
    np.savez("new.npz", X=table[:5, :4])
    command = ["fit", "train.npz", "--schedule", "flow", "--save", "n.skops"]
    assert CliRunner().invoke(app, command).exit_code == 0
    done = CliRunner().invoke(app, ["predict", "n.skops", "new.npz"])
    assert done.exit_code == 0, done.stderr
    np.testing.assert_allclose(np.array(done.stdout.split()[1:], dtype=float), expected[:5])


def test_a_real_process_fails_with_one_line(folder: Path) -> None:
    done = run("predict", "trap.skops", "train.csv", cwd=folder)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("isoloss: error: 'trap.skops' holds types")
    assert len(done.stderr.splitlines()) == 1


def test_force_writes_over_what_is_there(folder: Path, tmp_path: Path) -> None:
    model = tmp_path / "m.skops"
    model.write_text("old")
    command = ["fit", folder / "train.csv", "--schedule", "flow", "--save", model]
    assert run(*command, "--force").returncode == 0
    assert load_model(model).n_features_in_ == 4
    out = tmp_path / "p.csv"
    out.write_text("old")
    refused = run("predict", model, folder / "train.csv", "--out", out)
    assert refused.returncode == 2
    assert out.read_text() == "old"
    assert run("predict", model, folder / "train.csv", "--out", out, "--force").returncode == 0
    assert out.read_text().startswith("prediction\n")


def test_schedule_files_of_one_name_are_told_apart(train: Path, tmp_path: Path) -> None:
    files = [tmp_path / place for place in ("a/mine.json", "b/mine.json", "flow.json", "c.json")]
    for rate, path in zip((0.01, 0.02, 0.03, 0.04), files, strict=True):
        path.parent.mkdir(exist_ok=True)
        path.write_text(str([rate] * 20))
    chosen = [part for path in files for part in ("--schedule", path.relative_to(tmp_path))]
    done = run("fit", train, *chosen, "--levels", 3, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    names = [line.split()[0] for line in done.stdout.splitlines() if " ± " in line]
    assert sorted(names[:5]) == ["a/mine.json", "b/mine.json", "c", "flow.json", "ridge"]
