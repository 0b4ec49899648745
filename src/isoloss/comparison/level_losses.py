"""The test losses alone of schedules at the levels of one split of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isoloss._parallel.threads import blas_by_size
from isoloss.comparison.at_levels import runs_to
from isoloss.dynamics.run import Run
from isoloss.levels.grid import Levels
from isoloss.problems.problem import Problem
from isoloss.schedules.phases import GradientFlow
from isoloss.schedules.schedule import Schedule
from isoloss.schedules.text import Spec
from isoloss.schedules.unfinished import Unfinished

__all__ = ["Compared", "SplitLosses", "losses_of", "runs_and_losses"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Compared = Spec | Schedule | Unfinished
"""A schedule to stop at the levels, or to finish at each of them."""


@dataclass(frozen=True, eq=False)
class SplitLosses:
    """The test losses of S schedules, followed by gradient flow, at L levels of one split.

    Attributes
    ----------
    levels : array, shape (L,)
        The train losses.
    above_start : array of bool, shape (L,)
        Whether the start is already at or below the level, so that no training is needed.
    test_loss : array, shape (S + 1, L)
        The test losses at the levels; NaN where training does not reach a level.
    start_test_loss : float
        The test loss at the start.
    is_expected : tuple of bool
        Whether the losses of each schedule, and of flow, are expected ones.
    """

    levels: Floats
    above_start: Flags
    test_loss: Floats
    start_test_loss: float
    is_expected: tuple[bool, ...] = ()


@blas_by_size
def losses_of(problem: Problem, schedules: Sequence[Compared], asked: Levels) -> SplitLosses:
    """Train one problem to all levels with each schedule and with gradient flow."""
    return runs_and_losses(problem, schedules, asked)[1]


def runs_and_losses(
    problem: Problem, schedules: Sequence[Compared], asked: Levels
) -> tuple[list[Run], SplitLosses]:
    """Return the runs and test losses of all schedules, followed by those of gradient flow."""
    if not isinstance(problem, Problem) or not isinstance(problem.curvature, np.ndarray):
        raise TypeError("repeated comparisons need problems of NumPy arrays")
    if problem.curvature.ndim != 1:
        raise TypeError(f"each problem must be one, not a batch; got {problem!r}")
    levels = asked.at(problem)
    runs = list(runs_to(problem, [*schedules, Schedule(GradientFlow())], levels))
    above = levels >= float(problem.start_train_loss)
    losses = np.array(
        [np.where(run.reached & ~above, run.test_loss, np.nan) for run in runs], dtype=np.float64
    )
    expected = tuple(any(each.has_minibatches for each in run.schedules) for run in runs)
    return runs, SplitLosses(levels, above, losses, float(problem.start_test_loss), expected)
