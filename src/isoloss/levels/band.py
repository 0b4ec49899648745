"""The lowest and highest test loss on the level set of a train loss, and where they occur."""

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
from isoloss.problems.problem import Problem, reduced_of
from isoloss.problems.quadratic_forms import DiagonalTest, Offset, QuadraticTest
from isoloss.problems.reduced import RESCALE_TARGETS, Reduced
from isoloss.problems.units import Scaled, exponents, returned, scaled, shifted

__all__ = ["ENDS", "Band", "level_band", "printed", "user_losses"]

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
    """The residual with the lowest test loss, in the eigenbasis, shape (*batch, *levels, r, m).

    This field and the following ones are in the problem's own unit.
    """
    high_point: Array
    """The residual with the highest test loss."""
    null_move: Array | None
    """The change along directions without curvature that belongs to ``low_point``."""

    def lowest_residual(self) -> Array:
        """Return a residual with the lowest test loss: batch × levels × r (× outputs)."""
        return self._residual(self.low_point)

    def highest_residual(self) -> Array:
        """Return a residual with the highest test loss: batch × levels × r (× outputs).

        Raises
        ------
        ValueError
            If the highest test loss is unbounded.
        """
        self._check_bounded()
        return self._residual(self.high_point)

    @quiet
    def lowest_coef(self) -> Array:
        """Return parameters with the lowest test loss in the user's coordinates, like `Run.coef`.

        Raises
        ------
        ValueError
            If the problem has no coordinates because it was given by its spectra.
        """
        return parameters_of(self.problem._reduced, self.low_point, self.null_move)[0]

    @quiet
    def highest_coef(self) -> Array:
        """Return parameters with the highest test loss in the user's coordinates, like `Run.coef`.

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
        point = user_residual(self.problem._reduced, point)
        return point[..., 0] if self.problem._reduced.single_output else point

    def __repr__(self) -> str:
        return printed(self)


@blas_by_size
@quiet
def level_band(problem: Problem, train_loss: Any) -> Band:
    """Find the lowest and highest test loss over all parameters with a given train loss.

    In the commuting case these are eq. (3) and (4) of the paper, ε·min λ/γ and ε·max λ/γ. Otherwise
    they are the extremes of a quadratic form on an ellipsoid: generalized eigenvalues if train and
    test loss share their minimiser, else roots of a secular equation (including its hard case).

    Parameters
    ----------
    problem : Problem
        The problem, or a batch of them.
    train_loss : array_like
        The level or levels.

    Returns
    -------
    Band
        A band with arrays of shape batch × levels. For a kernel problem, "all parameters" means
        all dual coefficients.

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
    reduced = reduced_of(problem)
    xp, r = reduced.kind.xp, reduced.gamma.shape[-1]
    levels, excess = excess_of(reduced, train_loss)
    curvature = xp.reshape(reduced.gamma, (-1, r))
    null_move = None
    if isinstance(reduced.test, DiagonalTest):
        ends = _commuting(reduced, reduced.test, curvature, excess)
    else:
        *ends, null_move = _general(reduced, reduced.test, curvature, excess)
    shape = (*reduced.gamma.shape[:-1], *levels.shape)
    lowest, highest = (
        user_losses(reduced, which, end.loss, shape) for which, end in zip(ENDS, ends, strict=True)
    )
    points = (end.point for end in ends)
    low, high, move = (
        None if part is None else xp.reshape(part, (*shape, *part.shape[-2:]))
        for part in (*points, null_move)
    )
    return Band(problem, reduced.kind.result(levels), lowest, highest, low, high, move)


def printed(band: Any) -> str:
    """Return the printed form of a band: its numbers, or its shape if there are many."""
    name = type(band).__name__
    if band.lowest.ndim:
        return f"{name}(shape {tuple(band.lowest.shape)})"
    numbers = (f"{each}={float(getattr(band, each)):.6g}" for each in ("train_loss", *ENDS))
    return f"{name}({', '.join(numbers)})"


