"""The filter h(γ) of each schedule of a comparison at its stop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isoloss.comparison.result import Comparison
from isoloss.dynamics.training import train
from isoloss.problems.problem import Problem
from isoloss.problems.units import scaled

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
    runs = [
        train(probe, each.schedule[at])
        if isinstance(each.schedule, tuple)
        else train(probe, each.schedule, train_loss=excess)
        for each in comparison.schedules
    ]
    with np.errstate(over="ignore"):
        found = np.array([run.sign * np.exp(run.log) for run in runs])
    return Filters(
        names=tuple(each.name for each in comparison.schedules),
        train_loss=level,
        reached=tuple(bool(each.reached[at]) for each in comparison.schedules),
        curvature=gamma,
        share=weights / weights.sum(),
        values=found[:, : len(gamma)],
        grid=grid,
        curves=found[:, len(gamma) :],
    )
