"""Singular values and vectors from products of a matrix, some decades at a time.

An eigendecomposition of AᵀA takes a fraction of an SVD's time, but squares the condition number:
all its errors are relative to the largest eigenvalue. So only the largest eigenvalues are kept at
first. The images A v of the eigenvectors still have the digits that AᵀA has lost, and rotations of
first order make the images orthogonal. What is left of A, orthogonal to all that was kept, is
decomposed in the same way. The singular values are as accurate as those of an SVD, to a few units
of rounding of the largest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import array_api_compat as compat
import numpy as np
import numpy.typing as npt

from isoloss._arrays.conversion import to_numpy

__all__ = ["SingularPart", "SingularVectors", "decompose_by_products"]

Array = Any
Floats = npt.NDArray[np.float64]

_EPS = 2.0**-52
_ORTHOGONAL = 32 * _EPS  # cosines that rounding alone explains
# Shares of the largest eigenvalue down to which to keep others. Rotations are at most 1e-8, unless
# eigenvalues lie so close together that fewer have to be kept.
_SHARES = (1e-8, 1e-7, 1e-6, 1e-5, 1e-4)
_KNOWN = 1e-14  # of the largest eigenvalue; smaller ones are rounding errors
_FEW = 0.25  # of the columns; where fewer are kept at a time, an SVD is faster


class SingularPart(NamedTuple):
    """k singular values and vectors of a matrix (p, q), in descending order."""

    squares: Array
    """The squared singular values, shape (k,)."""
    right: Array
    """The right singular vectors (q, k)."""
    images: Array
    """A matrix (p, j) from which ``turn`` makes the left vectors."""
    turn: Array
    """The matrix (j, k) with ``images @ turn`` the left vectors, times their singular values."""


class SingularVectors:
    """The singular values and vectors of a matrix (p, q) up to its numerical rank r.

    Attributes
    ----------
    squares : array, shape (r,)
        The squared singular values, in descending order.
    right : array, shape (q, r)
        The right singular vectors.
    parts : list of SingularPart
        The left vectors in parts. Few products with them are needed, so `left` forms them on call.
    """

    def __init__(self, xp: Any, parts: list[SingularPart]) -> None:
        self.xp, self.parts = xp, parts
        self.squares, self.right = parts[0].squares, parts[0].right
        if len(parts) > 1:
            self.squares = xp.concat([part.squares for part in parts])
            self.right = xp.concat([part.right for part in parts], axis=1)

    def project(self, vectors: Array) -> Array:
        """Return the amounts (r, m) of the left vectors in vectors (p, m), over singular values."""
        each = [
            (part.turn.T @ (part.images.T @ vectors)) / part.squares[:, None] for part in self.parts
        ]
        return self.xp.concat(each)

    def combine(self, amounts: Array) -> Array:
        """Return the sum (p, m) of the left vectors times singular values times amounts (r, m)."""
        total, first = 0.0, 0
        for part in self.parts:
            last = first + part.squares.shape[0]
            total = total + part.images @ (part.turn @ amounts[first:last, :])
            first = last
        return total

    def left(self) -> Array:
        """Return the left singular vectors (p, r)."""
        found: list[Array] = []
        for part in self.parts:
            vectors = part.images @ (part.turn / self.xp.sqrt(part.squares))
            for larger in found:  # rounding errors of small images lie along these
                vectors = vectors - larger @ (larger.T @ vectors)
            found.append(vectors)
        return self.xp.concat(found, axis=1)


def decompose_by_products(xp: Any, matrix: Array, rtol: float) -> SingularVectors:
    """Decompose a matrix (p, q), p ≥ q, that is not 0.

    ``rtol`` is the largest relative error allowed in an eigenvalue of the matrix of products, and
    in the squared lengths of vectors that rotations of first order make.
    """
    return SingularVectors(xp, list(_parts(xp, matrix, rtol)))


def _parts(xp: Any, matrix: Array, rtol: float) -> Iterator[SingularPart]:
    """Decompose a matrix into parts of decreasing singular values."""
    basis, cutoff = None, 0.0
    while True:
        negative, vectors = xp.linalg.eigh(-(matrix.T @ matrix))  # the largest come first
        eigenvalues = -to_numpy(negative)
        if basis is None and eigenvalues[-1] * rtol > eigenvalues[0] * _EPS:
            yield SingularPart(-negative, vectors, matrix, vectors)
            return
        wide = _is_too_wide(eigenvalues)
        found = None if wide else _turned(xp, eigenvalues, vectors, matrix @ vectors, rtol)
        part, rest = _by_svd(xp, matrix) if found is None else found
        if basis is None:
            # rounding errors of the matrix hide all singular values below
            cutoff = float(part.squares[0]) ** 0.5 * max(matrix.shape) * _EPS
        else:
            part = part._replace(right=basis @ part.right)
        yield _in_order(xp, part, cutoff)
        if rest is None or not float(xp.linalg.vector_norm(rest.images)) > cutoff:
            return
        basis = rest.right if basis is None else basis @ rest.right
        matrix = rest.images


class _Rest(NamedTuple):
    """Orthonormal vectors ``right`` (q, k) that are left over, and their ``images`` (p, k)."""

    right: Array
    images: Array


def _by_svd(xp: Any, matrix: Array) -> tuple[SingularPart, None]:
    left, singular, right = xp.linalg.svd(matrix, full_matrices=False)
    turn = singular * xp.eye(singular.shape[0], dtype=xp.float64, device=compat.device(singular))
    return SingularPart(singular**2, right.T, left, turn), None


def _in_order(xp: Any, part: SingularPart, cutoff: float) -> SingularPart:
    """Sort singular values, and leave out those up to the cutoff."""
    squares = to_numpy(part.squares)
    order = np.argsort(-squares, kind="stable")
    order = order[squares[order] > cutoff**2]
    if np.array_equal(order, np.arange(squares.size)):
        return part
    chosen = xp.asarray(order, device=compat.device(part.squares))
    squares, right, turn = (
        xp.take(array, chosen, axis=-1) for array in (part.squares, part.right, part.turn)
    )
    return SingularPart(squares, right, part.images, turn)


def _is_too_wide(eigenvalues: Floats) -> bool:
    """Return whether so few can be kept at a time that an SVD is faster."""
    kept, known = (
        int(np.count_nonzero(eigenvalues > share * eigenvalues[0]))
        for share in (_SHARES[0], _KNOWN)
    )
    return kept < _FEW * eigenvalues.size and known > 2 * kept


def _kept(eigenvalues: Floats, share: float) -> int:
    """Return how many eigenvalues to keep: down to the widest gap near a share of the largest."""
    near = share * eigenvalues[0]
    low, high = (int(np.count_nonzero(eigenvalues > factor * near)) for factor in (10.0, 0.1))
    if high in (low, eigenvalues.size):
        return high
    below = np.maximum(eigenvalues[low : high + 1], np.finfo(np.float64).tiny)
    return low + int(np.argmax(eigenvalues[low - 1 : high] / below))


def _turned(
    xp: Any, eigenvalues: Floats, vectors: Array, images: Array, rtol: float
) -> tuple[SingularPart, _Rest | None] | None:
    """Turn the largest eigenvectors into singular vectors; None if too large a turn is needed.

    A cluster of eigenvalues that has lost its digits is left to the rest, among which it is large.
    """
    most = _kept(eigenvalues, _SHARES[0])
    products = images.T @ images[:, :most]
    lengths = xp.concat(
        [xp.linalg.diagonal(products[:most, :]), xp.sum(images[:, most:] ** 2, axis=0)]
    )
    for share in _SHARES:
        kept = _kept(eigenvalues, share)
        found = _rotation(xp, products[:, :kept], lengths, rtol)
        if found is not None:
            break
    else:
        return None
    rotation, squares = found
    turn = rotation + xp.eye(*rotation.shape, dtype=xp.float64, device=compat.device(rotation))
    part = SingularPart(squares, vectors @ turn, images, turn)
    if kept == images.shape[1]:
        return part, None
    back = rotation[kept:, :].T
    right, rest = (array[:, kept:] - array[:, :kept] @ back for array in (vectors, images))
    return part, _Rest(right, rest)


def _rotation(xp: Any, products: Array, lengths: Array, rtol: float) -> tuple[Array, Array] | None:
    """Return the rotation K that makes images orthogonal, and their squared lengths afterwards.

    ``products`` (q, k) are those of all q images with the first k, ``lengths`` (q,) the squared
    lengths. Image j becomes A_j + Σ_i A_i K_ij with K antisymmetric. None if terms of second order
    are above ``rtol``.
    """
    k = products.shape[1]
    sizes, own = xp.sqrt(lengths), lengths[:k]
    diagonal = xp.eye(*products.shape, dtype=xp.bool, device=compat.device(products))
    done = diagonal | (xp.abs(products) <= sizes[:, None] * (_ORTHOGONAL * sizes[:k]))
    rotation = xp.where(done, 0.0, products / (own - lengths[:, None]))
    second = rotation**2
    # relative to its length, the shorter of two images i < j turns by σ_i/σ_j more
    left = (own @ xp.triu(second[:k, :])) @ (1.0 / own)
    if not float(left + xp.sum(second[k:, :])) <= rtol:
        return None
    return rotation, own * (1.0 + 2.0 * xp.sum(second, axis=0)) - lengths @ second