def user_losses(problem: Reduced, name: str, own: Scaled, shape: tuple[int, ...]) -> Array:
    """Convert test losses above the noise (B, L) to the user's units, noise and ``shape``.

    Raises ``ValueError`` if float64 cannot represent them.
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
    safe = xp.where(moves, curvature, 1.0)
    ratio = xp.sqrt(test_curvature) / xp.sqrt(safe)  # the ratio itself may lie beyond float64
    unbounded = xp.any(~moves & (test_curvature > 0), axis=-1)[:, None]
    half = 0.5 * excess.bits[..., None]
    ends = []
    for sign in (1.0, -1.0):
        index = xp.argmin(xp.where(moves, sign * ratio, xp.inf), axis=-1)
        chosen = moves & (xp.arange(r, device=problem.kind.device)[None, :] == index[:, None])
        there, here = (
            xp.sum(xp.where(chosen, part, 0.0), axis=-1) for part in (test_curvature, safe)
        )
        here = xp.where(here > 0, here, 1.0)
        wide, deep = exponents(xp, there), exponents(xp, here)
        best = shifted(xp, there, -wide) / shifted(xp, here, -deep)
        loss = Scaled(best[:, None] * excess.value, (wide - deep)[:, None] + excess.bits)
        length = xp.sqrt(excess.value)[..., None] / xp.sqrt(safe)[:, None, :]
        point = xp.where(chosen[:, None, :], shifted(xp, length, half), 0.0)
        ends.append(Extreme(loss, point[..., None]))
    low, high = ends
    value = xp.where(unbounded, xp.inf, high.loss.value)
    return [low, Extreme(high.loss._replace(value=value), high.point)]


def _general(
    problem: Reduced, test: QuadraticTest, curvature: Array, excess: Scaled
) -> tuple[Extreme, Extreme, Array | None]:
    kind, xp = problem.kind, problem.kind.xp
    q, r = test.factor.shape[-2:]
    m = problem.start_residual.shape[-1]
    factors = xp.reshape(test.factor, (-1, q, r))
    offsets = xp.reshape(test.minimum.residual, (-1, q, m))
    found = []
    for i in range(curvature.shape[0]):
        rank = int(xp.sum(xp.astype(curvature[i, :] > 0, xp.int64)))  # they are in descending order
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
        squares, rest = Scaled(*(part[i, :] for part in excess)), test.minimum.exponent
        low, high = extremes(kind, projected / root, Offset(beyond, rest), squares)
        points = [end.point / root[:, None] for end in (low, high)]
        test_residual = factor @ points[0] + scaled(offset, rest)
        move = -(right.T @ ((left.T @ test_residual) / singular[:, None]))
        if test.null_inputs is None:
            points[0] = xp.concat([points[0], move], axis=1)
            points[1] = xp.concat([points[1], xp.zeros_like(move)], axis=1)
        highest = high.loss.value + (xp.inf if singular.shape[0] else 0.0)
        found.append((*low.loss, highest, high.loss.bits, *points, move))
    *losses, lowest, highest, move = map(xp.stack, zip(*found, strict=True))
    low, high = Extreme(Scaled(*losses[:2]), lowest), Extreme(Scaled(*losses[2:]), highest)
    return low, high, None if test.null_inputs is None else move


def _range(xp: Any, inputs: Array, scale: float) -> tuple[Array, Array, Array]:
    """Return the thin SVD of the part of the test inputs without train curvature."""
    if 0 in inputs.shape:
        empty = inputs[:, :0]
        return empty, xp.sum(empty, axis=0), inputs[:0, :]
    left, singular, right = xp.linalg.svd(inputs, full_matrices=False)
    noise = 16 * max(inputs.shape) * float(xp.finfo(inputs.dtype).eps) * scale
    rank = int(xp.sum(xp.astype(singular > noise, xp.int64)))
    return left[:, :rank], singular[:rank], right[:rank, :]
