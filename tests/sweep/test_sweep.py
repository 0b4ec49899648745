"""Sweeps: against one run after another, the same bits anywhere, resumed, saved and loaded."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clusters import CLOSING, cluster

import isoloss as il
from isoloss._files import OutputError
from isoloss.problems.random import Sampler, directions, gaussian, power_law
from isoloss.schedules.text import Spec
from isoloss.sweep import load, save, sweep
from isoloss.sweep.config import read_config

SCHEDULES = ["flow", "gd(1.0, 20) > flow", "cosine(1.0, 10)"]
GRID = {"noise": [0.0, 1.0], "decay": [0.5, 1.0, 2.0]}


def made(noise: float, decay: float) -> Sampler:
    return gaussian(12, power_law(8, decay), noise)


def small(**changes: Any) -> Any:
    arguments: dict[str, Any] = {
        "problems": made,
        "schedules": SCHEDULES,
        "levels": [0.3, 0.01],
        "draws": 17,
        "parameters": GRID,
        "seed": 7,
    } | changes
    return sweep(**arguments)


@functools.cache
def whole() -> Any:
    return small()


@pytest.mark.parametrize("unit", ["excess", "start", "absolute"])
def test_each_number_is_that_of_one_run(unit: str) -> None:
    # one start is below a level that is a train loss
    below = pytest.warns(UserWarning, match="level 0.3 .* in 1 of 12 problems")
    with below if unit == "absolute" else contextlib.nullcontext():
        found = small(unit=unit, draws=2)
    assert dict(found.sizes) == {"noise": 2, "decay": 3, "draw": 2, "schedule": 3, "level": 2}
    for i, noise in enumerate(GRID["noise"]):
        for j, decay in enumerate(GRID["decay"]):
            for draw in range(2):
                seeds = np.random.SeedSequence(7, spawn_key=(3 * i + j, draw))
                problem = made(noise, decay)(np.random.default_rng(seeds))
                start, floor = float(problem.start_train_loss), float(problem.min_train_loss)
                levels = {
                    "excess": floor + np.array([0.3, 0.01]) * (start - floor),
                    "start": np.array([0.3, 0.01]) * start,
                    "absolute": np.array([0.3, 0.01]),
                }[unit]
                cell = found.sel(noise=noise, decay=decay, draw=draw)
                assert float(cell.start_train_loss) == pytest.approx(start, rel=1e-13)
                for text in SCHEDULES:
                    run = il.train(problem, Spec.parse(text).at(float(problem.max_lr)), levels)
                    one = cell.sel(schedule=str(Spec.parse(text)))
                    np.testing.assert_array_equal(one.reached, run.reached)
                    np.testing.assert_array_equal(one.steps, run.steps)
                    test_loss = np.where(start < levels, np.nan, run.test_loss)
                    np.testing.assert_allclose(one.test_loss, test_loss, rtol=1e-9)
                    np.testing.assert_allclose(one.flow_time, run.time, rtol=1e-9)


@pytest.mark.parametrize("last_step", ["exact", "whole"])
def test_the_last_step_is_shortened_or_whole(last_step: Any, tmp_path: Path) -> None:
    problem, texts = of_problem([1.0, 2.0]), ["gd(0.3, 40)", "cosine(0.4, 30)"]
    found = sweep([problem], texts, [0.3, 0.1], unit="absolute", last_step=last_step)
    for i, text in enumerate(texts):
        run = il.train(problem, text, [0.3, 0.1], last_step=last_step)
        np.testing.assert_array_equal(found.train_loss[0, i], run.train_loss)
        np.testing.assert_array_equal(found.test_loss[0, i], run.test_loss)
    at_level = np.abs(found.train_loss.values / [0.3, 0.1] - 1) < 1e-12
    assert at_level.all() == (last_step == "exact")
    assert found.attrs["last_step"] == last_step
    assert load(save(found, tmp_path / "a.nc")).attrs["last_step"] == last_step
    if last_step == "whole":  # as in older files and folders, which do not say it
        del found.attrs["last_step"]
        save(found, tmp_path / "old.nc")
        assert load(tmp_path / "old.nc").attrs["last_step"] == "whole"
    else:
        assert sweep([problem], texts, [0.3, 0.1], unit="absolute").identical(found)


def test_an_unknown_rule_for_the_last_step_is_refused() -> None:
    with pytest.raises(ValueError, match="last_step must be 'exact' or 'whole'; got 'half'"):
        small(last_step="half")


def test_a_folder_that_does_not_say_what_becomes_of_the_last_step_has_whole_ones(
    tmp_path: Path,
) -> None:
    cache = tmp_path / "cache"
    small(draws=1, cache=cache, last_step="whole")
    assert "last_step" not in (cache / "sweep.json").read_text()
    with pytest.raises(ValueError, match="holds the results of another sweep"):
        small(draws=1, cache=cache)


def test_problems_of_ones_own_and_named_schedules() -> None:
    problems = [il.Problem.from_spectra([1.0, g], [1.0, 1.0], [3.0, 4.0]) for g in (0.5, 0.2)]
    schedules = {"small": il.GradientDescent(0.1, 50), "flow": il.GradientFlow()}
    found = sweep(problems, schedules, [0.1], unit="start")
    assert list(found.schedule.values) == ["small", "flow"]
    run = il.train(problems[1], schedules["small"], 0.1 * float(problems[1].start_train_loss))
    assert float(found.test_loss[1, 0, 0]) == float(run.test_loss)
    assert bool(found.reached[1, 0, 0]) is bool(run.reached)


def test_a_sampler_without_parameters() -> None:
    found = sweep(directions(), "gd(1.0, 5) > flow", 0.01, draws=40, unit="absolute")
    assert set(np.unique(np.round(found.max_lr, 6))) <= {1.0, 1.5}
    assert found.attrs["seed"] == 0
    assert found.attrs["unit"] == "absolute"
    assert found.attrs["isoloss"] == il.__version__
    assert found.test_loss.attrs["long_name"] == "test loss at the stop"


@pytest.fixture
def client() -> Iterator[Any]:
    with cluster() as made_client:
        yield made_client


@pytest.mark.slow
@CLOSING
def test_the_same_bits_in_process_on_joblib_and_on_a_cluster(client: Any) -> None:
    here = whole()
    assert small(on=2).identical(here)
    assert small(on=client).identical(here)
    assert not small(seed=8).identical(here)
    # a draw does not depend on how many there are
    assert small(draws=5).test_loss.identical(here.test_loss.isel(draw=slice(5)))


def slow(noise: float, decay: float) -> Sampler:
    """Take a while, so that something may happen."""
    sampler = made(noise, decay)

    def sample(rng: np.random.Generator) -> il.Problem:
        time.sleep(0.05)
        return sampler(rng)

    return sample


@pytest.mark.slow
@CLOSING
def test_a_worker_that_is_killed_changes_nothing(client: Any) -> None:
    pids = list(client.run(os.getpid).values())
    timer = threading.Timer(0.7, os.kill, (pids[0], signal.SIGKILL))
    timer.start()
    found = small(problems=slow, on=client)
    timer.join()
    assert found.test_loss.identical(whole().test_loss)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Dask's own, of its sudden end
def test_a_cluster_that_dies_is_one_line_and_what_was_computed_is_kept(tmp_path: Path) -> None:
    cache = tmp_path / "cache"

    def closes(client: Any) -> None:
        for _ in range(600):
            if list(cache.glob("task-*.npz")):
                break
            time.sleep(0.05)
        client.cluster.close()

    with cluster() as client:
        timer = threading.Thread(target=closes, args=(client,), daemon=True)
        timer.start()
        with pytest.raises(RuntimeError, match=r"the Dask cluster failed: .*restart it"):
            small(problems=slow, draws=34, on=client, cache=cache)
        timer.join()
        with pytest.raises(RuntimeError, match="the Dask cluster failed"):
            small(on=client)
    done = len(list(cache.glob("task-*.npz")))
    assert done > 0

    def quick(noise: float, decay: float) -> Sampler:
        return made(noise, decay)

    quick.__qualname__ = slow.__qualname__  # the same sampler to the cache, as its draws are
    found = small(problems=quick, draws=34, on=2, cache=cache)
    assert found.test_loss.isel(draw=slice(17)).identical(whole().test_loss)


@CLOSING
def test_a_cluster_that_loses_its_workers_is_one_line(tmp_path: Path) -> None:
    cache = tmp_path / "cache"

    def leaves(client: Any) -> None:
        for _ in range(600):
            if list(cache.glob("task-*.npz")):
                break
            time.sleep(0.05)
        client.cluster.scale(0)

    message = "the Dask cluster failed: no worker for 0.5 s .*; restart it; with a cache folder"
    with cluster(1, processes=False, **{"isoloss.no-worker-timeout": "500ms"}) as client:
        leaver = threading.Thread(target=leaves, args=(client,), daemon=True)
        leaver.start()
        with pytest.raises(RuntimeError, match=message):
            small(problems=slow, on=client, cache=cache)
        leaver.join()
        assert list(cache.glob("task-*.npz"))
        with pytest.raises(RuntimeError, match=message):
            small(on=client)


def test_an_interrupted_sweep_goes_on_and_computes_nothing_twice(tmp_path: Path) -> None:
    calls: list[int] = []

    def counting(noise: float, decay: float) -> Any:
        def sample(rng: np.random.Generator) -> il.Problem:
            calls.append(1)
            if len(calls) == limit:
                raise KeyboardInterrupt
            return made(noise, decay)(rng)

        return sample

    limit = 60
    cache = tmp_path / "cache"
    with pytest.raises(KeyboardInterrupt):
        small(problems=counting, cache=cache)
    done = len(list(cache.glob("task-*.npz")))
    assert 0 < done < 12
    # one of them is cut off
    first = sorted(cache.glob("task-*.npz"))[0]
    first.write_bytes(first.read_bytes()[:100])
    calls.clear()
    limit = 0
    found = small(problems=counting, cache=cache)
    assert len(calls) == 102 - sum((16, 1)[i % 2] for i in range(done)) + 16 + 6
    assert found.test_loss.identical(whole().test_loss)
    calls.clear()
    again = small(problems=counting, cache=cache)
    assert len(calls) == 6  # one of each cell, to see that it is the same sweep
    assert again.identical(found)
    with pytest.raises(ValueError, match="holds the results of another sweep"):
        small(problems=counting, cache=cache, seed=8)
    for problems in (
        lambda noise, decay: made(noise + 1, decay),
        lambda noise, decay: directions(),
    ):
        with pytest.raises(ValueError, match="holds the results of another sweep; delete it"):
            small(problems=problems, cache=cache)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.txt").write_text("x")
    with pytest.raises(ValueError, match="holds other files; give a new folder"):
        small(cache=tmp_path / "other")
    with pytest.raises(OutputError, match="cannot write to"):
        small(cache="/proc/none")


def test_results_are_saved_whole_and_loaded(tmp_path: Path) -> None:
    name = "found.nc"
    found = small(draws=2)
    path = save(found, tmp_path / name)
    assert load(path).identical(found)
    assert [each.name for each in tmp_path.iterdir()] == [name]
    with pytest.raises(FileExistsError, match="exists; choose another name"):
        save(found, path)
    other = small(draws=3)
    save(other, path, overwrite=True)
    assert load(path).identical(other)
    with pytest.raises(OutputError, match="cannot write"):
        save(found, tmp_path / "none" / name)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        load(tmp_path / f"no-{name}")
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"cannot read .* it is damaged"):
        load(path)


FULL = """
import resource, signal, sys
import numpy as np
from isoloss.problems.random import gaussian
from isoloss._files import OutputError
from isoloss.sweep import save, sweep

