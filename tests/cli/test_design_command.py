"""isoloss design, run as a process of its own."""

from __future__ import annotations

import csv
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from processes import run_isoloss

import isoloss as il

if TYPE_CHECKING:
    from conftest import Run

FILES = {
    ".isoloss",
    "report.html",
    "design.pdf",
    "design.png",
    "design.svg",
    "results.csv",
    "rates.json",
}
RNG = np.random.default_rng(4)
SCALES = np.geomspace(1, 0.2, 4)


def run(
    *arguments: str | Path, verb: str = "design", cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return run_isoloss(verb, *arguments, cwd=cwd)


def table(scales: np.ndarray, count: int) -> np.ndarray:
    X = RNG.normal(size=(count, 4)) * scales
    return np.c_[X, X.sum(axis=1) + 0.5 * RNG.normal(size=count)]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    found = {}
    for name, scales in (("train", SCALES), ("val", SCALES[::-1]), ("test", SCALES[::-1])):
        found[name] = tmp_path / f"{name}.csv"
        np.savetxt(found[name], table(scales, 30), delimiter=",", header="a,b,c,d,y", comments="")
    return found


def sets(files: dict[str, Path]) -> list[np.ndarray]:
    """Return inputs and targets of train, validation and test rows, standardised by the train's."""
    rows = {name: np.loadtxt(path, delimiter=",", skiprows=1) for name, path in files.items()}
    train = rows["train"]
    parts = []
    for name in ("train", "val", "test"):
        X = (rows[name][:, :4] - train[:, :4].mean(0)) / train[:, :4].std(0)
        parts += [X, rows[name][:, 4] - train[:, 4].mean()]
    return parts


def options(files: dict[str, Path]) -> list[str | Path]:
    return [files["train"], "--validation", files["val"], "--test", files["test"]]


def test_what_it_saves_really_trains_to_the_losses_it_shows(
    tmp_path: Path, files: dict[str, Path]
) -> None:
    saved, out = tmp_path / "best.json", tmp_path / "out"
    done = run(*options(files), "--family", "rates", "--steps", 3, "--save", saved, "--out", out)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert {path.name for path in out.iterdir()} == FILES
    assert (out / "design.png").read_bytes().startswith(b"\x89PNG")
    assert "30 train rows; 30 validation rows, from val.csv; 30 test rows" in done.stdout
    assert f"Wrote rates to {saved}" in done.stdout
    assert (out / "rates.json").read_text() == saved.read_text()
    with (out / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["flow", "ridge", "rates", "best filter"]
    # a plain training loop by the saved rates
    X, y, X_val, y_val, X_test, y_test = sets(files)
    coef = np.zeros(4)
    for lr in il.read_schedule(saved).learning_rates():
        coef = coef - lr * 2 * X.T @ (X @ coef - y) / 30
    for key, inputs, targets in (
        ("train_loss", X, y),
        ("validation_loss", X_val, y_val),
        ("test_loss", X_test, y_test),
    ):
        loss = np.mean((inputs @ coef - targets) ** 2)
        assert float(rows["rates"][key]) == pytest.approx(loss, rel=1e-9)
    # ridge by its penalty
    alpha = float(rows["ridge"]["alpha"])
    coef = np.linalg.solve(X.T @ X / 30 + alpha * np.eye(4), X.T @ y / 30)
    loss = np.mean((X_test @ coef - y_test) ** 2)
    assert float(rows["ridge"]["test_loss"]) == pytest.approx(loss, rel=1e-9)
    # nothing is below the bound where the choice was made
    bound = float(rows["best filter"]["validation_loss"])
    assert all(float(row["validation_loss"]) >= bound * (1 - 1e-12) for row in rows.values())


def test_compare_reads_the_saved_schedule_back(
    tmp_path: Path, files: dict[str, Path], start: Run
) -> None:
    saved = tmp_path / "best.json"
    chosen = ("--family", "cosine", "--steps", 5, "--save", saved)
    assert start("design", *options(files), *chosen).returncode == 0
    done = run(
        files["train"], "--test", files["test"], "--schedule", saved, "--levels", 3, verb="compare"
    )
    assert done.returncode == 0, done.stderr
    assert "\nbest: reaches " in done.stdout


def test_a_data_set_is_split_in_three_by_the_seed(tmp_path: Path) -> None:
    first, again, other = (
        run("iris", "--family", "two-rate", "--steps", "3", "--seed", seed, cwd=tmp_path)
        for seed in ("1", "1", "2")
    )
    assert first.returncode == 0, first.stderr
    assert first.stdout == again.stdout
    assert first.stdout != other.stdout
    assert "75 train rows; 37 validation rows, chosen at random with seed 1" in first.stdout
    assert "error" in first.stdout  # the share of wrong classes
    assert "Nothing was written" in first.stdout
    assert not list(tmp_path.iterdir())


def test_every_family_by_its_name(files: dict[str, Path]) -> None:
    names = ["annealed", "two-rate", "decreasing", "rates", "rates+flow"]
    names += ["constant", "cosine+flow", "decay", "exponential", "inverse_time", "one_cycle"]
    chosen = [part for name in names for part in ("--family", name)]
    done = run(*options(files), "--steps", "4", "--starts", "2", *chosen)
    assert done.returncode == 0, done.stderr
    for name in names:
        assert f"\n{name} " in done.stdout
        assert f"\n  {name}: " in done.stdout


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--family", "nope"], "there is no family 'nope'; choose from annealed"),
        (["--steps", "0"], "greater than or equal to 1"),
        (["--save", "best.txt"], r"the name must end in .json; got best.txt"),
        (["--save", "old.json"], "old.json"),
        (["--out", "full"], "full"),
        (["--target", "z"], "'z'"),
        (["--test", "nowhere.csv"], "nowhere.csv"),
        (["--test", "fewer.csv"], "lacks 'd'"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(
    tmp_path: Path, files: dict[str, Path], more: list[str], message: str
) -> None:
    (tmp_path / "old.json").write_text("precious")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("precious")
    rows = files["test"].read_text().splitlines()
    fewer = [",".join(line.split(",")[i] for i in (0, 1, 2, 4)) for line in rows]
    (tmp_path / "fewer.csv").write_text("\n".join(fewer))
    before = sorted(tmp_path.rglob("*"))
    done = run(*options(files), "--family", "rates", "--steps", "2", *more, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "old.json").read_text() == "precious"


def test_one_file_without_the_other_is_refused(files: dict[str, Path]) -> None:
    done = run(files["train"], "--validation", files["val"])
    assert done.returncode == 2
    assert "give validation rows and test rows, or neither" in done.stderr


def test_force_writes_over_what_is_there(tmp_path: Path, files: dict[str, Path]) -> None:
    saved, out = tmp_path / "old.json", tmp_path / "full"
    saved.write_text("old")
    out.mkdir()
    (out / "mine.txt").write_text("precious")
    done = run(*options(files), "--family", "constant", "--save", saved, "--out", out, "--force")
    assert done.returncode == 0, done.stderr
    assert il.read_schedule(saved).steps == 16
    assert (out / "mine.txt").read_text() == "precious"
    assert (out / "report.html").exists()
