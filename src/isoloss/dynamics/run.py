"""What a training run gives back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from isoloss._arrays.context import quiet
from isoloss._arrays.conversion import to_numpy
from isoloss.dynamics.filters import Filter
from isoloss.dynamics.path import Path, trace
from isoloss.problems.problem import Problem
from isoloss.schedules.schedule import Schedule

__all__ = ["Run"]

Array = Any


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """The result of `train`: arrays of shape batch × levels.

    Attributes
    ----------
    problem : Problem
        The problem that was trained.
    schedule : Schedule
        The schedule that trained it.
    reached : array of bool
        Whether the schedule reaches the level. Where it does not, all else is at the schedule's
        end.
    steps : array of int64
        GD steps taken.
    time : array
        Time spent in gradient flow (an lr times steps; infinite at the end of an endless flow).
    train_loss : array
        The train loss at the stop.

    Examples
    --------
    >>> import isoloss as il
    >>> problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
    >>> il.train(problem, il.anneal(1.5, 10), train_loss=0.1)
    Run(reached, steps=10, time=2.438, train_loss=0.1, test_loss=0.075)
    """

    problem: Problem
    schedule: Schedule
    reached: Array
    steps: Array
    time: Array
    train_loss: Array
    sign: Array
    """The sign of the filter h, shape batch × levels × r."""
    log: Array
    """log |h|, of the same shape."""

    @cached_property
    @quiet
    def test_loss(self) -> Array:
        """The test loss at the stop; ``ValueError`` if the problem has no test data."""
        return self.problem.kind.result(self.problem.test_loss(self.sign, self.log))

    @quiet
    def residual(self) -> Array:
        """Return the residual in the eigenbasis, shape batch × levels × r (× outputs)."""
        return self.problem.filtered_residual(self.sign, self.log)

    @quiet
    def coef(self) -> Array:
        """Return the parameters in the user's coordinates, shape batch × levels × d (× outputs).

        Raises
        ------
        ValueError
            If the problem has none, being given by its spectra.
        """
        return self._parameters()[0]

    @quiet
    def intercept(self) -> Array:
        """Return the intercept, shape batch × levels (× outputs); zeros without ``fit_intercept``.

        Raises
        ------
        ValueError
            If the problem has no coordinates, being given by its spectra.
        """
        return self._parameters()[1]

    def _parameters(self) -> tuple[Array, Array]:
        return self.problem.filtered_parameters(self.sign, self.log)

    @quiet
    def path(self, points: int = 200) -> Path:
        """Return the trajectory up to the stop, for plots.

        Parameters
        ----------
        points : int, default: 200
            At most so many GD steps of each phase (every step, if it has no more; else evenly
            chosen ones with the last) and so many points of each flow, evenly spaced in the log of
            the excess train loss. An endless flow is followed until that has fallen by a factor of
            10¹².

        Returns
        -------
        Path
            The points with their losses, residuals and parameters.

        Raises
        ------
        ValueError
            If the run is of a batch of problems or of several levels, or ``points`` is less than 1.
        """
        if self.reached.ndim:
            raise ValueError(
                "a path needs one problem and one level; "
                f"this run has shape {tuple(self.reached.shape)}"
            )
        if points < 1:
            raise ValueError(f"points must be at least 1; got {points}")
        end = Filter(self.sign, self.log)
        return trace(self.problem, self.schedule, int(self.steps), float(self.time), end, points)

    def __repr__(self) -> str:
        if self.reached.ndim:
            count = int(to_numpy(self.reached).sum())
            shape = tuple(self.reached.shape)
            return f"Run(shape {shape}, {count} of {math.prod(shape)} reached)"
        reached = "reached" if bool(self.reached) else "not reached"
        test_loss = ""
        if self.problem.test_form is not None:
            test_loss = f", test_loss={float(self.test_loss):.6g}"
        return (
            f"Run({reached}, steps={int(self.steps)}, time={float(self.time):.4g}, "
            f"train_loss={float(self.train_loss):.6g}{test_loss})"
        )
