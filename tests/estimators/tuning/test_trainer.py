"""Many schedules on many folds at once, against one after another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from dynamics.moments.enumerated import batches, sgd

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


@pytest.mark.parametrize("unit", ["absolute", "start", "excess"])
def test_what_is_no_filter_is_trained_fold_by_fold(unit: str) -> None:
    rng = np.random.default_rng(6)
    data = [(s * rng.normal(size=(3, 2)), rng.normal(size=(3, 1))) for s in (0.5, 0.3)]
    problems = [il.Problem.from_data(*each) for each in data]
    trainer = Trainer(problems, Levels.read([0.9], unit), "exact")
    texts: list[Any] = ["flow", "gd(0.1, 2, batch_size=2, weight_decay=0.2)", il.anneal(0.1, 1)]
    _, found, _ = trainer.stops(texts)
    for i, ((X, y), problem) in enumerate(zip(data, problems, strict=True)):
        top = float(problem.curvature[0])
        states = sgd(
            X,
            y,
            np.zeros((2, 1)),
            [0.1 / top] * 2,
            [0.0] * 2,
            batches(3, 2, replacement=True),
            weight_decay=0.2 * top,
        )
        end = sum(p * np.sum((X @ w - y) ** 2) / 3 for w, _, p in states)
        assert found.train_loss[i, 0] == pytest.approx(end, rel=1e-12)
        change = problem._reduced.coordinates.basis.full.T @ sum(p * w for w, _, p in states)
        residual = problem._reduced.start_residual
        moved = change[:, 0] / residual[:, 0]
        scale = 2.0**problem._reduced.units.parameters
        np.testing.assert_allclose(found.changes[i][0], moved / scale, rtol=1e-11)
        start, floor = float(np.sum(y**2)) / 3, float(problem.min_train_loss)
        offset = floor if unit == "excess" else 0.0
        one = {"absolute": 1.0, "start": start, "excess": start - floor}[unit]
        assert found.loss[i, 0] == pytest.approx((end - offset) / one, rel=1e-12)
        level = offset + 0.9 * one
        alone = il.train(problem, texts[1], level * (1 + 2.0**-47) if unit == "absolute" else level)
        assert bool(found.reached[i, 1]) == bool(alone.reached)
        assert found.train_loss[i, 1] == pytest.approx(float(alone.train_loss), rel=1e-9)
