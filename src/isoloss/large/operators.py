"""Build a problem from products with the data, as large as the given schedules need."""

from __future__ import annotations

import dataclasses
import operator
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss._arrays import conversion
from isoloss._arrays.columns import column_names, entries_in_order, in_order, targets_in_order
from isoloss._arrays.context import ArrayContext, has_only_products, quiet
from isoloss.large.bidiagonal import Bidiagonalization
from isoloss.large.convergence import ConvergenceTest, MonitoredLosses
from isoloss.problems.basis import Basis
from isoloss.problems.chunks import ChunkedRows, is_chunked
from isoloss.problems.coordinates import Coordinates
from isoloss.problems.decomposition import decompose
from isoloss.problems.offsets import test_of_products
from isoloss.problems.problem import Problem
from isoloss.problems.reduced import Reduced, Reduction
from isoloss.problems.rows import ArrayRows, Rows, check_columns
from isoloss.problems.units import Units
from isoloss.problems.validation import both_or_neither, log_weights

__all__ = ["from_operator"]

Floats = npt.NDArray[np.float64]

_GROWTH = 1.25  # growth of the rank between two convergence tests
_NOTHING = 1e-12  # of the start; less of it is rounding


def from_operator(
    X: Any,
    y: Any,
    X_test: Any = None,
    y_test: Any = None,
    *,
    schedules: Any = ("flow", "gd(1.0, 10) > flow"),
    train_loss: Any = None,
    start: Any = None,
    rtol: float = 1e-6,
    max_rank: int = 500,
) -> Problem:
    """Build a least-squares problem using only matrix products with the data.

    Training never leaves a Krylov space of the data. Block Golub-Kahan bidiagonalization from the
    start's residual, fully reorthogonalized, grows that space until the losses of the given
    schedules converge. The result is a problem on that space; bands and designs refer to it, too.

    Parameters
    ----------
    X : array_like, sparse matrix, LinearOperator or Dask array, shape (n, d)
        Train inputs: anything that SciPy can multiply by, also transposed; or chunked rows,
        possibly sparse, which each product reads chunk by chunk.
    y : array_like, shape (n,) or (n, m)
        Train targets.
    X_test, y_test : as X and y, optional
        Test data. Without them, only the train losses must converge.
    schedules : str, Schedule, phase or list of these, optional
        Schedules whose losses must converge. Rates in texts are in units of the largest stable one.
        Without rows, they take no minibatches. If training does not start at 0, the problem takes
        weight decay only if one of them has it.
    train_loss : array_like, optional
        The train losses at which the losses must converge (or at a schedule's end, if it does not
        reach them). The default is 20 levels, evenly spaced in the log of the excess down to a
        millionth of the start's, and the smallest one. A few high levels need few products.
    start : array_like, shape (d,) or (d, m), optional
        Parameters at the start; by default zeros.
    rtol : float, default: 1e-6
        The largest estimated relative error of these losses. The estimate is their change since
        the space was a fifth smaller; it must be at most ``rtol`` twice in a row.
    max_rank : int, default: 500
        The largest dimension of the space, which stores (n + d)·max_rank numbers.

    Returns
    -------
    Problem
        The problem; its ``reduction`` has the rank, the estimate and the number of data passes.

    Raises
    ------
    TypeError
        If a schedule is of another type.
    ValueError
        If shapes disagree, an entry or a product is not finite, or a schedule leaves the space.

    Warns
    -----
    UserWarning
        If ``max_rank`` is reached before the losses converge.

    Examples
    --------
    >>> import numpy as np
    >>> import isoloss as il
    >>> from scipy.sparse import random_array
    >>> rng = np.random.default_rng(0)
    >>> X = random_array((3000, 2000), density=0.01, rng=rng)
    >>> y = X @ rng.normal(size=2000) + rng.normal(size=3000)
    >>> problem = il.from_operator(X, y, X[:500], y[:500], rtol=1e-3)
    >>> problem.reduction.estimate < 1e-3
    True
    """
    names = columns, outputs = column_names(X), column_names(y)
    tested = both_or_neither(X_test=X_test, y_test=y_test)
    if tested:
        X_test = in_order("X_test", X_test, "X", columns)
        y_test = targets_in_order("y_test", y_test, "y", outputs)
    chunked = is_chunked(X, y, X_test, y_test)
    if chunked and any(has_only_products(each) for each in (X, X_test)):
        raise TypeError(
            "Dask arrays and SciPy's sparse matrices or operators do not go together; give X "
            "and X_test as Dask arrays, whose chunks may be sparse"
        )
    kind = ChunkedRows if chunked else ArrayRows
    rows: Rows = kind.read("X", X, y)
    test: Rows | None = kind.read("X_test", X_test, y_test) if tested else None
    if test is not None:
        check_columns(rows.shape, test.shape)
    _, d, m = rows.shape
    single = np.ndim(y) == 1
    first = np.zeros((d, m))
    if start is not None:
        start = entries_in_order("start", start, "X", columns)
        first = conversion.floats("start", start)
        wanted = (d,) if single else (d, m)
        if first.shape != wanted or not np.isfinite(first).all():
            raise ValueError(f"start must be finite, of shape {wanted}; got shape {first.shape}")
        first = first.reshape(d, m)
    if not 0 < rtol < 1:
        raise ValueError(f"rtol must be between 0 and 1; got {rtol!r}")
    if operator.index(max_rank) < 1:
        raise ValueError(f"max_rank must be at least 1; got {max_rank!r}")
    convergence = ConvergenceTest.read(schedules, train_loss)
    problem = _grown(rows, test, first, convergence, rtol, max_rank)
    assert problem.coordinates is not None
    named = dataclasses.replace(problem.coordinates, names=names)
    return Problem(dataclasses.replace(problem, coordinates=named, single_output=single))


