"""Compare schedules on given test rows, by a bootstrap over these rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss._arrays import conversion
from isoloss.comparison.judgement import Judgement
from isoloss.comparison.judging import Asked, Schedules, judged_over_rows
from isoloss.comparison.level_losses import runs_and_losses
from isoloss.dynamics.run import Run
from isoloss.problems.expected import added_row_losses
from isoloss.problems.problem import Problem

__all__ = ["bootstrap_compare", "judged_on_rows"]

Floats = npt.NDArray[np.float64]

_AT_ONCE = 2**22  # predictions held in memory at once


def bootstrap_compare(
    problem: Problem,
    X_test: npt.ArrayLike,
    y_test: npt.ArrayLike,
    schedules: Schedules,
    levels: int | npt.ArrayLike = 12,
    *,
    unit: str = "absolute",
    against: str | None = None,
    seed: int = 0,
) -> Judgement:
    """Compare schedules at equal train loss on test rows, with intervals from a paired bootstrap.

    The intervals show how much results for the same trained models vary with the test rows. They
    leave out the variation with the train rows, which `cross_compare` includes.

    Parameters
    ----------
    problem : Problem
        One problem made from rows.
    X_test, y_test : array_like, shapes (n, d) and (n,) or (n, m)
        The test rows, prepared like the train rows.
    schedules, levels, unit, against
        As for `compare_repeatedly`.
    seed : int, default: 0
        The seed of the draws.

    Returns
    -------
    Judgement
        Differences with 95 % intervals (`bootstrap_intervals`) that hold together for all schedules
        and levels.

    Raises
    ------
    TypeError
        If the problem is a batch, or not of NumPy arrays.
    ValueError
        If there are fewer than two test rows, or the problem was made from spectra.

    Examples
    --------
    >>> import numpy as np
    >>> import isoloss as il
    >>> from isoloss.comparison import bootstrap_compare
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 2)) * [1.0, 0.7]
    >>> X[100:] *= [0.5, 2.0]
    >>> y = X.sum(axis=1) + 0.1 * rng.normal(size=500)
    >>> problem = il.Problem.from_data(X[:100], y[:100])
    >>> annealed = {"annealed": "gd(1.0, 10) > flow"}
    >>> found = bootstrap_compare(problem, X[100:], y[100:], annealed, [0.1], unit="excess")
    >>> found.schedules[0].effects
    ('helps',)
    """
    if not isinstance(problem, Problem):
        raise TypeError(f"problem must be a Problem; got {type(problem).__name__}")
    return judged_on_rows(
        problem, X_test, y_test, Asked.read(schedules, levels, unit, against), seed
    )


def judged_on_rows(
    problem: Problem, X_test: npt.ArrayLike, y_test: npt.ArrayLike, asked: Asked, seed: int = 0
) -> Judgement:
    """Judge the schedules on test rows."""
    tested = problem.with_test(X_test, y_test)
    families = list(asked.schedules.values())
    runs, split = runs_and_losses(tested, families, asked.levels)
    X, y = conversion.floats("X_test", X_test), conversion.floats("y_test", y_test)
    losses = np.array([_row_losses(run, X, y.reshape(len(X), -1)) for run in runs])
    losses[np.isnan(split.test_loss)] = np.nan
    return judged_over_rows(split, asked, losses, seed)


def _row_losses(run: Run, X: Floats, y: Floats) -> Floats:
    """Return the losses (k, n) of each row under the parameters of k stops, or their means."""
    points, (rows, outputs) = len(run.train_loss), y.shape
    coef: Any = np.asarray(run.coef()).reshape(points, X.shape[1], outputs)
    intercept: Any = np.asarray(run.intercept()).reshape(points, 1, -1)
    found, step = np.empty((points, rows)), max(1, _AT_ONCE // (points * outputs))
    for first in range(0, rows, step):
        part = slice(first, first + step)
        found[:, part] = ((X[part] @ coef + intercept - y[part]) ** 2).sum(axis=-1)
        if run._covariance is not None:  # of parameters trained with minibatches
            found[:, part] += added_row_losses(run.problem._reduced, run._covariance, X[part])
    return found
