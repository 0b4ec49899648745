"""Find where a sum of exponentials first falls to a level; infinity means that there is no root.

f(s) = log Σ exp(terms - rates·s) - level is convex in s. Before its first root, f is positive and
falls; from the root on, f is not positive or no longer falls. Newton's method from the left never
passes the root; if it arrives where f > 0 no longer falls, there is no root. A sum that only decays
has no such end to miss, so it is fitted by A·(s + c)^-p, with f, f' and f'' at s: a mean and a
variance of the rates. With many rates, the sum falls like a power of s, and Newton's steps would be
too short. Rows that have not converged after a fixed number of steps are bisected, which always
ends. Converged rows are left out of further steps, and no row depends on others. Shapes: terms and
rates (N, r), levels and s (N,).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import array_api_compat as compat

__all__ = ["first_root", "polished"]

Array = Any

_MAX_NEWTON = 100
_SHARP = 2e-15  # tolerance in the log of the loss
_ULPS = 1e-15  # relative tolerance in s, near the limit of float64
_LEAP = 2.0  # most by which a step may change log(s + c)
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
    found = _solved(xp, terms, rates, log_level, start, tolerance)
    return xp.where(xp.isnan(log_level), xp.inf, xp.where(found > 0, found, 0.0))


def polished(xp: Any, terms: Array, rates: Array, log_level: Array) -> Array:
    """Return the root near s = 0, which may be negative; 0 if there is none."""
    root = _solved(xp, terms, rates, log_level, xp.zeros_like(log_level), _SHARP)
    return xp.where(xp.isfinite(root), root, 0.0)


class _Rows(NamedTuple):
    """The rows that have not converged; all but terms and rates have shape (N,)."""

    index: Array
    terms: Array
    rates: Array
    log_level: Array
    decays: Array
    size: Array
    """The largest |f| that is no longer reduced."""
    near: Array
    """The largest step after which |f| is at most ``size``."""
    s: Array


def _solved(
    xp: Any, terms: Array, rates: Array, log_level: Array, start: Array, tolerance: float
) -> Array:
    """Return the first root, at or after ``start`` or close to it; infinity if there is none."""
    decays = ~xp.any(rates < 0, axis=-1)
    size = tolerance * (1.0 + xp.abs(log_level))
    # after a step, |f| is less than (largest rate·step)², or its cube where f'' is fitted, too
    near = xp.where(decays, size ** (1 / 3), xp.sqrt(size)) / _largest(xp, rates)
    index = xp.arange(start.shape[0], device=compat.device(start))
    rows = _Rows(index, terms, rates, log_level, decays, size, near, start)
    indices, found = [], []
    for _ in range(_MAX_NEWTON):
        s, settled = _newton(xp, rows)
        rows = rows._replace(s=s)
        if bool(xp.any(settled)):
            indices.append(rows.index[settled])
            found.append(s[settled])
            if bool(xp.all(settled)):
                break
            rows = _Rows(*(part[~settled] for part in rows))
    else:
        indices.append(rows.index)
        found.append(_bisected(xp, rows))
    return xp.take(xp.concat(found), xp.argsort(xp.concat(indices)), axis=0)


def _newton(xp: Any, rows: _Rows) -> tuple[Array, Array]:
    """Return s after one step, and which rows have converged."""
    above, slope, bend = _expansion(xp, rows)
    step = above / slope
    growth = step * bend / slope
    fitted = slope / bend * xp.expm1(xp.where(growth < _LEAP, growth, _LEAP))
    step = xp.where(rows.decays & (bend != 0), fitted, step)
    close = (xp.abs(above) <= rows.size) | (
        xp.abs(step) <= xp.maximum(rows.near, _ULPS * xp.abs(rows.s))
    )
    # where f does not fall, there is no root, or it was before (f is NaN or -inf: nothing is left)
    falls = (slope > 0) & xp.isfinite(above)
    stays = xp.where(above > 0, xp.inf, rows.s)
    return xp.where(falls, rows.s + step, stays), close | ~falls


def _bisected(xp: Any, rows: _Rows) -> Array:
    """Return the first roots by bisection, after a search for both ends of a bracket."""
    s = xp.where(xp.isfinite(rows.s), rows.s, 0.0)
    low, high = -xp.inf + 0.0 * s, xp.inf + 0.0 * s
    width = 1e-3 / _largest(xp, rows.rates) + 1e-9 * xp.abs(s)
    ended = s > xp.inf
    while not bool(xp.all(ended)):
        above, slope, _ = _expansion(xp, rows._replace(s=s))
        before = (above > 0) & (slope > 0)
        low, high = xp.where(before, s, low), xp.where(before, high, s)
        after = 0.5 * low + 0.5 * high
        after = xp.where(high == xp.inf, low + width, after)
        after = xp.where(low == -xp.inf, high - width, after)
        width = 2.0 * width
        ended = ~((after > low) & (after < high)) | (xp.abs(after) == xp.inf)
        s = xp.where(ended, s, after)
    above, _, _ = _expansion(xp, rows._replace(s=high))
    return xp.where(above > _SHARP * (1.0 + xp.abs(rows.log_level)), xp.inf, high)


def _largest(xp: Any, rates: Array) -> Array:
    """Return the size of the largest rate, or 1 if all are 0."""
    largest = xp.max(xp.abs(rates), axis=-1)
    return xp.where(largest > 0, largest, 1.0)


def _expansion(xp: Any, rows: _Rows) -> tuple[Array, Array, Array]:
    """Return f = log Σ exp(terms - rates·s) - level, -f' and f'' at s."""
    logs = rows.rates * -rows.s[..., None]
    logs += rows.terms  # in place, as new memory takes longer than the arithmetic
    top = xp.max(logs, axis=-1)
    shift = xp.where(xp.isfinite(top), top, 0.0)
    logs -= shift[..., None]
    shares = xp.exp(logs)
    total = xp.sum(shares, axis=-1)
    slope = xp.vecdot(rows.rates, shares) / total
    shares *= rows.rates
    bend = xp.vecdot(rows.rates, shares) / total - slope * slope
    return shift + xp.log(total) - rows.log_level, slope, bend
