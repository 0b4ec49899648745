"""The one decomposition of the data: curvatures, directions and the start residual in them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from isoloss._checks import Kind
from isoloss.basis import Basis

Array = Any

# The covariance and the Gram matrix square the condition number. Where the smallest eigenvalue
# keeps so many digits all the same, their cheaper side is taken; else the SVD of X.
RTOL = 2.5e-13
_EPS = 2.0**-52
_SELDOM = 1e7


class Spectrum(NamedTuple):
    """X and a residual Xδ + ρ, ρ ⊥ range X, in the eigenbasis of the train covariance XᵀX/n.

    ``curvature`` (r,) holds the positive eigenvalues γ, descending; ``basis`` (d, r) their vectors;
    ``residual`` (r, m) is δ; ``floor`` the mean square of ρ, which no parameters can fit. Where
    there is no curvature at all, one direction with γ = 0 stands in, so that no axis is empty.
    """

    curvature: Array
    basis: Basis
    residual: Array
    floor: Array


def decompose(xp: Any, inputs: Array, residual: Array, rtol: float = RTOL) -> Spectrum:
    """Decompose ``inputs`` (n, d) with a ``residual`` (n, m) by the cheapest accurate side.

    ``rtol`` is the relative error that the smallest curvature may have.
    """
    n, d = inputs.shape
    if not bool(xp.any(inputs != 0)):
        return _flat(xp, d, residual)
    if min(n, d) > 1:
        by_square = _by_covariance if n >= d else _by_gram
        spectrum = by_square(xp, inputs, residual, rtol / _EPS)
        if spectrum is not None:
            return spectrum
    return _by_svd(xp, inputs, residual)


def _flat(xp: Any, d: int, residual: Array) -> Spectrum:
    nothing = xp.zeros_like(residual[:1, :])
    basis = xp.concat([nothing[:, :1]] * d, axis=0)
    return Spectrum(
        nothing[:, 0][:1], Basis(basis), nothing, xp.sum(residual**2) / residual.shape[0]
    )


def _is_surely_wide(xp: Any, matrix: Array, widest: float) -> bool:
    # Two steps of power iteration bound γ_1 from below, one of inverse iteration γ_min from above:
    # a wide spectrum mostly shows here, at a small part of the cost of its eigenvalues. One of more
    # than half of float64's digits is too seldom to look for.
    if widest > _SELDOM:
        return False
    start = xp.ones_like(matrix[:, :1])
    try:
        low = xp.linalg.solve(matrix, start)
    except (np.linalg.LinAlgError, RuntimeError):  # the latter is PyTorch's
        return True
    bottom = float(xp.sum(low * start) / xp.sum(low**2))
    high = matrix @ (matrix @ start)
    top = float(xp.sum(high * (matrix @ high)) / xp.sum(high**2))
    return not bottom * widest > top


def _by_covariance(xp: Any, inputs: Array, residual: Array, widest: float) -> Spectrum | None:
    n = inputs.shape[0]
    covariance = inputs.T @ inputs / n
    if _is_surely_wide(xp, covariance, widest):
        return None
    curvature, basis = _eigh_descending(xp, covariance)
    if not float(curvature[-1]) * widest > float(curvature[0]):
        return None
    delta = basis.T @ (inputs.T @ residual) / (n * curvature)[:, None]
    # The residual at the minimum itself: no digits are lost to a difference of sums of squares.
    left = residual - inputs @ (basis @ delta)
    floor = xp.sum(left**2) / n if n > inputs.shape[1] else xp.sum(left[:0, :])
    return Spectrum(curvature, Basis(basis), delta, floor)


def _by_gram(xp: Any, inputs: Array, residual: Array, widest: float) -> Spectrum | None:
    n = inputs.shape[0]
    gram = inputs @ inputs.T / n
    if _is_surely_wide(xp, gram, widest):
        return None
    curvature, vectors = _eigh_descending(xp, gram)
    if not float(curvature[-1]) * widest > float(curvature[0]):
        return None
    singular = xp.sqrt(n * curvature)
    delta = (vectors.T @ residual) / singular[:, None]
    basis = Basis(vectors / singular, inputs)
    return Spectrum(curvature, basis, delta, xp.sum(residual[:0, :]))


def _by_svd(xp: Any, inputs: Array, residual: Array) -> Spectrum:
    n, d = inputs.shape
    left, singular, right = xp.linalg.svd(inputs, full_matrices=False)
    cutoff = float(singular[0]) * max(n, d) * float(xp.finfo(singular.dtype).eps)
    rank = int(xp.sum(xp.astype(singular > cutoff, xp.int64)))
    left = left[:, :rank]
    along = left.T @ residual
    beyond = residual - left @ along
    floor = xp.sum(beyond**2) / n if rank < n else xp.sum(beyond[:0, :])
    singular = singular[:rank]
    basis = Basis(right[:rank, :].T)
    return Spectrum(singular**2 / n, basis, along / singular[:, None], floor)


def decompose_kernel(
    kind: Kind, kernel: Array, residual: Array, rounding: float | None = None
) -> Spectrum:
    """Decompose a kernel matrix (n, n), which plays the part of X Xᵀ.

    The ``basis`` (n, r) then leads to dual coefficients. Raises ``ValueError`` as
    `eigh_nonnegative`.
    """
    xp, n = kind.xp, kernel.shape[0]
    eigenvalues, vectors = eigh_nonnegative(kind, "K", kernel, rounding)
    rank = int(xp.sum(xp.astype(eigenvalues > 0, xp.int64)))
    if not rank:
        return _flat(xp, n, residual)
    vectors = vectors[:, :rank]
    along = vectors.T @ residual
    beyond = residual - vectors @ along
    floor = xp.sum(beyond**2) / n if rank < n else xp.sum(beyond[:0, :])
    singular = xp.sqrt(eigenvalues[:rank])
    basis = Basis(vectors / singular)
    return Spectrum(singular**2 / n, basis, along / singular[:, None], floor)


def eigh_nonnegative(
    kind: Kind, name: str, matrices: Array, rounding: float | None = None
) -> tuple[Array, Array]:
    """Eigenvalues (descending, rounding noise set to exactly 0) and vectors of PSD matrices.

    ``rounding`` says how large such noise may be. Raises ``ValueError`` naming the eigenvalue if
    one is negative by more than that.
    """
    xp = kind.xp
    eigenvalues, vectors = _eigh_descending(xp, matrices)
    noise = (matrices.shape[-1] + 8) * kind.eps * xp.abs(eigenvalues[..., :1])
    if rounding is not None:
        noise = xp.where(noise > rounding, noise, xp.zeros_like(noise) + rounding)
    if bool(xp.any(eigenvalues < -100 * noise)):
        raise ValueError(
            f"{name} must be positive semidefinite; "
            f"its smallest eigenvalue is {float(xp.min(eigenvalues)):g}"
        )
    return xp.where(eigenvalues > noise, eigenvalues, xp.zeros_like(eigenvalues)), vectors


def _eigh_descending(xp: Any, matrices: Array) -> tuple[Array, Array]:
    eigenvalues, vectors = xp.linalg.eigh(matrices)
    return xp.flip(eigenvalues, axis=-1), xp.flip(vectors, axis=-1)
