"""isoloss forecast, run as a process of its own, on runs that follow a known law."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from curve_runs import PEAK, TRUE, drawn, three_runs
from processes import run_isoloss
from typer.testing import CliRunner

import isoloss as il
from isoloss import curves
from isoloss.cli import app
from isoloss.curves import LossCurve

if TYPE_CHECKING:
    from conftest import Run

FILES = {
    *(".isoloss", "report.html", "forecast.pdf", "forecast.png", "forecast.svg"),
    *("results.csv", "curves.csv", "best.csv"),
}
USUAL = {"constant", "cosine", "linear", "wsd 10%", "wsd 20%", "wsd 50%"}


def log(path: Path, run: LossCurve) -> None:
    write(path, [run.step, run.rates[run.step - 1], run.loss])


def write(path: Path, columns: list[Any], names: str = "step,lr,loss") -> None:
    np.savetxt(path, np.c_[*columns], "%.17g", ",", header=names, comments="")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three logs, and what the command made of them."""
    found = tmp_path_factory.mktemp("forecast")
    (found / "logs").mkdir()
    for each in three_runs(every=20):
        log(found / "logs" / f"{each.name}.csv", each)
    done = run_isoloss(
        *("forecast", "logs", "--best", "--steps", 20_000, "--json"),
        *("--out", "out", "--save", "law.json"),
        cwd=found,
    )
    assert done.returncode == 0, done.stderr
    (found / "said.json").write_text(done.stdout)
    (found / "said.txt").write_text(done.stderr)
    return found


@pytest.fixture(scope="module")
def said(folder: Path) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} in JSON")

    found: dict[str, Any] = json.loads((folder / "said.json").read_text(), parse_constant=refuse)
    return found