arguments = gaussian(9, [1.0, 0.5]), ["flow"], np.geomspace(0.5, 0.1, 40)
found = sweep(*arguments, draws=100)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))  # as on a full disk
for attempt in (
    lambda: save(found, sys.argv[1] + "/x.nc"),
    lambda: sweep(*arguments, draws=100, cache=sys.argv[1] + "/cache"),
):
    try:
        attempt()
    except OutputError as error:
        print(error)
"""


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == f"cannot write {tmp_path}/x.nc: File too large"
    assert second.startswith(f"cannot write {tmp_path}/cache/task-000000.npz: ")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["cache", "sweep.json"]


def test_a_folder_of_other_files_is_never_replaced(tmp_path: Path) -> None:
    name = "kept.nc"
    (tmp_path / name).mkdir()
    (tmp_path / name / "theirs.txt").write_text("x")
    with pytest.raises(OutputError, match="it stays as it is"):
        save(small(draws=1), tmp_path / name, overwrite=True)
    assert (tmp_path / name / "theirs.txt").read_text() == "x"
    with pytest.raises(ValueError, match=r"the name must end in \.nc, for NetCDF; got"):
        save(small(draws=1), tmp_path / "kept.zarr")


def test_a_cached_piece_that_is_another_file_is_computed_anew(tmp_path: Path) -> None:
    wanted = small(draws=1, cache=tmp_path / "cache")
    pieces = sorted((tmp_path / "cache").glob("task-*.npz"))
    with pieces[0].open("wb") as file:
        np.save(file, np.ones(3))
    np.savez(pieces[1], x=np.ones(3))
    assert small(draws=1, cache=tmp_path / "cache").identical(wanted)


def test_an_error_of_the_sampler_says_where(tmp_path: Path) -> None:
    def failing(noise: float, decay: float) -> Any:
        def sample(rng: np.random.Generator) -> il.Problem:
            if noise == 1.0:
                raise ArithmeticError("my own failure")
            return made(noise, decay)(rng)

        return sample

    with pytest.raises(ArithmeticError) as caught:
        small(problems=failing)
    assert caught.value.__notes__ == ["in draw 0 of noise = 1.0, decay = 0.5"]


def test_other_names_are_refused(tmp_path: Path) -> None:
    found = small(draws=2)
    with pytest.raises(ValueError, match=r"must end in .nc"):
        save(found, tmp_path / "found.csv")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"problems": 3},
            TypeError,
            "problems must be a sequence of Problem objects, or a sampler",
        ),
        ({"problems": []}, ValueError, "draws and parameters are for samplers"),
        ({"problems": [], "draws": None, "parameters": None}, ValueError, "at least one problem"),
        ({"problems": lambda noise, decay: lambda rng: 3}, TypeError, "must return one Problem"),
        ({"schedules": []}, ValueError, "give at least one schedule"),
        ({"schedules": [3]}, TypeError, "a schedule is a text such as"),
        ({"schedules": ["gd(1)"]}, ValueError, "expected ','"),
        ({"levels": [-1]}, ValueError, "levels must be finite and at least 0"),
        ({"levels": []}, ValueError, "levels must be finite and at least 0"),
        ({"unit": "x"}, ValueError, "unit must be one of absolute, start, excess; got 'x'"),
        ({"draws": 0}, ValueError, "draws must be a whole number of at least 1; got 0"),
        ({"parameters": {"draw": [1]}}, ValueError, "a parameter may not be called 'draw'"),
        ({"parameters": {"noise": 1.0}}, TypeError, "the parameter 'noise' needs a list of values"),
        ({"parameters": [1]}, TypeError, "parameters must be a mapping of names to lists"),
        ({"parameters": {1: [1]}}, ValueError, "a parameter may not be called 1"),
        (
            {"parameters": {"noise": [(1, 2)]}},
            ValueError,
            "'noise' has .1, 2.: let a text or",
        ),
        ({"parameters": {"noise": [2**70]}}, ValueError, "the values of a parameter are numbers"),
        ({"seed": 2**64}, ValueError, "seed must be a whole number from 0"),
        ({"seed": 1.5}, TypeError, "integer"),
        ({"on": 0}, ValueError, "on must be None, a number of processes"),
        ({"on": "2"}, ValueError, "on must be None, a number of processes"),
        ({"parameters": {"noise": []}}, ValueError, "the parameter 'noise' has no values"),
    ],
)
def test_errors_say_what_was_wrong(change: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        small(**change)


ONE, OTHER = (il.families.step_decay(0.3, 100, k) for k in (50, 60))


def test_schedules_that_print_the_same_are_two() -> None:
    assert repr(ONE) == repr(OTHER)
    found = sweep(gaussian(9, [1.0, 0.5]), [ONE, OTHER], [0.0], draws=2)
    assert list(found.schedule.values) == [f"{ONE!r} (1)", f"{ONE!r} (2)"]
    assert (found.train_loss[:, 0] != found.train_loss[:, 1]).all()
    once = sweep(gaussian(9, [1.0, 0.5]), [ONE, il.Schedule(ONE)], [0.0], draws=2)
    assert list(once.schedule.values) == [repr(ONE)]


def of_problem(test: list[float]) -> il.Problem:
    return il.Problem.from_spectra([1.0, 0.5], test, [1.0, 1.0])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"schedules": {"s": ONE}}, {"schedules": {"s": OTHER}}),
        ({"schedules": {"s": il.GradientDescent(0.5, 7)}}, {"schedules": {"s": "gd(0.5, 7)"}}),
        ({}, {"problems": [of_problem([1.0, 0.5]), of_problem([1.0, 0.5])]}),
        ({}, {"problems": [of_problem([0.5, 1.0]), of_problem([1.0, 1.0])]}),
    ],
    ids=["rates", "units", "second problem", "test spectrum"],
)
def test_a_cache_serves_no_other_sweep(first: Any, second: Any, tmp_path: Path) -> None:
    usual: dict[str, Any] = {
        "problems": [of_problem([1.0, 0.5]), of_problem([1.0, 1.0])],
        "schedules": ["gd(0.5, 7)"],
        "levels": [0.0],
        "cache": tmp_path / "cache",
    }
    found = sweep(**(usual | first))
    assert sweep(**(usual | first)).identical(found)
    with pytest.raises(ValueError, match="holds the results of another sweep"):
        sweep(**(usual | second))


def test_a_cache_serves_no_other_task_of_its_sweep(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    found = small(cache=cache)
    pieces = sorted(cache.glob("task-*.npz"))
    kept = pieces[0].read_bytes()
    pieces[0].write_bytes(pieces[2].read_bytes())  # of another cell, with as many draws
    assert small(cache=cache).identical(found)
    assert pieces[0].read_bytes() == kept


def test_more_results_than_memory_holds_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"at most 100000000 results.* 2 noise × 3 decay × 10{12} "
    ):
        small(draws=10**12)


def test_a_start_below_the_level_is_left_out_and_told() -> None:
    # one direction: the start's train loss is the square of its residual, 4 and 1
    problems = [il.Problem.from_spectra([1.0], [1.0], [start]) for start in (2.0, 1.0)]
    schedules = ["flow", "gd(0.1, 99)"]
    message = r"below the level 1.5 \(unit: absolute\) in 1 of 2 problems: there no schedule takes"
    with pytest.warns(UserWarning, match=message):
        found = sweep(problems, schedules, [1.5, 1.0, 0.5], unit="absolute", progress=False)
    left_out = np.isnan(found.test_loss.sel(schedule="flow").values)
    np.testing.assert_array_equal(left_out, [[False] * 3, [True, False, False]])
    assert found.reached.all()
    assert (found.steps.isel(draw=1, level=slice(2)) == 0).all()
    for name in ("train_loss", "test_loss"):
        # at equal train loss, the test loss of one direction is the level
        means = found[name].mean("draw").values
        np.testing.assert_allclose(means, [[1.5, 1.0, 0.5]] * 2, rtol=1e-12)


def test_expected_losses_and_weight_decay_are_swept(tmp_path: Path) -> None:
    rows = np.repeat(np.eye(2), [2, 1], axis=0)
    start = np.array([1.0, -2.0])
    problems = [
        il.Problem.from_data(rows, np.zeros(3), np.eye(2), np.zeros(2), start=scale * start)
        for scale in (1.0, 3.0)
    ]
    texts = ["gd(0.5, 3, batch_size=2)", "gd(0.5, 3, weight_decay=0.6)"]
    found = sweep(problems, texts, [1e-9], unit="start", progress=False, cache=tmp_path)
    p, rate = np.array([2 / 3, 1 / 3]), 0.75
    factor = 1 - 4 * rate * p + 4 * rate**2 * (p**2 + p * (1 - p) / 2)
    for i, scale in enumerate((1.0, 9.0)):
        wanted = [factor**3, (1 - rate * (2 * p + 0.4)) ** 6]  # of the squares; 0.4 = 0.6 γ₁
        for j, shrunk in enumerate(wanted):
            end = float(p @ (scale * start**2 * shrunk))
            assert float(found.train_loss[i, j, 0]) == pytest.approx(end, rel=1e-12)
            test = float(0.5 * np.sum(scale * start**2 * shrunk))
            assert float(found.test_loss[i, j, 0]) == pytest.approx(test, rel=1e-12)


def test_a_cache_tells_problems_apart_that_only_weight_decay_tells_apart(tmp_path: Path) -> None:
    texts, curvature = ["gd(0.5, 3, weight_decay=0.1)"], [1.0, 0.5]
    near, far = (
        il.Problem.from_spectra(curvature, curvature, [1.0, 1.0], target=[x, x]) for x in (0.0, 9.0)
    )
    found = sweep([near], texts, [1e-9], progress=False, cache=tmp_path)
    again = sweep([near], texts, [1e-9], progress=False, cache=tmp_path)
    assert float(found.train_loss[0, 0, 0]) == float(again.train_loss[0, 0, 0])
    with pytest.raises(ValueError, match="another sweep"):
        sweep([far], texts, [1e-9], progress=False, cache=tmp_path)


def test_a_file_may_ask_for_minibatches(tmp_path: Path) -> None:
    file = tmp_path / "sweep.toml"
    text = 'schedules = ["cosine(0.5, 20, batch_size=4, weight_decay=0.01) > flow"]'
    sampler = '[sampler]\nkind = "gaussian"\nn = 12\nspectrum = "power_law"\nd = 3\ndecay = 1.0'
    file.write_text(f"levels = [0.5]\n{text}\n{sampler}\n")
    found = sweep(**read_config(file).arguments, progress=False)
    assert found.reached.all()
