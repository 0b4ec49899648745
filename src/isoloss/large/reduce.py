"""A problem from products with the data: as much of it as the asked schedules need."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss._checks import Kind, quiet
from isoloss.basis import Basis
from isoloss.coordinates import Coordinates
from isoloss.large.lanczos import Lanczos
from isoloss.large.rows import Rows
from isoloss.problem import Problem
from isoloss.reading import log_weights
from isoloss.reduced import Reduction
from isoloss.schedule import Phase, Schedule
from isoloss.specs import Spec
from isoloss.testloss import QuadraticTest
from isoloss.training import train

__all__ = ["reduce_rows"]

Floats = npt.NDArray[np.float64]

_GROWTH = 1.25  # of the rank between two looks at what is asked
_SHARES = np.geomspace(1.0, 1e-6, 21)[1:]  # of the start's excess: the levels if none are asked
_EPS = float(np.finfo(float).eps)
_SMALL = 1e-12  # of the start's loss: below that a difference is rounding


@dataclass(frozen=True)
class Asked:
    """What must be settled: schedules, at train losses or by default at shares of the excess."""

    schedules: Sequence[Schedule | Phase | str]
    levels: Floats | None

    def answers(self, problem: Problem) -> Floats:
        """Return train and test losses, shape (2, schedules × (levels + 1))."""
        start, floor = float(problem.start_train_loss), float(problem.min_train_loss)
        levels = floor + _SHARES * (start - floor) if self.levels is None else self.levels
        found = []
        max_lr = float(problem.max_lr)
        for schedule in self.schedules:
            at = (
                Spec.parse(schedule).at(max_lr if np.isfinite(max_lr) else 1.0)
                if isinstance(schedule, str)
                else schedule
            )
            for run in (train(problem, at, levels), train(problem, at)):
                found += [[np.atleast_1d(run.train_loss), np.atleast_1d(run.test_loss)]]
        return np.concatenate([np.stack(pair) for pair in found], axis=1)


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
    """Grow a Krylov space until what is asked changes by less than ``rtol``.

    The estimate is the change since the space was a fifth smaller, relative to each loss: an
    estimate of the smaller space's error.
    """
    n = rows.shape[0]
    gradient, loss = rows.residual(start)
    lanczos, passes = Lanczos(rows, gradient, max_rank), 1
    known: Floats | None = None
    estimate, problem, look = np.inf, None, 1.0
    while not (lanczos.exhausted or lanczos.full):
        lanczos.grow()
        passes += 1
        rank = lanczos.basis.shape[1]
        if rank < look and not (lanczos.exhausted or lanczos.full):
            continue
        look = rank * _GROWTH
        problem = _problem(lanczos, loss, test, start, single, n)
        found = asked.answers(problem)
        if known is not None:
            scale = np.maximum(np.abs(found), _SMALL * np.max(np.abs(found[:, :1]), initial=0.0))
            change = np.abs(found - known) / np.where(scale > 0, scale, 1.0)
            estimate = float(np.max(np.where(np.isfinite(change), change, np.inf)))
        known = found
        if estimate <= rtol:
            break
    if lanczos.exhausted:
        estimate = 0.0
        problem = _problem(lanczos, loss, test, start, single, n)
    if problem is None:
        raise ValueError(
            f"max_rank={max_rank} is less than the {gradient.shape[1]} outputs: give at least that"
        )
    if estimate > rtol:
        warnings.warn(
            f"a rank of {lanczos.basis.shape[1]} leaves an estimated relative error of "
            f"{estimate:.1g}, above rtol={rtol:g}; raise max_rank (now {max_rank}) or rtol",
            UserWarning,
            stacklevel=4,
        )
    floor, passes = _floor(problem, rows), passes + 1
    reduction = Reduction(int(problem.gamma.shape[0]), estimate, passes)
    return dataclasses.replace(problem, floor=floor, reduction=reduction)


def _problem(
    lanczos: Lanczos, loss: float, test: Rows, start: Floats, single: bool, n: int
) -> Problem:
    """Return the problem on the space: L(z) = L(0) + 2⟨VᵀG, z⟩ + zᵀ(VᵀCV)z."""
    xp = Kind.of().xp
    curvature, vectors = np.linalg.eigh(lanczos.form)
    curvature, vectors = curvature[::-1], vectors[:, ::-1]
    kept = curvature > len(curvature) * _EPS * max(float(curvature[0]), 0.0)
    if not kept.any():
        kept[0], curvature = True, np.zeros_like(curvature)
    gamma, vectors = np.where(kept, curvature, 0.0)[kept], vectors[:, kept]
    along = vectors.T @ lanczos.gradient
    residual = along / np.where(gamma > 0, gamma, 1.0)[:, None] * (gamma > 0)[:, None]
    floor = max(loss - float(np.sum(gamma[:, None] * residual**2)), 0.0)
    basis = Basis(vectors, np.ascontiguousarray(lanczos.basis.T))
    factor, at_start = test.judged(start, lanczos.basis @ vectors)
    return Problem._checked(
        kind=Kind.of(),
        gamma=gamma,
        floor=np.asarray(floor),
        start_residual=residual,
        log_weights=log_weights(xp, gamma, residual),
        test=QuadraticTest.build(
            xp,
            factor=factor,
            residual=residual,
            at_start=at_start,
            at_minimum=at_start - factor @ residual,
            noise=np.asarray(0.0),
        ),
        coordinates=Coordinates(basis, start, start - basis.combine(residual)),
        single_output=single,
    )


def _floor(problem: Problem, rows: Rows) -> Floats:
    """Return the smallest train loss from the data itself: a difference would lose its digits."""
    coordinates = problem.coordinates
    assert coordinates is not None
    return np.asarray(rows.residual(coordinates.limit)[1])
