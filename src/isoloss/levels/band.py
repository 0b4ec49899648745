"""The level set of a train loss: its lowest and highest test loss, and where they are attained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from isoloss._arrays.context import quiet
from isoloss._arrays.conversion import to_numpy
from isoloss._parallel.threads import blas_by_size
from isoloss.levels.grid import excess_of
from isoloss.levels.sphere import Extreme, extremes
from isoloss.problems.parameters import parameters_of, user_residual
from isoloss.problems.problem import Problem
from isoloss.problems.quadratic_forms import DiagonalTest, QuadraticTest
from isoloss.problems.reduced import RESCALE_TARGETS, Reduced
from isoloss.problems.units import Scaled, exponents, returned, scaled, shifted

__all__ = ["ENDS", "Band", "level_band", "user_losses"]

Array = Any

ENDS = ("lowest", "highest")


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
    """Residual of lowest test loss in the eigenbasis, shape (*batch, *levels, r, m).

    It is in the problem's own unit, as all that follow.
    """
    high_point: Array
    """The same of highest test loss."""
    null_move: Array | None
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
        self._check_bounded()
        return self._residual(self.high_point)

    @quiet
    def lowest_coef(self) -> Array:
        """Return parameters of lowest test loss in the user's coordinates, as `Run.coef`.

        Raises
        ------
        ValueError
            If the problem has no coordinates, being given by its spectra.
        """
        return parameters_of(self.problem._reduced, self.low_point, self.null_move)[0]

    @quiet
    def highest_coef(self) -> Array:
        """Return parameters of highest test loss in the user's coordinates, as `Run.coef`.

        Raises
        ------
        ValueError
            If the problem has no coordinates, or the highest test loss is unbounded.
        """
        self._check_bounded()
        return parameters_of(self.problem._reduced, self.high_point)[0]

    def _check_bounded(self) -> None:
        if np.isinf(to_numpy(self.highest)).any():
            raise ValueError(
                "the highest test loss is unbounded (a direction of zero train curvature has test "
                "curvature): no parameters attain it"
            )

    def _residual(self, point: Array) -> Array:
        reduced = self.problem._reduced
        point = user_residual(reduced, point)
        return point[..., 0] if reduced.single_output else point

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
    reduced = problem._reduced
    kind, xp = reduced.kind, reduced.kind.xp
    levels, excess = excess_of(reduced, train_loss)
    batch, r = tuple(reduced.gamma.shape[:-1]), reduced.gamma.shape[-1]
    curvature = xp.reshape(reduced.gamma, (-1, r))
    null_move = None
    if isinstance(reduced.test, DiagonalTest):
        ends = _commuting(reduced, reduced.test, curvature, excess)
    else:
        *ends, null_move = _general(reduced, reduced.test, curvature, excess)
    shape = batch + tuple(levels.shape)
    m = reduced.start_residual.shape[-1]
    low, high = (
        user_losses(reduced, which, end.loss, shape) for which, end in zip(ENDS, ends, strict=True)
    )
    return Band(
        problem=problem,
        train_loss=kind.result(levels),
        lowest=low,
        highest=high,
        low_point=xp.reshape(ends[0].point, (*shape, r, m)),
        high_point=xp.reshape(ends[1].point, (*shape, r, m)),
        null_move=None
        if null_move is None
        else xp.reshape(null_move, (*shape, *null_move.shape[-2:])),
    )


def user_losses(problem: Reduced, name: str, own: Scaled, shape: tuple[int, ...]) -> Array:
    """Return test losses above the noise (B, L) as the user's, of a shape.

    Raises ``ValueError`` where float64 cannot represent them.
    """
    xp = problem.kind.xp
    noise = xp.reshape(problem.test.noise, (-1, 1)) + xp.zeros_like(own.value)
    own, noise = Scaled(*(xp.reshape(part, shape) for part in own)), xp.reshape(noise, shape)
    what = f"the {name} test loss at a train loss"
    return returned(problem.kind, what, own, problem.test.exponent, RESCALE_TARGETS, noise)


def _commuting(
    problem: Reduced, test: DiagonalTest, curvature: Array, excess: Scaled
) -> list[Extreme]:
    xp, r = problem.kind.xp, curvature.shape[-1]
    test_curvature = xp.reshape(test.curvature, (-1, r))
    moves = curvature > 0
    safe = xp.where(moves, curvature, xp.ones_like(curvature))
    ratio = xp.sqrt(test_curvature) / xp.sqrt(safe)  # the ratio itself may lie beyond float64
    infinite = xp.inf + xp.zeros_like(ratio)
    unbounded = xp.any(~moves & (test_curvature > 0), axis=-1)[:, None]
    half = 0.5 * excess.bits[..., None]
    ends = []
    for sign in (1.0, -1.0):
        index = xp.argmin(xp.where(moves, sign * ratio, infinite), axis=-1)
        chosen = xp.arange(r, device=problem.kind.device)[None, :] == index[:, None]
        chosen = chosen & moves
        there, here = (
            xp.sum(xp.where(chosen, part, xp.zeros_like(part)), axis=-1)
            for part in (test_curvature, safe)
        )
        wide, deep = exponents(xp, there), exponents(xp, here)
        best = shifted(xp, there, -wide) / xp.where(
            here > 0, shifted(xp, here, -deep), 1.0 + 0.0 * here
        )
        loss = Scaled(best[:, None] * excess.value, (wide - deep)[:, None] + excess.bits)
        length = xp.sqrt(excess.value)[..., None] / xp.sqrt(safe)[:, None, :]
        point = xp.where(chosen[:, None, :], shifted(xp, length, half), xp.zeros_like(length))
        ends.append(Extreme(loss, point[..., None]))
    low, high = ends
    value = xp.where(unbounded, xp.inf + high.loss.value, high.loss.value)
    return [low, Extreme(high.loss._replace(value=value), high.point)]


def _general(
    problem: Reduced, test: QuadraticTest, curvature: Array, excess: Scaled
) -> tuple[Extreme, Extreme, Array | None]:
    kind, xp = problem.kind, problem.kind.xp
    q, r = test.factor.shape[-2:]
    m = problem.start_residual.shape[-1]
    factors = xp.reshape(test.factor, (-1, q, r))
    offsets = xp.reshape(test.minimum.residual, (-1, q, m))
    found: list[tuple[Extreme, Extreme]] = []
    moves = []
    for i in range(curvature.shape[0]):
        rank = int(xp.sum(xp.astype(curvature[i, :] > 0, xp.int64)))  # descending: the first ones
        factor, offset = factors[i, :, :rank], offsets[i, ...]
        beyond_train = factors[i, :, rank:]
        size = xp.sum(factors[i, ...] ** 2)
        if test.null_inputs is not None:
            inputs, basis = test.null_inputs
            beyond_train = inputs - factors[i, ...] @ basis.full.T
            size = size + xp.sum(inputs**2)
        left, singular, right = _range(xp, beyond_train, float(size) ** 0.5)
        projected = factor - left @ (left.T @ factor)
        beyond = offset - left @ (left.T @ offset)
        root = xp.sqrt(curvature[i, :rank])
        squares = Scaled(*(part[i, :] for part in excess))
        low, high = extremes(
            kind, projected / root, test.minimum._replace(residual=beyond), squares
        )
        points = [end.point / root[:, None] for end in (low, high)]
        test_residual = factor @ points[0] + scaled(offset, test.minimum.exponent)
        move = -(right.T @ ((left.T @ test_residual) / singular[:, None]))
        if test.null_inputs is None:
            points[0] = xp.concat([points[0], move], axis=1)
            points[1] = xp.concat([points[1], xp.zeros_like(move)], axis=1)
        highest = high.loss.value + (xp.inf if singular.shape[0] else 0.0)
        found.append(
            (Extreme(low.loss, points[0]), Extreme(high.loss._replace(value=highest), points[1]))
        )
        moves.append(move)
    low, high = (
        Extreme(
            Scaled(*(xp.stack([end.loss[k] for end in ends]) for k in (0, 1))),
            xp.stack([end.point for end in ends]),
        )
        for ends in zip(*found, strict=True)
    )
    return low, high, None if test.null_inputs is None else xp.stack(moves)


def _range(xp: Any, inputs: Array, scale: float) -> tuple[Array, Array, Array]:
    """Return the thin SVD of the test inputs' part in directions without train curvature."""
    if 0 in inputs.shape:
        empty = inputs[:, :0]
        return empty, xp.sum(empty, axis=0), inputs[:0, :]
    left, singular, right = xp.linalg.svd(inputs, full_matrices=False)
    noise = 16 * max(inputs.shape) * float(xp.finfo(inputs.dtype).eps) * scale
    rank = int(xp.sum(xp.astype(singular > noise, xp.int64)))
    return left[:, :rank], singular[:rank], right[:rank, :]
