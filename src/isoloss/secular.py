"""The extremes of a quadratic form on a sphere: ‖A z + G‖² over ‖z‖² = e.

With A = W S Zᵀ and y = Zᵀz the stationary points are y_i = -s_i p_i/(s_i² + ν), p = WᵀG; the lowest
has ν ≥ -s_min², the highest ν ≤ -s_max². Either way ‖y‖² = e is one decreasing equation in the
distance of ν from that end (Moré and Sorensen, 1983). Its hard case, no pull along the extreme
directions, is filled up along one of them; without G it is the eigenvalue problem.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Extreme", "extremes", "extremes_of_form"]

Array = Any

_MAX_NEWTON = 200


class Extreme(NamedTuple):
    """The value at each e, shape (L,), and a point z that attains it, shape (L, r, m)."""

    loss: Array
    point: Array


def extremes(xp: Any, matrix: Array, offset: Array, squares: Array) -> tuple[Extreme, Extreme]:
    """Return the lowest and the highest ‖A z + G‖² over ‖z‖² = e, for each e ≥ 0 in ``squares``.

    Shapes: ``matrix`` A (q, r), ``offset`` G (q, m), ``squares`` (L,); z is (r, m).
    """
    q, r = matrix.shape
    if r == 0:
        constant = Extreme(
            xp.sum(offset**2) + xp.zeros_like(squares),
            squares[:, None, None] * offset[None, :0, :],
        )
        return constant, constant
    if q < r:  # then some directions have no effect; zero rows make them appear in Z
        blank = xp.zeros_like(xp.concat([matrix.T, offset.T]).T[:1, :])
        rows = xp.concat([blank] * (r - q))
        matrix = xp.concat([matrix, rows[:, :r]])
        offset = xp.concat([offset, rows[:, r:]])
    left, singular, right = xp.linalg.svd(matrix, full_matrices=False)
    along = left.T @ offset
    rest = xp.sum((offset - left @ along) ** 2)
    squared = singular**2
    ends = []
    for sign in (1.0, -1.0):
        gaps = sign * squared - xp.min(sign * squared)
        y = _stationary(xp, gaps, -sign * singular[:, None] * along, squares)
        loss = rest + xp.sum((singular[:, None] * y + along) ** 2, axis=(-2, -1))
        ends.append(Extreme(loss, right.T @ y))
    return ends[0], ends[1]


def extremes_of_form(xp: Any, form: Array, linear: Array, squares: Array) -> tuple[Array, Array]:
    """Return points of lowest and highest zᵀ M z + 2 bᵀz over ‖z‖² = e, (L, r) each.

    As `extremes`, for ``form`` M (r, r), positive semidefinite, and ``linear`` b (r,).
    """
    eigenvalues, vectors = xp.linalg.eigh(form)
    along = vectors.T @ linear
    points = []
    for sign in (1.0, -1.0):
        gaps = sign * eigenvalues - xp.min(sign * eigenvalues)
        y = _stationary(xp, gaps, -sign * along[:, None], squares)
        points.append(y[..., 0] @ vectors.T)
    return points[0], points[1]


def _stationary(xp: Any, gaps: Array, pull: Array, squares: Array) -> Array:
    """Return y_i = pull_i/(gap_i + s) with s ≥ 0 such that ‖y‖² = e, filled up where s = 0."""
    sizes = xp.sum(pull**2, axis=-1)
    target = xp.sqrt(squares)
    safe = xp.where(target > 0, target, xp.ones_like(target))
    # each term alone is a lower bound; from there Newton on 1/‖y(s)‖, concave in s, is monotone
    s = xp.max(xp.sqrt(sizes)[None, :] / safe[:, None] - gaps[None, :], axis=-1)
    s = xp.where(s > 0, s, xp.zeros_like(s))
    for _ in range(_MAX_NEWTON):
        distance = gaps[None, :] + s[:, None]
        terms = _ratio(xp, sizes[None, :], distance**2)
        norm = xp.sqrt(xp.sum(terms, axis=-1))
        slope = xp.sum(_ratio(xp, terms, distance), axis=-1)
        move = xp.where(
            (norm > target) & (slope > 0) & (target > 0),
            (norm / safe - 1.0) * norm**2 / slope,
            xp.zeros_like(s),
        )
        s = s + move
        if not bool(xp.any(move > 1e-15 * s)):
            break
    y = _ratio(xp, pull[None, :, :], (gaps[None, :] + s[:, None])[..., None])
    y = xp.where((target > 0)[:, None, None], y, xp.zeros_like(y))
    missing = squares - xp.sum(y**2, axis=(-2, -1))
    fill = xp.sqrt(xp.where((s == 0) & (missing > 0), missing, xp.zeros_like(missing)))
    corner = xp.zeros_like(pull)
    extreme = xp.argmin(gaps)
    row = xp.arange(gaps.shape[0])[:, None] == extreme
    column = xp.arange(pull.shape[1])[None, :] == 0
    corner = xp.where(row & column, xp.ones_like(corner), corner)
    return y + fill[:, None, None] * corner


def _ratio(xp: Any, top: Array, bottom: Array) -> Array:
    """Return top/bottom, 0 where the top is 0."""
    zero = xp.zeros_like(top / bottom)
    return xp.where(
        (top == 0) | (bottom == 0), zero, top / xp.where(bottom == 0, xp.ones_like(bottom), bottom)
    )
