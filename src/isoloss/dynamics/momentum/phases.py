"""Solve heavy-ball and Nesterov phases, which carry a velocity beside the filter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from isoloss.dynamics.momentum.changing_steps import walk
from isoloss.dynamics.momentum.equal_steps import first_crossing
from isoloss.dynamics.momentum.motion import LARGEST, Motion, Transition
from isoloss.dynamics.solver import Carried, Solver, runs_of, solvers
from isoloss.dynamics.stops import Directions, LevelStops
from isoloss.problems.units import scaled
from isoloss.schedules.phases import HeavyBall, Nesterov

__all__ = ["MomentumSteps"]


@dataclass(frozen=True)
class MomentumSteps(Solver):
    """Steps with momentum, all of one rate or each with its own rate."""

    lr: Any
    steps: int
    momentum: float
    nesterov: bool
    at_rest: bool
    """Whether the velocity starts at zero, even after a phase with momentum."""

    def advance(self, directions: Directions, carried: Carried, first: Any, last: Any) -> Carried:
        """Return the carried state after some of the steps."""
        motion = begun = self._start(carried, first)
        own = scaled(self.lr, directions.unit)
        if isinstance(own, float):
            motion = self._transition(directions, own).advance(motion, last - first)
        else:
            stops = LevelStops(directions, carried.filter)
            motion = self._walk(stops, motion, own[first:last])
        return self._carried(directions, begun, motion)

    def first_at(self, carried: Carried, stops: LevelStops) -> Carried:
        """Record the first step at or below each open level."""
        directions, motion = stops.directions, self._start(carried, 0)
        begun = motion
        own = scaled(self.lr, directions.unit)
        _check_rate(float(np.max(own)), float(stops.xp.max(directions.curvature)), directions.unit)
        if isinstance(own, float):
            transition = self._transition(directions, own)
            motion = first_crossing(stops, motion, transition, self.steps)
        else:
            motion = self._walk(stops, motion, own)
        stops.passes(self.steps, 0.0)
        return self._carried(directions, begun, motion)

    def _start(self, carried: Carried, first: int) -> Motion:
        if carried.velocity is None or (self.at_rest and not first):
            return Motion.at_rest(carried.filter)
        assert isinstance(carried.velocity, Motion)
        return carried.velocity

    def _transition(self, directions: Directions, lr: float) -> Transition:
        xp, curvature = directions.kind.xp, directions.curvature
        return Transition(xp, lr, self.momentum, curvature, nesterov=self.nesterov)

    def _walk(self, stops: LevelStops, motion: Motion, rates: Any) -> Motion:
        return walk(stops, motion, rates, self.momentum, nesterov=self.nesterov)

    def _carried(self, directions: Directions, begun: Motion, ended: Motion) -> Carried:
        xp = directions.kind.xp
        if not self.momentum:  # PyTorch then leaves the velocity as it is
            ended = ended.with_velocity_of(xp, begun)
        return Carried(ended.filter(xp), ended)


def _check_rate(lr: float, curvature: float, unit: int) -> None:
    if lr * curvature > 0.5 * LARGEST:
        raise ValueError(
            f"rates of momentum phases must be at most {LARGEST:g} over twice the curvature; "
            f"got {scaled(lr, -unit):g} with curvature {scaled(curvature, unit):g}"
        )


@solvers.register
def _parts(phase: HeavyBall | Nesterov) -> Iterator[Solver]:
    at_rest = not phase.carry_velocity
    for lr, steps in runs_of(phase):
        nesterov = isinstance(phase, Nesterov)
        yield MomentumSteps(lr, steps, phase.momentum, nesterov, at_rest)
        at_rest = False
