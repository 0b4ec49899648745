"""The level set of a train loss: its lowest and highest test loss, and where they are attained."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from isoloss._checks import quiet
from isoloss._given import to_numpy
from isoloss._threads import blas_by_size
from isoloss.problem import Problem
from isoloss.secular import extremes
from isoloss.testloss import DiagonalTest, QuadraticTest

__all__ = ["Band", "level_band", "level_excess"]

Array = Any


@dataclass(frozen=True, eq=False, repr=False)
class Band:
    """The range of test losses at given train losses, over all parameters.

    Attributes
    ----------
    problem : Problem
        The problem.
    train_loss : array
        The levels.
    lowest, highest : array, shape batch × levels
        The lowest and the highest test loss; ``highest`` is infinite where a direction of zero
        train curvature has test curvature.

    Examples
    --------
    >>> import isoloss as il
    >>> problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
    >>> il.level_band(problem, 0.1)
    Band(train_loss=0.1, lowest=0.075, highest=0.15)
    """

    problem: Problem
    train_loss: Array
    lowest: Array
    highest: Array
    low_point: Array
    """Residual of lowest test loss in the eigenbasis, shape (*batch, *levels, r, m)."""
    high_point: Array
    """The same of highest test loss."""
    still_move: Array | None
    """Movement in the user's directions of no curvature that belongs to ``low_point``."""

    def lowest_residual(self) -> Array:
        """Return a residual of lowest test loss: batch × levels × r (× outputs)."""
        return self._residual(self.low_point)

    def highest_residual(self) -> Array:
        """Return a residual of highest test loss: batch × levels × r (× outputs).

        Raises
        ------
        ValueError
            If the highest test loss is unbounded.
        """
        if np.isinf(to_numpy(self.highest)).any():
            raise ValueError(
                "the highest test loss is unbounded (a direction of zero train curvature has test "
                "curvature): no parameters attain it"
            )
        return self._residual(self.high_point)

    @quiet
    def lowest_coef(self) -> Array:
        """Return parameters of lowest test loss in the user's coordinates, as `Run.coef`.

        Raises
        ------
        ValueError
            If the problem has no coordinates, being given by its spectra.
        """
        moved = self.problem.parameters(self.lowest_residual(), self.still_move)
        return moved[0]

    @quiet
    def highest_coef(self) -> Array:
        """Return parameters of highest test loss in the user's coordinates, as `Run.coef`.

        Raises
        ------
        ValueError
            If the problem has no coordinates, or the highest test loss is unbounded.
        """
        return self.problem.parameters(self.highest_residual())[0]

    def _residual(self, point: Array) -> Array:
        point = self.problem.kind.result(point)
        return point[..., 0] if self.problem.single_output else point

    def __repr__(self) -> str:
        if self.lowest.ndim:
            return f"Band(shape {tuple(self.lowest.shape)})"
        values = (
            ("train_loss", self.train_loss),
            ("lowest", self.lowest),
            ("highest", self.highest),
        )
        return f"Band({', '.join(f'{name}={float(value):.6g}' for name, value in values)})"


@blas_by_size
@quiet
def level_band(problem: Problem, train_loss: Any) -> Band:
    """Find the lowest and highest test loss over all parameters with a given train loss.

    In the commuting case these are eq. (3) and (4) of the paper, ε·min λ/γ and ε·max λ/γ. Otherwise
    they are the extremes of a quadratic form on an ellipsoid: generalized eigenvalues where train
    and test loss share their minimiser, else a secular equation (hard case included).

    Parameters
    ----------
    problem : Problem
        The problem, or a batch of them.
    train_loss : array_like
        The level or levels.

    Returns
    -------
    Band
        With arrays of shape batch × levels. For a kernel problem "all parameters" are all dual
        coefficients.

    Raises
    ------
    ValueError
        If a level is not finite, or below the smallest train loss (the level set is empty), or the
        train loss is constant and the level differs from it.

    Examples
    --------
    >>> import isoloss as il
    >>> problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
    >>> band = il.level_band(problem, [1.0, 0.1])
    >>> print(band.lowest, band.highest)
    [0.75  0.075] [1.5  0.15]
    """
    if not isinstance(problem, Problem):
        raise TypeError(f"problem must be a Problem; got {type(problem).__name__}")
    kind, xp = problem.kind, problem.kind.xp
    levels, excess = level_excess(problem, train_loss)
    batch, r = tuple(problem.gamma.shape[:-1]), problem.gamma.shape[-1]
    curvature = xp.reshape(problem.gamma, (-1, r))
    if isinstance(problem.test, DiagonalTest):
        results = _commuting(problem, problem.test, curvature, excess)
        still_move = None
    else:
        results, still_move = _general(problem, problem.test, curvature, excess)
    shape = batch + tuple(levels.shape)
    low, high, low_point, high_point = results
    m = problem.start_residual.shape[-1]
    return Band(
        problem=problem,
        train_loss=kind.result(levels),
        lowest=kind.result(xp.reshape(low, shape)),
        highest=kind.result(xp.reshape(high, shape)),
        low_point=xp.reshape(low_point, (*shape, r, m)),
        high_point=xp.reshape(high_point, (*shape, r, m)),
        still_move=None
        if still_move is None
        else xp.reshape(still_move, (*shape, *still_move.shape[-2:])),
    )


