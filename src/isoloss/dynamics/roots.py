"""Where a sum of exponentials first falls to a level: one safeguarded solver, with a status.

f(s) = log Σ exp(terms - rates·s) - level is convex in s. Newton from the left of its first root
never passes it, and one that arrives where f > 0 no longer falls proves that there is none. Many
rates make a sum that falls like a power of s, along which plain Newton only creeps: there it is
taken in log s, inside a bracket. Where Newton has not converged after a fixed number of
iterations, the root is bracketed and bisected, which always ends. Shapes: terms and rates (N, r),
levels and s (N,).
"""

from __future__ import annotations

from typing import Any

__all__ = ["first_root", "polished"]

Array = Any

_MAX_NEWTON = 100
_HALVINGS = 2200  # as many as there are between the largest float64 and the smallest
_SHARP = 2e-15  # in the log of the loss
_ULPS = 1e-15  # of s, which is then as sharp as it can be
_LEAP = 2.0
ROUGH = 1e-5
"""In the log of the loss: for a root that is polished from exponents worked out anew."""


def first_root(
    xp: Any, terms: Array, rates: Array, log_level: Array, tolerance: float = _SHARP
) -> Array:
    """Return the smallest s ≥ 0 with log Σ exp(terms - rates·s) ≤ level; inf if there is none."""
    # No single term may exceed the level.
    bounds = (terms - log_level[..., None]) / xp.where(rates > 0, rates, 1.0)
    bounds = xp.where((rates > 0) & xp.isfinite(bounds), bounds, 0.0)
    start = xp.max(bounds, axis=-1)
    start = xp.where(start > 0, start, 0.0)
    start = _approach(xp, terms, rates, log_level, start)
    found = _settled(xp, terms, rates, log_level, start, tolerance)
    return xp.where(found > 0, found, 0.0)


def polished(xp: Any, terms: Array, rates: Array, log_level: Array) -> Array:
    """Return the root next to s = 0, which may be negative; 0 where there is none."""
    root = _settled(xp, terms, rates, log_level, xp.zeros_like(log_level), _SHARP)
    return xp.where(xp.isfinite(root), root, 0.0)


def _settled(
    xp: Any, terms: Array, rates: Array, log_level: Array, start: Array, tolerance: float
) -> Array:
    """Solve by Newton's method from ``start``, and by bisection where that does not converge."""
    s, settled = _newton(xp, terms, rates, log_level, start, tolerance)
    if bool(xp.all(settled)):
        return s
    return xp.where(settled, s, _halved(xp, terms, rates, log_level, s))


def _newton(
    xp: Any, terms: Array, rates: Array, log_level: Array, start: Array, tolerance: float
) -> tuple[Array, Array]:
    """Return Newton's s (inf where there is no root), and whether it has converged."""
    s, settled = start, log_level > xp.inf  # none
    none = xp.isnan(log_level)
    size = tolerance * (1.0 + xp.abs(log_level))
    for _ in range(_MAX_NEWTON):
        above, slope = _excess_and_slope(xp, terms, rates, log_level, s)
        already = xp.isnan(above) | (above == -xp.inf)  # nothing is left above the minimum
        flat = ~(slope > 0)
        none = none | (~already & ((above == xp.inf) | ((above > 0) & flat)))
        # a row that has converged stays: what others need does not change its digits
        done = settled | none | already | flat
        move = xp.where(done, xp.zeros_like(s), above / slope)
        s = s + move
        settled = done | (xp.abs(above) <= size) | (xp.abs(move) <= _ULPS * xp.abs(s))
        if bool(xp.all(settled)):
            break
    return xp.where(none, xp.inf, s), settled


def _approach(xp: Any, terms: Array, rates: Array, log_level: Array, start: Array) -> Array:
    """Approach the root of a sum of decaying exponentials by Newton in log s, inside a bracket.

    From ``start`` on no term exceeds the level, so the exponentials need no shift. Rows in which a
    term grows stay at their start.
    """
    low, high, s = start, xp.inf, start
    decays = ~xp.any(rates < 0, axis=-1)
    logs = terms - log_level[..., None]
    for _ in range(_MAX_NEWTON):
        parts = xp.exp(logs - rates * s[..., None])
        total, falling = xp.sum(parts, axis=-1), xp.vecdot(parts, rates)
        above = xp.log(total)
        unsettled = decays & (xp.abs(above) > ROUGH) & (above < xp.inf) & (falling > 0)
        unsettled = unsettled & ((above > 0) | (s > start))  # else the level is met from the start
        if not bool(xp.any(unsettled)):
            break
        low = xp.where(above > 0, s, low)
        high = xp.where(above > 0, high, s)
        step = above * total / falling
        ratio = step / xp.where(s > 0, s, 1.0)
        leap = s * xp.exp(xp.where(ratio < _LEAP, ratio, _LEAP))
        next_s = xp.where((above > 0) & (s > 0), leap, s + step)
        middle = xp.sqrt(low) * xp.sqrt(high)
        middle = xp.where(xp.isfinite(middle), middle, low)
        s = xp.where(unsettled, xp.where((next_s > low) & (next_s < high), next_s, middle), s)
    return s


def _halved(xp: Any, terms: Array, rates: Array, log_level: Array, near: Array) -> Array:
    """Return the first root by bracketing and bisection; inf if there is none.

    Up to it f > 0 falls, and from there on f ≤ 0 or it no longer falls: that is tried.
    """

    def passed(s: Array) -> Array:
        above, slope = _excess_and_slope(xp, terms, rates, log_level, s)
        return ~((above > 0) & (slope > 0))

    near = xp.where(xp.isfinite(near), near, 0.0)
    largest = xp.max(xp.abs(rates), axis=-1)
    first = 1e-3 / xp.where(largest > 0, largest, 1.0) + 1e-9 * xp.abs(near)
    low, width = near, first
    for _ in range(_HALVINGS):
        early = passed(low) & (low > -xp.inf)
        if not bool(xp.any(early)):
            break
        low, width = xp.where(early, near - width, low), xp.where(early, 2.0 * width, width)
    high, width = near, first
    for _ in range(_HALVINGS):
        late = ~passed(high) & (high < xp.inf)
        if not bool(xp.any(late)):
            break
        high, width = xp.where(late, near + width, high), xp.where(late, 2.0 * width, width)
    for _ in range(_HALVINGS):
        middle = 0.5 * low + 0.5 * high
        between = (middle > low) & (middle < high)
        if not bool(xp.any(between)):
            break
        beyond = passed(middle)
        low = xp.where(between & ~beyond, middle, low)
        high = xp.where(between & beyond, middle, high)
    above, _ = _excess_and_slope(xp, terms, rates, log_level, high)
    return xp.where(above <= _SHARP * (1.0 + xp.abs(log_level)), high, xp.inf)


def _excess_and_slope(
    xp: Any, terms: Array, rates: Array, log_level: Array, s: Array
) -> tuple[Array, Array]:
    """Return log Σ exp(terms - rates·s) - level and minus its derivative in s."""
    logs = terms - rates * s[..., None]
    top = xp.max(logs, axis=-1)
    shift = xp.where(xp.isfinite(top), top, 0.0)
    shares = xp.exp(logs - shift[..., None])
    total = xp.sum(shares, axis=-1)
    return shift + xp.log(total) - log_level, xp.vecdot(rates, shares) / total
