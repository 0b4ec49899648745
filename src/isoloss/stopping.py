"""Where along a phase the train loss first reaches a level.

Everywhere here the excess train loss is Σ_i w_i h_i² with w = γδ(0)², levels are logarithms of that
excess, and NaN marks a level below the minimum. Shapes: levels (B, L), all others (B, 1, r).
"""

from __future__ import annotations

from typing import Any

from isoloss.filters import Filter, flow_filter

__all__ = ["first_step", "flow_time", "log_excess"]

Array = Any

_MAX_NEWTON = 500
_ROUGH, _SHARP = 1e-4, 1e-15  # in the log of the loss; a rough root is polished from exact exponents


def log_excess(xp: Any, log_weights: Array, filters: Filter) -> Array:
    """Return log Σ w_i h_i² along the last axis: the train loss above its minimum."""
    return _logsumexp(xp, log_weights + 2.0 * filters.log + 2.0 * filters.low)


def flow_time(
    xp: Any, log_weights: Array, filters: Filter, curvature: Array, log_level: Array
) -> tuple[Array, Filter]:
    """Return the time at which gradient flow reaches each level (inf: never) and the filter there.

    log Σ exp(log w_i - 4γ_i t) is convex and decreasing in t, so Newton converges monotonically from
    the lower bound that the largest single term gives.
    """
    rates = 4.0 * curvature
    time = _crossing(xp, log_weights + 2.0 * filters.log, rates, log_level)
    # Once more from there, the exponents recomputed in double-double: where growth and decay
    # cancel, the rounding of the time alone would cost digits.
    base = xp.where(xp.isfinite(time), time, xp.zeros_like(time))[..., None]
    there = filters.then(xp, flow_filter(xp, base, curvature))
    rest = _newton(xp, log_weights + 2.0 * there.log + 2.0 * there.low, rates, log_level, 0.0 * base[..., 0])
    rest = xp.where(xp.isfinite(rest), rest, xp.zeros_like(rest))
    return time + rest, there.then(xp, flow_filter(xp, rest[..., None], curvature))


def first_step(
    xp: Any, log_weights: Array, filters: Filter, step: Filter, steps: int, log_level: Array
) -> tuple[Array, Filter]:
    """Return the first of ``steps`` equal GD steps at or below each level (inf: none), its filter.

    log Σ w_i |1 - 2ηγ_i|^(2k) is convex in real k ≥ 1: Newton finds its first crossing at a cost
    that does not depend on the number of steps. Where the loss rises again before the next whole
    step, the level is not reached.
    """
    # A direction with factor 0 counts at k = 0 only, and there the level is not yet reached.
    dead = step.log == -xp.inf
    nothing = -xp.inf + xp.zeros_like(step.log)
    rates = xp.where(dead, xp.zeros_like(step.log), -2.0 * step.log)
    real = _crossing(
        xp, xp.where(dead, nothing, log_weights + 2.0 * filters.log), rates, log_level
    )
    base = xp.floor(xp.where(xp.isfinite(real), real, xp.zeros_like(real)))
    there = filters.then(xp, step.power(xp, base[..., None]))
    terms = xp.where(dead, nothing, log_weights + 2.0 * there.log + 2.0 * there.low)
    nearest = xp.ceil(base + _newton(xp, terms, rates, log_level, 0.0 * base))
    first = xp.inf + 0.0 * base
    # The real root may be off by a rounding error, so the neighbours are asked as well.
    for offset in (1.0, 0.0, -1.0):
        count = xp.where(xp.isfinite(nearest), nearest, base) + offset
        count = xp.where(count < 1, 1.0 + 0.0 * base, count)
        excess = log_excess(xp, log_weights, filters.then(xp, step.power(xp, count[..., None])))
        hit = xp.isfinite(real) & (count <= steps) & (excess <= log_level)
        first = xp.where(hit, count, first)
    used = xp.where(xp.isfinite(first), first, xp.zeros_like(first))
    return first, filters.then(xp, step.power(xp, used[..., None]))


def _crossing(xp: Any, terms: Array, rates: Array, log_level: Array) -> Array:
    """Return the smallest s ≥ 0 with log Σ exp(terms - rates·s) ≤ level; inf if there is none."""
    # No single term may exceed the level.
    bounds = (terms - log_level[..., None]) / xp.where(rates > 0, rates, 1.0 + 0.0 * rates)
    bounds = xp.where((rates > 0) & xp.isfinite(bounds), bounds, xp.zeros_like(bounds))
    start = xp.max(bounds, axis=-1)
    found = _newton(xp, terms, rates, log_level, xp.where(start > 0, start, xp.zeros_like(start)), _ROUGH)
    return xp.where(found > 0, found, xp.zeros_like(found))


def _newton(
    xp: Any, terms: Array, rates: Array, log_level: Array, start: Array, tolerance: float = _SHARP
) -> Array:
    """Solve log Σ exp(terms - rates·s) = level, convex in s, from the left; inf if it has no root."""
    s = start
    never = xp.isnan(log_level)
    for _ in range(_MAX_NEWTON):
        logs = terms - rates * s[..., None]
        top = xp.max(logs, axis=-1)
        shift = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
        shares = xp.exp(logs - shift[..., None])
        total = xp.sum(shares, axis=-1)
        above = shift + xp.log(total) - log_level
        slope = xp.sum(rates * shares, axis=-1) / total
        already = xp.isnan(above) | (above == -xp.inf)  # nothing is left above the minimum
        never = never | (~already & ((above == xp.inf) | ((above > 0) & (slope <= 0))))
        move = xp.where(never | already | (slope <= 0), xp.zeros_like(s), above / slope)
        s = s + move
        close = xp.abs(above) <= tolerance * (1.0 + xp.abs(log_level))
        if bool(xp.all(close | (move == 0))):
            break
    return xp.where(never, xp.inf + xp.zeros_like(s), s)


def _logsumexp(xp: Any, terms: Array) -> Array:
    top = xp.max(terms, axis=-1)
    shift = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    return shift + xp.log(xp.sum(xp.exp(terms - shift[..., None]), axis=-1))
