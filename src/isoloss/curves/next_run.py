"""Which run to make next, so that a forecast becomes more certain."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isoloss._messages.numbers import percent
from isoloss.curves.misfit import CORRELATED
from isoloss.schedules import Schedule
from isoloss.schedules.families import cosine, warmup_stable_decay

__all__ = ["NextRun", "candidates", "remaining"]

Floats = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int64]

ROWS = 60  # that a candidate is supposed to log


@dataclass(frozen=True, repr=False)
class NextRun:
    """The run that would make a forecast most certain.

    Attributes
    ----------
    name : str
        Its shape, length and peak, in words.
    schedule : Schedule
        Its schedule, with absolute rates.
    now : float
        The relative standard deviation of the forecast final loss that comes from the fit.
    afterwards : float
        The same once this run is fitted, too.
    others : mapping of str to float
        ``afterwards`` of every candidate by name, the best first.
    """

    name: str
    schedule: Schedule
    now: float
    afterwards: float
    others: Mapping[str, float]

    def __repr__(self) -> str:
        return (
            f"NextRun({self.name!r}, uncertainty of the fit from {percent(self.now)} "
            f"to {percent(self.afterwards)})"
        )


def candidates(budget: int, warmup: int, peaks: Mapping[str, float]) -> dict[str, Schedule]:
    """Return schedules of every shape, length within the budget, and peak, by name."""
    found = {}
    for part, steps in {"": budget, "half of these steps, ": budget // 2}.items():
        for peak, lr in peaks.items():
            ramp = min(warmup, steps // 4)
            for share in (0, 10, 20, 50):
                shape = f"{share}% cool-down" if share else "constant"
                found[f"{shape}, {part}{peak}"] = warmup_stable_decay(
                    lr, steps, warmup=ramp, decay=share * steps // 100
                )
            found[f"cosine, {part}{peak}"] = (
                warmup_stable_decay(lr, ramp, warmup=ramp, decay=0) if ramp else Schedule()
            ) + cosine(lr, steps - ramp)
    return found


def remaining(
    covariance: Floats, asked: Floats, slopes: Floats, steps: Steps, misfit: float, noise: float
) -> float:
    """Return the standard deviation that the fit leaves in a log loss once a run is fitted, too.

    Parameters
    ----------
    covariance : array, shape (p, p)
        The covariance of the log parameters.
    asked : array, shape (p,)
        The slopes of the log loss in question along the log parameters.
    slopes : array, shape (rows, p)
        The slopes of the run's log losses.
    steps : array of int, shape (rows,)
        The steps of its rows.
    misfit, noise : float
        The standard deviations of its misfit and of the noise in a row, in log loss.
    """
    away = np.abs(np.subtract.outer(np.log(steps), np.log(steps)))
    scatter = misfit**2 * np.exp(-away / CORRELATED) + np.diag(
        np.full(steps.size, noise**2 + 1e-12)
    )
    shared = slopes @ covariance @ asked
    gained = shared @ np.linalg.solve(scatter + slopes @ covariance @ slopes.T, shared)
    left = float(asked @ covariance @ asked - gained)
    return math.sqrt(max(left, 0.0))
