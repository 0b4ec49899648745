"""The best stop of a schedule, and the best penalty of ridge regression, on the test data."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from isoloss.levels.ridge_regression import Ridge, ridge
from isoloss.problems.filtered import Filtered
from isoloss.problems.problem import Problem

__all__ = ["END", "best", "best_ridge"]

Points = TypeVar("Points", bound=Filtered)

END = -1.0
"""A level that no schedule reaches, so that training to it runs to the end of the schedule."""


def best(points: Points) -> Points:
    """Return the point with the lowest test loss among points (N,)."""
    return points.at(int(np.nanargmin(np.asarray(points.test_loss))))


def best_ridge(problem: Problem, excess: npt.NDArray[np.float64]) -> Ridge:
    """Return the best ridge solution among those at excess train losses (N,) and at excess 0."""
    return best(ridge(problem, np.append(excess, 0.0)))
