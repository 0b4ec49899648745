"""Check the numbers that users give to phases."""

from __future__ import annotations

import reprlib
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["real"]


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
