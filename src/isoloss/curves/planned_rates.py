"""The rate of each step of a run that is planned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss._messages.near_misses import distinct
from isoloss.curves.loss_curve import LossCurve
from isoloss.curves.numbers import MOST_STEPS, column
from isoloss.curves.rates import check_rates
from isoloss.schedules import GradientFlow, Schedule
from isoloss.schedules.resolving import Given, read

__all__ = ["Planned", "named_schedules", "planned_rates"]

Floats = npt.NDArray[np.float64]
Planned = Given | LossCurve | npt.ArrayLike


def planned_rates(schedule: Any, reference: float) -> tuple[Floats, str]:
    """Return the absolute rate of each step, and the printed form of the schedule.

    Rates in texts are in units of the reference rate. Raises ``ValueError`` if there is gradient
    flow, weight decay, a batch size, no step, or no rate above 0.
    """
    if isinstance(schedule, LossCurve):
        return schedule.rates, schedule.name
    if not isinstance(schedule, Given):
        rates = column("schedule", schedule)
        shown = f"{rates.size} rates"
    else:
        if isinstance(schedule, str) and "..." in schedule:
            raise ValueError(f"{schedule!r} has '...' for its steps; a forecast needs their number")
        found = read(schedule)
        shown = str(found)
        planned = found if isinstance(found, Schedule) else found.at(reference)
        if any(isinstance(phase, GradientFlow) for phase in planned.phases):
            raise ValueError(
                f"{shown} has gradient flow, which no optimizer runs; a law predicts steps"
            )
        if planned.has_weight_decay:
            raise ValueError(
                f"{shown} has a weight decay; a law takes that of the fitted runs, or the argument "
                "weight_decay"
            )
        if planned.has_minibatches:
            raise ValueError(
                f"{shown} has a batch size; a law predicts runs with that of the fitted runs"
            )
        if planned.steps > MOST_STEPS:
            raise ValueError(
                f"{shown} has {planned.steps} steps; a law predicts runs of at most "
                f"{MOST_STEPS:.0e}"
            )
        rates = planned.learning_rates()
    if rates.size == 0:
        raise ValueError("the schedule has no step")
    check_rates(rates)
    return rates, shown


def named_schedules(schedules: Any, reference: float) -> dict[str, Any]:
    """Return schedules by the given names, or by printed forms, numbered where these agree."""
    if isinstance(schedules, Mapping):
        named = {str(name): each for name, each in schedules.items()}
    else:
        alone = isinstance(schedules, Given | LossCurve)
        given = [schedules] if alone else list(schedules)
        names = distinct([planned_rates(each, reference)[1] for each in given])
        named = dict(zip(names, given, strict=True))
    if not named:
        raise ValueError("give at least one schedule")
    return named
