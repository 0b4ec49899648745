"""Effects: whether a ratio of test losses counts as a difference."""

from __future__ import annotations

import math

__all__ = ["NO_DIFFERENCE", "effect", "supported_effect"]

NO_DIFFERENCE = 0.01
"""Test losses that differ by at most this share of the reference's count as no difference."""


def effect(ratio: float) -> str:
    """Name the effect that a ratio of test losses shows.

    Examples
    --------
    >>> [effect(ratio) for ratio in (0.9, 1.005, 1.2, float("nan"))]
    ['helps', 'no difference', 'hurts', 'not reached']
    """
    if math.isnan(ratio):
        return "not reached"
    if abs(ratio - 1) <= NO_DIFFERENCE:
        return "no difference"
    return "helps" if ratio < 1 else "hurts"


def supported_effect(low: float, high: float) -> str:
    """Name the effect that an interval of relative test-loss differences supports.

    Examples
    --------
    >>> intervals = (-0.2, -0.02), (-0.2, 0.0), (-0.002, 0.009), (0.02, 0.1)
    >>> [supported_effect(*each) for each in intervals]
    ['helps', 'cannot tell', 'no difference', 'hurts']
    """
    if math.isnan(low) or math.isnan(high):
        return "left out"
    if high < -NO_DIFFERENCE:
        return "helps"
    if low > NO_DIFFERENCE:
        return "hurts"
    if low >= -NO_DIFFERENCE and high <= NO_DIFFERENCE:
        return "no difference"
    return "cannot tell"
