"""Decompose the data once: curvatures, directions and the start residual along them."""

from __future__ import annotations

from typing import Any, NamedTuple

import array_api_compat as compat
import numpy as np

from isoloss._parallel.threads import blas_by_size
from isoloss.problems.basis import Basis
from isoloss.problems.semidefinite import decompose_semidefinite
from isoloss.problems.units import scaled

Array = Any

# The covariance and the Gram matrix square the condition number. If the smallest eigenvalue still
# has this relative accuracy, or can regain it, the cheaper of the two is used, else the SVD of X.
RTOL = 2.5e-13
_EPS = 2.0**-52
_DEPENDENT = 1e-12  # ratio of squared singular values below which some count as 0
_ORTHOGONAL = 32 * _EPS  # cosines that rounding alone explains


class Spectrum(NamedTuple):
    """X and a residual Xδ + ρ, ρ ⊥ range X, in the eigenbasis of the train covariance XᵀX/n.

    ``curvature`` (r,) holds the positive eigenvalues γ, descending; ``basis`` (d, r) their vectors;
    ``residual`` (r, m) is δ; ``floor`` the mean square of ρ, which no parameters can fit. If all
    curvatures are 0, there is one direction with γ = 0, so that no axis is empty.
    """

    curvature: Array
    basis: Basis
    residual: Array
    floor: Array


class LeftOut(NamedTuple):
    """The number of ``directions`` indistinguishable from rounding errors of the input.

    Their curvatures are below ``curvature``.
    """

    directions: int
    curvature: float


@blas_by_size
def decompose(xp: Any, inputs: Array, residual: Array, rtol: float = RTOL) -> Spectrum:
    """Decompose ``inputs`` (n, d) with a ``residual`` (n, m) by the cheapest accurate method.

    ``rtol`` is the largest relative error allowed in the smallest curvature.
    """
    n, d = inputs.shape
    if not bool(xp.any(inputs != 0)):
        return _flat(xp, d, residual)
    if min(n, d) > 1:
        by_square = _by_covariance if n >= d else _by_gram
        spectrum = by_square(xp, inputs, residual, rtol)
        if spectrum is not None:
            return spectrum
    return _by_svd(xp, inputs, residual)


def _flat(xp: Any, d: int, residual: Array) -> Spectrum:
    nothing, floor = xp.zeros_like(residual[:1, :]), xp.sum(residual**2) / residual.shape[0]
    basis = xp.concat([nothing[:, :1]] * d, axis=0)
    return Spectrum(nothing[:, 0], Basis(basis), nothing, floor)


def _by_covariance(xp: Any, inputs: Array, residual: Array, rtol: float) -> Spectrum | None:
    n, d = inputs.shape
    found = _squares(xp, inputs.T, rtol)
    if found is None:
        return None
    squares, basis, refined = found
    if refined is None:
        along = basis.T @ (inputs.T @ residual)
    else:
        along = refined.turn.T @ (refined.images.T @ residual)
    delta = along / squares[:, None]
    # Use the residual at the minimum: a difference of sums of squares would lose digits.
    left = residual - inputs @ (basis @ delta)
    floor = xp.sum(left**2) / n if n > d else xp.sum(left[:0, :])
    return Spectrum(squares / n, Basis(basis), delta, floor)


def _by_gram(xp: Any, inputs: Array, residual: Array, rtol: float) -> Spectrum | None:
    found = _squares(xp, inputs, rtol)
    if found is None:
        return None
    squares, vectors, refined = found
    singular = xp.sqrt(squares)
    if refined is None:
        basis = Basis(vectors / singular, inputs)
    else:
        basis = Basis(refined.turn / singular, refined.images.T)
    delta = (vectors.T @ residual) / singular[:, None]
    return Spectrum(squares / inputs.shape[0], basis, delta, xp.sum(residual[:0, :]))


class _Refined(NamedTuple):
    """``images @ turn`` (p, k) are the rows transposed, times their left singular vectors."""

    images: Array
    turn: Array


def _squares(xp: Any, rows: Array, rtol: float) -> tuple[Array, Array, _Refined | None] | None:
    """Return the squared singular values of rows (k, p), k ≤ p, and their left vectors (k, k).

    Return None if products of the rows do not determine them to within ``rtol``.
    """
    matrix = rows @ rows.T
    if _is_surely_wide(xp, matrix):
        return None
    squares, vectors = _eigh_descending(xp, matrix)
    if float(squares[-1]) * rtol > float(squares[0]) * _EPS:
        return squares, vectors, None
    return _refined(xp, vectors, rows.T @ vectors, rtol)


