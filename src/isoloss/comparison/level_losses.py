"""The test losses of schedules at the levels of one split of a data set, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isoloss.comparison.at_levels import runs_to
from isoloss.levels.grid import Levels
from isoloss.problems.problem import Problem
from isoloss.schedules.phases import GradientFlow
from isoloss.schedules.schedule import Schedule
from isoloss.schedules.text import Spec
from isoloss.schedules.unfinished import Unfinished

__all__ = ["SplitLosses", "losses_of"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class SplitLosses:
    """What one split says: S schedules, and at last gradient flow, at L levels.

    Attributes
    ----------
    levels : array, shape (L,)
        The train losses.
    above_start : array of bool, shape (L,)
        Whether the start is at or below the level, so that there is nothing to train.
    reached : array of bool, shape (S + 1, L)
        Whether training comes to the level.
    test_loss : array, shape (S + 1, L)
        The test losses there.
    start_test_loss : float
        The test loss at the start.
    """

    levels: Floats
    above_start: Flags
    reached: Flags
    test_loss: Floats
    start_test_loss: float


def losses_of(
    problem: Problem, schedules: Sequence[Spec | Schedule | Unfinished], asked: Levels
) -> SplitLosses:
    """Train one problem by all schedules, and by gradient flow, to all levels."""
    if not isinstance(problem, Problem) or not isinstance(problem.curvature, np.ndarray):
        raise TypeError("repeated comparisons need problems of NumPy arrays")
    if problem.curvature.ndim != 1:
        raise TypeError(f"each problem must be one, not a batch; got {problem!r}")
    levels = asked.at(problem)
    runs = list(runs_to(problem, [*schedules, Schedule(GradientFlow())], levels))
    above = levels >= float(problem.start_train_loss)
    return SplitLosses(
        levels=levels,
        above_start=above,
        reached=np.array([run.reached for run in runs]) & ~above,
        test_loss=np.array([run.test_loss for run in runs]),
        start_test_loss=float(problem.start_test_loss),
    )
