"""The rows of the train data along the directions, which only minibatches need."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from isoloss._arrays.conversion import to_numpy
from isoloss.problems.offsets import residual
from isoloss.problems.quadratic_forms import Offset
from isoloss.problems.reduced import Reduced, RowsAlong, TrainRows
from isoloss.problems.units import scaled
from isoloss.problems.validation import read_train
from isoloss.schedules.settings import Sampling

__all__ = ["SampledRows", "sampled_rows"]

Floats = npt.NDArray[np.float64]

_CHANGED = 1e-9  # relative to the largest curvature; far above the rounding of a decomposition


class SampledRows(NamedTuple):
    """Train rows (n, r) along the directions and their errors (n, m), of which minibatches consist.

    ``together`` is how many rows, one after the other, are drawn as one; see `row_groups`.
    """

    rows: Floats
    errors: Floats
    together: int
    replacement: bool


def sampled_rows(
    problem: Reduced, sampling: Sampling | None, batch_size: int
) -> SampledRows | None:
    """Return the train rows that a problem's minibatches consist of.

    There are none for fresh Gaussian rows, which are the default for problems given by spectra or
    covariances. Raises ``ValueError`` if the train rows are to be drawn, and are not there, or are
    too few.
    """
    if problem.reduction is not None:
        raise ValueError(
            "minibatches leave the space of a problem from products, which holds full gradients "
            "alone; build the problem from its rows, by Problem.from_data or by networks.linearize "
            "with method='jacobian' or 'kernel'"
        )
    if sampling is None:
        sampling = "gaussian" if problem.is_population else "replacement"
    if sampling == "gaussian":
        if problem.rows is not None and problem.rows.together > 1:
            raise ValueError(
                f"an input of this problem has {problem.rows.together} outputs, which share "
                "parameters, and Gaussian rows would have one: leave out sampling, to draw train "
                "inputs with all of their outputs"
            )
        return None
    if problem.rows is None:
        raise ValueError(
            f"sampling={sampling!r} needs the rows of the train data, which this problem does not "
            'keep; use sampling="gaussian", which draws fresh Gaussian rows with the same '
            "covariance and is an approximation for your data"
        )
    data = problem.rows
    rows, errors = (
        (data.rows, data.errors) if isinstance(data, RowsAlong) else _rows_along(problem, data)
    )
    count = len(rows) // data.together
    if sampling == "without_replacement" and batch_size > count:
        raise ValueError(
            f"batch_size={batch_size} is more than the {count} train rows, which cannot be "
            "drawn without replacement"
        )
    return SampledRows(rows, errors, data.together, sampling == "replacement")


def _rows_along(problem: Reduced, data: TrainRows) -> tuple[Floats, Floats]:
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
