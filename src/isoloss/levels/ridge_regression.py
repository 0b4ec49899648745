"""Ridge regression at a given train loss: find the penalty whose solution has that loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from isoloss.problems.filtered import Filtered
from isoloss.problems.problem import Problem
from isoloss.problems.units import scaled

__all__ = ["Ridge", "ridge", "shrinkage"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Ridge(Filtered):
    """Ridge solutions at given train losses.

    Attributes
    ----------
    problem : Problem
        The problem.
    alpha : array, shape levels
        The penalty: the solution minimises train loss + alpha · ‖β - start‖². The ``alpha`` of
        scikit-learn's ``Ridge`` is this times the number of train rows.
    train_loss : array, shape levels
        The solution's train loss.
    sign, log : array, shape levels × r
        The filter: its sign is 1, its log is log α/(γ + α).
    """

    _POINTS: ClassVar = (*Filtered._POINTS, "alpha")

    alpha: Floats

    def __repr__(self) -> str:
        return f"Ridge(alpha={self.alpha!r}, train_loss={self.train_loss!r})"


@np.errstate(divide="ignore", invalid="ignore")
def ridge(problem: Problem, excess: npt.ArrayLike) -> Ridge:
    """Find the ridge solutions with given train losses.

    Ridge regression is a filter, like a schedule: it multiplies the residual along a direction of
    train curvature γ by α/(γ + α). So its train loss rises with α from the smallest one to the
    start's, and each loss in between has exactly one α.

    Parameters
    ----------
    problem : Problem
        One problem (no batch) of NumPy arrays.
    excess : array_like
        The train losses minus ``problem.min_train_loss``.

    Returns
    -------
    Ridge
        The solutions, with NaN where the excess is above the start's.

    Raises
    ------
    ValueError
        If an excess is negative.

    Examples
    --------
    >>> import isoloss as il
    >>> problem = il.Problem.from_data([[2.0], [0.0]], [2.0, 0.0], [[1.0]], [1.0])
    >>> found = ridge(problem, 0.5)  # β is shrunk from 1 to 1/2
    >>> print(f"{found.alpha:.3f} {found.coef()[0]:.3f} {found.test_loss:.3f}")
    2.000 0.500 0.250
    """
    given = np.asarray(excess, dtype=float)
    if (given < 0).any():
        raise ValueError(f"the excess train loss must not be negative; got {given.min():g}")
    reduced = problem._reduced
    wanted = scaled(given, -reduced.units.train)
    weights = np.asarray(reduced.log_weights, dtype=float)
    moves = weights > -np.inf
    gamma = np.log(np.asarray(reduced.gamma, dtype=float))
    full = np.logaddexp.reduce(weights)
    log_wanted = np.log(wanted)
    inside = (wanted > 0) & (log_wanted < full - 1e-11)
    log_alpha = np.where(wanted > 0, np.nan, -np.inf)
    log_alpha[np.abs(log_wanted - full) <= 1e-11] = np.inf  # the solution is the start
    if inside.any():
        # q/(1 - q) with q² = wanted / full would be α/γ if all curvatures were equal
        root = (log_wanted[inside] - full) / 2
        guess = root - np.log(-np.expm1(root))
        bracket = guess + gamma[moves].min() - 1, guess + gamma[moves].max() + 1

        def miss(s: Floats, goal: Floats) -> Floats:
            there = np.logaddexp.reduce(weights[moves] + 2 * shrinkage(s, gamma[moves]), axis=-1)
            return np.asarray(there - goal)

        from scipy.optimize import elementwise  # slow: half of the time to import isoloss

        # the stubs of find_root lack args
        root_of: Any = elementwise.find_root
        log_alpha[inside] = root_of(miss, bracket, args=(log_wanted[inside],)).x
    log = shrinkage(log_alpha, gamma)
    sign = np.ones_like(log)
    return Ridge(
        problem=problem,
        alpha=scaled(np.exp(log_alpha), reduced.units.curvature),
        train_loss=reduced.train_loss(log),
        sign=sign,
        log=log,
    )


def shrinkage(log_alpha: Floats, log_gamma: Floats) -> Floats:
    """Return log α/(γ + α), which is 0 for all α where γ is 0."""
    ratio = np.where(log_gamma > -np.inf, log_gamma - log_alpha[..., None], -np.inf)
    return -np.logaddexp(0.0, ratio)
