"""The extremes of a quadratic form on a sphere: ‖A z + G‖² over ‖z‖² = e.

With A = W S Zᵀ and y = Zᵀz the stationary points are y_i = -s_i p_i/(s_i² + ν), p = WᵀG; the lowest
has ν ≥ -s_min², the highest ν ≤ -s_max². In both cases ‖y‖² decreases in the distance of ν from
that end, so ‖y‖² = e is solved for it (Moré and Sorensen, 1983). In the hard case, with no pull
along the extreme directions, y is extended along one of them; G = 0 gives the eigenvalue problem.

A, G and e are scaled to order one by powers of two. If they, or the singular values, lie too far
apart for that, the equation is solved in logarithms.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import array_api_compat as compat
import numpy as np

from isoloss._arrays.context import ArrayContext
from isoloss.problems.quadratic_forms import Offset
from isoloss.problems.units import Scaled, scaled, shifted, sum_of_exponentials

__all__ = ["Extreme", "extremes", "singular_values"]

Array = Any

_MAX_NEWTON = 200
_HALVINGS = 2200  # bisections from the largest float64 to the smallest
_SHARP = 1e-15
_LN2 = 0.6931471805599453
_APART = 200.0  # bits between sizes above which logarithms are used
_GRADED = 2.0**20  # ratio of column sizes above which Jacobi's method is needed
_NEGLIGIBLE = 80.0  # nats


class Extreme(NamedTuple):
    """The extreme value for each e, shape (L,), and a point z that attains it, shape (L, r, m)."""

    loss: Scaled
    point: Array


def extremes(
    kind: ArrayContext, matrix: Array, offset: Offset, squares: Scaled
) -> tuple[Extreme, Extreme]:
    """Return the lowest and the highest ‖A z + G‖² over ‖z‖² = e, for each e ≥ 0 in ``squares``.

    The shapes are ``matrix`` A (q, r), ``offset`` G (q, m), z (r, m) and ``squares`` (L,); the
    exponents of ``squares`` are even.
    """
    xp = kind.xp
    wide, deep = _exponent(xp, matrix), _exponent(xp, offset.residual)
    own = squares.value
    matrix, given = scaled(matrix, -wide), scaled(offset.residual, -deep)
    deep += offset.exponent
    q, r = matrix.shape
    if r == 0:
        constant = Scaled(xp.sum(given**2) + 0.0 * own, 2.0 * deep + 0.0 * own)
        nothing = Extreme(constant, own[:, None, None] * given[None, :0, :])
        return nothing, nothing
    if q < r:  # some directions have no effect; zero rows make them appear in Z
        matrix, given = (
            xp.concat(
                [part, xp.zeros((r - q, part.shape[1]), dtype=part.dtype, device=kind.device)]
            )
            for part in (matrix, given)
        )
    left, singular, right = singular_values(kind, matrix)
    along = left.T @ given
    rest = xp.sum((given - left @ along) ** 2)
    half = 0.5 * squares.bits
    sphere = _Sphere(xp, singular, along, rest, own, float(deep - wide) - half)
    ends = []
    for sign in (1.0, -1.0):
        y, loss, bits = sphere.end(sign)
        point = shifted(xp, right.T @ y, half[:, None, None])
        ends.append(Extreme(Scaled(loss, bits + 2.0 * (half + float(wide))), point))
    return ends[0], ends[1]


def singular_values(kind: ArrayContext, matrix: Array) -> tuple[Array, Array, Array]:
    """Return the thin SVD of a matrix (q, r) with q ≥ r.

    If the sizes of columns differ greatly, Jacobi's method is used: it is accurate for each
    singular value (Z. Drmač and K. Veselić (2008), SIAM J. Matrix Anal. Appl. 29(4)). The usual
    method is accurate only relative to the largest one.
    """
    xp = kind.xp
    sizes = xp.max(xp.abs(matrix), axis=0)
    some = xp.where(sizes > 0, sizes, xp.max(sizes))
    if not float(xp.max(some)) > _GRADED * float(xp.min(some)):
        return tuple(xp.linalg.svd(matrix, full_matrices=False))
    from scipy.linalg import lapack  # rarely needed, and half of the time to import isoloss

    host = np.asarray(compat.to_device(matrix, "cpu"))
    values, left, right, work, _, _ = lapack.dgejsv(host, joba=0, jobu=0, jobv=0)
    singular = kind.constant(values * (work[0] / work[1]))
    return kind.constant(left[:, : values.size]), singular, kind.constant(right.T)


def _exponent(xp: Any, array: Array) -> int:
    size = float(xp.max(xp.abs(array))) if 0 not in array.shape else 0.0
    return math.frexp(size)[1]


class _Sphere:
    """‖S y + 2^D p‖² + 4^D·rest over ‖y‖² = e, for each of L values e and D."""

    def __init__(
        self, xp: Any, singular: Array, along: Array, rest: Array, squares: Array, bits: Array
    ) -> None:
        self.xp, self.singular, self.along, self.rest = xp, singular, along, rest
        self.squares, self.bits = squares, bits
        top = float(xp.max(singular))
        least = float(xp.min(xp.where(singular > 0, singular, top)))
        pulled = bool(xp.any(along != 0) | (rest != 0))
        apart = least < 2.0**-_APART * top
        self.far = (xp.abs(bits) > _APART) & pulled | apart

    def end(self, sign: float) -> tuple[Array, Array, Array]:
        """Return points y (L, r, m) and losses (L,) · 2^bits (L,): the lowest for sign 1."""
        xp = self.xp
        shrink = shifted(xp, xp.ones_like(self.bits), xp.clip(self.bits, -_APART, _APART))
        squared = self.singular**2
        gaps = sign * squared - xp.min(sign * squared)
        pull = -sign * self.singular[:, None] * self.along
        y = _stationary(xp, gaps, pull, self.squares, shrink)
        parts = self.singular[:, None] * y + shrink[:, None, None] * self.along
        loss = shrink * shrink * self.rest + xp.sum(parts**2, axis=(-2, -1))
        if not bool(xp.any(self.far)):
            return y, loss, xp.zeros_like(loss)
        there, found = self._in_logarithms(sign)
        y = xp.where(self.far[:, None, None], there, y)
        return y, xp.where(self.far, found.value, loss), xp.where(self.far, found.bits, 0.0)

    def _in_logarithms(self, sign: float) -> tuple[Array, Scaled]:
        xp, singular = self.xp, self.singular
        index = xp.argmin(sign * singular)
        end = singular[index]
        # log |s_i² - s_end²|, computed from the larger of the two
        larger, smaller = (singular, end) if sign > 0 else (end, singular)
        ratio = smaller / xp.where(larger > 0, larger, 1.0)
        log_gaps = 2.0 * xp.log(larger) + xp.log1p(-(ratio**2))
        sizes = xp.sqrt(xp.sum(self.along**2, axis=-1))
        log_sizes = xp.log(sizes)[None, :] + _LN2 * self.bits[:, None]
        pulls = xp.log(singular)[None, :] + log_sizes
        wanted = xp.log(self.squares)
        log_shift = _log_shift(xp, log_gaps, pulls, wanted)
        distance = xp.logaddexp(log_gaps[None, :], log_shift[:, None])
        # 0/0 is a direction at the end itself without pull; the hard case below extends it
        log_y = xp.where(pulls > -xp.inf, pulls - distance, pulls)
        total = xp.sum(xp.exp(2.0 * log_y), axis=-1)
        missing = self.squares - total
        hard = (log_shift == -xp.inf) & (missing > 0)
        fill = xp.sqrt(xp.where(hard, missing, 0.0))
        unit = self.along / xp.where(sizes > 0, sizes, 1.0)[:, None]
        corner = _corner(xp, unit, index)
        y = -sign * xp.exp(log_y)[..., None] * unit + fill[:, None, None] * corner
        # s_i y_i + p_i is p_i (s ∓ s_end²)/(gap_i + s)
        log_end = 2.0 * xp.log(end)
        if sign > 0:
            most, least = xp.maximum(log_shift, log_end), xp.minimum(log_shift, log_end)
            factor = xp.where(most > -xp.inf, most + xp.log(-xp.expm1(least - most)), most)
        else:
            factor = xp.logaddexp(log_shift, log_end)
        # where distance or pull is 0, the residual stays as it is
        own = (distance == -xp.inf) | (pulls == -xp.inf)
        parts = xp.where(own, log_sizes, log_sizes + factor[:, None] - distance)
        filled = xp.log(fill) + xp.log(end)
        beyond = 0.5 * xp.log(self.rest) + _LN2 * self.bits
        logs = xp.concat([parts, filled[:, None], beyond[:, None]], axis=-1)
        found = sum_of_exponentials(xp, 2.0 * xp.where(xp.isnan(logs), -xp.inf, logs))
        return xp.where((wanted == -xp.inf)[:, None, None], 0.0, y), found


def _log_shift(xp: Any, log_gaps: Array, pulls: Array, wanted: Array) -> Array:
    """Return the log of s ≥ 0 with Σ (pull_i/(gap_i + s))² = e; -inf if the sum at 0 is less."""
    goal = wanted[:, None]
    alone = pulls - 0.5 * goal  # log of gap + s if one term makes up the sum
    gaps = xp.broadcast_to(log_gaps[None, :], tuple(alone.shape))
    above = alone > gaps
    bounds = alone + xp.log(-xp.expm1(xp.where(above, gaps - alone, -1.0)))
    least = xp.min(xp.where(xp.isfinite(log_gaps), log_gaps, xp.inf))
    low = xp.max(xp.where(above, bounds, -xp.inf), axis=-1)
    unbounded = low == -xp.inf  # no single term exceeds e, but their sum may
    low = xp.where(unbounded, least - _NEGLIGIBLE, low)
    high = xp.maximum(0.5 * _log_sum(xp, 2.0 * alone), low)

    def above_goal(s: Array) -> tuple[Array, Array]:
        distance = xp.logaddexp(gaps, s[:, None])
        logs = 2.0 * xp.where(pulls > -xp.inf, pulls - distance, pulls)
        total = _log_sum(xp, logs)
        shares = xp.exp(logs - total[:, None]) * xp.exp(s[:, None] - distance)
        return total - wanted, 2.0 * xp.sum(xp.where(xp.isnan(shares), 0.0, shares), axis=-1)

    usable = xp.isfinite(low) & xp.isfinite(high) & xp.isfinite(wanted)
    s = low = xp.where(usable, low, 0.0)
    high = xp.where(usable, high, 0.0)
    start, _ = above_goal(s)
    hard = ~usable | (unbounded & ~(start > 0))
    for _ in range(_MAX_NEWTON):
        miss, slope = above_goal(s)
        low = xp.where(miss > 0, s, low)
        high = xp.where(miss > 0, high, s)
        proposed = s + miss / xp.where(slope > 0, slope, 1.0)
        inside = (proposed >= low) & (proposed <= high) & (slope > 0)
        proposed = xp.where(inside, proposed, 0.5 * (low + high))
        settled = hard | (xp.abs(proposed - s) <= 1e-15 * (1.0 + xp.abs(s))) | (miss == 0)
        s = xp.where(settled, s, proposed)
        if bool(xp.all(settled)):
            break
    return xp.where(hard, -xp.inf, s)


def _log_sum(xp: Any, logs: Array) -> Array:
    top = xp.max(logs, axis=-1)
    shift = xp.where(xp.isfinite(top), top, 0.0)
    return shift + xp.log(xp.sum(xp.exp(logs - shift[..., None]), axis=-1))


def _stationary(xp: Any, gaps: Array, pull: Array, squares: Array, shrink: Array) -> Array:
    """Return y_i = shrink·pull_i/(gap_i + s) with s ≥ 0 and ‖y‖² = e, extended where s = 0."""
    pulls = shrink[:, None, None] * pull
    sizes = xp.sum(pulls**2, axis=-1)
    target = xp.sqrt(squares)
    safe = xp.where(target > 0, target, 1.0)
    # each term alone gives a lower bound, from which Newton on the concave 1/‖y(s)‖ is monotone
    s = xp.max(xp.sqrt(sizes) / safe[:, None] - gaps[None, :], axis=-1)
    s, settled = _newton(xp, gaps, sizes, target, xp.where(s > 0, s, 0.0))
    if not bool(xp.all(settled)):
        s = xp.where(settled, s, _halved(xp, gaps, sizes, target, s))
    y = _ratio(xp, pulls, (gaps[None, :] + s[:, None])[..., None])
    y = xp.where((target > 0)[:, None, None], y, 0.0)
    missing = squares - xp.sum(y**2, axis=(-2, -1))
    fill = xp.sqrt(xp.where((s == 0) & (missing > 0), missing, 0.0))
    return y + fill[:, None, None] * _corner(xp, pull, xp.argmin(gaps))


def _corner(xp: Any, like: Array, row: Array) -> Array:
    """Return zeros of shape (r, m), except for a one in the first column of ``row``."""
    rows, columns = (xp.arange(size, device=compat.device(like)) for size in like.shape)
    return xp.astype((rows == row)[:, None] & (columns == 0)[None, :], xp.float64)


def _newton(xp: Any, gaps: Array, sizes: Array, target: Array, start: Array) -> tuple[Array, Array]:
    """Solve ‖y(s)‖ = target from below by Newton's method; return s and whether it converged."""
    s, settled = start, target < 0  # all False
    for _ in range(_MAX_NEWTON):
        distance = gaps[None, :] + s[:, None]
        terms = _ratio(xp, sizes, distance**2)
        norm = xp.sqrt(xp.sum(terms, axis=-1))
        slope = xp.sum(_ratio(xp, terms, distance), axis=-1)
        moves = (norm > target) & (slope > 0) & (target > 0)
        move = (norm / xp.where(moves, target, 1.0) - 1.0) * norm**2 / slope
        move = xp.where(moves, move, 0.0)
        s = s + move
        settled = ~(move > _SHARP * s)
        if bool(xp.all(settled)):
            break
    return s, settled


def _halved(xp: Any, gaps: Array, sizes: Array, target: Array, low: Array) -> Array:
    """Solve ‖y(s)‖ = target > 0 by bisection, from ``low``, where the norm is larger."""
    high = xp.sqrt(xp.sum(sizes, axis=-1)) / target  # ‖y(s)‖ ≤ ‖pull‖/s
    for _ in range(_HALVINGS):
        middle = 0.5 * low + 0.5 * high
        between = (middle > low) & (middle < high)
        if not bool(xp.any(between)):
            break
        terms = _ratio(xp, sizes, (gaps[None, :] + middle[:, None]) ** 2)
        above = xp.sqrt(xp.sum(terms, axis=-1)) > target
        low = xp.where(between & above, middle, low)
        high = xp.where(between & ~above, middle, high)
    return high


def _ratio(xp: Any, top: Array, bottom: Array) -> Array:
    """Return top/bottom, or 0 where either is 0."""
    return xp.where((top == 0) | (bottom == 0), 0.0, top / xp.where(bottom == 0, 1.0, bottom))
