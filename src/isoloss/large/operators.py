"""A problem from products with the data, as large as the given schedules need."""

from __future__ import annotations

import dataclasses
import operator
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isoloss._arrays import conversion
from isoloss._arrays.columns import column_names, entries_in_order, in_order, targets_in_order
from isoloss._arrays.context import ArrayContext, has_only_products, quiet
from isoloss.dynamics.training import train
from isoloss.large.bidiagonal import Bidiagonalization
from isoloss.levels.grid import Levels
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
from isoloss.schedules.phases import GradientFlow
from isoloss.schedules.resolving import read, read_all
from isoloss.schedules.schedule import Schedule
from isoloss.schedules.text import Spec

__all__ = ["ConvergenceTest", "from_operator", "reduce_rows"]

Floats = npt.NDArray[np.float64]

_GROWTH = 1.25  # of the rank between two convergence tests
_LEVELS = 20  # by default
_SMALL = 1e-12  # of the start's loss; smaller differences are rounding


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
    """Build a least-squares problem from matrix products with the data alone.

    Training never leaves a Krylov space of the data. Block Golub-Kahan bidiagonalization from the
    start's residual, fully reorthogonalized, grows that space until the losses of the given
    schedules converge. The result is an ordinary problem on that space; `reachable_band` and
    designs refer to the space, too.

    Parameters
    ----------
    X : array_like, sparse matrix, LinearOperator or Dask array, shape (n, d)
        Train inputs: anything that SciPy can multiply by, as can its transpose; or chunked rows,
        possibly sparse, which each product reads one after another.
    y : array_like, shape (n,) or (n, m)
        Train targets.
    X_test, y_test : as X and y, optional
        Test data. Without it, only the train losses must converge.
    schedules : str, Schedule, phase or list of these, optional
        Schedules whose losses must converge. Rates in texts are in units of the largest stable one.
    train_loss : array_like, optional
        The train losses at which the losses must converge (at its end, where a schedule does not
        reach them). By default: 20, evenly spaced in the log of the excess down to a millionth
        of the start's, and the smallest one. A few high levels need few products.
    start : array_like, shape (d,) or (d, m), optional
        Parameters at the start; zeros if left out.
    rtol : float, default: 1e-6
        The largest estimated relative error of these losses. The estimate is their change since
        the space was a fifth smaller; it must be at most ``rtol`` twice in a row.
    max_rank : int, default: 500
        The largest dimension of the space, whose vectors take (n + d)·max_rank numbers.

    Returns
    -------
    Problem
        Its ``reduction`` holds the rank, the estimate and the number of passes over the data.

    Raises
    ------
    TypeError
        If a schedule is of another type.
    ValueError
        If shapes disagree, or an entry or a product is not finite.

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
    rows: Rows
    test: Rows | None = None
    names = columns, outputs = column_names(X), column_names(y)
    tested = both_or_neither(X_test=X_test, y_test=y_test)
    if tested:
        X_test = in_order("X_test", X_test, "X", columns)
        y_test = targets_in_order("y_test", y_test, "y", outputs)
    if is_chunked(X, y, X_test, y_test):
        if any(has_only_products(each) for each in (X, X_test)):
            raise TypeError(
                "Dask arrays and SciPy's sparse matrices or operators do not go together; give X "
                "and X_test as Dask arrays, whose chunks may be sparse"
            )
        rows = ChunkedRows.read("X", X, y)
        test = ChunkedRows.read("X_test", X_test, y_test) if tested else None
    else:
        rows = ArrayRows.read("X", X, y)
        test = ArrayRows.read("X_test", X_test, y_test) if tested else None
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
    problem = reduce_rows(
        rows,
        test,
        first,
        single=single,
        convergence=ConvergenceTest.read(schedules, train_loss),
        rtol=rtol,
        max_rank=max_rank,
    )
    assert problem.coordinates is not None
    named = dataclasses.replace(problem.coordinates, names=names)
    return Problem(dataclasses.replace(problem, coordinates=named))


@dataclass(frozen=True)
class ConvergenceTest:
    """The schedules and levels whose losses must converge as the space grows."""

    schedules: Sequence[Spec | Schedule]
    levels: Levels

    @classmethod
    def read(cls, schedules: Any, train_loss: Any) -> ConvergenceTest:
        """Read one or several schedules or texts, and train losses."""
        several = list(read_all(schedules, read).values())
        if train_loss is None:
            return cls(several, Levels.read(_LEVELS, lowest=1e-6))
        whole = (
            conversion.count("train_loss", train_loss) is not None
        )  # one loss, not a number of levels
        return cls(several, Levels.read([train_loss] if whole else train_loss, name="train_loss"))

    def losses(self, problem: Problem) -> MonitoredLosses:
        """Return the train and test losses of the schedules at the levels.

        A level that an endless flow does not reach needs the whole space, because the train loss
        may stagnate while the space grows and then fall further.
        """
        start, floor = float(problem.start_train_loss), float(problem.min_train_loss)
        runs = train(problem, self.schedules, self.levels.at(problem))
        trains = [*np.asarray(runs.train_loss)]
        tested = problem._reduced.test_form is not None
        open_ended = any(
            bool(np.any(~np.asarray(run.reached)))
            and any(isinstance(p, GradientFlow) and np.isinf(p.time) for p in run.schedule.phases)
            for run in runs
        )
        if self.levels.counted:
            trains.append(np.array([floor]))
        return MonitoredLosses(
            np.concatenate(trains),
            np.ravel(runs.test_loss) if tested else np.zeros(0),
            np.ravel(runs.reached),
            open_ended,
            (start, float(problem.start_test_loss) if tested else 0.0),
        )


class MonitoredLosses(NamedTuple):
    """Losses at the stops, whether the levels are reached, and the losses at the start.

    ``test`` is empty without test data.
    """

    train: Floats
    test: Floats
    reached: npt.NDArray[np.bool_]
    open_ended: bool
    start: tuple[float, float]

    def change(self, before: MonitoredLosses) -> float:
        """Return the largest relative change of a loss; infinite if other levels are reached."""
        if self.open_ended or not np.array_equal(self.reached, before.reached):
            return float("inf")
        largest = 0.0
        for now, then, start in zip(self[:2], before[:2], self.start, strict=True):
            scale = np.maximum(np.abs(now), _SMALL * start if start > 0 else 1.0)
            change = np.abs(now - then) / scale
            change = np.where(np.isfinite(change), change, np.inf)
            largest = max(largest, float(np.max(change, initial=0.0)))
        return largest


@quiet
def reduce_rows(
    rows: Rows,
    test: Rows | None,
    start: Floats,
    *,
    single: bool,
    convergence: ConvergenceTest,
    rtol: float,
    max_rank: int,
) -> Reduced:
    """Grow a Krylov space until the losses change by at most ``rtol`` twice in a row.

    The change since the space was a fifth smaller, relative to each loss, estimates the error of
    that smaller space.
    """
    space = Bidiagonalization(rows, rows.residual(start))
    known: MonitoredLosses | None = None
    estimate, problem, look, blocks = np.inf, None, 1.0, 0
    while not space.exhausted() and space.next_rank <= max_rank:
        space.grow()
        blocks += 1
        rank = space.right.shape[1]
        over = space.exhausted() or space.next_rank > max_rank
        if rank < look and not over:
            continue
        look = rank * _GROWTH
        problem = _problem(space, rows, test, start, single=single)
        if space.exhausted():
            estimate = 0.0
            break
        found = convergence.losses(Problem(problem))
        before, estimate = estimate, np.inf if known is None else found.change(known)
        known = found
        if max(before, estimate) <= rtol:  # once could be a plateau
            break
    if problem is None:
        if not space.exhausted():
            raise ValueError(
                f"max_rank={max_rank} is below the {space.next_rank} directions of the start's "
                "gradient; give at least that"
            )
        problem, estimate = _problem(space, rows, test, start, single=single), 0.0
    if estimate > rtol:
        warnings.warn(
            f"a rank of {space.right.shape[1]} leaves an estimated relative error of "
            f"{estimate:.1g}, above rtol={rtol:g}; raise max_rank (now {max_rank}) or rtol",
            UserWarning,
            stacklevel=4,
        )
    reduction = Reduction(space.right.shape[1], estimate, 2 * blocks + 2)
    return dataclasses.replace(problem, reduction=reduction)


def _problem(
    space: Bidiagonalization, rows: Rows, test: Rows | None, start: Floats, *, single: bool
) -> Reduced:
    """Return the problem on the space: its train loss is ‖Bz + UᵀR‖²/n for β = β₀ + Vz."""
    kind = ArrayContext.of()
    xp, (n, _, m) = kind.xp, rows.shape
    rank = space.right.shape[1]
    if rank:
        scale = (len(space.reduced) / n) ** 0.5
        spectrum = decompose(xp, space.reduced * scale, space.residual * scale)
        vectors, right = spectrum.basis.full, space.right
        gamma, residual, floor = spectrum.curvature, spectrum.residual, spectrum.floor
    else:  # the gradient is zero, so training stays at the start
        gamma, residual = np.zeros(1), np.zeros((1, m))
        vectors, right = np.zeros((1, 1)), np.zeros((rows.shape[1], 1))
        floor = np.asarray(float(np.sum(space.residual**2)) / n)
    basis = Basis(vectors, np.ascontiguousarray(right.T))
    unit = space.residual_exponent - space.exponent
    units = Units(2 * space.exponent, 2 * space.residual_exponent, unit)
    test_form = None
    if test is not None:
        shrink = test.shape[0] ** -0.5
        test_form = test_of_products(
            xp,
            shrink * (test.forward(right) @ vectors),
            shrink * test.residual(start),
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
        single_output=single,
        units=units,
    ).representable()
