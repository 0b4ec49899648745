"""``isoloss sweep`` as a process, and the files that it reads."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from isoloss._files import locked
from isoloss._messages.extras import install_command
from isoloss.cli import app
from isoloss.problems.random import gaussian, power_law
from isoloss.sweep import load, sweep
from isoloss.sweep.config import read_config

if TYPE_CHECKING:
    from conftest import Run

CONFIG = """
schedules = ["flow", "gd(1.0, 20) > flow"]
levels = { from = 0.1, to = 0.001, count = 3 }
draws = 4
seed = 5

[sampler]
kind = "gaussian"
d = 10
n_over_d = 2.0
noise = 0.5

[parameters]
decay = [0.0, 1.0]
"""


def test_a_file_says_what_a_call_does(tmp_path: Path, run: Run, start: Run) -> None:
    (tmp_path / "study.toml").write_text(CONFIG)
    done = start("sweep", "study.toml", "--out", "study.nc", "--workers", 2)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "8 problems × 2 schedules × 3 levels",
        "Wrote study.nc: decay 2 × draw 4 × schedule 2 × level 3",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["study.nc", "study.toml"]
    found = load(tmp_path / "study.nc")
    wanted = sweep(
        lambda decay: gaussian(20, power_law(10, decay), 0.5),
        ["flow", "gd(1.0, 20) > flow"],
        found.level.values,
        draws=4,
        parameters={"decay": [0.0, 1.0]},
        seed=5,
    )
    assert found.test_loss.identical(wanted.test_loss)
    assert found.attrs["last_step"] == "exact"
    (tmp_path / "whole.toml").write_text(f'last_step = "whole"\n{CONFIG}')
    assert read_config(tmp_path / "whole.toml").arguments["last_step"] == "whole"
    again = run("sweep", "study.toml", "--out", "study.nc")
    assert again.returncode == 2
    assert "study.nc exists; choose another --out, or give --force" in again.stderr
    assert run("sweep", "study.toml", "--out", "study.nc", "--force").returncode == 0
    assert load(tmp_path / "study.nc").identical(found)


def test_a_start_below_a_level_is_told(tmp_path: Path, run: Run) -> None:
    levels = 'levels = [1e3]\nunit = "absolute"'
    text = CONFIG.replace("levels = { from = 0.1, to = 0.001, count = 3 }", levels)
    (tmp_path / "study.toml").write_text(text)
    done = run("sweep", "study.toml", "--out", "study.nc")
    assert done.returncode == 0
    assert done.stderr.startswith("isoloss: note: the start is already below the level 1000 ")
    assert done.stderr.count("\n") == 1
    assert load(tmp_path / "study.nc").test_loss.isnull().all()


@pytest.mark.parametrize(
    ("sampler", "size"),
    [
        ('kind = "directions"\nn = 4\nprobabilities = ["1/3", "2/3"]', "4 problems"),
        ('kind = "gaussian"\nn = 5\nspectrum = [1.0, 0.5]', "4 problems"),
        ('kind = "gaussian"\nn = 5\nd = 4\nspectrum = "spiked"\nspikes = 1\nheight = 9', "4"),
        (
            'kind = "gaussian"\nn = 5\nd = 4\nspectrum = "two_level"\n'
            "high = 1\nupper = 2\nlower = 1",
            "4",
        ),
        ('kind = "resampled"\ndata = "diabetes"\nn = 50', "4 problems"),
    ],
)
def test_every_kind_of_sampler(sampler: str, size: str, tmp_path: Path) -> None:
    text = f'schedules = {{ a = "flow" }}\nlevels = [0.1]\ndraws = 4\n[sampler]\n{sampler}\n'
    path = tmp_path / "study.toml"
    path.write_text(text)
    plan = read_config(path)
    assert plan.size.startswith(size)
    found = sweep(**plan.arguments)
    assert bool(found.reached.all())
    assert list(found.schedule.values) == ["a"]


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    # as editors on Windows write it
    for name, text in (("plain.toml", CONFIG), ("marked.toml", "\ufeff" + CONFIG)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_config(tmp_path / "marked.toml").size == read_config(tmp_path / "plain.toml").size


def test_files_that_are_no_sweep_are_refused(tmp_path: Path) -> None:
    for content, message in (
        (b"draws = [" + b"[" * 10**5, "nested too deeply"),
        ("draws = 4".encode("utf-16"), "is not a TOML file"),
    ):
        (tmp_path / "study.toml").write_bytes(content)
        with pytest.raises(ValueError, match=message):
            read_config(tmp_path / "study.toml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("draws = 4", "drows = 4", "the file has the unknown key 'drows' (did you mean 'draws'?)"),
        ("noise = 0.5", "nois = 0.5", "has the unknown key 'nois' (did you mean 'noise'?)"),
        ("decay = [0.0, 1.0]", "decy = [0.0]", "(did you mean 'decay'?)"),
        ("decay = [0.0, 1.0]", "decay = 1.0", "parameters.decay must be a list of values"),
        ("decay = [0.0, 1.0]", "noise = [1.0]", "'noise' is in sampler and in parameters"),
        ("decay = [0.0, 1.0]", "", "the sampler lacks 'decay', which spectrum 'power_law' needs"),
        ('kind = "gaussian"', 'kind = "gausian"', "sampler.kind must be one of"),
        ("decay = [0.0, 1.0]", "decay = [0.0, nan]", "decay must be a finite number; got nan"),
        ("d = 10", "d = 10.5", "the sampler's d must be a whole number; got 10.5"),
        ("noise = 0.5", "noise = true", "the sampler's noise must be a finite number; got True"),
        ("draws = 4", "draws = 2.5", "draws must be a whole number; got 2.5"),
        ("n_over_d = 2.0", "", "the sampler needs n, or n_over_d"),
        ("draws = 4", "draws = ", "is not a TOML file"),
        ('schedules = ["flow", "gd(1.0, 20) > flow"]', "", "lacks 'schedules': a list of texts"),
        (
            'schedules = ["flow"',
            "schedules = [3",
            "schedules must be a list of texts, or a table of names to texts",
        ),
        ("count = 3", "cont = 3", "levels must be how many, a list of numbers, or a table"),
        ("from = 0.1", "from = 0", "levels cannot be spaced"),
        ("from = 0.1", "from = true", "from must be a finite number above 0"),
        ("to = 0.001", "to = nan", "to must be a finite number above 0"),
        ("count = 3", "count = 1000000000", "count must be a whole number from 1 to 1000000"),
        ("count = 3", "count = 2.5", "count must be a whole number from 1 to 1000000"),
        ("draws = 4", "draws = 1000000000", "a sweep has at most 100000000 results"),
        ("seed = 5", 'last_step = "x"', "last_step must be 'exact' or 'whole'; got 'x'"),
        ("seed = 5", "last_step = 1", "last_step must be 'exact' or 'whole'; got 1"),
        ("seed = 5", 'unit = "x"', "unit must be one of absolute, start, excess"),
    ],
)
def test_errors_are_one_line(
    old: str, new: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert old in CONFIG
    Path("study.toml").write_text(CONFIG.replace(old, new))
    done = CliRunner().invoke(app, ["sweep", "study.toml"])
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.startswith("isoloss: error: ")
    assert not Path("sweep.nc").exists()


def test_interrupted_it_says_what_it_has_kept(tmp_path: Path) -> None:
    text = CONFIG.replace("draws = 4", "draws = 4000").replace("d = 10", "d = 100")
    (tmp_path / "study.toml").write_text(text)
    command = [str(Path(sys.executable).with_name("isoloss")), "sweep", "study.toml"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as started:
        while started.poll() is None and not list(tmp_path.glob(".sweep.nc.cache/task-*")):
            time.sleep(0.01)
        started.send_signal(signal.SIGINT)
        _, said = started.communicate()
    assert started.returncode == 130
    count = len(list(tmp_path.glob(".sweep.nc.cache/task-*")))
    assert said == (
        f"isoloss: stopped; the {count} tasks done are kept in .sweep.nc.cache: a new call "
        "resumes the sweep\n"
    )


def test_all_mistakes_are_said_at_once(tmp_path: Path) -> None:
    text = CONFIG.replace("seed", "sed").replace("nois", "nos").replace("[0.0, 1.0]", "3")
    (tmp_path / "study.toml").write_text(text.replace("> flow", "> fow"))
    with pytest.raises(ValueError, match="has 4 faults") as caught:
        read_config(tmp_path / "study.toml")
    for part in (
        "\n- the file has the unknown key 'sed' (did you mean 'seed'?)",
        "\n- sampler of kind 'gaussian' has the unknown key 'nose' (did you mean 'noise'?)",
        "\n- parameters.decay must be a list of values; got 3",
        "\n- expected a phase (did you mean 'flow'?)",
    ):
        assert part in str(caught.value)


def test_a_cluster_without_dask_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    (tmp_path / "study.toml").write_text(CONFIG)
    options = ["--cluster", "tcp://x:1", "--out", str(tmp_path / "x.nc")]
    done = CliRunner().invoke(app, ["sweep", str(tmp_path / "study.toml"), *options])
    assert done.exit_code == 2
    assert f"--cluster needs Dask: {install_command('dask')}" in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("stdy.toml",), "there is no file 'stdy.toml' (did you mean 'study.toml'?)"),
        (("study.toml", "--out", "x.csv"), "the name must end in .nc, for NetCDF; got 'x.csv'"),
        (("study.toml", "--out", "none/x.nc"), "there is no folder 'none' to write to"),
        (("study.toml", "--workers", "2", "--cluster", "tcp://x:1"), "not both"),
    ],
)
def test_bad_options(
    options: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("study.toml").write_text(CONFIG)
    done = CliRunner().invoke(app, ["sweep", *options])
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["study.toml"]


def test_a_scheduler_that_is_not_there_is_one_line(tmp_path: Path, start: Run) -> None:
    (tmp_path / "study.toml").write_text(CONFIG)
    options = ("study.toml", "--cluster", "tcp://127.0.0.1:1")
    done = start("sweep", *options, DASK_ISOLOSS__SCHEDULER_TIMEOUT="200ms")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "isoloss: error: there is no Dask scheduler at tcp://127.0.0.1:1: "
    )
    assert "after 0.2 s" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["study.toml"]


def test_two_sweeps_into_one_file_at_a_time(tmp_path: Path, run: Run) -> None:
    (tmp_path / "study.toml").write_text(CONFIG)
    with locked(tmp_path / ".study.nc.cache"):
        done = run("sweep", "study.toml", "--out", "study.nc")
    assert done.returncode == 2
    assert "another run of isoloss is writing to" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["study.toml"]
    assert run("sweep", "study.toml", "--out", "study.nc").returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["study.nc", "study.toml"]
