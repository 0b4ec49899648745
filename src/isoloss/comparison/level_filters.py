"""The filter h(γ) of each schedule of a comparison at its stop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isoloss.comparison.result import Comparison
from isoloss.dynamics.training import train
from isoloss.problems.expected import origin_along
from isoloss.problems.problem import Problem
from isoloss.problems.units import scaled
from isoloss.schedules.schedule import Schedule

__all__ = ["Filters", "filters"]

Floats = npt.NDArray[np.float64]

_POINTS = 160


@dataclass(frozen=True, eq=False)
class Filters:
    """The filters of schedules at their stops for one level.

    Attributes
    ----------
    names : tuple of str
        The schedules' names.
    train_loss : float
        The level.
    reached : tuple of bool
        Whether each schedule reaches the level; if not, its filter is the one at its end.
    curvature : array, shape (r,)
        The train curvatures above 0.
    share : array, shape (r,)
        Each direction's share of the start's train loss above its smallest value.
    is_filter : tuple of bool
        Whether each schedule is a filter. With minibatches it is not, nor with weight decay from
        parameters other than 0; its values and curves are NaN.
    values : array, shape (schedules, r)
        h(γ) at the train curvatures.
    grid : array, shape (P,)
        Curvatures between the smallest and the largest, evenly spaced in the log.
    curves : array, shape (schedules, P)
        h(γ) on the grid.
    """

    names: tuple[str, ...]
    train_loss: float
    reached: tuple[bool, ...]
    curvature: Floats
    share: Floats
    is_filter: tuple[bool, ...]
    values: Floats
    grid: Floats
    curves: Floats

    def __repr__(self) -> str:
        return f"Filters({len(self.names)} schedules at train loss {self.train_loss:.6g})"


def filters(comparison: Comparison, at: int) -> Filters:
    """Return the filters of a comparison's schedules at their stops for one of its levels.

    Parameters
    ----------
    comparison : Comparison
        The comparison.
    at : int
        The index of the level, counted from 0.

    Returns
    -------
    Filters
        The filters at the train curvatures, and on a fine grid for curves.

    Raises
    ------
    IndexError
        If there is no such level.

    Examples
    --------
    >>> import isoloss as il
    >>> problem = il.Problem.from_spectra([1, 0.5, 0.1], [1, 1, 1], [1, 1, 1])
    >>> found = il.compare(problem, {"annealed": il.anneal(1.0, 5)}, levels=[0.1])
    >>> filters(found, 0).values.round(3)
    array([[-0.303,  0.   ,  0.291]])
    """
    problem = comparison.problem
    curvature = np.asarray(problem.curvature)
    reduced = problem._reduced
    weights = scaled(np.exp(np.asarray(reduced.log_weights)), reduced.units.train)
    gamma, weights = curvature[curvature > 0], weights[curvature > 0]
    grid = np.geomspace(gamma.min(), gamma.max(), _POINTS)
    # The grid's directions have no residual, and so change neither losses nor stops.
    probe = Problem.from_spectra(
        train=np.concatenate([gamma, grid]),
        test=np.zeros(len(gamma) + len(grid)),
        start=np.concatenate([np.sqrt(weights / gamma), np.zeros(len(grid))]),
    )
    level = float(comparison.levels[at])
    excess = level - float(problem.min_train_loss)
    found = np.full((len(comparison.schedules), len(gamma) + len(grid)), np.nan)
    known = []
    for i, each in enumerate(comparison.schedules):
        finished = isinstance(each.schedule, tuple)
        schedule = each.schedule[at] if isinstance(each.schedule, tuple) else each.schedule
        known.append(_is_filter(problem, schedule))
        if known[-1]:
            run = train(probe, schedule, train_loss=None if finished else excess)
            with np.errstate(over="ignore"):
                found[i] = run.sign * np.exp(run.log)
    return Filters(
        names=tuple(each.name for each in comparison.schedules),
        train_loss=level,
        reached=tuple(bool(each.reached[at]) for each in comparison.schedules),
        curvature=gamma,
        share=weights / weights.sum(),
        is_filter=tuple(known),
        values=found[:, : len(gamma)],
        grid=grid,
        curves=found[:, len(gamma) :],
    )


def _is_filter(problem: Problem, schedule: Schedule) -> bool:
    decays = schedule.has_weight_decay
    return not (schedule.has_minibatches or (decays and origin_along(problem._reduced) is not None))