def _is_surely_wide(xp: Any, matrix: Array) -> bool:
    # The squared pivots of a Cholesky factor lie between γ_min and γ_1, so they mostly reveal
    # dependent rows, at a fraction of the cost of eigenvalues.
    try:
        pivots = xp.linalg.diagonal(xp.linalg.cholesky(matrix)) ** 2
    except (np.linalg.LinAlgError, RuntimeError):  # PyTorch raises RuntimeError
        return True
    return not float(xp.min(pivots)) > _DEPENDENT * float(xp.max(pivots))


def _refined(
    xp: Any, vectors: Array, images: Array, rtol: float
) -> tuple[Array, Array, _Refined] | None:
    """Rotate orthonormal vectors slightly into singular vectors; None if the rotation is not small.

    ``images`` are the transposed rows times the vectors. Their mutual products keep the digits of
    small singular values that the eigenvalues of the rows' products have lost. Rotations of first
    order leave errors of second order.
    """
    products = images.T @ images
    squares = xp.linalg.diagonal(products)
    sizes = xp.sqrt(squares)
    identity = xp.eye(squares.shape[0], dtype=xp.float64, device=compat.device(squares))
    cosines = products / (sizes * sizes[:, None]) - identity
    gaps = squares - squares[:, None]
    larger = xp.where(gaps > 0, squares, squares[:, None])
    settled = xp.abs(cosines) <= _ORTHOGONAL
    turns = xp.where(settled, 0.0, cosines * larger / gaps)  # relative to each vector's own size
    if not float(xp.sum(turns**2)) <= rtol:
        return None
    rotation = xp.where(settled, 0.0, products / gaps)
    squares = squares + xp.sum(2.0 * rotation * products + squares[:, None] * rotation**2, axis=0)
    order = xp.argsort(squares, descending=True)
    turn = xp.take(identity + rotation, order, axis=-1)
    return xp.take(squares, order, axis=-1), vectors @ turn, _Refined(images, turn)


def _by_svd(xp: Any, inputs: Array, residual: Array) -> Spectrum:
    n, d = inputs.shape
    left, singular, right = xp.linalg.svd(inputs, full_matrices=False)
    cutoff = float(singular[0]) * max(n, d) * float(xp.finfo(singular.dtype).eps)
    rank = int(xp.sum(xp.astype(singular > cutoff, xp.int64)))
    return _spectrum(xp, left[:, :rank], singular[:rank], Basis(right[:rank, :].T), residual)


def _spectrum(xp: Any, left: Array, singular: Array, basis: Basis, residual: Array) -> Spectrum:
    """Return the spectrum of a matrix (n, d) from its singular values and left vectors (n, r)."""
    n, rank = left.shape
    along = left.T @ residual
    beyond = residual - left @ along
    floor = xp.sum(beyond**2) / n if rank < n else xp.sum(beyond[:0, :])
    return Spectrum(singular**2 / n, basis, along / singular[:, None], floor)


@blas_by_size
def decompose_kernel(
    xp: Any,
    kernel: Array,
    residual: Array,
    eps: float,
    rounding: float | None = None,
    *,
    unit: int = 0,
) -> tuple[Spectrum, LeftOut | None]:
    """Decompose a kernel matrix (n, n), which plays the part of X Xᵀ; report what is left out.

    The ``basis`` (n, r) then maps to dual coefficients. ``eps`` and the later parameters are the
    arguments of `decompose_semidefinite`.
    """
    n = kernel.shape[0]
    found = decompose_semidefinite(xp, "K", kernel, eps, rounding, exponent=unit)
    left_out = None
    if found.left_out:
        left_out = LeftOut(found.left_out, scaled(found.below / n, unit))
    eigenvalues, vectors = found.eigenvalues, found.vectors
    rank = int(xp.sum(xp.astype(eigenvalues > 0, xp.int64)))
    if not rank:
        return _flat(xp, n, residual), left_out
    vectors, singular = vectors[:, :rank], xp.sqrt(eigenvalues[:rank])
    return _spectrum(xp, vectors, singular, Basis(vectors / singular), residual), left_out


@blas_by_size
def _eigh_descending(xp: Any, matrices: Array) -> tuple[Array, Array]:
    eigenvalues, vectors = xp.linalg.eigh(matrices)
    return xp.flip(eigenvalues, axis=-1), xp.flip(vectors, axis=-1)
