"""Choose how the rows of minibatches are drawn for a problem."""

from __future__ import annotations

import numpy as np

from isoloss.dynamics.moments.model import Model
from isoloss.dynamics.moments.noise import GaussianNoise, GradientNoise, RowNoise
from isoloss.problems.quadratic_forms import DiagonalTest
from isoloss.problems.reduced import Reduced
from isoloss.problems.train_rows import sampled_rows
from isoloss.schedules.phases import Steps

__all__ = ["gradient_noise"]

_MOST_WORK = 1e13  # multiplications, which take minutes


def gradient_noise(problem: Reduced, model: Model, phase: Steps) -> GradientNoise | None:
    """Return the noise of a phase's minibatch gradients; None for full batches.

    Raises ``ValueError`` if the problem has no such noise, or it costs too much.
    """
    size = phase.batch_size
    if size is None:
        return None
    found = sampled_rows(problem, phase.sampling, size)
    if found is None:
        is_full = not isinstance(problem.test_form, DiagonalTest)
        return GaussianNoise(model.curvature, model.floor, size, is_full)
    n, r = found.rows.shape
    work = float(phase.steps) * n * r * r
    if work > _MOST_WORK:
        raise ValueError(
            f"{phase.steps} steps with rows of the train set take steps × rows × rank² = "
            f'{work:.2g} multiplications (at most {_MOST_WORK:.0e}); use sampling="gaussian", '
            "whose cost does not depend on the rows, and which is an approximation for your data"
        )
    more = model.curvature.size - r  # the row of the parameters outside the directions
    rows = np.pad(found.rows, ((0, 0), (0, more)))
    return RowNoise(rows, found.errors, model.curvature, size, found.replacement, found.together)
