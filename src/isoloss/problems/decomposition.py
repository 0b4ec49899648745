"""Decompose the data once: curvatures, directions and the start residual along them."""

from __future__ import annotations

from typing import Any, NamedTuple

import array_api_compat as compat

from isoloss._parallel.threads import blas_by_size
from isoloss.problems.basis import Basis
from isoloss.problems.deflation import decompose_by_products
from isoloss.problems.semidefinite import decompose_semidefinite
from isoloss.problems.units import scaled

Array = Any

RTOL = 2.5e-13  # in curvature, for those that products of the data may give as they are


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
    """Decompose ``inputs`` (n, d) with a ``residual`` (n, m).

    ``rtol`` is that of `decompose_by_products`.
    """
    n, d = inputs.shape
    used = xp.nonzero(xp.any(inputs != 0, axis=0))[0]
    if not used.shape[0]:
        return _flat(xp, d, residual)
    if used.shape[0] == d:
        return (_tall if n >= d else _wide)(xp, inputs, residual, rtol)
    found = decompose(xp, xp.take(inputs, used, axis=1), residual, rtol)
    full = xp.zeros((d, found.basis.full.shape[1]), dtype=xp.float64, device=compat.device(inputs))
    full[used, :] = found.basis.full
    return found._replace(basis=Basis(full))


def _flat(xp: Any, d: int, residual: Array) -> Spectrum:
    nothing, floor = xp.zeros_like(residual[:1, :]), xp.sum(residual**2) / residual.shape[0]
    basis = xp.concat([nothing[:, :1]] * d, axis=0)
    return Spectrum(nothing[:, 0], Basis(basis), nothing, floor)


def _tall(xp: Any, inputs: Array, residual: Array, rtol: float) -> Spectrum:
    n, _ = inputs.shape
    found = decompose_by_products(xp, inputs, rtol)
    delta = found.project(residual)
    # Use the residual at the minimum: a difference of sums of squares would lose digits.
    left = residual - found.combine(delta)
    floor = xp.sum(left**2) / n if n > delta.shape[0] else xp.sum(left[:0, :])
    return Spectrum(found.squares / n, Basis(found.right), delta, floor)


def _wide(xp: Any, inputs: Array, residual: Array, rtol: float) -> Spectrum:
    found = decompose_by_products(xp, inputs.T, rtol)
    singular = xp.sqrt(found.squares)
    if len(found.parts) == 1:
        basis = Basis(found.parts[0].turn / singular, found.parts[0].images.T)
    else:
        basis = Basis(found.left())
    return _spectrum(xp, found.right, singular, basis, residual)


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
