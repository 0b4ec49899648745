"""Runs, paths, ridge regression and the best filter have the same methods, and agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import isoloss as il
from isoloss.levels.ridge_regression import ridge
from isoloss.problems.filtered import Filtered

RNG = np.random.default_rng(3)
X, X_TEST = RNG.normal(size=(30, 4)) + 1.0, RNG.normal(size=(20, 4))
Y, Y_TEST = X.sum(axis=1) + RNG.normal(size=30), X_TEST.sum(axis=1) + RNG.normal(size=20)
PROBLEM = il.Problem.from_data(X, Y, X_TEST, Y_TEST, fit_intercept=True)
LEVELS = float(PROBLEM.min_train_loss) + np.array([1.0, 0.1, 0.01])

POINTS: list[Any] = [
    il.train(PROBLEM, "gd(0.9, 5) > flow", LEVELS),
    il.train(PROBLEM, ["gd(0.9, 5) > flow", "flow"], LEVELS),
    il.train(PROBLEM, "gd(0.9, 5) > flow", LEVELS[0]).path(9),
    il.best_filter(PROBLEM),
    ridge(PROBLEM, LEVELS - float(PROBLEM.min_train_loss)),
]


@pytest.mark.parametrize("points", POINTS, ids=["run", "runs", "path", "best filter", "ridge"])
def test_losses_are_those_of_the_parameters(points: Filtered) -> None:
    assert isinstance(points, Filtered)
    coef, intercept = np.asarray(points.coef()), np.asarray(points.intercept())
    for rows, y, loss in ((X, Y, points.train_loss), (X_TEST, Y_TEST, points.test_loss)):
        error = (coef @ rows.T) + intercept[..., None] - y
        np.testing.assert_allclose((error**2).mean(axis=-1), loss, rtol=1e-9)
    gamma = np.asarray(PROBLEM.curvature)
    excess = (gamma * np.asarray(points.residual()) ** 2).sum(axis=-1)
    np.testing.assert_allclose(excess + PROBLEM.min_train_loss, points.train_loss, rtol=1e-9)
