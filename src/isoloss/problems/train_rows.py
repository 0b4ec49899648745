"""The rows of the train data along the directions, which only minibatches need."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isoloss._arrays.conversion import to_numpy
from isoloss.problems.offsets import residual
from isoloss.problems.quadratic_forms import Offset
from isoloss.problems.reduced import Reduced, TrainRows
from isoloss.problems.units import scaled
from isoloss.problems.validation import read_train
from isoloss.schedules.settings import Sampling

__all__ = ["rows_along", "sampled_rows"]

Floats = npt.NDArray[np.float64]

_CHANGED = 1e-9  # relative to the largest curvature; far above the rounding of a decomposition


def sampled_rows(
    problem: Reduced, sampling: Sampling | None, batch_size: int
) -> tuple[Sampling, Floats | None, Floats | None]:
    """Return how a problem's minibatches are drawn, with the rows and errors of the train data.

    There are none for fresh Gaussian rows, which are the default for problems given by spectra or
    covariances. Raises ``ValueError`` if the train rows are to be drawn, and are not there, or are
    too few.
    """
    if sampling is None:
        sampling = "gaussian" if problem.is_population else "replacement"
    if sampling == "gaussian":
        return sampling, None, None
    if problem.rows is None:
        raise ValueError(
            f"sampling={sampling!r} needs the rows of the train data, which this problem does not "
            'keep; use sampling="gaussian", which draws fresh Gaussian rows with the same '
            "covariance and is an approximation for your data"
        )
    rows, errors = rows_along(problem, problem.rows)
    if sampling == "without_replacement" and batch_size > len(rows):
        raise ValueError(
            f"batch_size={batch_size} is more than the {len(rows)} train rows, which cannot be "
            "drawn without replacement"
        )
    return sampling, rows, errors


def rows_along(problem: Reduced, data: TrainRows) -> tuple[Floats, Floats]:
    """Return rows (n, r) along the directions, and the errors y - Xβ̂ at the train minimum.

    They are in the problem's own unit. Raises ``ValueError`` if the user's arrays have changed
    since the problem was built.
    """
    xp, coordinates = problem.kind.xp, problem.coordinates
    assert coordinates is not None
    inputs, targets, _ = read_train(problem.kind, ("X", "y"), data.inputs, data.targets)
    if data.intercept:
        inputs = xp.concat([inputs, xp.ones_like(inputs[:, :1])], axis=1)
    unit = problem.units.curvature // 2
    inputs = scaled(inputs, -unit)
    at_start = residual(xp, Offset(inputs, unit), coordinates.start, targets)
    rows = coordinates.basis.project(inputs)
    bits = at_start.exponent - problem.units.train // 2
    errors = rows @ problem.start_residual - scaled(at_start.residual, bits)
    curvature, floor = xp.mean(rows**2, axis=0), xp.mean(xp.sum(errors**2, axis=1))
    scale = float(xp.max(problem.gamma))
    moved = xp.max(xp.abs(curvature - problem.gamma)) > _CHANGED * scale
    start = float(xp.sum(xp.exp(problem.log_weights)) + problem.floor)
    if bool(moved) or abs(float(floor - problem.floor)) > _CHANGED * start:
        raise ValueError(
            "the train data were changed after the problem was built, and minibatches need "
            "their rows; build the problem from a copy: Problem.from_data(X.copy(), y.copy())"
        )
    return to_numpy(rows), to_numpy(errors)
