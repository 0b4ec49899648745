"""Test losses and parameters of a mean residual, and what a random residual adds to them.

All arrays are in the problem's own unit and have shape batch × levels × …, with NumPy.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt

from isoloss._arrays.conversion import to_numpy
from isoloss.problems.parameters import parameters_of, user_residual
from isoloss.problems.quadratic_forms import DiagonalTest
from isoloss.problems.reduced import Reduced
from isoloss.problems.units import scaled

__all__ = [
    "added_row_losses",
    "added_test_loss",
    "mean_parameters",
    "mean_residual",
    "mean_test_loss",
    "origin_along",
    "squared_norm",
]

Array = Any
Floats = npt.NDArray[np.float64]


def mean_residual(problem: Reduced, mean: Floats) -> Array:
    """Return the user's residual (…, r) or (…, r, m) for means whose last row is the rest."""
    found = user_residual(problem, problem.kind.constant(mean[..., :-1, :]))
    return found[..., 0] if problem.single_output else found


def mean_parameters(problem: Reduced, mean: Floats) -> tuple[Array, Array]:
    """Return coefficients and intercept; the last row of ``mean`` is the factor of the rest."""
    constant = problem.kind.constant
    moved = constant(_moved_outside(problem, mean))
    return parameters_of(problem, constant(mean[..., :-1, :]), moved)


def mean_test_loss(problem: Reduced, mean: Floats) -> Floats:
    """Return the user's test losses of mean residuals, in float64."""
    test, residual = problem.test, mean[..., :-1, :]
    levels = (None,) * (residual.ndim - problem.start_residual.ndim)
    if isinstance(test, DiagonalTest):
        lam = _numpy(test.curvature)[(..., *levels, slice(None))]
        loss = np.einsum("...i,...im,...im->...", lam, residual, residual)
    else:
        whole = (..., *levels, slice(None), slice(None))
        minimum = scaled(_numpy(test.minimum.residual), test.minimum.exponent)
        found = _numpy(test.factor)[whole] @ residual + minimum[whole]
        if test.null_inputs is not None:
            found = found + _numpy(test.null_inputs[0]) @ _moved_outside(problem, mean)
        loss = np.sum(found**2, axis=(-2, -1))
    noise = _numpy(test.noise)[(..., *(None,) * (loss.ndim - np.ndim(test.noise)))]
    return cast("Floats", scaled(loss, test.exponent) + noise)


def added_test_loss(problem: Reduced, covariance: Floats, *, is_full: bool) -> Floats:
    """Return tr(ΛV), which a covariance V of the residual adds to the user's test loss."""
    test, batch = problem.test, problem.gamma.ndim - 1
    levels = (None,) * (covariance.ndim - batch - 1 - is_full)
    if isinstance(test, DiagonalTest):
        lam = _numpy(test.curvature)[(..., *levels, slice(None))]
        found = np.einsum("...i,...i->...", lam, covariance)
    else:
        factor = _numpy(test.factor)
        form = (np.swapaxes(factor, -1, -2) @ factor)[(..., *levels, slice(None), slice(None))]
        found = np.einsum("...ij,...ij->...", form, covariance)
    return cast("Floats", scaled(found, test.exponent))


def added_row_losses(problem: Reduced, covariance: Floats, rows: Floats) -> Floats:
    """Return what covariances (..., r, r) of the residual add to the losses of test rows (n, d).

    The result has shape (..., n), in the user's unit.
    """
    coordinates = problem.coordinates
    assert coordinates is not None
    if coordinates.intercept:
        rows = np.column_stack([rows, np.ones(len(rows))])
    along = _numpy(coordinates.basis.project(rows))
    found = np.sum((along @ covariance) * along, axis=-1)
    return cast("Floats", scaled(found, 2 * problem.units.parameters))


def origin_along(problem: Reduced) -> Floats | None:
    """Return the start's parameters along the directions, (*batch, r, m); None stands for 0."""
    if problem.origin is not None:
        return _numpy(problem.origin)
    coordinates = problem.coordinates
    if coordinates is None or not bool(problem.kind.xp.any(coordinates.start != 0)):
        return None
    basis = _numpy(coordinates.basis.full)
    along = np.swapaxes(basis, -1, -2) @ _numpy(coordinates.start)
    shape = (*problem.gamma.shape, along.shape[-1])
    return np.broadcast_to(scaled(along, -problem.units.parameters), shape)


def squared_norm(problem: Reduced, mean: Floats) -> Floats:
    """Return ‖β‖² of mean residuals, which weight decay penalises, in the user's unit."""
    origin, residual = origin_along(problem), _numpy(problem.start_residual)
    minimum = (0.0 if origin is None else origin) - residual
    levels = (None,) * (mean.ndim - residual.ndim)
    along = mean[..., :-1, :] + minimum[(..., *levels, slice(None), slice(None))]
    found = np.sum(along**2, axis=(-2, -1))
    if problem.coordinates is not None:
        found = found + mean[..., -1, 0] ** 2 * np.sum(_outside(problem) ** 2, axis=(-2, -1))
    return cast("Floats", scaled(found, problem.units.train - problem.units.curvature))


def _moved_outside(problem: Reduced, mean: Floats) -> Floats:
    """Return how the parameters outside the directions moved from the start, (…, d, m)."""
    return (mean[..., -1, 0] - 1.0)[..., None, None] * _outside(problem)


def _outside(problem: Reduced) -> Floats:
    """Return the part of the start's parameters outside the directions, (d, m)."""
    coordinates, origin = problem.coordinates, origin_along(problem)
    if coordinates is None or origin is None:
        return np.zeros((1, 1))
    along = problem.kind.constant(scaled(origin, problem.units.parameters))
    rest = _numpy(coordinates.start - coordinates.basis.combine(along))
    return cast("Floats", scaled(rest, -problem.units.parameters))


def _numpy(array: Array) -> Floats:
    return np.asarray(to_numpy(array), dtype=np.float64)
