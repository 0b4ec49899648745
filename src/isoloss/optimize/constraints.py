"""The goal of a design, and the constraints on its schedules during training."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isoloss.optimize.losses import Losses
from isoloss.optimize.shapes import Shape

__all__ = ["LANDED", "Constraints", "Goal", "Limits"]

Floats = npt.NDArray[np.float64]

_MARGIN = 1e-6  # how far the log of the train loss stays above the level before the end
LANDED = 1e-9
"""How far below the level, in logarithm, the last of steps without flow ends at least."""


class Goal(NamedTuple):
    """The optimum ("best", or "lowest"/"highest" at a level), and whether a flow follows."""

    name: str
    level: float | None
    flow: bool


class Limits(NamedTuple):
    """Limits on the growth of errors and of the residual, and on the effort of the search."""

    amplification: float
    growth: float | None
    starts: int
    seed: int


class Constraints:
    """Constraints on level and growth as functions of z: a shape's parameters, maybe a flow's time.

    ``log_level`` is the log of the level's excess over the start's.
    """

    def __init__(self, losses: Losses, goal: Goal, limits: Limits, log_level: float) -> None:
        self.losses, self.limits, self.log_level = losses, limits, log_level
        self.at_level = goal.level is not None
        self.lands = self.at_level and not goal.flow
        self.timed = goal.flow and not self.at_level
        self.any = self.at_level or limits.growth is not None
        self._last: tuple[Shape, bytes, Floats, Floats] | None = None

    def split(self, z: Floats) -> tuple[Floats, float]:
        """Return a shape's parameters and the flow's time."""
        return (z[:-1], math.exp(z[-1])) if self.timed else (z, 0.0)

    def for_scipy(self, shape: Shape) -> list[dict[str, Any]]:
        """Return the constraints in the form that SciPy's ``minimize`` takes."""
        if not self.any:
            return []
        return [
            {
                "type": "ineq",
                "fun": lambda z: self._inequalities(shape, z)[0],
                "jac": lambda z: self._inequalities(shape, z)[1],
            }
        ]

    def path(self, shape: Shape, z: Floats) -> tuple[Floats, Floats]:
        """Return the logs from `Losses.path` and their derivatives in z.

        The last result is cached, as SciPy evaluates each constraint and gradient separately.
        """
        at = z.tobytes()
        if self._last is not None and self._last[0] is shape and self._last[1] == at:
            return self._last[2:]
        u, _ = self.split(z)
        logs, by_rates = self.losses.path(shape.rates(u), shape.counts)
        slopes = by_rates @ shape.slopes(u)
        if self.timed:
            slopes = np.pad(slopes, ((0, 0), (0, 1)))
        self._last = shape, at, logs, slopes
        return logs, slopes

    def _inequalities(self, shape: Shape, z: Floats) -> tuple[Floats, Floats]:
        """Return the distances to the level and to the largest growth, which must be >= 0."""
        logs, by_z = self.path(shape, z)
        parts, slopes = [logs[:0]], [by_z[:0]]
        if self.at_level:
            # without flow, the last step and no other reaches the level
            before, by_before = self._before_last(shape, z) if self.lands else (logs, by_z)
            parts.append(before - self.log_level - _MARGIN)
            slopes.append(by_before)
        if self.lands:
            parts.append(self.log_level - LANDED - logs[-1:])
            slopes.append(-by_z[-1:])
        if self.limits.growth is not None:
            parts.append(2.0 * math.log(self.limits.growth) - logs)
            slopes.append(-by_z)
        return np.concatenate(parts), np.concatenate(slopes)

    def _before_last(self, shape: Shape, z: Floats) -> tuple[Floats, Floats]:
        """Return what `path` does, for all steps but the last."""
        if shape.counts[-1] == 1:
            logs, slopes = self.path(shape, z)
            return logs[:-1], slopes[:-1]
        counts = shape.counts - (np.arange(shape.counts.size) == shape.counts.size - 1)
        logs, by_rates = self.losses.path(shape.rates(z), counts)
        return logs, by_rates @ shape.slopes(z)

    def excess(self, shape: Shape, z: Floats) -> float:
        """Return the total violation of the constraints, by which starts are ranked."""
        if not self.any:
            return 0.0
        return float(-np.minimum(self._inequalities(shape, z)[0], 0.0).sum())
