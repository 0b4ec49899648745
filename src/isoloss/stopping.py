"""Where along a phase the train loss first reaches a level.

Everywhere here the excess train loss is Σ_i w_i h_i² with w = γδ(0)², levels are logarithms of that
excess, and NaN marks a level that is not looked for. Shapes: levels (B, L), all others (B, 1, r).
"""

from __future__ import annotations

from typing import Any

from isoloss.filters import Filter, flow_filter

__all__ = ["first_step", "flow_time", "log_excess"]

Array = Any

_MAX_NEWTON = 200
_ROUGH, _SHARP = (
    1e-5,
    2e-15,
)  # in the log of the loss; a rough root is polished from exact exponents
_LEAP = 2.0


def log_excess(xp: Any, log_weights: Array, filters: Filter) -> Array:
    """Return log Σ w_i h_i² along the last axis: the train loss above its minimum."""
    terms = log_weights + 2.0 * filters.logarithm()
    top = xp.max(terms, axis=-1)
    shift = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    return shift + xp.log(xp.sum(xp.exp(terms - shift[..., None]), axis=-1))


class _Sought:
    """The N levels of B problems that are looked for, in rows: shapes (N, r) and (N,)."""

    def __init__(self, xp: Any, log_level: Array) -> None:
        sought = ~xp.isnan(log_level)
        self.xp, self.shape, self.log_level = xp, tuple(log_level.shape), log_level[sought]
        self.problem, _ = xp.nonzero(sought)
        # where in the rows each level is; where it is not, any row will do
        count = xp.cumulative_sum(xp.astype(xp.reshape(sought, (-1,)), xp.int64))
        self.row = xp.where(count > 0, count - 1, count)
        self.missing = xp.where(sought, xp.zeros_like(log_level), xp.inf + xp.zeros_like(log_level))

    def rows(self, array: Array) -> Array:
        """Return what belongs to each problem (B, 1, ...) for each row (N, ...)."""
        return self.xp.take(array[:, 0, ...], self.problem, axis=0)

    def filters(self, filters: Filter) -> Filter:
        """Return each problem's filter for each row."""
        return Filter(*(None if part is None else self.rows(part) for part in filters))

    def given(self, where: Array, filters: Filter) -> tuple[Array, Filter]:
        """Return where each level is met (B, L), infinity if it is not looked for, and filters."""

        def back(rows: Array) -> Array:
            return self.xp.reshape(
                self.xp.take(rows, self.row, axis=0), (*self.shape, *rows.shape[1:])
            )

        there = Filter(*(None if part is None else back(part) for part in filters))
        return back(where) + self.missing, there


def flow_time(
    xp: Any, log_weights: Array, filters: Filter, curvature: Array, log_level: Array
) -> tuple[Array, Filter]:
    """Return the time at which gradient flow reaches each level (inf: never) and the filter there.

    log Σ exp(log w_i - 4γ_i t) is convex and decreasing in t, so Newton converges monotonically
    from the lower bound that the largest single term gives. At least one level must be looked for.
    """
    sought = _Sought(xp, log_level)
    log_level, log_weights = sought.log_level, sought.rows(log_weights)
    filters, curvature = sought.filters(filters), sought.rows(curvature)
    rates = 4.0 * curvature
    time = _crossing(xp, log_weights + 2.0 * filters.log, rates, log_level)
    finite = xp.isfinite(time)
    base = xp.where(finite, time, xp.zeros_like(time))
    if filters.low is None:
        time = base + _rest(xp, log_weights + 2.0 * filters.log, rates, log_level, base)
        base = xp.where(finite, time, xp.zeros_like(time))
        there = filters.then(xp, flow_filter(xp, base[..., None], curvature))
        return sought.given(xp.where(finite, time, xp.inf + base), there)
    # Polished with the exponents recomputed in double-double: where growth and decay cancel, the
    # rounding of the time alone would cost digits.
    there = filters.then(xp, flow_filter(xp, base[..., None], curvature, precise=True))
    terms = log_weights + 2.0 * there.logarithm()
    rest = _rest(xp, terms, rates, log_level, xp.zeros_like(base))
    there = there.then(xp, flow_filter(xp, rest[..., None], curvature, precise=True))
    return sought.given(xp.where(finite, base + rest, xp.inf + base), there)