def level_excess(problem: Problem, train_loss: Any) -> tuple[Array, Array]:
    """Return levels and, (B, L), what they leave above the smallest train loss.

    Raises ``ValueError`` as `level_band`.
    """
    kind, xp = problem.kind, problem.kind.xp
    levels = kind.array("train_loss", train_loss)
    excess = xp.reshape(levels, (1, -1)) - xp.reshape(problem.floor, (-1, 1))
    if bool(xp.any(excess < 0)):
        raise ValueError(
            f"the smallest train loss is {float(xp.max(problem.floor)):.6g}: no "
            f"parameters have train loss {float(xp.min(levels)):.6g}"
        )
    flat = bool(xp.any(~xp.any(problem.gamma > 0, axis=-1)))
    if flat and bool(xp.any(excess > 0)):
        raise ValueError(
            "the train loss is constant (no train curvature): no parameters have another one; "
            f"got train_loss {float(xp.max(levels)):.6g}"
        )
    return levels, excess


def _commuting(
    problem: Problem, test: DiagonalTest, curvature: Array, excess: Array
) -> tuple[Array, ...]:
    xp, r = problem.kind.xp, curvature.shape[-1]
    test_curvature = xp.reshape(test.curvature, (-1, r))
    moves = curvature > 0
    ratio = test_curvature / xp.where(moves, curvature, xp.ones_like(curvature))
    infinite = xp.inf + xp.zeros_like(ratio)
    unbounded = xp.any(~moves & (test_curvature > 0), axis=-1)[:, None]
    noise = xp.reshape(test.noise, (-1, 1))
    ends = []
    for sign in (1.0, -1.0):
        index = xp.argmin(xp.where(moves, sign * ratio, infinite), axis=-1)
        chosen = xp.arange(r, device=problem.kind.device)[None, :] == index[:, None]
        best = xp.sum(xp.where(chosen, ratio, xp.zeros_like(ratio)), axis=-1)[:, None]
        best = xp.where(xp.any(moves, axis=-1)[:, None], best, xp.zeros_like(best))
        chosen = (chosen & moves)[:, None, :]
        safe = xp.where(moves, curvature, xp.ones_like(curvature))[:, None, :]
        length = xp.sqrt(excess)[..., None] / xp.sqrt(safe)
        point = xp.where(chosen, length, xp.zeros_like(length))
        ends.append((best * excess + noise, point[..., None]))
    (low, low_point), (high, high_point) = ends
    return low, xp.where(unbounded, xp.inf + high, high), low_point, high_point


def _general(
    problem: Problem, test: QuadraticTest, curvature: Array, excess: Array
) -> tuple[tuple[Array, ...], Array | None]:
    xp = problem.kind.xp
    q, r = test.factor.shape[-2:]
    m = problem.start_residual.shape[-1]
    factors = xp.reshape(test.factor, (-1, q, r))
    offsets = xp.reshape(test.at_minimum, (-1, q, m))
    noises = xp.reshape(test.noise, (-1,))
    columns: list[list[Array]] = [[], [], [], []]
    still_move = None
    for i in range(curvature.shape[0]):
        moving = int(xp.sum(xp.astype(curvature[i, :] > 0, xp.int64)))  # descending: the first ones
        factor, offset = factors[i, :, :moving], offsets[i, ...]
        still = factors[i, :, moving:]
        if test.still_inputs is not None:
            inputs, basis = test.still_inputs
            still = inputs - factors[i, ...] @ basis.full.T
        left, singular, right = _range(xp, still, _scale(xp, test))
        projected = factor - left @ (left.T @ factor)
        beyond = offset - left @ (left.T @ offset)
        low, high = extremes(xp, projected / xp.sqrt(curvature[i, :moving]), beyond, excess[i, :])
        scaled = [end.point / xp.sqrt(curvature[i, :moving])[:, None] for end in (low, high)]
        test_residual = factor @ scaled[0] + offset
        move = -(right.T @ ((left.T @ test_residual) / singular[:, None]))
        pads = xp.zeros(
            (excess.shape[1], r - moving, m), dtype=xp.float64, device=problem.kind.device
        )
        if test.still_inputs is not None:
            still_move = move
            low_point = scaled[0]
        else:
            low_point = xp.concat([scaled[0], move], axis=1)
            scaled[1] = xp.concat([scaled[1], pads], axis=1)
        unbounded = singular.shape[0] > 0
        columns[0].append(low.loss + noises[i])
        columns[1].append(xp.inf + 0.0 * high.loss if unbounded else high.loss + noises[i])
        columns[2].append(low_point)
        columns[3].append(scaled[1])
    low_loss, high_loss, low_points, high_points = (xp.stack(column) for column in columns)
    return (low_loss, high_loss, low_points, high_points), still_move


def _range(xp: Any, still: Array, scale: float) -> tuple[Array, Array, Array]:
    """Return the thin SVD of the test inputs' part in directions without train curvature."""
    if 0 in still.shape:
        empty = still[:, :0]
        return empty, xp.sum(empty, axis=0), still[:0, :]
    left, singular, right = xp.linalg.svd(still, full_matrices=False)
    noise = 16 * max(still.shape) * float(xp.finfo(still.dtype).eps) * scale
    rank = int(xp.sum(xp.astype(singular > noise, xp.int64)))
    return left[:, :rank], singular[:rank], right[:rank, :]


def _scale(xp: Any, test: QuadraticTest) -> float:
    arrays = [test.factor] + ([] if test.still_inputs is None else [test.still_inputs[0]])
    return math.sqrt(sum(float(xp.sum(array**2)) for array in arrays))
