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

__all__ = ["rows_along"]

Floats = npt.NDArray[np.float64]

_CHANGED = 1e-9  # relative to the largest curvature; far above the rounding of a decomposition


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