def first_step(
    xp: Any, log_weights: Array, filters: Filter, step: Filter, steps: Array, log_level: Array
) -> tuple[Array, Filter]:
    """Return the first of some equal GD steps at or below each level (inf: none), its filter.

    There are ``steps`` of them, shape (B, 1). log Σ w_i |1 - 2ηγ_i|^(2k) is convex in real k ≥ 1:
    Newton finds its first crossing at a cost that does not depend on the number of steps. Where the
    loss rises again before the next whole step, the level is not reached. At least one level must
    be looked for.
    """
    sought = _Sought(xp, log_level)
    log_level, log_weights = sought.log_level, sought.rows(log_weights)
    filters, step, steps = sought.filters(filters), sought.filters(step), sought.rows(steps)
    # A direction with factor 0 counts at k = 0 only, and there the level is not yet reached.
    dead = step.log == -xp.inf
    rates = xp.where(dead, xp.zeros_like(step.log), -2.0 * step.log)
    weights = xp.where(dead, -xp.inf + xp.zeros_like(step.log), log_weights)
    real = _crossing(xp, weights + 2.0 * filters.log, rates, log_level)
    found = xp.isfinite(real)
    base = xp.floor(xp.where(found, real, xp.zeros_like(real)))
    there = filters.then(xp, step.power(xp, base[..., None]))
    rest = _rest(xp, weights + 2.0 * there.logarithm(), rates, log_level, xp.zeros_like(base))
    nearest = xp.ceil(base + rest)
    first = xp.inf + 0.0 * base
    # The real root may be off by a rounding error, so the neighbours are asked as well.
    for offset in (1.0, 0.0, -1.0):
        count = nearest + offset
        count = xp.where(count < 1, xp.ones_like(count), count)
        excess = log_excess(xp, log_weights, filters.then(xp, step.power(xp, count[..., None])))
        first = xp.where(found & (count <= steps) & (excess <= log_level), count, first)
    used = xp.where(xp.isfinite(first), first, xp.zeros_like(first))
    return sought.given(first, filters.then(xp, step.power(xp, used[..., None])))


def _rest(xp: Any, terms: Array, rates: Array, log_level: Array, near: Array) -> Array:
    """Return what is missing from ``near`` to the root, 0 where there is none."""
    rest = _newton(xp, terms, rates, log_level, near, _SHARP) - near
    return xp.where(xp.isfinite(rest), rest, xp.zeros_like(rest))


def _crossing(xp: Any, terms: Array, rates: Array, log_level: Array) -> Array:
    """Return roughly the smallest s ≥ 0 with log Σ exp(terms - rates·s) ≤ level; inf if none is."""
    # No single term may exceed the level.
    bounds = (terms - log_level[..., None]) / xp.where(rates > 0, rates, xp.ones_like(rates))
    bounds = xp.where((rates > 0) & xp.isfinite(bounds), bounds, xp.zeros_like(bounds))
    start = xp.max(bounds, axis=-1)
    start = xp.where(start > 0, start, xp.zeros_like(start))
    start = _approach(xp, terms, rates, log_level, start)
    found = _newton(xp, terms, rates, log_level, start, _ROUGH)
    return xp.where(found > 0, found, xp.zeros_like(found))


def _approach(xp: Any, terms: Array, rates: Array, log_level: Array, start: Array) -> Array:
    """Come near the root of a sum of decaying exponentials by Newton in log s, inside a bracket.

    Many rates make a loss that falls like a power of s, along which plain Newton only creeps. From
    ``start`` on no term exceeds the level, so the exponentials need no shift. Rows in which a term
    grows stay at their start.
    """
    low, high, s = start, xp.inf + xp.zeros_like(start), start
    decays = ~xp.any(rates < 0, axis=-1)
    logs = terms - log_level[..., None]
    for _ in range(_MAX_NEWTON):
        parts = xp.exp(logs - rates * s[..., None])
        total, falling = xp.sum(parts, axis=-1), xp.vecdot(parts, rates)
        above = xp.log(total)
        unsettled = decays & (xp.abs(above) > _ROUGH) & (above < xp.inf) & (falling > 0)
        unsettled = unsettled & ((above > 0) | (s > start))  # else the level is met from the start
        if not bool(xp.any(unsettled)):
            break
        low = xp.where(above > 0, s, low)
        high = xp.where(above > 0, high, s)
        step = above * total / falling
        ratio = step / xp.where(s > 0, s, xp.ones_like(s))
        leap = s * xp.exp(xp.where(ratio < _LEAP, ratio, _LEAP + xp.zeros_like(ratio)))
        next_s = xp.where((above > 0) & (s > 0), leap, s + step)
        middle = xp.sqrt(low) * xp.sqrt(high)
        middle = xp.where(xp.isfinite(middle), middle, low)
        s = xp.where(unsettled, xp.where((next_s > low) & (next_s < high), next_s, middle), s)
    return s


def _newton(
    xp: Any, terms: Array, rates: Array, log_level: Array, start: Array, tolerance: float
) -> Array:
    """Solve log Σ exp(terms - rates·s) = level, convex in s; inf if it has no root."""
    s = start
    never = xp.isnan(log_level)
    for _ in range(_MAX_NEWTON):
        above, slope = _excess_and_slope(xp, terms, rates, log_level, s)
        already = xp.isnan(above) | (above == -xp.inf)  # nothing is left above the minimum
        never = never | (~already & ((above == xp.inf) | ((above > 0) & (slope <= 0))))
        move = xp.where(never | already | (slope <= 0), xp.zeros_like(s), above / slope)
        s = s + move
        close = xp.abs(above) <= tolerance * (1.0 + xp.abs(log_level))
        if bool(xp.all(close | (move == 0))):
            break
    return xp.where(never, xp.inf + xp.zeros_like(s), s)


def _excess_and_slope(
    xp: Any, terms: Array, rates: Array, log_level: Array, s: Array
) -> tuple[Array, Array]:
    """Return log Σ exp(terms - rates·s) - level and minus its derivative in s."""
    logs = terms - rates * s[..., None]
    top = xp.max(logs, axis=-1)
    shift = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    shares = xp.exp(logs - shift[..., None])
    total = xp.sum(shares, axis=-1)
    return shift + xp.log(total) - log_level, xp.vecdot(rates, shares) / total
