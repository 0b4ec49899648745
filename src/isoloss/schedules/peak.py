"""The largest rate of a schedule, and whether it is one at which gradient descent can settle."""

from __future__ import annotations

import math

import numpy as np

from isoloss.schedules.phases import GradientDescent
from isoloss.schedules.schedule import Schedule

__all__ = ["is_too_large", "largest_rate"]

_ROUNDING = 1e-12


def largest_rate(schedule: Schedule) -> float:
    """Return the largest rate of all steps; NaN if there is no step."""
    rates = (np.asarray(phase.lr) for phase in schedule.phases if phase.steps)  # type: ignore[attr-defined]  # phases with steps have rates
    return max((float(each.max()) for each in rates), default=math.nan)


def is_too_large(schedule: Schedule, max_lr: float) -> bool:
    """Whether some step of gradient descent without momentum has at least the rate 1/γ₁."""
    without = [phase for phase in schedule.phases if isinstance(phase, GradientDescent)]
    return largest_rate(Schedule(*without)) >= (1 - _ROUNDING) * max_lr
