"""Check the numbers that users give to phases."""

from __future__ import annotations

import math
import operator
import reprlib
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["PRINTED", "count", "in_unit", "nonnegative", "printed", "real"]

PRINTED = 8
"""How many numbers of an array are printed."""


def real(name: str, value: Any) -> npt.NDArray[np.float64]:
    """Return real numbers as an array; a ``TypeError`` for others calls them ``name``."""
    try:
        given = np.asarray(value)
        # booleans, texts, times and complex numbers are not real numbers
        if given.dtype.kind not in "bSUmMc" and not np.ma.is_masked(value):
            return given.astype(np.float64)
    except (TypeError, ValueError, OverflowError, RuntimeError):  # the last is PyTorch's
        pass
    shown = reprlib.repr(value)
    raise TypeError(f"{name} must be a finite real number or numbers; got {shown}") from None


def count(name: str, value: Any, least: int, most: int) -> int:
    """Return an integer between two bounds; errors call it ``name``."""
    if isinstance(value, bool):
        raise TypeError(f"{name} must be an integer; got a bool")
    try:
        found = operator.index(value)
    except TypeError:
        kind = type(value).__name__
        raise TypeError(f"{name} must be an integer; got {kind} {value!r}") from None
    if not least <= found <= most:
        raise ValueError(
            f"{name} must be between {least} and 2**{most.bit_length() - 1}; got {found}"
        )
    return found


def nonnegative(name: str, value: Any) -> float:
    """Return a finite number of at least 0."""
    number = real(name, value)
    if number.ndim or not 0 <= number < math.inf:
        raise ValueError(f"{name} must be a finite number of at least 0; got {value!r}")
    return float(number) + 0.0  # -0 is 0


def in_unit(weight_decay: float, factor: float) -> float:
    """Return a weight decay where rates are multiplied by a factor; rates of 0 leave it alone."""
    return weight_decay / factor if factor else weight_decay


def printed(numbers: npt.NDArray[np.float64]) -> str:
    """Return a number, or numbers, as Python prints them; many are shortened."""
    shown = [repr(float(number)) for number in numbers.flat[:PRINTED]]
    if numbers.ndim == 0:
        return shown[0]
    if numbers.size > PRINTED:
        shown[3:] = ["...", repr(float(numbers[-1]))]
    return f"[{', '.join(shown)}]"
