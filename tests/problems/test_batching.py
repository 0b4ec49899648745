"""Several folds' problems as one."""

from __future__ import annotations

import numpy as np
import pytest

import isoloss as il
from isoloss.problems.batching import batch, joined

RNG = np.random.default_rng(3)


def problem(n: int, d: int, outputs: int = 2) -> il.Problem:
    X, X_test = RNG.normal(size=(n, d)) * np.linspace(1, 3, d), RNG.normal(size=(7, d))
    return il.Problem.from_data(X, RNG.normal(size=(n, outputs)), X_test, np.ones((7, outputs)))


PROBLEMS = [problem(9, 4), problem(12, 4), problem(3, 4)]  # the last has only three directions


def relative(schedule: il.Schedule, one: il.Problem) -> il.Schedule:
    return schedule.scaled(float(one.max_lr))


SCHEDULES = [
    il.Schedule(il.GradientDescent(0.7, 5), il.GradientFlow(0.3)),
    il.Schedule(il.GradientDescent([1.4, 0.2, 0.9])),
    il.Schedule(il.GradientFlow()),
    il.Schedule(il.HeavyBall(0.3, 0.6, 9)),
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_the_joined_problem_has_the_mean_losses(schedule: il.Schedule) -> None:
    runs = [il.train(one, relative(schedule, one)) for one in PROBLEMS]
    together = il.train(joined(PROBLEMS), schedule)
    for name in ("train_loss", "test_loss"):
        mean = np.mean([getattr(run, name) for run in runs])
        assert getattr(together, name) == pytest.approx(mean, rel=1e-12)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_a_batch_trains_each_problem_by_itself(schedule: il.Schedule) -> None:
    scale, offset = np.array([1.0, 2.0, 0.5]), np.array([0.0, 0.0, 0.1])
    levels = np.array([3.0, 1.0, 0.7])
    found = il.train(batch(PROBLEMS, scale, offset), schedule, levels)
    for k, one in enumerate(PROBLEMS):
        run = il.train(one, relative(schedule, one), levels * scale[k] + offset[k])
        np.testing.assert_array_equal(found.reached[k], run.reached)
        np.testing.assert_array_equal(found.steps[k], run.steps)
        loss = found.train_loss[k] * scale[k] + offset[k]
        np.testing.assert_allclose(loss, run.train_loss, rtol=1e-12)
        time = np.asarray(run.time) / float(one.max_lr)
        np.testing.assert_allclose(found.time[k], time, rtol=1e-10)
