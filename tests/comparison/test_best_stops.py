"""The best of several points, and of ridge regression's penalties."""

import numpy as np
import pytest

import isoloss as il
from isoloss.comparison.best_stops import END, best, best_ridge

RNG = np.random.default_rng(5)
X, X_TEST = RNG.normal(size=(30, 6)), RNG.normal(size=(40, 6))
Y, Y_TEST = X[:, 0] + 2 * RNG.normal(size=30), X_TEST[:, 0] + RNG.normal(size=40)
PROBLEM = il.Problem.from_data(X, Y, X_TEST, Y_TEST)
EXCESS = np.geomspace(1, 1e-6, 50) * (
    float(PROBLEM.start_train_loss) - float(PROBLEM.min_train_loss)
)


def test_the_best_stop_is_a_whole_run() -> None:
    levels = np.append(float(PROBLEM.min_train_loss) + EXCESS, END)
    run = il.train(PROBLEM, il.anneal(0.1, 5), levels)
    found = best(run)
    assert found.test_loss == np.min(run.test_loss)
    where = int(np.argmin(run.test_loss))
    assert (found.steps, found.time) == (run.steps[where], run.time[where])
    np.testing.assert_array_equal(found.coef(), run.coef()[where])
    with pytest.raises(ValueError, match="one schedule, one problem and one level"):
        run.path()
    assert found.path(20).test_loss[-1] == pytest.approx(float(found.test_loss), rel=1e-12)


def test_the_last_level_is_the_schedules_end() -> None:
    end = il.train(PROBLEM, il.GradientDescent(0.1, 7), [END]).at(0)
    whole = il.train(PROBLEM, il.GradientDescent(0.1, 7))
    assert not end.reached
    assert (end.steps, end.test_loss) == (whole.steps, whole.test_loss)


def test_the_best_penalty_is_scikit_learns() -> None:
    from sklearn.linear_model import Ridge

    found = best_ridge(PROBLEM, EXCESS)
    losses = [
        ((Ridge(alpha=30 * a, fit_intercept=False).fit(X, Y).predict(X_TEST) - Y_TEST) ** 2).mean()
        for a in np.geomspace(1e-4, 1e3, 200)
    ]
    assert found.test_loss == pytest.approx(min(losses), rel=1e-2)
    assert found.coef().shape == (6,)
