"""The rate at which one step ends at a level: the smaller root of a quadratic, enclosed.

A step at rate s leaves the train loss Σ w_i (1 - 2sγ_i)² = C - 4bs + 4as², where w_i = γ_iδ_i² are
the parts before it, C = Σ w_i, b = Σ w_iγ_i and a = Σ w_iγ_i². It is above the level ε at s = 0 and
not above it at the whole rate η, so it first meets it at (C - ε) / (2 (b + √(b² - a(C - ε)))) ≤ η.
"""

from __future__ import annotations

from collections.abc import Sequence

from flint import arb, fmpq

from isoloss.proof.interval import (
    DisjointError,
    Interval,
    Value,
    less_equal,
    lower,
    narrower,
    square_root,
    total,
    upper,
)

__all__ = ["shortened_rate"]


def shortened_rate(
    parts: Sequence[Value], curvatures: Sequence[Value], level: Value, rate: Value
) -> Value:
    """Return the smallest rate at which a step ends at the level, if one at ``rate`` reaches it.

    Raises `DisjointError` if no problem of these intervals is above the level before the step and
    not above it afterwards.
    """
    slopes = [part * g for part, g in zip(parts, curvatures, strict=True)]
    over = _at_least_zero(total(parts) - level)
    slope = total(slopes)
    bend = total(each * g for each, g in zip(slopes, curvatures, strict=True))
    below = square_root(_at_least_zero(slope * slope - bend * over))
    found = over / (fmpq(2) * (slope + below))
    if less_equal(found, rate):
        return found
    return narrower(found, Interval(arb(0), upper(rate)))


def _at_least_zero(value: Value) -> Value:
    """Return the numbers of at least 0 among those enclosed."""
    if isinstance(value, Interval) and value.low >= 0:
        return value
    if upper(value) < 0:
        raise DisjointError
    if isinstance(value, fmpq):
        return value
    return Interval(max(lower(value), arb(0)), value.high)
