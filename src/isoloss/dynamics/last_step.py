"""Shorten the step in which training stops, so that it ends exactly at the level.

As its rate s grows from 0, a step moves the residual along a straight line: h(s) = p - s·d, where
d = 2γp for gradient descent, and 2γ times the velocity with momentum. The excess train loss is a
parabola in s, and the rate is the smallest s at which it equals the level. Solving for this root in
float64 would lose digits if the step almost removes a direction. So everything is measured from the
lowest point of the parabola, s* = v* + p_g/d_g, where g is the direction with the largest w·d²:

    h(s*) = e - v*·d  with  e = p - (p_g/d_g)·d  and  v* = Σ w·e·d / Σ w·d²,
    h(s) = h(s*) + τ·d  with  τ = √((level - lowest) / Σ w·d²).

Equal curvatures give e = 0 exactly, and the error of the excess is a few units in its last place.
Shapes: r curvatures, and rows (N, r) for the N levels of all problems whose last steps need to be
shortened, as most levels of a call stop elsewhere.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from isoloss.dynamics import double_double as dd
from isoloss.dynamics.filters import Filter
from isoloss.dynamics.level_rows import LevelRows

__all__ = ["Line", "gradient_line", "rates_at", "shortened", "straight_line"]

Array = Any


class Line(NamedTuple):
    """The lines of steps, one per row, as s grows: the filters start·(position - s·slope)."""

    start: Filter
    position: Array | None
    """None for 1 in each direction."""
    slope: Array
    whole: Array
    """The s of the whole steps, (N,)."""
    rate: float = 1.0
    """The factor from s to the rate in the problems' own unit; NaN if s is not a rate."""


def gradient_line(before: Filter, curvature: Array, lr: Array) -> Line:
    """Return the lines of gradient-descent steps, from filters h to h·(1 - 2sγ)."""
    return Line(before, None, 2.0 * curvature, lr)


def straight_line(xp: Any, before: Filter, after: Filter, rows: LevelRows) -> Line:
    """Return the lines from one filter to another, for steps of any kind."""
    before, after = rows.filters(before), rows.filters(after)
    logs = before.logarithm(), after.logarithm()
    scale = xp.maximum(*logs)
    scale = xp.where(scale > -xp.inf, scale, xp.zeros_like(scale))
    start, end = (
        part.sign * xp.exp(log - scale) for part, log in zip((before, after), logs, strict=True)
    )
    unit = Filter(xp.ones_like(scale), scale)
    return Line(unit, start, start - end, xp.ones_like(scale[..., 0]), xp.nan)


def rates_at(xp: Any, rates: Array, index: Array) -> Array:
    """Return the ``rates``, of shape (steps,), at an index (B, L)."""
    flat = xp.take(rates, xp.reshape(index, (-1,)), axis=0)
    return xp.reshape(flat, tuple(index.shape))


def shortened(xp: Any, log_weights: Array, line: Line, log_level: Array) -> tuple[Array, Filter]:
    """Return the rates (N,) of steps that end at the levels, and the filters (N, r) there."""
    size = 0.5 * log_weights + line.start.logarithm()
    s, factor = _smallest_root(xp, size, line.position, line.slope, log_level)
    sign = xp.where(factor < 0, -1.0, xp.ones_like(factor))
    low = None if line.start.low is None else xp.zeros_like(factor)
    there = line.start.then(xp, Filter(sign, xp.log(xp.abs(factor)), low))
    return xp.minimum(s, line.whole) * line.rate, there


def _smallest_root(
    xp: Any, size: Array, position: Array | None, slope: Array, log_level: Array
) -> tuple[Array, Array]:
    """Return the smallest s (N,) at which lines are at their levels, and position - s·slope there.

    ``size`` is the log of what positions are to be multiplied by, so that the excess train loss is
    a sum of squares.
    """
    # p is scaled to at most 1 in size, as is d
    top = xp.max(size if position is None else size + xp.log(xp.abs(position)), axis=-1)
    top = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    weight = xp.exp(size - top[..., None])
    p, d = weight if position is None else weight * position, weight * slope
    lengths = xp.abs(d)
    unit = xp.max(lengths, axis=-1)
    unit = xp.where(unit > 0, unit, xp.ones_like(unit))
    d = d / unit[..., None]
    aim = xp.exp(0.5 * log_level - top)  # a root, as a level may be 10^-600 of the start's loss

    e = _from_lowest(xp, position, slope, xp.argmax(lengths, axis=-1)[..., None])
    weighted = weight * e
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


def _from_lowest(xp: Any, position: Array | None, slope: Array, index: Array) -> Array:
    """Return e = p - (p_g/d_g)·d for the direction g at an index."""
    d_g = xp.take_along_axis(slope, index, axis=-1)
    if position is None:
        return (d_g - slope) / d_g
    p_g = xp.take_along_axis(position, index, axis=-1)
    return _difference(dd.two_prod(position, d_g), dd.two_prod(slope, p_g)) / d_g


def _difference(a: dd.Pair, b: dd.Pair) -> Array:
    return (a[0] - b[0]) + (a[1] - b[1])
