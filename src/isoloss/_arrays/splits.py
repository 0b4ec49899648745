"""Splits of rows into train rows and test rows, each counted once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["distinct"]

Rows = npt.NDArray[np.intp]


def distinct(splits: Iterable[tuple[Rows, Rows]]) -> list[tuple[Rows, Rows]]:
    """Return the splits without those that repeat an earlier one, in whatever order of rows.

    A repeated split adds nothing, but would narrow an interval that counts splits.
    """
    found: dict[Any, tuple[Rows, Rows]] = {}
    for train, test in splits:
        found.setdefault((np.sort(train).tobytes(), np.sort(test).tobytes()), (train, test))
    return list(found.values())