@pytest.fixture
def forecast(folder: Path, tmp_path: Path) -> Callable[..., str]:
    """Forecast from the saved law, and return what is printed."""

    def run(*arguments: object) -> str:
        done = run_isoloss("forecast", folder / "law.json", *arguments, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return run


def test_forecasts_hold_what_the_true_law_gives(said: dict[str, Any]) -> None:
    found = {each["schedule"]: each for each in said["forecasts"]}
    assert set(found) == {"best", "cosine", "wsd 20%"}
    long = {
        "cosine": il.families.warmup(PEAK, 200) + il.families.cosine(PEAK, 19_800),
        "wsd 20%": il.families.warmup_stable_decay(PEAK, 20_000, 200, 4000),
    }
    for name, schedule in long.items():
        true = drawn(schedule, name, noise=0).loss[-1]
        assert found[name]["low"] < true < found[name]["high"]
        assert found[name]["loss"] == pytest.approx(true, rel=0.01)
        assert found[name]["curve"]["loss"][-1] == found[name]["loss"]
        above = found[name]["loss"] - found["best"]["loss"]
        assert above == pytest.approx(found[name]["above_best"], abs=1e-12)
        assert above > 0
    assert said["best"] == "best"
    assert TRUE.floor < found["best"]["loss"]
    assert [run["name"] for run in said["runs"]] == ["constant", "cosine", "wsd"]


def test_what_it_writes_is_what_it_prints(folder: Path, said: dict[str, Any]) -> None:
    out = folder / "out"
    assert {path.name for path in out.iterdir()} == FILES
    text = (folder / "said.txt").read_text()
    assert "curves.csv and best.csv to out" in text
    assert "Wrote the law to law.json" in text
    with (out / "results.csv").open(newline="") as file:
        rows = {row["schedule"]: row for row in csv.DictReader(file)}
    for each in said["forecasts"]:
        assert float(rows[each["schedule"]]["loss"]) == each["loss"]
    # the rates in the file give the loss, through the library
    law = curves.Law.load(folder / "law.json")
    assert law.to_dict() == said["law"]
    best = il.read_schedule(out / "best.csv")
    assert best.learning_rates().tolist() == said["best_rates"]
    loss = next(each["loss"] for each in said["forecasts"] if each["schedule"] == "best")
    assert law.predict(best).final[0] == pytest.approx(loss, rel=1e-12)
    assert max(said["best_rates"]) <= PEAK * (1 + 1e-12)
    with (out / "curves.csv").open(newline="") as file:
        last = [row for row in csv.DictReader(file) if row["schedule"] == "best"][-1]
    assert (int(last["step"]), float(last["loss"])) == (20_000, loss)
    page = (out / "report.html").read_text()
    assert "Losses are those that the runs logged." in page
    assert "norm_growth" in page


def test_the_first_table_has_the_usual_schedules(start: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "logs").symlink_to(folder / "logs")
    done = start("forecast", "logs/*.csv")
    assert (done.returncode, done.stderr) == (0, "")
    table = done.stdout.partition("above the lowest\n")[2].partition("\n\n")[0].splitlines()
    assert {line.partition("  ")[0] for line in table} == USUAL
    assert all(" 8000 " in line for line in table)
    for sentence in (
        "The runs do not record their weight decay; it is taken to be 0.1000.",
        "Columns: step is 'step', loss is 'loss', lr is 'lr'.",
        "Schedules have 8000 steps, as the longest fitted run; see --steps.",
        # the log has a row each 20 steps, and its first with the peak is this one
        "The warm-up of 220 steps is that of 'constant'; see --warmup.",
    ):
        assert done.stdout.count(sentence) == 1
    assert '"warmup_stable_decay(1, 8000, 220, 1600)"' in done.stdout
    assert "\nNext run\n" in done.stdout
    assert "Nothing was written" in done.stdout


def test_rates_of_texts_are_shares_and_those_of_files_absolute(
    forecast: Callable[..., str], folder: Path, tmp_path: Path
) -> None:
    np.savetxt(tmp_path / "half.csv", np.full(9000, PEAK / 2), header="lr", comments="")
    text = forecast(
        "--schedule", "half.csv", "--schedule", "constant(0.5, 9000)", "--confidence", 0.5
    )
    law = curves.Law.load(folder / "law.json")
    loss = f"{law.predict(np.full(9000, PEAK / 2)).final[0]:.4f}"
    for name in ("half", "constant(0.5, 9000)"):
        (row,) = (line for line in text.splitlines() if line.startswith(f"{name}  "))
        assert f" {loss} " in row
    assert "50% interval" in text
    absolute = forecast("--schedule", "constant(3e-4, 9000)")
    assert "Rates in texts are in units of the largest fitted peak, 0.001: 0.0003 means 3e-07." in (
        absolute
    )


def test_a_run_is_continued_after_its_last_row(folder: Path, tmp_path: Path) -> None:
    done = run_isoloss(
        *("forecast", folder / "law.json", "--after", folder / "logs" / "constant.csv"),
        *("--steps", 2000, "--best", "--min-lr", PEAK / 10, "--out", "rest", "--json"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["after"] == {"name": "constant", "steps": 8000}
    law = curves.Law.load(folder / "law.json")
    (run,) = curves.read(folder / "logs" / "constant.csv")
    cooled = np.concatenate([run.rates, il.families.cosine(PEAK, 2000, PEAK / 10).learning_rates()])
    (cosine,) = (each for each in said["forecasts"] if each["schedule"] == "cosine")
    assert cosine["loss"] == pytest.approx(law.predict(cooled).final[0], rel=1e-9)
    assert cosine["steps"] == 10_000
    lines = (tmp_path / "rest" / "best.csv").read_text().splitlines()
    assert [line.partition(",")[0] for line in (lines[1], lines[-1])] == ["8001", "10000"]
    assert min(said["best_rates"]) >= PEAK / 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("two.csv", "the run 'two' has 2 rows from step 25 on; a law needs at least 5"),
        ("zero.csv", "every learning rate is 0, so nothing was trained"),
        ("unsorted.csv", "steps must not decrease"),
        ("norate.csv", "Give --columns lr=NAME, the file of its rates as well, or --lr RATE"),
        ("byte", "there is no file 'byte' (did you mean 'bytes'?)"),
        ("bytes one.csv", "bytes are runs that come with isoloss; give them alone"),
        ("law.json one.csv", "'law.json' is a saved law, which is already fitted; give it alone"),
        ("law.json --every 2 --run a", "--run and --every: 'law.json' is a saved law, and there"),
        ("bytes --lr 0.1", "--lr: bytes are runs that come with isoloss, and there is nothing to"),
        ("law.json --target test_loss", "is a law of the loss; leave out --target test_loss"),
        ("broken.json", "'broken.json' is not a law: it lacks covariance"),
        ("law.json --schedule cosine(1,...)", "such as 'cosine(1,10000)'"),
        ("law.json --schedule text.csv", "text.csv: the rate in row 2 is not a number: 'fast'"),
        ("law.json --schedule gd(0,9)", "gd(0.0, 9): every learning rate is 0"),
        ("law.json --schedule gd(1,9)>flow", "has gradient flow, which no optimizer runs"),
        ("law.json --schedule gd(1,9,weight_decay=1)", "has settings besides its rates"),
        ("law.json --schedule gd(1,9) --steps 90", "--steps: the schedules of --schedule have"),
        ("law.json --best --min-lr 1", "rates need 0 <= --min-lr < --max-lr; got 1 and 0.001"),
        ("law.json --steps 1000000000000", "--steps must be at most 1e+08; got 1000000000000"),
        ("law.json --warmup 5000", "--warmup 5000 is more than half of the "),
        ("law.json --after constant", "--after needs --steps"),
        ("law.json --after constant --steps 10", "a saved law does not keep its runs"),
        ("law.json --save law.txt", "--save writes JSON: the name must end in .json"),
        ("law.json --save law.json", "law.json exists"),
        ("law.json --out text.csv", "text.csv is a file; choose another --out"),
    ],
)
def test_mistakes_are_told_in_a_sentence_and_nothing_is_written(
    arguments: str, message: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "law.json").symlink_to(folder / "law.json")
    step = np.arange(100, 1001, 100)
    rate, loss = np.full(10, 1e-3), 2 + 3 / step**0.5
    order = [1, 0, *range(2, 10)]
    write(tmp_path / "one.csv", [step, rate, loss])
    write(tmp_path / "two.csv", [step[:2], rate[:2], loss[:2]])
    write(tmp_path / "zero.csv", [step, 0 * rate, loss])
    write(tmp_path / "unsorted.csv", [step[order], rate, loss])
    write(tmp_path / "norate.csv", [step, loss], "step,loss")
    (tmp_path / "text.csv").write_text("lr\n1e-3\nfast\n")
    (tmp_path / "broken.json").write_text('{"format": "isoloss.curves.Law"}')
    before = set(tmp_path.iterdir())
    done = CliRunner().invoke(app, ["forecast", *arguments.split(" ")])
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.startswith("isoloss: error: ")
    assert message in done.stderr
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("column", "scale", "message"),
    [
        ("loss", 0.0, "Every row has the same loss, 2.000; is it the right column?"),
        ("bits_per_byte", 1.0, "'bits_per_byte' is in bits, and was multiplied by ln 2."),
    ],
)
def test_odd_logs_are_forecast_and_told(
    column: str, scale: float, message: str, tmp_path: Path
) -> None:
    step = np.arange(100, 4001, 100)
    columns = [step, np.full(step.size, 20.0), 2 + 3 * scale / step**0.5]
    write(tmp_path / "odd.csv", columns, f"step,lr,{column}")
    done = CliRunner().invoke(app, ["forecast", str(tmp_path / "odd.csv")])
    assert done.exit_code == 0, done.stderr
    assert message in done.stdout
    assert "The largest learning rate is 20.00: if rates are in percent" in done.stdout


def test_the_first_try_needs_no_files(tmp_path: Path) -> None:
    done = run_isoloss("forecast", "bytes", "--best", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = {each["schedule"]: each for each in json.loads(done.stdout)["forecasts"]}
    ended = {run.name: run.rows("test_loss")[1][-1] for run in curves.load("bytes")}
    for schedule, name in (("cosine", "cosine_12k_4e-3"), ("wsd 20%", "wsd20_12k_4e-3")):
        assert said[schedule]["low"] < ended[name] < said[schedule]["high"]
    assert said["best"]["loss"] == min(each["loss"] for each in said.values())
