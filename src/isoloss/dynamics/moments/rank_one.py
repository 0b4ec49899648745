"""Decompose a diagonal matrix less a rank-one matrix so that even tiny entries keep their digits.

The eigenvalues σ of diag(s) - z zᵀ solve the secular equation 1 = Σ z_i²/(s_i - σ), one below each
s_i, and z_i/(s_i - σ) are the entries of the vectors. Each σ is found as a distance from the
nearest s_i or from 0, so that also vector entries of 1e-12 are right to 1e-15 of themselves. A
general eigensolver is right to 1e-16 of the largest entry only, and loses the small curvatures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Modes", "modes"]

Array = npt.NDArray[np.float64]

_MOST = 300  # quadratic convergence needs about 10, and halving the bracket fewer than this
_EPS = np.finfo(np.float64).eps


@dataclass(frozen=True)
class Modes:
    """Eigenvalues σ_j and eigenvectors of diag(s) - z zᵀ.

    ``vectors`` (r, r) has an eigenvector in each column, ``gaps`` (r, r) holds s_i - σ_j, and
    ``overlaps`` (r,) is the inner product of z with each eigenvector, which is positive.
    """

    values: Array
    vectors: Array
    gaps: Array
    overlaps: Array


def modes(s: Array, z: Array, margin: float) -> Modes:
    """Return the modes for increasing s and positive z.

    ``margin`` is 1 - Σ z_i²/s_i where all s are positive: if it is almost 0, so is the smallest
    eigenvalue, and it is as precise as the margin.
    """
    if not s.size:
        return Modes(s, s[:, None] * s, s[:, None] * s, s)
    origins, low, high = _brackets(s, z)
    x = _solved(s, z, margin, origins, low, high)
    gaps = (s[:, None] - origins) - x
    vectors = z[:, None] / gaps
    top = np.max(np.abs(vectors), axis=0)
    vectors /= top
    norms = np.linalg.norm(vectors, axis=0)
    return Modes(origins + x, vectors / norms, gaps, 1.0 / (norms * top))


def _brackets(s: Array, z: Array) -> tuple[Array, Array, Array]:
    """Return for each root an origin, and bounds of its distance from the origin."""
    left = np.append(s[0] - z @ z if s[0] <= 0 else 0.0, s[:-1])
    half = 0.5 * (s - left)
    is_upper = (z * z) @ (1.0 / ((s[:, None] - left) - half)) < 1  # f there is positive
    low, high = np.where(is_upper, -half, 0.0), np.where(is_upper, 0.0, half)
    if s[0] <= 0:
        is_upper[0], low[0], high[0] = True, -(z @ z), 0.0
    elif not is_upper[0]:
        low[0] = min(s[0] - z @ z, 0.0)
    return np.where(is_upper, s, left), low, high


def _solved(s: Array, z: Array, margin: float, origins: Array, low: Array, high: Array) -> Array:
    """Return the distances of the roots from their origins.

    Each step solves the equation in which the poles on either side are one pole with the right
    value and slope (Bunch, Nielsen and Sorensen 1978); outside its bracket, it halves that.
    """
    squares, x, open_ones = z * z, 0.5 * (low + high), np.arange(s.size)
    x[0] = 0.0 if origins[0] == 0 and low[0] < 0 < high[0] else x[0]
    for _ in range(_MOST):
        j, at = open_ones, x[open_ones]
        gaps = (s[:, None] - origins[j]) - at
        terms = squares[:, None] / gaps
        is_left = np.arange(s.size)[:, None] < j
        slopes = terms / gaps
        left_slope = np.sum(slopes, axis=0, where=is_left)
        right_slope = np.sum(slopes, axis=0, where=~is_left)
        sizes = 1.0 + np.sum(np.abs(terms), axis=0)
        f = 1.0 - np.sum(terms, axis=0)
        if s[0] > 0:  # for small roots, the margin has more digits than 1 less a sum
            terms = (squares / s)[:, None] * (origins[j] + at) / gaps
            others = abs(margin) + np.sum(np.abs(terms), axis=0)
            f = np.where(others < sizes, margin - np.sum(terms, axis=0), f)
            sizes = np.minimum(sizes, others)
        low[j], high[j] = np.where(f > 0, at, low[j]), np.where(f > 0, high[j], at)
        right = gaps[j, np.arange(j.size)]
        left = gaps[np.maximum(j - 1, 0), np.arange(j.size)]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            c = f + left_slope * left + right_slope * right
            b = c * (left + right) - left_slope * left**2 - right_slope * right**2
            root = np.sqrt(b * b - 4 * c * left * right * f)
            step = np.where(b > 0, 0.5 * (b + root) / c, 2 * left * right * f / (b - root))
            step = np.where(j == 0, right * f / (f + right_slope * right), step)
        after = at + np.where(np.abs(f) <= _EPS * sizes, 0.0, step)
        inside = (after > low[j]) & (after < high[j])
        after = np.where(inside | (after == at), after, 0.5 * (low[j] + high[j]))
        x[j] = after
        open_ones = j[np.abs(after - at) > _EPS * np.abs(after)]
        if not open_ones.size:
            break
    return x
