"""Bounds that no schedule can beat: test losses over all filters with a value per curvature."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from isoloss._arrays.context import ArrayContext, quiet
from isoloss._parallel.threads import blas_by_size
from isoloss.levels.band import ENDS, printed, user_losses
from isoloss.levels.free_filters import SAME, FreeValues, LogFilter, free_values
from isoloss.levels.grid import excess_of
from isoloss.levels.sphere import extremes
from isoloss.problems.filtered import Filtered
from isoloss.problems.problem import Problem, reduced_of
from isoloss.problems.quadratic_forms import DiagonalTest
from isoloss.problems.reduced import RESCALE_TARGETS, Reduced
from isoloss.problems.units import Scaled, exponents, precision, shifted, sum_of_exponentials

__all__ = ["BestFilter", "ReachableBand", "best_filter", "reachable_band"]

Array = Any

_RANK = 3e-7  # singular values smaller than this, relative to the largest, have no effect


@dataclass(frozen=True, eq=False, repr=False)
class ReachableBand:
    """The range of test losses at given train losses, over all filters.

    Attributes
    ----------
    train_loss : array
        The levels.
    lowest, highest : array, shape batch × levels
        The lowest and the highest test loss.
    lowest_filter, highest_filter : array, shape batch × levels × r
        Filters that attain them: the factors of the residual along each direction.

    Examples
    --------
    >>> import isoloss as il
    >>> problem = il.Problem.from_spectra([2 / 3, 1 / 3, 1 / 3], [0.5, 0.25, 1.0], [10, 10, 10])
    >>> il.reachable_band(problem, 0.1)
    ReachableBand(train_loss=0.1, lowest=0.075, highest=0.1875)
    """

    kind: ArrayContext
    """The array library, precision and device of the problem."""
    train_loss: Array
    lowest: Array
    highest: Array
    low: LogFilter
    """The filter with the lowest test loss, in logarithms."""
    high: LogFilter
    """The filter with the highest test loss, in logarithms."""

    @property
    @quiet
    def lowest_filter(self) -> Array:
        """A filter that attains the lowest test loss.

        Raises
        ------
        ValueError
            If float64 cannot represent it.
        """
        return self.low.values(self.kind)

    @property
    @quiet
    def highest_filter(self) -> Array:
        """A filter that attains the highest test loss.

        Raises
        ------
        ValueError
            If float64 cannot represent it.
        """
        return self.high.values(self.kind)

    def __repr__(self) -> str:
        return printed(self)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BestFilter(Filtered):
    """The filter with the lowest test loss.

    Attributes
    ----------
    problem : Problem
        The problem.
    filter : array, shape batch × r
        The factor of the residual along each direction.
    train_loss : array, shape batch
        The resulting train loss.
    sign, log : array, shape batch × r
        The filter's sign, and the logarithm of its magnitude.

    Examples
    --------
    >>> import isoloss as il
    >>> problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [10, 10], noise=0.25)
    >>> il.best_filter(problem)
    BestFilter(train_loss=0, test_loss=0.25)
    """

    @property
    @quiet
    def filter(self) -> Array:
        """The factor of the residual along each direction.

        Raises
        ------
        ValueError
            If float64 cannot represent it.
        """
        return LogFilter(self.sign, self.log).values(self.problem._reduced.kind)

    def __repr__(self) -> str:
        if self.test_loss.ndim:
            return f"BestFilter(batch {tuple(self.test_loss.shape)})"
        return (
            f"BestFilter(train_loss={float(self.train_loss):.6g}, "
            f"test_loss={float(self.test_loss):.6g})"
        )


@blas_by_size
@quiet
def reachable_band(problem: Problem, train_loss: Any) -> ReachableBand:
    """Find the lowest and highest test loss at a train loss over all filters.

    Every schedule multiplies the residual along each direction by a number that depends on its
    curvature alone. So neither schedules nor ridge regression can leave this band, which lies
    inside `level_band` over all parameters. On the sphere Σ w h² = level (w = γδ(0)²) the test
    loss is hᵀMh + 2bᵀh + c: a trust-region problem, solved by its secular equation.

    Parameters
    ----------
    problem : Problem
        The problem, or a batch of them.
    train_loss : array_like
        The level or levels.

    Returns
    -------
    ReachableBand
        A band with arrays of shape batch × levels. Curvatures equal up to rounding share one value
        of the filter. Where the curvature is zero, training has no effect, and the filter is 1.

    Raises
    ------
    ValueError
        As for `level_band`, or if training starts at the smallest train loss.

    Examples
    --------
    Filters treat two equal curvatures alike, so the band is narrower than over all parameters:

    >>> import isoloss as il
    >>> problem = il.Problem.from_spectra([1, 1], [0.5, 1.5], [1, 1])
    >>> il.reachable_band(problem, 0.1), il.level_band(problem, 0.1)
    (ReachableBand(train_loss=0.1, lowest=0.1, highest=0.1),
     Band(train_loss=0.1, lowest=0.05, highest=0.15))
    """
    reduced = reduced_of(problem)
    xp, (*batch, r) = reduced.kind.xp, reduced.gamma.shape
    levels, excess = excess_of(reduced, train_loss)
    at_minimum = ~xp.any(reduced.log_weights > -xp.inf, axis=-1)
    if bool(xp.any(xp.reshape(at_minimum, (-1, 1)) & (excess.value > 0))):
        raise ValueError(
            "training starts at the smallest train loss, where there is no residual to filter; "
            f"no schedule has train loss {float(xp.max(levels)):.6g}"
        )
    if isinstance(reduced.test, DiagonalTest):
        filters = _commuting(reduced, reduced.test, excess)
    else:
        found = []
        for i, part in enumerate(free_values(reduced)):
            squares = Scaled(*(each[i, :] for each in excess))
            ends = extremes(part.kind, part.matrix, part.offset, squares)
            found.append([part.filter(end.point[..., 0]) for end in ends])
        filters = [
            LogFilter(*map(xp.stack, zip(*end, strict=True))) for end in zip(*found, strict=True)
        ]
    shape = (*batch, *levels.shape)
    losses = []
    for name, (sign, log) in zip(ENDS, filters, strict=True):
        parts = (xp.reshape(part, (*batch, -1, r)) for part in (sign, log))
        own = reduced.test.above_noise(xp, *parts)
        own = Scaled(*(xp.reshape(part, (math.prod(batch), -1)) for part in own))
        losses.append(user_losses(reduced, name, own, shape))
    low, high = (LogFilter(*(xp.reshape(part, (*shape, r)) for part in parts)) for parts in filters)
    train_loss, (lowest, highest) = reduced.kind.result(levels), losses
    return ReachableBand(reduced.kind, train_loss, lowest, highest, low, high)


@blas_by_size
@quiet
def best_filter(problem: Problem) -> BestFilter:
    """Find the filter with the lowest test loss, at any train loss.

    No schedule, wherever it stops, and no ridge regression has a lower test loss.

    Parameters
    ----------
    problem : Problem
        The problem, or a batch of them.

    Returns
    -------
    BestFilter
        A filter with arrays of shape batch; directions without effect get the smallest values.

    Examples
    --------
    >>> import isoloss as il
    >>> problem = il.Problem.from_data([[1, 0], [0, 2]], [1, 2], [[1, 1], [1, 0]], [1.5, 1])
    >>> il.best_filter(problem)
    BestFilter(train_loss=0.5, test_loss=0)
    """
    reduced = reduced_of(problem)
    kind, xp = reduced.kind, reduced.kind.xp
    if isinstance(reduced.test, DiagonalTest):
        stays = (reduced.gamma == 0) & (reduced.test.log_weights > -xp.inf)
        sign = xp.ones_like(reduced.gamma)
        log = xp.where(stays, 0.0 * sign, -xp.inf)
    else:
        rows = zip(*(_best(part) for part in free_values(reduced)), strict=True)
        sign, log = (xp.reshape(xp.stack(each), tuple(reduced.gamma.shape)) for each in rows)
    train_loss = kind.result(reduced.train_loss(log))
    found = BestFilter(problem=problem, train_loss=train_loss, sign=sign, log=log)
    for loss in (found.train_loss, found.test_loss):
        if not bool(xp.all(xp.isfinite(kind.plain("loss", loss)))):
            raise ValueError(
                f"a loss of the best filter overflows {precision(kind)}; rescale: {RESCALE_TARGETS}"
            )
    return found


def _best(part: FreeValues) -> LogFilter:
    xp = part.kind.xp
    matrix, offset = part.matrix, part.offset
    if not matrix.shape[1]:
        return part.filter(matrix[0, :])
    sizes = exponents(xp, xp.max(xp.abs(matrix), axis=0))
    unit = shifted(xp, matrix, -sizes[None, :])
    norms = xp.sqrt(xp.sum(unit**2, axis=0))
    norms = xp.where(norms > 0, norms, 1.0)
    left, singular, right = xp.linalg.svd(unit / norms, full_matrices=False)
    inverse = xp.where(singular > _RANK * xp.max(singular), 1.0 / singular, 0.0)
    free = -(right.T @ (inverse * (left.T @ offset.residual[:, 0]))) / norms
    return part.filter(shifted(xp, free, float(offset.exponent) - sizes))


def _commuting(problem: Reduced, test: DiagonalTest, excess: Scaled) -> list[LogFilter]:
    """Return filters (B, L, r) with all excess train loss in the group of extreme λ/γ."""
    xp, r = problem.kind.xp, problem.gamma.shape[-1]
    gamma = xp.reshape(problem.gamma, (-1, r))
    apart = xp.abs(gamma[:, :, None] - gamma[:, None, :])
    same = apart <= SAME * xp.maximum(gamma[:, :, None], gamma[:, None, :])
    weights, test_weights = (
        sum_of_exponentials(xp, xp.where(same, xp.reshape(logs, (-1, 1, r)), -xp.inf)).log(xp)
        for logs in (problem.log_weights, test.log_weights)
    )
    moves = (gamma > 0) & (weights > -xp.inf)
    ratio = test_weights - xp.where(moves, weights, 0.0)
    untrained = xp.where(gamma == 0, 0.0 * gamma, -xp.inf)[:, None, :]
    log_excess = excess.log(xp)
    filters = []
    for sign in (1.0, -1.0):
        index = xp.argmin(xp.where(moves, sign * ratio, xp.inf), axis=-1)
        pick = xp.broadcast_to(index[:, None, None], (*index.shape, 1, r))
        group = xp.take_along_axis(same, pick, axis=1) & moves[:, None, :]  # (B, 1, r)
        weight = xp.take_along_axis(weights, index[:, None], axis=1)
        size = 0.5 * (log_excess - xp.where(weight > -xp.inf, weight, 0.0))
        log = xp.where(group, size[..., None], untrained)
        filters.append(LogFilter(xp.ones_like(log), log))
    return filters
