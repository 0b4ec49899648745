"""Shorten the step in which training stops, so that it ends exactly at the level.

As its rate s grows from 0, a step moves the residual along a straight line: h(s) = p - s·d, where
d = 2γp for gradient descent, and 2γ times the velocity with momentum. The excess train loss is a
parabola in s, and the rate is the smallest s at which it equals the level. Solving for this root in
float64 would lose digits if the step almost removes a direction. So everything is measured from the
lowest point of the parabola, s* = v* + p_g/d_g, where g is the direction with the largest w·d²:

    h(s*) = e - v*·d  with  e = p - (p_g/d_g)·d  and  v* = Σ w·e·d / Σ w·d²,
    h(s) = h(s*) + τ·d  with  τ = √((level - lowest) / Σ w·d²).

Equal curvatures give e = 0 exactly, and the error of the excess is a few units in its last place.
Shapes: B problems, L levels, r curvatures; levels are (B, L), arrays of directions (B, L, r). The
roots are found for the N levels of all problems that need one, as rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from isoloss.dynamics import double_double as dd
from isoloss.dynamics.filters import Filter

__all__ = ["Line", "gradient_line", "rates_at", "shortened", "straight_line"]

Array = Any


class Line(NamedTuple):
    """The line of a step as s grows: the filters exp(log_scale)·(position - s·slope)."""

    log_scale: Array
    position: Array
    slope: Array
    whole: Array
    """The s of the whole step, (B, L)."""
    filter: Callable[[Array], Filter]
    """Turns values of position - s·slope into a filter."""
    rate: float = 1.0
    """The factor from s to the rate in the problems' own unit; NaN if s is not a rate."""


def gradient_line(xp: Any, before: Filter, curvature: Array, lr: Array) -> Line:
    """Return the line of a gradient-descent step, from a filter h to h·(1 - 2sγ)."""
    log_scale = before.logarithm()
    one = xp.ones_like(log_scale[:1, :1, :1])

    def at(factor: Array) -> Filter:
        return before.then(xp, Filter(_sign(xp, factor), xp.log(xp.abs(factor))))

    return Line(log_scale, one, 2.0 * curvature, lr, at)


def straight_line(xp: Any, before: Filter, after: Filter) -> Line:
    """Return the line from one filter to another, for steps of any kind."""
    logs = before.logarithm(), after.logarithm()
    scale = xp.maximum(*logs)
    scale = xp.where(scale > -xp.inf, scale, xp.zeros_like(scale))
    start, end = (
        part.sign * xp.exp(log - scale) for part, log in zip((before, after), logs, strict=True)
    )

    def at(factor: Array) -> Filter:
        return Filter(_sign(xp, factor), scale + xp.log(xp.abs(factor)))

    return Line(scale, start, start - end, xp.ones_like(scale[..., 0]), at, xp.nan)


def rates_at(xp: Any, rates: Array, index: Array) -> Array:
    """Return the ``rates``, of shape (steps,), at an index (B, L)."""
    flat = xp.take(rates, xp.reshape(index, (-1,)), axis=0)
    return xp.reshape(flat, tuple(index.shape))


def shortened(
    xp: Any, log_weights: Array, line: Line, log_level: Array, short: Array
) -> tuple[Array, Filter]:
    """Return the rates (B, L) of steps that end at the levels, and the filters there.

    Only what ``short`` marks has a meaning in the results: levels that the whole step ends below.
    """
    shape = (*short.shape, line.log_scale.shape[-1])
    # most levels of a call stop elsewhere, and the root takes some thirty passes over its arrays
    parts = log_weights, line.log_scale, line.position, line.slope
    log_weights, log_scale, position, slope = (xp.broadcast_to(p, shape)[short] for p in parts)
    whole = xp.broadcast_to(line.whole, shape[:-1])[short]
    s, factor = _smallest_root(xp, 0.5 * log_weights + log_scale, position, slope, log_level[short])
    row = xp.cumulative_sum(xp.astype(xp.reshape(short, (-1,)), xp.int64)) - 1
    row = xp.where(row > 0, row, xp.zeros_like(row))  # levels that are not marked get any row
    s, factor = xp.take(xp.minimum(s, whole), row, axis=0), xp.take(factor, row, axis=0)
    return xp.reshape(s, shape[:-1]) * line.rate, line.filter(xp.reshape(factor, shape))


def _smallest_root(
    xp: Any, size: Array, position: Array, slope: Array, log_level: Array
) -> tuple[Array, Array]:
    """Return the smallest s (N,) at which lines are at their levels, and position - s·slope there.

    ``size`` is the log of what positions are to be multiplied by, so that the excess train loss is
    a sum of squares.
    """
    # p is scaled to at most 1 in size, as is d
    top = xp.max(size + xp.log(xp.abs(position)), axis=-1)
    top = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    weight = xp.exp(size - top[..., None])
    p, d = weight * position, weight * slope
    unit = xp.max(xp.abs(d), axis=-1)
    unit = xp.where(unit > 0, unit, xp.ones_like(unit))
    d = d / unit[..., None]
    aim = xp.exp(0.5 * log_level - top)  # a root, as a level may be 10^-600 of the start's loss

    index = xp.argmax(xp.abs(d), axis=-1)[..., None]
    p_g, d_g = (xp.take_along_axis(part, index, axis=-1) for part in (position, slope))
    e = _difference(dd.two_prod(position, d_g), dd.two_prod(slope, p_g)) / d_g
    weighted = xp.where(weight > 0, weight * e, 0.0 * e)
    square = xp.vecdot(d, d)
    lowest_at = xp.vecdot(weighted, d) / square
    rest = weighted - lowest_at[..., None] * d
    most = xp.max(xp.abs(rest), axis=-1)
    shares = rest / xp.where(most > 0, most, 1.0)[..., None]
    lowest = most * xp.sqrt(xp.vecdot(shares, shares))
    above = xp.where(aim > lowest, aim - lowest, xp.zeros_like(aim))
    tau = xp.sqrt(above) * xp.sqrt(aim + lowest) / xp.sqrt(square)
    drop = xp.vecdot(p, p) - aim * aim
    s = drop / (xp.vecdot(p, d) + square * tau) / unit
    factor = e - ((lowest_at - tau) / unit)[..., None] * slope
    return s, factor


def _difference(a: dd.Pair, b: dd.Pair) -> Array:
    return (a[0] - b[0]) + (a[1] - b[1])


def _sign(xp: Any, value: Array) -> Array:
    return xp.where(value < 0, -xp.ones_like(value), xp.ones_like(value))
