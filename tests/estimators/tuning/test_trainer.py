"""Many schedules on many folds at once, against one after another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import isoloss as il
from isoloss.dynamics import following
from isoloss.dynamics.stop_rule import LastStep
from isoloss.estimators.tuning.trainer import Trainer
from isoloss.levels.grid import Levels
from isoloss.schedules.resolving import rate_unit

RNG = np.random.default_rng(4)
LEVELS = np.geomspace(1.0, 1e-5, 7)[1:]
TEXTS = [
    "flow",
    "gd(1.0, 3) > flow",
    "gd(0.5, 10000) > flow",
    "gd(0.9, 0) > flow",
    "gd(1.3, 400) > flow",  # grows by 10^160, and comes back
    "gd(0.5, 20)",
    "gd(0.2, 7) > gd(0.9, 30)",
    "cosine(1.0, 20) > flow",
    "flow(2) > gd(0.9, 5) > flow",
]
OBJECTS: list[Any] = [
    il.GradientFlow(),
    il.anneal(0.02, 30),
    il.Schedule(il.GradientDescent([0.02, 0.01]), il.GradientFlow()),
    il.HeavyBall(0.01, 0.5, 40),
    il.anneal(0.05, 5),
]


def problem(n: int, d: int) -> il.Problem:
    X = RNG.normal(size=(n, d)) * np.geomspace(3.0, 0.3, d)
    return il.Problem.from_data(X, X.sum(axis=1) + RNG.normal(size=n), X[:1], [0.0])


PROBLEMS = [problem(30, 5), problem(24, 5), problem(4, 5)]


@pytest.mark.parametrize("unit", ["absolute", "start", "excess"])
@pytest.mark.parametrize("at_once", [1, 100, 2**17])
def test_schedules_are_trained_as_each_by_itself(
    unit: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_AT_ONCE", at_once)
    schedules = TEXTS + OBJECTS
    last_step: LastStep = "whole" if at_once == 100 else "exact"
    found = Trainer(PROBLEMS, Levels.read(LEVELS, unit), last_step).stops(schedules)
    assert len(found) == len(schedules)
    for schedule, stops in zip(schedules, found, strict=True):
        for k, one in enumerate(PROBLEMS):
            start, floor = float(one.start_train_loss), float(one.min_train_loss)
            scale, offset = {
                "absolute": (1.0, 0.0),
                "start": (start, 0.0),
                "excess": (start - floor, floor),
            }[unit]
            run = il.train(one, schedule, LEVELS * scale + offset, last_step=last_step)
            np.testing.assert_array_equal(stops.reached[k, 1:], run.reached)
            np.testing.assert_array_equal(stops.steps[k, 1:], run.steps)
            np.testing.assert_allclose(
                stops.time[k, 1:] * rate_unit(one.max_lr), run.time, rtol=1e-9
            )
            np.testing.assert_allclose(stops.train_loss[k, 1:], run.train_loss, rtol=1e-9)
            # from the start on, in coordinates: what the predictions are made of
            change = run.sign * np.exp(run.log) - 1.0
            np.testing.assert_allclose(stops.changes[k][1:], change, rtol=1e-9, atol=1e-9)
