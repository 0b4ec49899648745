"""Trace the moments of one problem along a schedule, for plots."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from isoloss.dynamics.moments.crossings import Crossings
from isoloss.dynamics.moments.flow import flow_on
from isoloss.dynamics.moments.model import Model
from isoloss.dynamics.moments.sampling import gradient_noise
from isoloss.dynamics.moments.state import Moments
from isoloss.dynamics.moments.stepping import take_steps
from isoloss.problems.reduced import Reduced
from isoloss.schedules.phases import GradientFlow, Steps
from isoloss.schedules.phases.parts import part
from isoloss.schedules.schedule import Schedule

__all__ = ["Traced", "traced"]

Floats = npt.NDArray[np.float64]

_SPAN = 1e-4, 40.0  # the first and the last time of a flow, times its largest and smallest rate


class Traced(NamedTuple):
    """A point of a trajectory, with its steps and its time in the problem's own unit."""

    steps: int
    time: float
    moments: Moments


def traced(problem: Reduced, model: Model, schedule: Schedule, points: int) -> Iterator[Traced]:
    """Yield the start, and at most ``points`` points of each phase, the last one included."""
    steps, time, moments = 0, 0.0, Moments(model.start)
    yield Traced(steps, time, moments)
    for phase in schedule.phases:
        crossings = Crossings(model, np.empty(0), exact=False)
        if isinstance(phase, GradientFlow):
            decay, last = model.own_decay(phase.weight_decay), float(model.own(phase.time))
            begin = moments
            for when in _times(2.0 * model.curvature + decay, last, points):
                moments = flow_on(crossings, begin, when, decay)
                yield Traced(steps, time + when, moments)
            time += last
        else:
            assert isinstance(phase, Steps)
            noise, done = gradient_noise(problem, model, phase), 0
            for count in _counts(phase.steps, points):
                moments = take_steps(crossings, moments, part(phase, done, count), noise)
                done = count
                yield Traced(steps + done, time, moments)
            steps += phase.steps


def _times(rates: Floats, last: float, points: int) -> list[float]:
    """Return times that are evenly spaced in the log; an endless flow ends when nothing moves."""
    moving = rates[rates > 0]
    if not moving.size or last == 0:
        return [last]
    first, settled = _SPAN[0] / moving.max(), _SPAN[1] / moving.min()
    end = min(last, settled)
    return [float(t) for t in np.geomspace(min(first, end), end, points)[:-1]] + [last]


def _counts(steps: int, points: int) -> list[int]:
    spaced = np.linspace(0, steps, min(steps, points) + 1)[1:]
    return [int(count) for count in np.unique(np.round(spaced))]
