"""What no schedule can beat: test losses over all filters, one value for each curvature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from isoloss._checks import quiet
from isoloss._threads import blas_by_size
from isoloss.levelset import level_excess
from isoloss.problem import Problem
from isoloss.secular import extremes, extremes_of_form
from isoloss.testloss import DiagonalTest, QuadraticTest

__all__ = ["BestFilter", "ReachableBand", "best_filter", "distinct", "reachable_band"]

Array = Any

_SAME = 1e-13  # curvatures closer than this share of their size are one, split by rounding
_RANK = 1e-13  # of the test form, relative to its largest eigenvalue


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
        Filters that attain them: what the residual along each direction is multiplied by.

    Examples
    --------
    >>> import isoloss as il
    >>> problem = il.Problem.from_spectra([2 / 3, 1 / 3, 1 / 3], [0.5, 0.25, 1.0], [10, 10, 10])
    >>> il.reachable_band(problem, 0.1)
    ReachableBand(train_loss=0.1, lowest=0.075, highest=0.1875)
    """

    train_loss: Array
    lowest: Array
    highest: Array
    lowest_filter: Array
    highest_filter: Array

    def __repr__(self) -> str:
        if self.lowest.ndim:
            return f"ReachableBand(shape {tuple(self.lowest.shape)})"
        values = (
            ("train_loss", self.train_loss),
            ("lowest", self.lowest),
            ("highest", self.highest),
        )
        return f"ReachableBand({', '.join(f'{n}={float(v):.6g}' for n, v in values)})"


