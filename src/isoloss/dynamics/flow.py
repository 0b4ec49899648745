"""Solve gradient flow, where the residual decays by exp(-2γt), and find when it reaches levels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from isoloss.dynamics.filters import Filter, flow_filter
from isoloss.dynamics.solver import Carried, Marks, Solver, Wanted, solvers
from isoloss.dynamics.stopping import flow_time
from isoloss.dynamics.stops import Directions, LevelStops, log_excess
from isoloss.schedules.phases import GradientFlow

__all__ = ["FlowSolver"]

_LONGEST_FALL = np.log(1e-12)  # the fall in log train loss at which paths of endless flows end


@dataclass(frozen=True)
class FlowSolver(Solver):
    """A flow for a time t, a number or an array (B, 1)."""

    time: Any
    steps: Any = field(default=0, init=False)
    can_join: ClassVar[bool] = True

    def advance(self, directions: Directions, carried: Carried, first: Any, last: Any) -> Carried:
        """Return the carried state after flow between two times, in the problem's own unit."""
        return Carried(_flown(directions, carried.filter, directions.kind.constant(last - first)))

    def first_at(self, carried: Carried, stops: LevelStops) -> Carried:
        """Record the times at which the train loss reaches the open levels."""
        directions, xp, start = stops.directions, stops.xp, carried.filter
        duration = directions.own(self.time)
        # a flow only tends to the smallest train loss, without reaching it
        sought = stops.open & (stops.log_level > -xp.inf)
        if bool(xp.any(sought)):
            levels = xp.where(sought, stops.log_level, xp.nan)
            weights, curvature = directions.log_weights, directions.curvature
            time, there = flow_time(xp, weights, start, curvature, levels)
            stops.record_flow(xp.isfinite(time) & (time <= duration), there, time)
        end = _flown(directions, start, duration)
        if stops.any_open():
            # if the flow ends exactly at a level, a rounding error may put the root after the end
            met = sought & (log_excess(xp, stops.log_weights, end) <= stops.bar)
            stops.record_flow(met & xp.isfinite(duration), end, duration)
        stops.passes(0, duration)
        if stops.any_open():
            # these directions only tend to 0, even where float64 cannot hold the log of a square
            tends = (start.log > -xp.inf) & (2.0 * end.log == -xp.inf)
            tends = tends & (stops.log_weights > -xp.inf)
            stops.give_up_the_floor(xp.any(tends, axis=-1))
        return Carried(end)

    def points(
        self, directions: Directions, carried: Carried, wanted: Wanted
    ) -> tuple[Marks, Carried]:
        """Return points that are evenly spaced in the log of the excess train loss."""
        xp, constant, start = directions.kind.xp, directions.kind.constant, carried.filter
        time = min(float(directions.own(self.time)), max(wanted.time, 0.0))
        top = float(log_excess(xp, directions.log_weights, start)[0, 0])
        if not (math.isfinite(top) and time > 0):
            return Marks([], constant([]), start.at((0, slice(0), ...))), carried
        bottom, endless = top + _LONGEST_FALL, math.isinf(time)
        if not endless:
            end = _flown(directions, start, constant(time))
            bottom = float(log_excess(xp, directions.log_weights, end)[0, 0])
        levels = np.linspace(top, bottom, wanted.most + 1)[1:]
        weights, curvature = directions.log_weights, directions.curvature
        times, passed = flow_time(xp, weights, start, curvature, constant(levels)[None, :])
        if not endless:
            times = xp.concat([times[:, :-1], constant([[time]])], axis=1)
            passed = passed.at((slice(None), slice(-1), ...)).joined(xp, end)
        inside = times <= time
        spans, passed = times[inside], passed.at(inside)
        if spans.shape[0]:
            carried = Carried(passed.at((slice(-1, None), None, ...)))
        return Marks([0] * spans.shape[0], spans, passed), carried

    @classmethod
    def joined(cls, parts: Sequence[Self], batch: int) -> Self:
        """Return one solver for the flows of several schedules."""
        return cls(np.repeat([part.time for part in parts], batch)[:, None])


def _flown(directions: Directions, start: Filter, time: Any) -> Filter:
    xp = directions.kind.xp
    precise = start.low is not None
    return start.then(xp, flow_filter(xp, time[..., None], directions.curvature, precise=precise))


solvers.register(GradientFlow, lambda phase: [FlowSolver(phase.time)])
