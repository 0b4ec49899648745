"""Shared parts of the families: shapes of rates, and checks of the user's arguments."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, Literal, SupportsIndex

import numpy as np
import numpy.typing as npt

__all__ = [
    "SHAPES",
    "Shape",
    "falling",
    "mix",
    "ordered",
    "rising",
    "share_left",
    "to_count",
    "to_number",
]

Floats = npt.NDArray[np.float64]
Shape = Literal["linear", "cosine", "1-sqrt"]


# as functions of 1 - t/K, so that they lose no digits towards the end
SHAPES: dict[str, Callable[[Floats], Floats]] = {
    "linear": lambda left: left,
    "cosine": lambda left: np.sin(np.pi / 2 * left) ** 2,
    "1-sqrt": lambda left: left / (1 + np.sqrt(1 - left)),
}


def share_left(steps: int) -> Floats:
    """Return the shares 1 - t/K of the steps that remain."""
    return np.arange(steps, 0.0, -1.0) / steps  # whole numbers are slower to divide


def mix(whole: float, none: float, share: Floats) -> Floats:
    """Return a mixture of two rates."""
    if none == 0:
        return whole * share
    # not none + (whole - none) * share, which loses the digits of the smaller rate
    return whole * share + none * (1 - share)


def rising(lr: float, steps: int, start: float) -> Floats:
    """Return rates from ``start`` towards ``lr``."""
    return mix(*ordered("lr", lr, "start", start), np.arange(float(steps)) / steps)


def falling(lr: float, left: Floats, shape: str, final: float) -> Floats:
    """Return rates from ``lr`` towards ``final``, for the shares of steps that remain."""
    if shape not in SHAPES:
        raise ValueError(f"shape must be one of {', '.join(map(repr, SHAPES))}; got {shape!r}")
    return mix(*ordered("lr", lr, "final", final), SHAPES[shape](left))


def to_count(name: str, value: Any, least: int = 0) -> int:
    """Check that a user's value is an integer, and return it."""
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        raise TypeError(f"{name} must be an integer, such as 100; got {value!r}")
    count = operator.index(value)
    if count < least:
        raise ValueError(f"{name} must be at least {least}; got {count}")
    return count


def to_number(name: str, value: Any, *, positive: bool = False) -> float:
    """Check that a user's value is a single number, and return it."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be one number; got {type(value).__name__}") from None
    if not (math.isfinite(number) and (number > 0 if positive else number >= 0)):
        least = "above 0" if positive else "at least 0"
        raise ValueError(f"{name} must be finite and {least}; got {number!r}")
    return number


def ordered(high_name: str, high: Any, low_name: str, low: Any) -> tuple[float, float]:
    """Check two rates that a user gave, and return the upper one first."""
    above, below = to_number(high_name, high), to_number(low_name, low)
    if below > above:
        raise ValueError(
            f"{low_name} must be at most {high_name}; got {low_name}={below:g} above "
            f"{high_name}={above:g}: swap them"
        )
    return above, below