@dataclass(frozen=True, eq=False, repr=False)
class BestFilter:
    """The filter of lowest test loss.

    Attributes
    ----------
    problem : Problem
        The problem.
    filter : array, shape batch × r
        What it multiplies the residual along each direction by.
    train_loss, test_loss : array, shape batch
        The losses that it leads to.

    Examples
    --------
    >>> import isoloss as il
    >>> problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [10, 10], noise=0.25)
    >>> il.best_filter(problem)
    BestFilter(train_loss=0, test_loss=0.25)
    """

    problem: Problem
    filter: Array
    train_loss: Array
    test_loss: Array

    @quiet
    def coef(self) -> Array:
        """Return the parameters in the user's coordinates, as `Run.coef`.

        Raises
        ------
        ValueError
            If the problem has no coordinates, being given by its spectra.
        """
        xp = self.problem.kind.xp
        h = self.problem.kind.plain("filter", self.filter)
        return self.problem.filtered_parameters(*_signed_logarithm(xp, h))[0]

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
    curvature alone. So no schedule whatsoever, nor ridge regression, leaves this band, which is
    narrower than `level_band` over all parameters. On the sphere Σ w h² = level (w = γδ(0)²) the
    test loss is hᵀMh + 2bᵀh + c: a trust-region problem, solved by its secular equation.

    Parameters
    ----------
    problem : Problem
        The problem, or a batch of them.
    train_loss : array_like
        The level or levels.

    Returns
    -------
    ReachableBand
        With arrays of shape batch × levels. Curvatures equal up to rounding share one value of the
        filter. Where the curvature is zero, no training moves: the filter is 1.

    Raises
    ------
    ValueError
        As `level_band`, or if training starts at the smallest train loss.

    Examples
    --------
    Two equal curvatures cannot be told apart, so the band is narrower than over all parameters:

    >>> import isoloss as il
    >>> problem = il.Problem.from_spectra([1, 1], [0.5, 1.5], [1, 1])
    >>> il.reachable_band(problem, 0.1), il.level_band(problem, 0.1)
    (ReachableBand(train_loss=0.1, lowest=0.1, highest=0.1),
     Band(train_loss=0.1, lowest=0.05, highest=0.15))
    """
    if not isinstance(problem, Problem):
        raise TypeError(f"problem must be a Problem; got {type(problem).__name__}")
    kind, xp = problem.kind, problem.kind.xp
    levels, excess = level_excess(problem, train_loss)
    at_minimum = ~xp.any(problem.log_weights > -xp.inf, axis=-1)
    if bool(xp.any(xp.reshape(at_minimum, (-1, 1)) & (excess > 0))):
        raise ValueError(
            "training starts at the smallest train loss, where there is no residual to filter; "
            f"no schedule has train loss {float(xp.max(levels)):.6g}"
        )
    batch, r = tuple(problem.gamma.shape[:-1]), problem.gamma.shape[-1]
    if isinstance(problem.test, DiagonalTest):
        filters = _commuting(problem, problem.test, excess)
    else:
        ends = [_one_band(part, excess[i, :]) for i, part in enumerate(_parts(problem))]
        filters = (xp.stack([low for low, _ in ends]), xp.stack([high for _, high in ends]))
    shape = (*batch, *levels.shape)
    found = []
    for filter_ in filters:
        h = xp.reshape(filter_, (*batch, -1, r))
        found.append(xp.reshape(problem.test.loss(xp, *_signed_logarithm(xp, h)), shape))
    return ReachableBand(
        train_loss=kind.result(levels),
        lowest=kind.result(found[0]),
        highest=kind.result(found[1]),
        lowest_filter=kind.result(xp.reshape(filters[0], (*shape, r))),
        highest_filter=kind.result(xp.reshape(filters[1], (*shape, r))),
    )


@blas_by_size
@quiet
def best_filter(problem: Problem) -> BestFilter:
    """Find the filter of lowest test loss, at whatever train loss.

    No schedule stopped anywhere, nor ridge regression with any penalty, has a lower test loss.

    Parameters
    ----------
    problem : Problem
        The problem, or a batch of them.

    Returns
    -------
    BestFilter
        With arrays of shape batch. Where a direction has no effect, the filter is the smallest.

    Examples
    --------
    >>> import isoloss as il
    >>> problem = il.Problem.from_data([[1, 0], [0, 2]], [1, 2], [[1, 1], [1, 0]], [1.5, 1])
    >>> il.best_filter(problem)
    BestFilter(train_loss=0.5, test_loss=0)
    """
    if not isinstance(problem, Problem):
        raise TypeError(f"problem must be a Problem; got {type(problem).__name__}")
    kind, xp = problem.kind, problem.kind.xp
    if isinstance(problem.test, DiagonalTest):
        still = (problem.gamma == 0) & (problem.test.log_weights > -xp.inf)
        h = xp.where(still, xp.ones_like(problem.gamma), xp.zeros_like(problem.gamma))
    else:
        rows = xp.stack([_best(part) for part in _parts(problem)])
        h = xp.reshape(rows, tuple(problem.gamma.shape))
    sign, log = _signed_logarithm(xp, h)
    excess = xp.sum(xp.exp(problem.log_weights + 2.0 * log), axis=-1)
    return BestFilter(
        problem=problem,
        filter=kind.result(h),
        train_loss=kind.result(problem.floor + excess),
        test_loss=kind.result(problem.test.loss(xp, sign, log)),
    )


def distinct(xp: Any, curvature: Array) -> Array:
    """Return which distinct curvature each of (r,) is, as a matrix (r, p) of zeros and ones."""
    order = xp.argsort(curvature)
    ordered = xp.take(curvature, order, axis=0)
    new = (ordered[1:] - ordered[:-1]) > _SAME * ordered[1:]
    number = xp.cumulative_sum(xp.astype(new, xp.int64), include_initial=True)
    number = xp.take(number, xp.argsort(order), axis=0)
    columns = xp.unique_values(number)
    return xp.astype(number[:, None] == columns[None, :], xp.float64)


class _Part:
    """One problem of a batch: its filter as a linear function of p free values."""

    def __init__(self, xp: Any, gamma: Array, weights: Array, delta: Array, test: Any) -> None:
        self.xp, self.delta = xp, delta
        self.factor, self.at_minimum, self.form, self.linear = test
        members = distinct(xp, gamma)
        moving = xp.astype((weights > 0) & (gamma > 0), xp.float64)
        members = members * moving[:, None]
        kept = xp.nonzero(xp.any(members > 0, axis=0))[0]
        self.members = xp.take(members, kept, axis=1)
        self.weights = self.members.T @ xp.where(moving > 0, weights, xp.zeros_like(weights))
        self.still = xp.astype(gamma == 0, xp.float64)

    def filter(self, free: Array) -> Array:
        """Return filters (..., r) of free values (..., p)."""
        return free @ self.members.T + self.still + 0.0  # no minus zeros

    def pulled(self) -> Array:
        """Return half the slope of the test loss in the free values, where they are zero."""
        return self.members.T @ (self.linear + self.form @ self.still)


def _parts(problem: Problem) -> list[_Part]:
    xp, test = problem.kind.xp, problem.test
    assert isinstance(test, QuadraticTest)
    q, r = test.factor.shape[-2:]
    m = problem.start_residual.shape[-1]
    shapes = ((r,), (r,), (r, m), (q, r), (q, m), (r, r), (r,))
    weights = xp.exp(problem.log_weights)
    arrays = (
        problem.gamma,
        weights,
        problem.start_residual,
        test.factor,
        test.at_minimum,
        test.form,
        test.linear[0],
    )
    flat = [xp.reshape(a, (-1, *s)) for a, s in zip(arrays, shapes, strict=True)]
    return [
        _Part(xp, flat[0][i, :], flat[1][i, :], flat[2][i, ...], tuple(a[i, ...] for a in flat[3:]))
        for i in range(flat[0].shape[0])
    ]


def _one_band(part: _Part, excess: Array) -> tuple[Array, Array]:
    """Return filters (L, r) of lowest and highest test loss."""
    xp = part.xp
    scale = 1.0 / xp.sqrt(part.weights)
    if part.delta.shape[1] == 1:
        # one output: the factor itself keeps the digits of small eigenvalues
        effect = part.factor * part.delta[:, 0]
        offset = part.at_minimum + (effect @ part.still)[:, None]
        low, high = extremes(xp, (effect @ part.members) * scale, offset, excess)
        points = [end.point[..., 0] for end in (low, high)]
    else:
        form = part.members.T @ part.form @ part.members * scale * scale[:, None]
        points = list(extremes_of_form(xp, form, part.pulled() * scale, excess))
    return part.filter(points[0] * scale), part.filter(points[1] * scale)


def _best(part: _Part) -> Array:
    xp = part.xp
    if not part.members.shape[1]:
        return part.still + 0.0
    form = part.members.T @ part.form @ part.members
    size = xp.sqrt(xp.linalg.diagonal(form))
    scale = xp.where(size > 0, 1.0 / size, xp.zeros_like(size))
    eigenvalues, vectors = xp.linalg.eigh(form * scale * scale[:, None])
    kept = eigenvalues > _RANK * xp.max(eigenvalues)
    inverse = xp.where(kept, 1.0 / eigenvalues, xp.zeros_like(eigenvalues))
    free = -scale * (vectors @ (inverse * (vectors.T @ (scale * part.pulled()))))
    return part.filter(free)


def _commuting(problem: Problem, test: DiagonalTest, excess: Array) -> tuple[Array, Array]:
    """Return filters (B, L, r): all of the train loss in the group of extreme λ/γ."""
    xp, r = problem.kind.xp, problem.gamma.shape[-1]
    gamma = xp.reshape(problem.gamma, (-1, r))
    weights, test_weights = (
        xp.reshape(xp.exp(logs), (-1, r)) for logs in (problem.log_weights, test.log_weights)
    )
    apart = xp.abs(gamma[:, :, None] - gamma[:, None, :])
    same = xp.astype(apart <= _SAME * xp.maximum(gamma[:, :, None], gamma[:, None, :]), xp.float64)
    same_weights, same_tests = (
        (same @ values[..., None])[..., 0] for values in (weights, test_weights)
    )
    moves = (gamma > 0) & (same_weights > 0)
    ratio = same_tests / xp.where(moves, same_weights, xp.ones_like(gamma))
    infinite = xp.inf + xp.zeros_like(ratio)
    still = xp.where(gamma == 0, xp.ones_like(gamma), xp.zeros_like(gamma))[:, None, :]
    filters = []
    for sign in (1.0, -1.0):
        index = xp.argmin(xp.where(moves, sign * ratio, infinite), axis=-1)
        pick = xp.broadcast_to(index[:, None, None], (*index.shape, 1, r))
        group = xp.take_along_axis(same, pick, axis=1)  # (B, 1, r)
        group = group * xp.astype(moves, xp.float64)[:, None, :]
        weight = xp.take_along_axis(same_weights, index[:, None], axis=1)
        size = xp.sqrt(excess / xp.where(weight > 0, weight, xp.ones_like(weight)))
        filters.append(group * size[..., None] + still)
    return filters[0], filters[1]


def _signed_logarithm(xp: Any, h: Array) -> tuple[Array, Array]:
    ones = xp.ones_like(h)
    return xp.where(h < 0, -ones, ones), xp.log(xp.abs(h))
