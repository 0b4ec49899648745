"""Find where a sum of exponentials first falls to a level; infinity means that there is no root.

f(s) = log Σ exp(terms - rates·s) - level is convex in s. Before its first root, f is positive and
falls; from the root on, f is not positive or no longer falls. So f and its slope tell on which side
of s the root lies, and a bracket can hold the root. Newton's method from the left never passes the
root; if it arrives where f > 0 no longer falls, there is no root. With many rates, the sum falls
like a power of s, and plain Newton steps are too short, so steps are taken in log s. Rows that have
not converged after a fixed number of steps are bisected, which always ends. Converged rows stay
unchanged, so that their digits do not depend on other rows. Shapes: terms and rates (N, r), levels
and s (N,).
"""

from __future__ import annotations

from typing import Any

__all__ = ["first_root", "polished"]

Array = Any

_MAX_NEWTON = 100
_MOST = 7000  # several times the halvings between the largest and the smallest float64
_SHARP = 2e-15  # tolerance in the log of the loss
_ULPS = 1e-15  # relative tolerance in s, near the limit of float64
_LEAP = 2.0
ROUGH = 1e-5
"""The tolerance in the log of the loss if a root is polished later with recomputed exponents."""


def first_root(
    xp: Any, terms: Array, rates: Array, log_level: Array, tolerance: float = _SHARP
) -> Array:
    """Return the smallest s ≥ 0 with log Σ exp(terms - rates·s) ≤ level; inf if there is none."""
    # No single term may exceed the level.
    bounds = (terms - log_level[..., None]) / xp.where(rates > 0, rates, 1.0)
    bounds = xp.where((rates > 0) & xp.isfinite(bounds), bounds, 0.0)
    start = xp.max(bounds, axis=-1)
    start = xp.where(start > 0, start, 0.0)
    decays = ~xp.any(rates < 0, axis=-1)
    found = _solved(xp, terms, rates, log_level, start, decays, tolerance)
    return xp.where(found > 0, found, 0.0)


def polished(xp: Any, terms: Array, rates: Array, log_level: Array) -> Array:
    """Return the root near s = 0, which may be negative; 0 if there is none."""
    start = xp.zeros_like(log_level)
    root = _solved(xp, terms, rates, log_level, start, log_level > xp.inf, _SHARP)
    return xp.where(xp.isfinite(root), root, 0.0)


def _solved(
    xp: Any,
    terms: Array,
    rates: Array,
    log_level: Array,
    start: Array,
    creeps: Array,
    tolerance: float,
) -> Array:
    """Return the first root, or infinity if there is none.

    The rows marked by ``creeps`` only decay and have no root before ``start``, so they may leap.
    """
    size = tolerance * (1.0 + xp.abs(log_level))
    s, low, high = start, xp.where(creeps, start, -xp.inf), xp.inf + xp.zeros_like(start)
    end, width = high, _first_width(xp, rates, start)  # ``end`` is f at ``high``
    none = settled = xp.isnan(log_level)
    for count in range(_MOST):
        above, slope = _excess_and_slope(xp, terms, rates, log_level, s)
        above = xp.where(xp.isnan(above), -xp.inf, above)  # nothing is left above the minimum
        falls = (above > 0) & (slope > 0)
        low, high = xp.where(falls, s, low), xp.where(falls, high, s)
        end = xp.where(falls, end, above)
        if count < _MAX_NEWTON:
            flat = ~(slope > 0) | (above == -xp.inf)
            lost = (above == xp.inf) | ((above > 0) & flat)
            none, settled = none | (~settled & lost), settled | lost | flat
            step = above / xp.where(settled, 1.0 + 0.0 * slope, slope)
            after = s + step
            leaps = creeps & ~settled & (xp.abs(above) > ROUGH)
            if bool(xp.any(leaps)):
                after = xp.where(leaps, _leap(xp, s, step, above, low, high), after)
            after = xp.where(settled, s, after)
            settled = (
                settled | (xp.abs(above) <= size) | (xp.abs(after - s) <= _ULPS * xp.abs(after))
            )
            s = after
        else:
            after = 0.5 * low + 0.5 * high
            after = xp.where(high == xp.inf, low + width, after)
            after = xp.where(low == -xp.inf, high - width, after)
            width = 2.0 * width
            closed = ~settled & (~((after > low) & (after < high)) | (xp.abs(after) == xp.inf))
            none = none | (closed & ~(end <= _SHARP * (1.0 + xp.abs(log_level))))
            s = xp.where(settled, s, xp.where(closed, high, after))
            settled = settled | closed
        if bool(xp.all(settled)):
            break
    return xp.where(none, xp.inf, s)


def _leap(xp: Any, s: Array, step: Array, above: Array, low: Array, high: Array) -> Array:
    """Return s after a Newton step in log s, or inside the bracket if the step leaves it."""
    ratio = step / xp.where(s > 0, s, 1.0)
    far = s * xp.exp(xp.where(ratio < _LEAP, ratio, _LEAP))
    after = xp.where((above > 0) & (s > 0), far, s + step)
    middle = xp.sqrt(low) * xp.sqrt(high)
    middle = xp.where(xp.isfinite(middle), middle, low)
    return xp.where((after > low) & (after < high), after, middle)


def _first_width(xp: Any, rates: Array, near: Array) -> Array:
    """Return the width of the first bracket to try."""
    largest = xp.max(xp.abs(rates), axis=-1)
    return 1e-3 / xp.where(largest > 0, largest, 1.0) + 1e-9 * xp.abs(near)


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
