"""A problem from products with the data: as much of it as the asked schedules need."""

from __future__ import annotations

import dataclasses
import operator
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isoloss import _given
from isoloss._checks import Kind, has_only_products, quiet
from isoloss._columns import column_names, entries_in_order, in_order, targets_in_order
from isoloss.basis import Basis
from isoloss.coordinates import Coordinates
from isoloss.decomposition import decompose
from isoloss.large.bidiagonal import Bidiagonalization
from isoloss.large.chunks import ChunkedRows, is_chunked
from isoloss.large.rows import ArrayRows, Rows
from isoloss.offsets import test_of_products
from isoloss.phases import GradientFlow
from isoloss.problem import Problem
from isoloss.reading import log_weights
from isoloss.reduced import Reduction
from isoloss.schedule import Phase, Schedule
from isoloss.specs import Spec
from isoloss.training import train
from isoloss.units import Units

__all__ = ["Asked", "from_operator", "reduce_rows"]

Floats = npt.NDArray[np.float64]

_GROWTH = 1.25  # of the rank between two looks at what is asked
_SHARES = np.geomspace(1.0, 1e-6, 21)[1:]  # of the start's excess: the levels if none are asked
_SMALL = 1e-12  # of the start's loss: below that a difference is rounding


def from_operator(
    X: Any,
    y: Any,
    X_test: Any,
    y_test: Any,
    *,
    schedules: Any,
    train_loss: Any,
    start: Any,
    rtol: float,
    max_rank: int,
) -> Problem:
    """Build `Problem.from_operator`, which documents it."""
    rows: Rows
    test: Rows
    columns, outputs = column_names(X), column_names(y)
    X_test = in_order("X_test", X_test, "X", columns)
    y_test = targets_in_order("y_test", y_test, "y", outputs)
    if is_chunked(X, y, X_test, y_test):
        if any(has_only_products(each) for each in (X, X_test)):
            raise TypeError(
                "Dask arrays and SciPy's sparse matrices or operators do not go together; give X "
                "and X_test as Dask arrays, whose chunks may be sparse"
            )
        rows, test = ChunkedRows.read("X", X, y), ChunkedRows.read("X_test", X_test, y_test)
    else:
        rows, test = ArrayRows.read("X", X, y), ArrayRows.read("X_test", X_test, y_test)
    (_, d, m), (_, d_test, m_test) = rows.shape, test.shape
    if (d, m) != (d_test, m_test):
        raise ValueError(
            f"X_test and y_test need {d} columns and {m} output(s), as X and y have; got {d_test} "
            f"and {m_test}"
        )
    single = np.ndim(y) == 1
    first = np.zeros((d, m))
    if start is not None:
        start = entries_in_order("start", start, "X", columns)
        first = _given.floats("start", start)
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
        asked=Asked.read(schedules, train_loss),
        rtol=rtol,
        max_rank=max_rank,
    )
    assert problem.coordinates is not None
    named = dataclasses.replace(problem.coordinates, columns=columns, outputs=outputs)
    return dataclasses.replace(problem, coordinates=named)


@dataclass(frozen=True)
class Asked:
    """What must be settled: schedules, at train losses or by default at shares of the excess."""

    schedules: Sequence[Schedule | Phase | str]
    levels: Floats | None

    @classmethod
    def read(cls, schedules: Any, train_loss: Any) -> Asked:
        """Take one or several schedules or texts, and train losses."""
        one = isinstance(schedules, str | Schedule | Phase)
        several = [schedules] if one else list(schedules or ())
        for each in several:
            if isinstance(each, str):
                Spec.parse(each)
            elif not isinstance(each, Schedule | Phase):
                kind = type(each).__name__
                raise TypeError(f"schedules must be texts, Schedule objects or phases; got {kind}")
        if not several:
            raise ValueError("give at least one schedule")
        if train_loss is None:
            return cls(several, None)
        levels = np.atleast_1d(_given.floats("train_loss", train_loss))
        if levels.ndim != 1 or not levels.size or np.isnan(levels).any():
            raise ValueError(f"train_loss must be numbers along one axis; got {train_loss!r}")
        if (levels < 0).any():
            raise ValueError(
                f"train_loss must be at least 0, as all losses are; got {levels.min()}"
            )
        return cls(several, levels)

    def answers(self, problem: Problem) -> Answer:
        """Return what is asked of a problem: train losses and test losses, each beside its start's.

        Levels that are not reached by a flow without end need the whole space: a space may stand
        still for long before the train loss falls further.
        """
        start, floor = float(problem.start_train_loss), float(problem.min_train_loss)
        levels = floor + _SHARES * (start - floor) if self.levels is None else self.levels
        max_lr = float(problem.max_lr)
        trains, tests, reached, open_ended = [], [], [], False
        for schedule in self.schedules:
            at = Schedule(
                Spec.parse(schedule).at(max_lr if np.isfinite(max_lr) else 1.0)
                if isinstance(schedule, str)
                else schedule
            )
            run = train(problem, at, levels)
            trains.append(np.asarray(run.train_loss))
            tests.append(np.asarray(run.test_loss))
            reached.append(np.asarray(run.reached))
            endless = any(isinstance(p, GradientFlow) and np.isinf(p.time) for p in at.phases)
            open_ended = open_ended or (endless and not bool(np.all(run.reached)))
        if self.levels is None:
            trains.append(np.array([floor]))
        return Answer(
            np.concatenate(trains), np.concatenate(tests), np.concatenate(reached), open_ended,
            (start, float(problem.start_test_loss)),
        )  # fmt: skip


