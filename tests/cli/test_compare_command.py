"""isoloss compare, run as a process of its own, with every option."""

import csv
import html.parser
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from processes import run_isoloss
from sklearn.datasets import load_diabetes

from isoloss import GradientFlow, Schedule

START = "from isoloss.cli import app; app(prog_name='isoloss')"
FIGURES = {"comparison.pdf", "comparison.png", "comparison.svg"}
FILES = {"report.html", "results.csv"} | FIGURES
FEW = ("--repeats", "3")  # where the number of splits is not the point


def run(*arguments: str | Path, before: str = "") -> subprocess.CompletedProcess[str]:
    if not before:
        return run_isoloss("compare", *arguments)
    command = [sys.executable, "-c", before + START, "compare", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")


def results(*arguments: str | Path) -> list[dict[str, Any]]:
    """Return the rows of ``--json``, which has the numbers of results.csv and draws no figure."""
    done = run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found: list[dict[str, Any]] = json.loads(done.stdout)["rows"]
    return found


def written(out: Path) -> list[dict[str, str]]:
    with (out / "results.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    X = rng.standard_normal((40, 3))
    y = X @ [2.0, -1.0, 0.5] + 0.1 * rng.standard_normal(40)
    path = tmp_path / "rows.csv"
    np.savetxt(path, np.c_[X, y], delimiter=",", header="a,b,c,y", comments="")
    return path


def test_without_a_folder_it_only_prints(tmp_path: Path) -> None:
    done = run_isoloss("compare", "diabetes", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "regression (the data set says so)" in done.stdout
    assert "standardised by the train rows" in done.stdout
    for name in (
        "flow",
        "gd(1.0, 100) > flow",
        "cosine(1.0, ...)",
        "warmup_stable_decay(1.0, ...)",
    ):
        assert f"\n{name}: reaches 12 of 12 levels\n" in done.stdout
        assert f"\n  {name}: test loss " in done.stdout
    judged = (
        "\n  At equal train loss, warmup_stable_decay(1.0, ...) makes no difference at 10 of 12"
    )
    assert judged in done.stdout
    assert "; at 2 of 12 levels these data cannot tell (intervals from -1." in done.stdout
    assert "optimistic" in done.stdout
    assert "--out DIR writes report.html" in done.stdout
    assert "\x1b" not in done.stdout
    assert "…" not in done.stdout
    tables = [line for line in done.stdout.splitlines() if not line.startswith("  ")]
    assert max(map(len, tables)) <= 80
    assert not list(tmp_path.iterdir())


def test_the_report_and_the_numbers(tmp_path: Path) -> None:
    done = run("iris", "--out", tmp_path / "new" / "out")
    assert (done.returncode, done.stderr) == (0, "")
    table = written(tmp_path / "new" / "out")
    assert {path.name for path in (tmp_path / "new" / "out").iterdir()} == FILES | {".isoloss"}
    assert len(table) == 4 * 12
    assert all(0 <= float(row["test_error"]) <= 1 for row in table)
    page = (tmp_path / "new" / "out" / "report.html").read_text(encoding="utf-8")
    parser = html.parser.HTMLParser()
    parser.feed(page)
    assert "At equal train loss, gd(1.0, 100) &gt; flow makes no difference at 1 of 12" in page
    assert "at 11 of 12 levels these data cannot tell" in page
    unknown = [row["effect"] == "cannot tell" for row in table]
    assert page.count("<td>cannot tell</td>") == sum(unknown) > 11
    by_name = [row["effect"] for row in table if row["schedule"] == "gd(1.0, 100) > flow"]
    assert by_name == ["cannot tell"] * 11 + ["no difference"]
    assert all(
        float(row["low"]) < float(row["mean_difference"]) < float(row["high"])
        for row in table
        if row["schedule"] != "flow"
    )
    assert "<svg" in page
    assert "src=" not in page
    assert (tmp_path / "new" / "out" / "comparison.png").read_bytes().startswith(b"\x89PNG")


def test_numbers_agree_with_a_plain_training_loop(tmp_path: Path, rows: Path) -> None:
    # The whole way from the file to results.csv, with nothing of ours in between.
    data = np.loadtxt(rows, delimiter=",", skiprows=1)
    order = np.random.default_rng(7).permutation(40)
    test, train = np.sort(order[:10]), np.sort(order[10:])
    mean, scale = data[train, :3].mean(0), data[train, :3].std(0)
    X, X_test = ((data[part, :3] - mean) / scale for part in (train, test))
    y, y_test = (data[part, 3] - data[train, 3].mean() for part in (train, test))
    rate = 0.95 / np.linalg.eigvalsh(X.T @ X / 30)[-1]
    done = run(
        rows,
        "--target",
        "y",
        "--test-size",
        "0.25",
        "--seed",
        "7",
        "--schedule",
        "gd(0.95, 200)",
        "--levels",
        "6",
        *FEW,
        "--out",
        tmp_path / "out",
    )
    assert (done.returncode, done.stderr) == (0, "")
    table = written(tmp_path / "out")
    found = [row for row in table if row["schedule"] == "gd(0.95, 200)"]
    assert len(found) == 6
    coef, step = np.zeros(3), 0
    for row in found:
        level = float(row["level"])
        while np.mean((X @ coef - y) ** 2) > level:
            before, step = coef, step + 1
            coef = before - rate * 2 * X.T @ (X @ before - y) / 30
        # the last step shortened: the loss along it is a parabola
        shares = [np.mean((X @ (before + s * (coef - before)) - y) ** 2) for s in (0, 0.5, 1)]
        roots = np.roots(np.polyfit([0, 0.5, 1], shares, 2) - [0, 0, level])
        stop = before + min(s for s in roots if s > 0) * (coef - before)
        assert int(row["steps"]) == step
        assert float(row["train_loss"]) == pytest.approx(level, rel=1e-12)
        assert float(row["test_loss"]) == pytest.approx(np.mean((X_test @ stop - y_test) ** 2))
        assert row["reached"] == "True"


def test_test_rows_from_a_file(tmp_path: Path) -> None:
    bunch = load_diabetes()
    names = ",".join([*bunch.feature_names, "progress"])
    data = np.c_[bunch.data, bunch.target]
    for name, part in (("train", data[:300]), ("test", data[300:])):
        np.savetxt(tmp_path / f"{name}.csv", part, delimiter=",", header=names, comments="")
    np.savez(
        tmp_path / "both.npz",
        X=bunch.data[:300],
        y=bunch.target[:300],
        X_test=bunch.data[300:],
        y_test=bunch.target[300:],
    )
    train, test = tmp_path / "train.csv", tmp_path / "test.csv"
    table = results(train, "--test", test)
    same = results(tmp_path / "both.npz")
    assert table == same


def test_options_are_heard(tmp_path: Path, rows: Path) -> None:
    few = ("wine", "--levels", "1", *FEW)
    first = run(*few, "--seed", "1", "--schedule", "flow(3)")
    second = run(*few, "--seed", "2", "--schedule", "flow(3)")
    assert first.returncode == second.returncode == 0
    assert first.stdout != second.stdout
    assert "flow(3.0): reaches 0 of 1 levels" in first.stdout
    assert "\nflow: reaches 1 of 1 levels" in first.stdout
    as_numbers = run("wine", "--task", "regression", "--levels", "2", *FEW)
    assert "regression (as asked)" in as_numbers.stdout
    other = run(rows, "--target", "b", "--levels", "2", *FEW)
    assert "Target 'b'" in other.stdout


def test_schedules_from_files_and_families(tmp_path: Path, rows: Path) -> None:
    rates = np.linspace(0.3, 0.1, 50)
    (tmp_path / "mine.json").write_text(str(rates.tolist()))
    np.savetxt(tmp_path / "theirs.csv", rates, header="lr", comments="")
    chosen = ("--schedule", tmp_path / "mine.json", "--schedule", tmp_path / "theirs.csv")
    more = ("--schedule", "polynomial(1.0, 50)", "--schedule", "heavy_ball(0.3, 0.9, 60)")
    table = results(rows, "--target", "y", *chosen, *more, "--levels", "3", *FEW)
    by_name = {row["schedule"]: row for row in table}
    names = ["flow", "mine", "theirs", "polynomial(1.0, 50)", "heavy_ball(0.3, 0.9, 60)"]
    assert list(by_name) == names
    for key in ("steps", "train_loss", "test_loss"):
        assert by_name["mine"][key] == by_name["theirs"][key]
    (tmp_path / "broken.json").write_text("[0.1")
    done = run(rows, "--schedule", tmp_path / "broken.json")
    assert done.returncode == 2
    assert "broken.json: not JSON" in done.stderr


def test_a_diverging_schedule_is_shown_as_such() -> None:
    done = run("iris", "--schedule", "gd(3, 1000000)", "--levels", "2", *FEW)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "\n  gd(3.0, 1000000) reaches none of the 2 levels.\n" in done.stdout


def test_an_old_folder_is_kept_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    command = ("linnerud", "--levels", "2", *FEW, "--out", tmp_path)
    refused = run(*command)
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    assert run(*command, "--force").returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == FILES | {".isoloss", "mine.txt"}
    assert run(*command).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["digts"], "did you mean 'digits'"),
        (["nowhere.csv"], "there is no file 'nowhere.csv'"),
        (["{rows}", "--target", "z"], "has no column 'z'"),
        (["diabetes", "--target", "targt"], "did you mean 'target'"),
        (["{rows}", "--test", "diabetes"], "must have rows.csv's columns"),
        (["{rows}", "--test", "{rows}", "--test-size", "0.5"], "not both"),
        (["{rows}", "--test-size", "1.5"], "between 0 and 1"),
        (["{rows}", "--test-size", "nan"], "between 0 and 1"),
        (["{rows}", "--task", "classification"], "too many for classes"),
        (["{hole}"], "column 'b' of hole.csv has 1 missing value(s), the first in data row 2"),
        (["{text}"], "column 'name' of text.csv holds text, such as 'Ann'"),
        (["{constant}"], "the target 'y' is constant"),
        (["{one}"], "1 row(s)"),
        (["{short}"], "cannot read"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(
    tmp_path: Path, rows: Path, arguments: list[str], message: str
) -> None:
    texts = {
        "hole": "a,b,y\n1,2,3\n4,,6\n7,8,10\n9,9,9\n",
        "text": "name,y\nAnn,1.5\nBob,2\nCid,3\n",
        "constant": "a,y\n1,3\n2,3\n3,3\n4,3\n",
        "one": "a,y\n1,3\n",
    }
    paths = {name: tmp_path / f"{name}.csv" for name in texts}
    for name, path in paths.items():
        path.write_text(texts[name])
    short = tmp_path / "short.npz"
    short.write_bytes(b"PK\x03\x04 and no more")
    given = [part.format(rows=rows, short=short, **paths) for part in arguments]
    before = sorted(tmp_path.iterdir())
    done = run(*given, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("isoloss: error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_a_bad_schedule_is_pointed_at(tmp_path: Path) -> None:
    done = run("iris", "--schedule", "gd(1.0, 100) flow", "--out", tmp_path / "out")
    assert done.returncode == 2
    first, text, caret = done.stderr.splitlines()
    assert first == "isoloss: error: expected '>' and a further phase, or the end"
    assert text.index("flow") == caret.index("^")
    assert not list(tmp_path.iterdir())


def test_parquet_without_pyarrow_names_the_extra(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    done = run(tmp_path / "a.parquet", before="import sys; sys.modules['pyarrow'] = None; ")
    assert done.returncode == 2
    assert "[parquet]" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["iris", "--levels", "0"],
        ["iris", "--levels", "many"],
        ["iris", "--seed", "-1"],
        ["iris", "--task", "ranking"],
        ["iris", "--nonsense"],
        [],
    ],
)
def test_bad_usage_has_status_2(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""


def test_files_of_one_name_are_told_apart(tmp_path: Path, rows: Path) -> None:
    files = [tmp_path / place for place in ("a/mine.json", "b/mine.json", "flow.json", "c.json")]
    for rate, path in zip((0.1, 0.2, 0.3, 0.4), files, strict=True):
        path.parent.mkdir(exist_ok=True)
        path.write_text(str([rate] * 20))
    chosen = [part for path in (*files, files[0]) for part in ("--schedule", path)]
    table = results(rows, "--target", "y", *chosen, "--levels", "2", *FEW)
    by_name = {row["schedule"]: row for row in table}
    assert list(by_name) == ["flow", *map(str, files[:3]), "c"]
    assert len({row["test_loss"] for row in by_name.values()}) == 5
    assert by_name["flow"]["steps"] == 0


def test_flow_in_a_file_is_the_reference(tmp_path: Path, rows: Path) -> None:
    path = tmp_path / "flow.json"
    path.write_text(Schedule(GradientFlow()).to_json())
    done = run(rows, "--target", "y", "--schedule", path, "--levels", "2", *FEW)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": reaches") == 1
    assert f"{path} is the reference that the others are compared with." in done.stdout


def test_json_for_programs(tmp_path: Path, rows: Path) -> None:
    chosen = ("--target", "y", "--levels", "3", *FEW, "--schedule", "gd(0.9, 50)", "--json")
    done = run(rows, *chosen)
    assert done.returncode == 0
    assert done.stderr == ""
    plain = json.loads(done.stdout)
    assert plain["data"] == "rows.csv"
    assert any("chosen at random with seed 0" in note for note in plain["notes"])
    saved = run(rows, *chosen, "--out", tmp_path / "out", "--figure-width", "3.3")
    assert saved.returncode == 0
    assert json.loads(saved.stdout) == plain
    assert saved.stderr.strip() == (
        f"Wrote report.html, the figure and results.csv to {tmp_path / 'out'}"
    )
    shown = [{k: "" if v is None else str(v) for k, v in row.items()} for row in plain["rows"]]
    assert written(tmp_path / "out") == shown
    pdf = (tmp_path / "out" / "comparison.pdf").read_bytes()
    assert b"/MediaBox [ 0 0 237.6 " in pdf  # 3.3 inches of 72 points


def test_against_a_schedule(tmp_path: Path, rows: Path) -> None:
    chosen = ("--target", "y", "--levels", "2", "--schedule", "gd(0.9,50)", "--schedule", "flow(9)")
    done = run(rows, *chosen, *FEW, "--against", "gd(0.9,50)", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "\nAgainst gd(0.9, 50) (up to 1% counts as no difference)\n" in done.stdout
    assert "\n  gd(0.9, 50) is the reference that the others are compared with.\n" in done.stdout
    heading = "\nEvery two schedules at equal train loss, on these test rows alone\n"
    pairs = done.stdout.partition(heading)[2].partition("\n\n")[0].splitlines()
    names = ["gd(0.9, 50) against flow", "flow(9.0) against flow", "flow(9.0) against gd(0.9, 50)"]
    assert [line.strip().partition(":")[0] for line in pairs] == names
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Against gd(0.9, 50)" in page
    assert "Every two schedules" in page


def test_a_reference_that_is_a_schedule_is_added(tmp_path: Path, rows: Path) -> None:
    # as the README has it
    given = ("--target", "y", "--levels", "2", "--repeats", "2", "--json", "--against")
    wsd = ("--schedule", "warmup_stable_decay(1, ...)")
    plain = json.loads(run(rows, *given, "cosine(1,...)", *wsd).stdout)
    assert plain["reference"] == "cosine(1, ...)"
    names = list(dict.fromkeys(row["schedule"] for row in plain["rows"]))
    assert names == ["flow", "cosine(1, ...)", "warmup_stable_decay(1, ...)"]
    both = json.loads(
        run(rows, *given, "cosine(1,...)", "--schedule", "cosine(1, ...)", *wsd).stdout
    )
    assert both == plain
    file = tmp_path / "mine.json"
    file.write_text(Schedule(GradientFlow(time=0.5)).to_json(), encoding="utf-8")
    for more in ([], ["--schedule", str(file)]):
        read = json.loads(run(rows, *given, file, *wsd, *more).stdout)
        assert read["reference"] == "mine"
    named = json.loads(run(rows, *given, "mine", *wsd, *more).stdout)
    assert sorted(named["verdicts"]) == sorted(read["verdicts"])
    done = run(rows, *given, "cosine(1, ...", *wsd)
    assert done.returncode == 2
    assert "expected ',' or ')'" in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--against", "cosin"], "against names no schedule of the comparison: 'cosin'"),
        (["--against", "cosine"], "against names no schedule of the comparison: 'cosine'"),
        (["--figure-width", "3.3"], "--figure-width sizes the figure that --out DIR writes"),
    ],
)
def test_options_that_cannot_be_met(options: list[str], message: str) -> None:
    done = run("diabetes", "--json", *options)
    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