@quiet
def _grown(
    rows: Rows,
    test: Rows | None,
    start: Floats,
    convergence: ConvergenceTest,
    rtol: float,
    max_rank: int,
) -> Reduced:
    """Grow a Krylov space until the losses change by at most ``rtol`` twice in a row.

    The change since the space was a fifth smaller, relative to each loss, estimates the error of
    that smaller space.
    """
    decays = convergence.has_weight_decay and bool(start.any())
    space = Bidiagonalization(rows, rows.residual(start), start if decays else None)
    if not space.exhausted() and space.next_rank > max_rank:
        raise ValueError(
            f"max_rank={max_rank} is below the {space.next_rank} directions of the start's "
            f"gradient{' and the start' if decays else ''}; give at least that"
        )
    known: MonitoredLosses | None = None
    estimate, problem, look, blocks = np.inf, None, 1.0, 0
    images = _TestImages(test, start)
    while not space.exhausted() and space.next_rank <= max_rank:
        space.grow()
        blocks += 1
        rank = space.rank
        if space.exhausted() or (rank < look and space.next_rank <= max_rank):
            continue
        look = rank * _GROWTH
        problem = _problem(space, rows, images, start, decays=decays)
        found = convergence.losses(Problem(problem))
        before, estimate = estimate, np.inf if known is None else found.change(known)
        known = found
        if max(before, estimate) <= rtol:  # a single small change could be a plateau
            break
    if problem is None or space.exhausted():
        problem, estimate = _problem(space, rows, images, start, decays=decays), 0.0
    if estimate > rtol:
        warnings.warn(
            f"a rank of {space.rank} leaves an estimated relative error of "
            f"{estimate:.1g}, above rtol={rtol:g}; raise max_rank (now {max_rank}) or rtol",
            UserWarning,
            stacklevel=4,
        )
    holds_start = decays or not start.any()
    reduction = Reduction(space.rank, estimate, 2 * blocks + 2, holds_start)
    return dataclasses.replace(problem, reduction=reduction)


class _TestImages:
    """Test rows times the directions of a growing space, each computed once."""

    def __init__(self, test: Rows | None, start: Floats) -> None:
        self._test = test
        self._known = np.empty((0 if test is None else test.shape[0], 0))
        self.at_start = None if test is None else test.residual(start)

    def of(self, directions: Floats) -> Floats:
        """Return the images of directions, which begin with those known."""
        known = self._known.shape[1]
        if self._test is not None and directions.shape[1] > known:
            more = self._test.forward(directions[:, known:])
            self._known = np.hstack([self._known, more])
        return self._known


def _problem(
    space: Bidiagonalization, rows: Rows, images: _TestImages, start: Floats, *, decays: bool
) -> Reduced:
    """Return the problem on the space: its train loss is ‖Bz + UᵀR‖²/n for β = β₀ + Vz."""
    kind = ArrayContext.of()
    xp, (n, _, m) = kind.xp, rows.shape
    right = space.right
    if space.reduced.size:
        scale = (len(space.reduced) / n) ** 0.5
        spectrum = decompose(xp, space.reduced * scale, space.residual * scale)
        vectors, gamma, floor = spectrum.basis.full, spectrum.curvature, spectrum.floor
        residual = spectrum.residual
    else:  # the gradient is zero, so training stays at the start
        gamma, residual = np.zeros(1), np.zeros((1, m))
        right = right if space.rank else np.zeros((rows.shape[1], 1))
        vectors = np.zeros((right.shape[1], 1))
        floor = np.asarray(float(np.sum(space.residual**2)) / n)
    if decays:
        still = _outside(vectors, right.T @ start)
        vectors = np.hstack([vectors, still])
        gamma = np.append(gamma, np.zeros(still.shape[1]))
        residual = np.concatenate([residual, np.zeros((still.shape[1], m))])
    basis = Basis(vectors, right.T)
    unit = space.residual_exponent - space.exponent
    units = Units(2 * space.exponent, 2 * space.residual_exponent, unit)
    test_form = None
    if images.at_start is not None:
        shrink = len(images.at_start) ** -0.5
        test_form = test_of_products(
            xp,
            shrink * (images.of(right) @ vectors),
            shrink * images.at_start,
            residual,
            unit,
        )
    return Reduced(
        kind=kind,
        gamma=gamma,
        floor=floor,
        start_residual=residual,
        log_weights=log_weights(xp, gamma, residual),
        test_form=test_form,
        coordinates=Coordinates.build(basis, start, residual, unit),
        single_output=False,  # from_operator sets this
        units=units,
    ).representable()


def _outside(vectors: Floats, start: Floats) -> Floats:
    """Return directions without curvature along which the start lies; only weight decay moves them.

    Both arguments, and the directions, are coordinates in the space.
    """
    rest = start - vectors @ (vectors.T @ start)
    rest = rest - vectors @ (vectors.T @ rest)
    left, sizes, _ = np.linalg.svd(rest, full_matrices=False)
    return np.asarray(left[:, sizes > _NOTHING * np.linalg.norm(start)])
