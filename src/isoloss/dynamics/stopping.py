"""Find where the train loss first reaches a level along a flow, or along equal steps.

Levels are logarithms of the excess train loss, as in `stops`. Shapes: levels (B, L), all others
(B, 1, r).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from isoloss.dynamics.filters import Filter, flow_filter
from isoloss.dynamics.level_rows import LevelRows
from isoloss.dynamics.roots import ROUGH, first_root, polished
from isoloss.dynamics.stops import LevelStops, log_excess

__all__ = ["first_step", "flow_time"]

Array = Any


def flow_time(
    xp: Any, log_weights: Array, filters: Filter, curvature: Array, log_level: Array
) -> tuple[Array, Filter]:
    """Return the time at which gradient flow reaches each level (inf: never) and the filter there.

    NaN marks levels that are not sought; at least one must be sought.
    """
    sought = LevelRows(xp, ~xp.isnan(log_level))
    log_level, log_weights = log_level[sought.mask], sought.of(log_weights)
    filters, curvature = sought.filters(filters), sought.of(curvature)
    rates, terms = 4.0 * curvature, log_weights + 2.0 * filters.log
    if filters.low is None:
        time = first_root(xp, terms, rates, log_level)
        base = xp.where(xp.isfinite(time), time, 0.0)
        return sought.given(time, filters.then(xp, flow_filter(xp, base[..., None], curvature)))
    # Polish the root with exponents recomputed in double-double: where growth and decay cancel, the
    # rounding of the time alone would cost digits.
    time = first_root(xp, terms, rates, log_level, ROUGH)
    base = xp.where(xp.isfinite(time), time, 0.0)
    there = filters.then(xp, flow_filter(xp, base[..., None], curvature, precise=True))
    rest = polished(xp, log_weights + 2.0 * there.logarithm(), rates, log_level)
    there = there.then(xp, flow_filter(xp, rest[..., None], curvature, precise=True))
    return sought.given(time + rest, there)


def first_step(
    stops: LevelStops, filters: Filter, step: Filter, steps: Array, sought: Array
) -> tuple[LevelRows, Array, Filter, Callable[[LevelRows], Filter]]:
    """Find the first of ``steps`` equal GD steps at or below each level.

    Return the levels that are reached, the number of this step, the filters after it, and a
    function that gives the filters before it of some of them.

    ``steps`` has the shape (B, 1), and ``sought`` (B, L) marks the levels to find, at least one.
    log Σ w_i |1 - 2ηγ_i|^(2k) is convex in real k ≥ 1, so the cost of finding its first crossing
    does not depend on the number of steps. If the loss rises above a level again before the next
    whole step, the level is not reached.
    """
    xp = stops.xp
    wanted = LevelRows(xp, sought)
    log_level, bar = stops.log_level[sought], stops.bar[sought]
    log_weights = wanted.of(stops.log_weights)
    filters, step, steps = wanted.filters(filters), wanted.filters(step), wanted.of(steps)

    def at(count: Array) -> Filter:
        return filters.then(xp, step.power(xp, count[..., None]))

    def excess(count: Array) -> Array:
        if filters.low is not None:
            return log_excess(xp, log_weights, at(count))
        log = filters.log + step.repeated(xp, count[..., None])
        return log_excess(xp, log_weights, Filter(filters.sign, log))

    # A direction with factor 0 counts at k = 0 only, and there the level is not yet reached.
    dead = step.log == -xp.inf
    rates = xp.where(dead, xp.zeros_like(step.log), -2.0 * step.log)
    weights = xp.where(dead, -xp.inf, log_weights)
    real = first_root(xp, weights + 2.0 * filters.log, rates, log_level, ROUGH)
    found = xp.isfinite(real)
    base = xp.floor(xp.where(found, real, 0.0))
    there = at(base)
    rest = polished(xp, weights + 2.0 * there.logarithm(), rates, log_level)
    ones = xp.ones_like(base)
    nearest = xp.ceil(base + rest)
    nearest = xp.where(nearest < 1, ones, nearest)
    before = xp.where(nearest < 2, ones, nearest - 1.0)
    met, met_before = excess(nearest) <= bar, excess(before) <= bar
    none = ~found | (before > steps)
    first, sure = nearest, none | (met & (~met_before | (nearest == 1)))
    if not bool(xp.all(sure)):
        # the real root may be off by a rounding error that spans many steps
        first = xp.where(sure, first, _first_whole(xp, at, rates, weights, bar, steps))
    reached = ~none & (first <= steps)
    first = first[reached]
    start, log_step = filters.at(reached), step.at(reached)

    def before_it(rows: LevelRows) -> Filter:
        some = rows.mask[found_rows.mask]
        return start.at(some).then(xp, log_step.at(some).power(xp, (first[some] - 1.0)[..., None]))

    found_rows = LevelRows(xp, wanted.among(reached))
    return found_rows, first, start.then(xp, log_step.power(xp, first[..., None])), before_it


def _first_whole(
    xp: Any,
    at: Callable[[Array], Filter],
    rates: Array,
    log_weights: Array,
    bar: Array,
    steps: Array,
) -> Array:
    """Find the first whole number of steps at or below each bar by bisection; inf if none is.

    Before it, the loss is above the bar and falls; from it on, one of the two is no longer true.
    """

    def passed(count: Array) -> Array:
        here = at(count)
        terms = log_weights + 2.0 * here.logarithm()
        top = xp.max(terms, axis=-1)
        shares = xp.exp(terms - xp.where(xp.isfinite(top), top, 0.0)[..., None])
        return (log_excess(xp, log_weights, here) <= bar) | ~(xp.vecdot(rates, shares) > 0)

    low = xp.zeros_like(bar)
    high = low + xp.where(steps >= 1, steps, 1.0 + low)
    while bool(xp.any(high - low > 1)):
        middle = low + xp.ceil(0.5 * (high - low))
        middle = xp.where(middle < high, middle, high)
        beyond = passed(middle)
        low, high = xp.where(beyond, low, middle), xp.where(beyond, middle, high)
    return xp.where(log_excess(xp, log_weights, at(high)) <= bar, high, xp.inf + high)