class Answer(NamedTuple):
    """Losses at the asked stops, whether these are reached, and the losses at the start."""

    train: Floats
    test: Floats
    reached: npt.NDArray[np.bool_]
    open_ended: bool
    start: tuple[float, float]

    def change(self, before: Answer) -> float:
        """Return the largest relative change of a loss, rounding aside; infinite if a stop is."""
        if self.open_ended or not np.array_equal(self.reached, before.reached):
            return float("inf")
        largest = 0.0
        for now, then, start in zip(self[:2], before[:2], self.start, strict=True):
            scale = np.maximum(np.abs(now), _SMALL * start if start > 0 else 1.0)
            change = np.abs(now - then) / scale
            largest = max(largest, float(np.max(np.where(np.isfinite(change), change, np.inf))))
        return largest


@quiet
def reduce_rows(
    rows: Rows,
    test: Rows,
    start: Floats,
    *,
    single: bool,
    asked: Asked,
    rtol: float,
    max_rank: int,
) -> Problem:
    """Grow a Krylov space until what is asked changes by less than ``rtol``, twice in a row.

    The estimate is the change since the space was a fifth smaller, relative to each loss: an
    estimate of the smaller space's error.
    """
    space = Bidiagonalization(rows, rows.residual(start))
    known: Answer | None = None
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
        found = asked.answers(problem)
        before, estimate = estimate, np.inf if known is None else found.change(known)
        known = found
        if max(before, estimate) <= rtol:  # twice in a row
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
    space: Bidiagonalization, rows: Rows, test: Rows, start: Floats, *, single: bool
) -> Problem:
    """Return the problem on the space: its train loss is ‖Bz + UᵀR‖²/n for β = β₀ + Vz."""
    kind = Kind.of()
    xp, (n, _, m) = kind.xp, rows.shape
    rank = space.right.shape[1]
    if rank:
        scale = (len(space.reduced) / n) ** 0.5
        spectrum = decompose(xp, space.reduced * scale, space.residual * scale)
        vectors, right = spectrum.basis.full, space.right
        gamma, residual, floor = spectrum.curvature, spectrum.residual, spectrum.floor
    else:  # no gradient: nothing moves
        gamma, residual = np.zeros(1), np.zeros((1, m))
        vectors, right = np.zeros((1, 1)), np.zeros((rows.shape[1], 1))
        floor = np.asarray(float(np.sum(space.residual**2)) / n)
    basis = Basis(vectors, np.ascontiguousarray(right.T))
    unit = space.residual_exponent - space.exponent
    units = Units(2 * space.exponent, 2 * space.residual_exponent, unit)
    shrink = test.shape[0] ** -0.5
    return Problem._checked(
        kind=kind,
        gamma=gamma,
        floor=floor,
        start_residual=residual,
        log_weights=log_weights(xp, gamma, residual),
        test=test_of_products(
            xp,
            shrink * (test.forward(right) @ vectors),
            shrink * test.residual(start),
            residual,
            unit,
        ),
        coordinates=Coordinates.build(basis, start, residual, unit),
        single_output=single,
        units=units,
    )
