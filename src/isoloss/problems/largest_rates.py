"""The largest rate that is stable in mean square, for a problem's minibatches."""

from __future__ import annotations

from typing import Any

import numpy as np

from isoloss._arrays.conversion import to_numpy
from isoloss.problems.reduced import RESCALE_INPUTS, Reduced
from isoloss.problems.stability import largest_gaussian_rate, largest_row_rate
from isoloss.problems.train_rows import sampled_rows
from isoloss.problems.units import returned, scaled
from isoloss.schedules.settings import Sampling

__all__ = ["largest_rates_of"]

Array = Any


def largest_rates_of(
    problem: Reduced, batch_size: int, sampling: Sampling | None, weight_decay: float
) -> Array:
    """Return the rates of `Problem.max_lr_for`."""
    unit = problem.units.curvature
    decay = float(scaled(weight_decay, -unit))
    drawn = sampled_rows(problem, sampling, batch_size)
    if drawn is not None:
        found: Any = largest_row_rate(
            drawn.rows,
            batch_size,
            together=drawn.together,
            replacement=drawn.replacement,
            weight_decay=decay,
        )
    else:
        gamma = np.asarray(to_numpy(problem.gamma))
        each = [
            largest_gaussian_rate(gamma[row], batch_size, decay)
            for row in np.ndindex(gamma.shape[:-1])
        ]
        found = np.reshape(each, gamma.shape[:-1])
    what = "the largest stable rate"
    return returned(problem.kind, what, problem.kind.constant(found), -unit, RESCALE_INPUTS)
