"""Filters with one value for each curvature, given by free values with equal loss weights."""

from __future__ import annotations

from typing import Any, NamedTuple

from isoloss._arrays.context import ArrayContext
from isoloss.problems.quadratic_forms import Offset, QuadraticTest
from isoloss.problems.reduced import Reduced
from isoloss.problems.units import precision, scaled, sum_of_exponentials

__all__ = ["SAME", "FreeValues", "LogFilter", "distinct", "free_values"]

Array = Any

SAME = 1e-13
"""Curvatures with a smaller relative difference are equal up to rounding."""


def distinct(xp: Any, curvature: Array) -> Array:
    """Return a matrix (r, p) of zeros and ones that maps curvatures (r,) to p distinct ones."""
    order = xp.argsort(curvature)
    ordered = xp.take(curvature, order, axis=0)
    new = (ordered[1:] - ordered[:-1]) > SAME * ordered[1:]
    number = xp.cumulative_sum(xp.astype(new, xp.int64), include_initial=True)
    number = xp.take(number, xp.argsort(order), axis=0)
    columns = xp.unique_values(number)
    return xp.astype(number[:, None] == columns[None, :], xp.float64)


class LogFilter(NamedTuple):
    """A filter sign·exp(log), whose values may lie beyond float64."""

    sign: Array
    log: Array

    def values(self, kind: ArrayContext) -> Array:
        """Return the filter in the user's precision; raise ``ValueError`` if it is too large."""
        found = kind.result(self.sign * kind.xp.exp(self.log) + 0.0)  # + 0.0 removes negative zeros
        if not bool(kind.xp.all(kind.xp.isfinite(kind.plain("filter", found)))):
            raise ValueError(
                f"the filter overflows {precision(kind)}: a direction has almost no residual at "
                "the start; set it to 0, or leave it out"
            )
        return found


class FreeValues:
    """One problem of a batch: its filter as a linear function of p free values.

    The square of each free value is the excess train loss along its directions, however small
    their weights are. The test loss is ‖matrix @ values + offset‖².
    """

    def __init__(
        self,
        kind: ArrayContext,
        gamma: Array,
        log_weights: Array,
        delta: Array,
        factor: Array,
        offset: Offset,
    ) -> None:
        xp = kind.xp
        self.kind, self.null_space = kind, xp.astype(gamma == 0, xp.float64)
        members = distinct(xp, gamma)
        moving = (log_weights > -xp.inf) & (gamma > 0)
        members = members * xp.astype(moving, xp.float64)[:, None]
        kept = xp.nonzero(xp.any(members > 0, axis=0))[0]
        self.members = xp.take(members, kept, axis=1)
        logs = xp.where(self.members > 0, log_weights[:, None], -xp.inf)
        # log of √Σw of each group
        self.log_sizes = 0.5 * sum_of_exponentials(xp, logs.T).log(xp)
        # δ_i/√w_i = (δ_i/‖δ_i‖)/√γ_i, times the direction's share of its group
        size = xp.max(xp.abs(delta), axis=-1)
        unit = delta / xp.where(size > 0, size, 1.0)[:, None]
        norm = xp.sqrt(xp.sum(unit**2, axis=-1)) * xp.sqrt(gamma)
        unit = unit / xp.where(norm > 0, norm, 1.0)[:, None]
        lengths = xp.where(log_weights > -xp.inf, 0.5 * log_weights, 0.0)
        shares = xp.exp(lengths[:, None] - self.log_sizes[None, :]) * self.members
        above = max(offset.exponent, 0)
        rest = scaled(offset.residual, offset.exponent - above)
        blocks = (
            (factor @ (unit[:, j, None] * shares), factor @ (self.null_space * delta[:, j]))
            for j in range(delta.shape[1])  # one output at a time, to save memory
        )
        matrix, unmoved = next(blocks)
        column = rest[:, 0] + scaled(unmoved, -above)
        for j, (more, unmoved) in enumerate(blocks, start=1):
            matrix = xp.concat([matrix, more])
            column = xp.concat([column, rest[:, j] + scaled(unmoved, -above)])
            if matrix.shape[0] > matrix.shape[1] + 1:  # keep only as many rows as needed
                both = xp.linalg.qr(xp.concat([matrix, column[:, None]], axis=1))[1]
                matrix, column = both[:, :-1], both[:, -1]
        self.matrix, self.offset = matrix, Offset(column[:, None], above)

    def filter(self, free: Array) -> LogFilter:
        """Return the filters (..., r) for free values (..., p)."""
        xp = self.kind.xp
        logs = xp.log(xp.abs(free)) - self.log_sizes
        groups = self.members.T  # each direction is in at most one group
        if not groups.shape[0]:
            there = xp.broadcast_to(self.null_space, (*free.shape[:-1], self.null_space.shape[0]))
            return LogFilter(xp.ones_like(there), xp.log(there))
        inside = xp.any(groups > 0, axis=0)
        index = xp.argmax(groups, axis=0)
        sign, log = (xp.take(part, index, axis=-1) for part in (free, logs))
        log = xp.where(inside, log, xp.log(self.null_space))
        return LogFilter(xp.where(inside & (sign < 0), -xp.ones_like(log), xp.ones_like(log)), log)


def free_values(problem: Reduced) -> list[FreeValues]:
    """Return the free values of each problem of a batch whose test loss is a `QuadraticTest`."""
    kind, test = problem.kind, problem.test
    assert isinstance(test, QuadraticTest)
    arrays = (
        *(problem.gamma, problem.log_weights, problem.start_residual),
        *(test.factor, test.minimum.residual),
    )
    batch = problem.gamma.ndim - 1
    flat = [kind.xp.reshape(array, (-1, *array.shape[batch:])) for array in arrays]
    found = []
    for i in range(flat[0].shape[0]):
        gamma, logs, delta, factor, residual = (array[i, ...] for array in flat)
        offset = test.minimum._replace(residual=residual)
        found.append(FreeValues(kind, gamma, logs, delta, factor, offset))
    return found
