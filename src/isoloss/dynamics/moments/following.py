"""Follow one problem through a schedule to its levels."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from isoloss.dynamics.moments.crossings import Crossings, MomentStop
from isoloss.dynamics.moments.flow import flow_on
from isoloss.dynamics.moments.model import Model
from isoloss.dynamics.moments.sampling import gradient_noise
from isoloss.dynamics.moments.state import Moments
from isoloss.dynamics.moments.stepping import take_steps
from isoloss.problems.reduced import Reduced
from isoloss.schedules.phases import GradientFlow, Steps
from isoloss.schedules.schedule import Schedule

__all__ = ["follow_moments"]

Floats = npt.NDArray[np.float64]


def follow_moments(
    problem: Reduced, model: Model, schedule: Schedule, levels: Floats, *, exact: bool
) -> tuple[list[MomentStop | None], MomentStop]:
    """Return the stop at each level, None where it is not reached, and the end of the schedule.

    Levels, rates and times are in the problem's own unit.
    """
    crossings = Crossings(model, levels, exact=exact)
    moments = Moments(model.start)
    crossings.start(moments)
    for phase in schedule.phases:
        if crossings.all_reached:
            break
        match phase:
            case GradientFlow():
                time = float(model.own(phase.time))
                moments = flow_on(crossings, moments, time, model.own_decay(phase.weight_decay))
            case Steps():
                noise = gradient_noise(problem, model, phase)
                moments = take_steps(crossings, moments, phase, noise)
            case _:
                raise ValueError(
                    f"{type(phase).__name__} cannot be trained in one schedule with weight decay, "
                    "dampening, a momentum for each step, or minibatches"
                )
    end = MomentStop(crossings.steps, crossings.time, math.nan, moments, at_level=False)
    return crossings.stops, end
