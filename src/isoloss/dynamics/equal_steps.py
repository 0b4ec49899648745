"""Take K gradient-descent steps of one rate at the cost of one step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from isoloss.dynamics.filters import Filter, log_step
from isoloss.dynamics.last_step import Line, gradient_line
from isoloss.dynamics.level_rows import LevelRows
from isoloss.dynamics.solver import Carried, Marks, Solver, Wanted
from isoloss.dynamics.stopping import first_step
from isoloss.dynamics.stops import Directions, LevelStops, log_excess

__all__ = ["GROWTH", "EqualSteps"]

GROWTH = 30.0
"""If growth exceeds this many nats, logarithms are kept in double-double."""


@dataclass(frozen=True)
class EqualSteps(Solver):
    """A number of steps of one rate; both are numbers, or arrays (B, 1)."""

    lr: Any
    steps: Any
    can_join: ClassVar[bool] = True

    def advance(self, directions: Directions, carried: Carried, first: Any, last: Any) -> Carried:
        """Return the carried state after some of the steps."""
        xp, count = directions.kind.xp, directions.kind.constant(last - first)
        start, step = self._step(directions, carried.filter, count)
        return Carried(start.then(xp, step.power(xp, count[..., None])))

    def first_at(self, carried: Carried, stops: LevelStops) -> Carried:
        """Record the first step at or below each open level."""
        xp = stops.xp
        steps = stops.directions.kind.constant(self.steps) + xp.zeros_like(stops.passed[1])
        start, step = self._step(stops.directions, carried.filter, steps)
        end = start.then(xp, step.power(xp, steps[..., None]))
        # if no direction grows, the loss only falls, and reaches only levels at or above its end
        rises = xp.any(step.log > 0, axis=-1)
        sought = stops.open & (steps > 0)
        sought = sought & (rises | (log_excess(xp, stops.log_weights, end) <= stops.bar))
        if bool(xp.any(sought)):
            found, first, there, before = first_step(stops, start, step, steps, sought)
            curvature = stops.directions.curvature
            lr = stops.directions.own(self.lr) + xp.zeros_like(stops.passed[1])

            def line(rows: LevelRows) -> Line:
                return gradient_line(before(rows), rows.of(curvature), rows.of(lr))

            stops.record_rows(found, there, first, line)
        stops.passes(xp.astype(steps, xp.int64), 0.0)
        return Carried(end)

    def points(
        self, directions: Directions, carried: Carried, wanted: Wanted
    ) -> tuple[Marks, Carried]:
        """Return the points after the wanted steps, all at once."""
        if not wanted.steps:
            return super().points(directions, carried, wanted)
        counts, kind = np.array(wanted.steps, float)[:, None], directions.kind
        passed = self.advance(directions, carried, 0, counts).filter.at((slice(None), 0, ...))
        end = Carried(passed.at((slice(-1, None), None, ...)))
        return Marks(wanted.steps, kind.constant([0.0] * len(wanted.steps)), passed), end

    @classmethod
    def joined(cls, parts: Sequence[Self], batch: int) -> Self:
        """Return one solver for the equal steps of several schedules."""
        lr, steps = (
            np.repeat(np.array(values, float), batch)[:, None]
            for values in zip(*((part.lr, part.steps) for part in parts), strict=True)
        )
        return cls(lr, steps)

    def _step(self, directions: Directions, start: Filter, count: Any) -> tuple[Filter, Filter]:
        """Return the filters of start and step, in double-double if ``count`` steps need it."""
        xp, rates, unit = directions.kind.xp, np.asarray(self.lr)[..., None], directions.unit
        curvature = directions.curvature
        if start.low is None:
            step = log_step(xp, rates, curvature, unit=unit)
            if not bool(xp.any(step.log * count[..., None] > GROWTH)):
                return start, step
        step = log_step(xp, rates, curvature, precise=True, unit=unit)
        return start.precise(xp), step
