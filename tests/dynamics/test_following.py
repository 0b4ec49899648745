"""Many schedules in one call are as each by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import isoloss as il
from isoloss.dynamics import following

RNG = np.random.default_rng(8)
X = RNG.normal(size=(40, 6)) * np.geomspace(2.0, 0.2, 6)
Y = X @ np.ones(6) + RNG.normal(size=40)
ONE = il.Problem.from_data(X, Y, X[:9] + 1.0, Y[:9], fit_intercept=True)
BATCH = il.Problem.from_spectra(
    RNG.uniform(0.1, 1.0, size=(3, 4)), np.ones((3, 4)), RNG.normal(size=(3, 4))
)
SCHEDULES: list[Any] = [
    il.GradientFlow(),
    il.anneal(0.1, 30),
    il.anneal(0.02, 10**9),
    il.GradientDescent(0.05, 100),
    il.GradientDescent([0.1, 0.05]) + il.GradientFlow(3.0),
    il.HeavyBall(0.01, 0.5, 40),
    il.anneal(0.15, 0),
    il.Schedule(),
    il.GradientFlow(0.5) + il.GradientDescent(0.1, 5) + il.GradientFlow(),
]


@pytest.mark.parametrize("problem", [ONE, BATCH], ids=["one", "batch"])
@pytest.mark.parametrize("at_once", [1, 60, 2**17])
@pytest.mark.parametrize("shares", [None, 0.3, [0.9, 0.3, 1e-3, 1e-7], [[0.5, 0.2], [0.1, 0.01]]])
def test_they_have_the_same_bits(
    problem: il.Problem, at_once: int, shares: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_AT_ONCE", at_once)
    levels = None
    if shares is not None:
        floor = np.max(problem.min_train_loss)
        levels = floor + (np.min(problem.start_train_loss) - floor) * np.array(shares)
    runs = il.train(problem, SCHEDULES, levels)
    shape = (*np.shape(problem.min_train_loss), *np.shape(levels if levels is not None else 0.0))
    assert runs.reached.shape == (len(SCHEDULES), *shape)
    assert len(runs) == len(SCHEDULES)
    for i, (schedule, run) in enumerate(zip(SCHEDULES, runs, strict=True)):
        alone = il.train(problem, schedule, levels)
        assert run.schedule == alone.schedule == runs.schedules[i]
        for name in ("reached", "steps", "time", "train_loss", "test_loss", "sign", "log"):
            np.testing.assert_array_equal(getattr(run, name), getattr(alone, name), err_msg=name)
            np.testing.assert_array_equal(getattr(runs, name)[i], getattr(alone, name))
        np.testing.assert_array_equal(runs.residual()[i], alone.residual())
    if problem is ONE:
        np.testing.assert_array_equal(runs.coef()[1], il.train(ONE, SCHEDULES[1], levels).coef())
        np.testing.assert_array_equal(runs.intercept()[1], runs[1].intercept())


def test_a_growing_schedule_leaves_the_others_their_results() -> None:
    problem = il.Problem.from_spectra([1.0, 0.3], [1.0, 1.0], [1.0, 1.0])
    schedules = [il.anneal(0.9, 30), il.anneal(1.5, 400)]  # the second grows by 10^120
    runs = il.train(problem, schedules, [0.1, 1e-6])
    for run, schedule in zip(runs, schedules, strict=True):
        alone = il.train(problem, schedule, [0.1, 1e-6])
        np.testing.assert_array_equal(run.steps, alone.steps)
        np.testing.assert_allclose(run.test_loss, alone.test_loss, rtol=1e-13)


def test_tensors_come_back_as_tensors() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the extra torch")
    problem = il.Problem.from_data(*(torch.asarray(each) for each in (X, Y, X[:9] + 1.0, Y[:9])))
    levels = [1.5, 1.2]
    runs = il.train(problem, SCHEDULES, levels)
    same = il.train(il.Problem.from_data(X, Y, X[:9] + 1.0, Y[:9]), SCHEDULES, levels)
    for name in ("reached", "steps", "time", "train_loss", "test_loss", "residual", "coef"):
        got, wanted = getattr(runs, name), getattr(same, name)
        got, wanted = (got(), wanted()) if callable(got) else (got, wanted)
        assert isinstance(got, torch.Tensor)
        np.testing.assert_allclose(got.numpy(), wanted, rtol=1e-9)


def test_a_list_of_one_has_the_axis_too() -> None:
    run = il.train(ONE, ["flow"], ONE.start_train_loss)
    assert run.test_loss.shape == (1,)
    assert run[0].test_loss.shape == ()
    assert run[-1].schedule == il.Schedule(il.GradientFlow())
    assert repr(run) == "Run(shape (1,), 1 of 1 reached, 1 of them by the start)"


def test_what_is_asked_of_the_wrong_kind_of_run_is_refused() -> None:
    runs, run = il.train(ONE, ["flow", "gd(0.5, 3)"]), il.train(ONE, "flow")
    with pytest.raises(ValueError, match=r"axis of schedules: take run.schedules, or run\[i\]"):
        _ = runs.schedule
    with pytest.raises(ValueError, match="a path needs one schedule, one problem and one level"):
        runs.path()
    with pytest.raises(TypeError, match="the run of one schedule"):
        len(run)
    with pytest.raises(IndexError):
        runs[2]
    with pytest.raises(ValueError, match="the list is empty"):
        il.train(ONE, [])
    with pytest.raises(TypeError, match=r"a schedule is .*got int 3"):
        il.train(ONE, ["flow", 3])  # type: ignore[list-item]  # wrong on purpose
