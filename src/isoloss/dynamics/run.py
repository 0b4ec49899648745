"""The result of a training run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import array_api_compat as compat
import numpy as np

from isoloss._arrays.context import quiet
from isoloss._arrays.conversion import to_numpy
from isoloss._parallel.threads import blas_threads, work
from isoloss.dynamics.filters import Filter
from isoloss.dynamics.path import Path, trace, trace_moments
from isoloss.dynamics.stop_rule import LastStep
from isoloss.dynamics.stopped import until
from isoloss.problems.filtered import Filtered
from isoloss.schedules.schedule import Schedule

__all__ = ["Run", "stacked"]

Array = Any


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Run(Filtered):
    """The result of `train`: arrays of shape batch × levels, or schedules × batch × levels.

    With minibatches, losses are expected ones, `coef` and `residual` are means, and `covariance` is
    that of the residual; all runs of the optimizer stop at the same step.

    Attributes
    ----------
    problem : Problem
        The problem that was trained.
    schedules : tuple of Schedule
        The schedules that trained it. With a list of schedules, ``run[i]`` is the run of
        ``schedules[i]``, and a loop over the run goes through the runs of all schedules.
    reached : array of bool
        Whether the schedule reaches the level. If not, all other values describe its end. False for
        whole schedules, where no level was asked.
    steps : array of int64
        GD steps taken, including a shortened one.
    time : array
        Time spent in gradient flow, in units of rate × steps; infinite after an endless flow.
    last_rate : array
        The rate of the last step if it was shortened to end at the level; otherwise NaN.
    train_loss : array
        The train loss at the stop.
    sign, log : array, shape (…, r)
        The sign of the filter h at the stop, and log |h|. Where training is not a filter, as with
        weight decay from other parameters than 0, they are the filter nearest to it.

    Examples
    --------
    >>> import isoloss as il
    >>> problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
    >>> il.train(problem, il.anneal(1.5, 10), train_loss=0.1)
    Run(reached, steps=10, time=2.438, train_loss=0.1, test_loss=0.075)
    >>> il.train(problem, il.GradientDescent(0.5, 50, batch_size=8), train_loss=0.1)
    Run(reached, steps=9, time=0, expected train_loss=0.1, expected test_loss=0.137669)
    """

    _POINTS: ClassVar = (*Filtered._POINTS, "reached", "steps", "time", "last_rate")

    schedules: tuple[Schedule, ...]
    reached: Array
    steps: Array
    time: Array
    last_rate: Array
    last_step: LastStep
    """How `train` treated the step in which training stopped."""
    has_levels: bool = True
    """Whether there was a level to stop at; without one, schedules run whole."""
    is_stacked: bool = False
    """Whether the arrays have an axis of schedules."""

    @property
    def schedule(self) -> Schedule:
        """The schedule that trained the problem; ``ValueError`` if the run has a schedule axis."""
        if self.is_stacked:
            raise ValueError("this run has an axis of schedules: take run.schedules, or run[i]")
        return self.schedules[0]

    def __len__(self) -> int:
        if not self.is_stacked:
            raise TypeError("this is the run of one schedule, and has no axis of them")
        return len(self.schedules)

    def __getitem__(self, index: int) -> Run:
        """Return the run of one of several schedules."""
        chosen = range(len(self))[index]
        return self.at(chosen, schedules=(self.schedules[chosen],), is_stacked=False)

    def __iter__(self) -> Iterator[Run]:
        return map(self.__getitem__, range(len(self)))

    def _at_points(self, result: Callable[[Filtered], Array]) -> Array:
        if not self.is_stacked or self.problem._reduced.gamma.ndim == 1:
            return result(self)
        each = [run._at_points(result) for run in self]
        return compat.array_namespace(*each).stack(each)

    def stopped_schedule(self) -> Schedule:
        """Return the schedule up to the stop, after which nothing comes.

        Its last rate is ``last_rate`` where the last step was shortened; a last flow has the time
        that it took. So its ``learning_rates()`` and ``to_torch()`` take a training loop to the
        level, and no further.

        Returns
        -------
        Schedule
            The schedule, in absolute rates: all of it if the level is not reached.

        Raises
        ------
        ValueError
            If the run is of several schedules, problems or levels, or stops within a kind of phase
            of your own.

        Examples
        --------
        >>> import isoloss as il
        >>> problem = il.Problem.from_spectra([1.0], [1.0], [2.0])
        >>> run = il.train(problem, il.GradientDescent(0.125, 9), train_loss=1.44)
        >>> run.stopped_schedule().learning_rates().round(12)
        array([0.125, 0.1  ])
        """
        self._check_single("a schedule up to the stop")
        if not bool(self.reached):
            return self.schedule
        return until(self.schedule, int(self.steps), float(self.time), float(self.last_rate))

    @quiet
    def path(self, points: int = 200) -> Path:
        """Return the trajectory up to the stop, for plots.

        Parameters
        ----------
        points : int, default: 200
            The largest number of points for each phase. GD phases with more steps give evenly
            spaced ones, including the last; flows give points evenly spaced in the log of the
            excess train loss. An endless flow ends when this has fallen by a factor of 10¹².

        Returns
        -------
        Path
            The points with their losses, residuals and parameters.

        Raises
        ------
        ValueError
            If the run has several schedules, problems or levels, or ``points`` is less than 1.
        """
        self._check_single("a path")
        if points < 1:
            raise ValueError(f"points must be at least 1; got {points}")
        if not self.schedule.is_plain:
            with blas_threads(work(self.problem)):
                return trace_moments(self.problem, self.stopped_schedule(), points)
        end = Filter(self.sign, self.log)
        stop = int(self.steps), float(self.time), end, float(self.train_loss)
        return trace(self.problem, self.schedule, *stop, points)

    def _check_single(self, what: str) -> None:
        if self.reached.ndim:
            raise ValueError(
                f"{what} needs one schedule, one problem and one level; "
                f"this run has shape {tuple(self.reached.shape)}"
            )

    def __repr__(self) -> str:
        reached = to_numpy(self.reached)
        untrained = reached & (to_numpy(self.steps) == 0) & (to_numpy(self.time) == 0)
        if reached.ndim and not self.has_levels:
            return f"Run(shape {reached.shape}, whole schedules)"
        if reached.ndim:
            there = f", {untrained.sum()} of them by the start" if untrained.any() else ""
            return f"Run(shape {reached.shape}, {reached.sum()} of {reached.size} reached{there})"
        how = "reached by the start" if untrained else "reached" if reached else "not reached"
        how = how if self.has_levels else "whole schedule"
        test_loss, expected = "", "" if self._covariance is None else "expected "
        if self.problem._reduced.test_form is not None:
            test_loss = f", {expected}test_loss={float(self.test_loss):.6g}"
        return (
            f"Run({how}, steps={int(self.steps)}, time={float(self.time):.4g}, "
            f"{expected}train_loss={float(self.train_loss):.6g}{test_loss})"
        )


def stacked(runs: Sequence[Run]) -> Run:
    """Join the runs of one problem to the same levels, one run for each schedule."""
    runs = _alike(runs)
    arrays = {name: [getattr(run, name) for run in runs] for name in Run._POINTS}
    return Run(
        problem=runs[0].problem,
        schedules=tuple(run.schedule for run in runs),
        last_step=runs[0].last_step,
        has_levels=runs[0].has_levels,
        is_stacked=True,
        **{name: _stack(each) for name, each in arrays.items()},
    )


def _alike(runs: Sequence[Run]) -> Sequence[Run]:
    """Give all runs a mean residual and a covariance of one shape, if any run has them."""
    means, covariances = ([getattr(run, name) for run in runs] for name in ("_mean", "_covariance"))
    if any(mean is not None for mean in means):
        means = [run._own_mean() if run._mean is None else run._mean for run in runs]
    wide = max((c.ndim for c in covariances if c is not None), default=0)
    if wide:
        shape = tuple(runs[0].sign.shape)
        nothing = np.zeros((*shape, *shape[-1:]) if wide > len(shape) else shape)
        covariances = [nothing if c is None else _as_matrix(c, wide) for c in covariances]
    parts = zip(runs, means, covariances, strict=True)
    return [replace(run, _mean=mean, _covariance=c) for run, mean, c in parts]


def _as_matrix(covariance: Array, ndim: int) -> Array:
    """Return a covariance of ``ndim`` axes, given it or its diagonal."""
    if covariance.ndim == ndim:
        return covariance
    return covariance[..., None] * np.eye(covariance.shape[-1])


def _stack(arrays: Sequence[Array]) -> Array | None:
    if arrays[0] is None:
        return None
    return compat.array_namespace(*arrays).stack(arrays)
