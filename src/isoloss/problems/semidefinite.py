"""Positive semidefinite matrices with rounding errors in their entries.

Negative eigenvalues, asymmetry and the precision of the entries show which of the small eigenvalues
are rounding errors.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

from isoloss._arrays import conversion
from isoloss._parallel.threads import blas_by_size
from isoloss.problems.units import scaled

__all__ = [
    "ROUNDED",
    "Decomposed",
    "Entries",
    "cutoff",
    "decompose_semidefinite",
    "own_rounding",
    "warn_of_rounding",
]

Array = Any

ROUNDED = 1e-5
"""Errors of this share of a matrix's size may come from float32, whatever its dtype is now."""
_EPS = 2.0**-52
_SURE = 2.0  # safety factor: noise reaches about as far above zero as below
_SLIGHT = 1e-10  # smaller shares of the largest eigenvalue do not matter: moving takes 10¹⁰ steps
_FAR = 100.0  # an eigenvalue this many rounding errors below zero is refused


class Entries(NamedTuple):
    """Symmetrized matrices (*batch, n, n).

    ``rounding`` (*batch, 1) estimates how far rounding of their entries moves eigenvalues.
    """

    matrices: Array
    rounding: Array

    @classmethod
    def read(cls, xp: Any, name: str, matrices: Array, unit: float, exponent: int = 0) -> Entries:
        """Symmetrize entries stored with rounding unit ``unit``, and estimate their rounding.

        Independent errors of standard deviation σ_ij move eigenvalues by about
        2 max_i √(Σ_j σ_ij²) (A. S. Bandeira and R. van Handel (2016), Ann. Probab. 44(4)). For
        rounding errors of at most |K_ij| ``unit``/2, this is less than ``unit`` times the longest
        row. Half of any difference between rows and columns counts as such an error. Raises
        ``ValueError`` if the asymmetry is more than rounding.
        """
        transposed = xp.matrix_transpose(matrices)
        skew = matrices / 2.0 - transposed / 2.0
        size, gap = (xp.max(xp.abs(each), axis=(-2, -1)) for each in (matrices, 2.0 * skew))
        if bool(xp.any(gap > max(ROUNDED, 4.0 * unit) * size)):
            raise ValueError(
                f"{name} must be symmetric; it differs from its transpose by up to "
                f"{scaled(float(xp.max(gap)), exponent):g}"
            )
        symmetric = matrices / 2.0 + transposed / 2.0
        stored, seen = unit * _longest_row(xp, matrices), 2.0 * _longest_row(xp, skew)
        return cls(symmetric, xp.maximum(stored, seen))


def _longest_row(xp: Any, matrices: Array) -> Array:
    size = xp.max(xp.abs(matrices), axis=(-2, -1))[..., None]
    unit = matrices / xp.where(size > 0, size, 1.0)[..., None]
    return size * xp.sqrt(xp.max(xp.sum(unit**2, axis=-1), axis=-1, keepdims=True))


def own_rounding(n: int, largest: Array) -> Array:
    """Return how far float64 moves the eigenvalues of an n × n matrix with this largest one."""
    return (n + 8) * _EPS * largest


def cutoff(
    xp: Any, name: str, lowest: Array, largest: Array, rounding: Array, exponent: int = 0
) -> Array:
    """Return the size up to which eigenvalues are rounding errors, at least ``rounding``.

    Raises ``ValueError``, naming the lowest eigenvalue, if that is too far below zero.
    """
    limit = xp.maximum(ROUNDED * largest, _FAR * rounding)
    if bool(xp.any(lowest < -limit)):
        raise ValueError(
            f"{name} must be positive semidefinite; "
            f"its smallest eigenvalue is {scaled(float(xp.min(lowest)), exponent):g}"
        )
    return xp.where(-lowest > rounding, -_SURE * lowest, rounding)


class Decomposed(NamedTuple):
    """Eigenvalues (*batch, n) in descending order, rounding errors set to 0, and the vectors.

    ``left_out`` counts eigenvalues above float64's own rounding but below the rounding of the
    entries, ``below``; it is 0 if that is slight.
    """

    eigenvalues: Array
    vectors: Array
    left_out: int
    below: float


@blas_by_size
def decompose_semidefinite(
    xp: Any,
    name: str,
    matrices: Array,
    unit: float,
    rounding: float | None = None,
    *,
    exponent: int = 0,
) -> Decomposed:
    """Decompose matrices whose entries are stored with rounding unit ``unit``.

    The user gave them times 2^exponent. If ``rounding`` is given, in the user's units, it replaces
    the estimate from precision and asymmetry, but negative eigenvalues can still raise it.
    Otherwise, a warning is issued if directions are left out.
    """
    entries = Entries.read(xp, name, matrices, unit, exponent)
    eigenvalues, vectors = xp.linalg.eigh(entries.matrices)
    eigenvalues, vectors = xp.flip(eigenvalues, axis=-1), xp.flip(vectors, axis=-1)
    largest, lowest = xp.clip(eigenvalues[..., :1], min=0.0), eigenvalues[..., -1:]
    n = int(matrices.shape[-1])
    own = own_rounding(n, largest)
    wanted = entries.rounding if rounding is None else 0.0 * own + scaled(rounding, -exponent)
    least = xp.maximum(own, wanted)
    noise = cutoff(xp, name, lowest, largest, least, exponent)
    kept = eigenvalues > noise
    lost = ~kept & (eigenvalues > own) & (noise > _SLIGHT * largest)
    lost = xp.sum(xp.astype(lost, xp.int64), axis=-1)
    left_out, below = int(xp.max(lost)), float(xp.max(noise))
    if left_out and rounding is None:
        theirs = (scaled(each, exponent) for each in (below, float(xp.min(lowest))))
        warn_of_rounding(name, left_out, n, *theirs)
    return Decomposed(xp.where(kept, eigenvalues, 0.0), vectors, left_out, below)


def warn_of_rounding(name: str, left_out: int, n: int, below: float, lowest: float) -> None:
    """Warn that directions are left out because the matrix is rounded."""
    warnings.warn(
        f"{name} is rounded, to judge by its precision, asymmetry and smallest eigenvalue "
        f"({lowest:.3g}): {left_out} of its {n} directions, with eigenvalues below {below:.3g}, "
        "cannot be told from rounding errors and are left out; compute it in float64 to keep them",
        UserWarning,
        stacklevel=conversion.outside(),
    )
