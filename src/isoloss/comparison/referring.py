"""The reference of a comparison: gradient flow, or one of the schedules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from isoloss._messages.near_misses import suggest
from isoloss.comparison.outcomes import Curve, Stops
from isoloss.comparison.yardsticks import quotient
from isoloss.schedules.unfinished import read_unfinished

__all__ = ["known_name", "on_grid", "referred"]

Floats = npt.NDArray[np.float64]

_ROUNDING = 1e-14


def known_name(name: str, names: Sequence[str]) -> str:
    """Return the schedule's name among ``names``, given that name or a text of the schedule."""
    if not isinstance(name, str):
        raise TypeError(f"against must be the name of a schedule; got {type(name).__name__}")
    if name in names:
        return name
    try:
        written = str(read_unfinished(name))
    except ValueError:
        written = name
    if written in names:
        return written
    listed = ", ".join(map(repr, names))
    raise ValueError(
        f"against names no schedule of the comparison: {name!r}{suggest(name, names)}; it has "
        f"{listed}"
    )


def referred(stops: Stops, theirs: Floats, start: float, reference: str | None) -> Stops:
    """Return the stops beside the reference's test losses, which are NaN where it has no stop."""
    ratio = np.where(stops.reached, quotient(stops.test_loss, theirs, start), np.nan)
    return replace(stops, ratio=ratio, reference=reference)


def on_grid(train_loss: Floats, curve: Curve) -> Floats:
    """Return a curve's test losses at train losses; NaN where it has no point."""
    at, values = curve.train_loss[::-1], curve.test_loss[::-1]
    if not at.size:
        return np.full(train_loss.shape, np.nan)
    after = np.searchsorted(at, train_loss).clip(0, at.size - 1)
    before = np.maximum(after - 1, 0)
    near = np.where(np.abs(at[before] - train_loss) < np.abs(at[after] - train_loss), before, after)
    # train losses at one level may differ in the last places
    return np.where(np.abs(at[near] - train_loss) <= _ROUNDING * train_loss, values[near], np.nan)
