"""How far a schedule has trained a problem, and which levels have stopped it where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from isoloss._arrays.context import Kind
from isoloss.dynamics.changing_rates import scan_rates
from isoloss.dynamics.filters import Filter, choose, flow_filter, log_step
from isoloss.dynamics.momentum import LARGEST, Motion, Transition, first_crossing, walk
from isoloss.dynamics.segments import Piece, chunks, pieces
from isoloss.dynamics.stopping import first_step, flow_time
from isoloss.dynamics.stops import Stops, log_excess
from isoloss.problems.problem import Problem
from isoloss.problems.units import scaled
from isoloss.schedules.phases import HeavyBall, Nesterov
from isoloss.schedules.schedule import Schedule

__all__ = ["Progress", "Stopped"]

Array = Any

_HUGE = 1e100
_GROWTH = 30.0  # nats of growth from which logarithms are kept in double-double


class Stopped(NamedTuple):
    """Where training stopped: shapes batch × levels, and batch × levels × r of the filter.

    Levels that are not reached have what the schedule ends with.
    """

    reached: Array
    steps: Array
    time: Array
    train_loss: Array
    sign: Array
    log: Array


class Progress:
    """The state of one call: where the schedule is, and which levels have stopped it where."""

    def __init__(self, problem: Problem, levels: Array | None) -> None:
        xp = self.xp = problem.kind.xp
        self.problem = problem
        self.levels = levels
        r = problem.gamma.shape[-1]
        self.curvature = xp.reshape(problem.gamma, (-1, 1, r))
        self.log_weights = xp.reshape(problem.log_weights, (-1, 1, r))
        self.unit = problem.units.curvature  # of what rates and times are divided by
        self.filters = Filter.identity(self.curvature)
        self.motion: Motion | None = None  # of the momentum phase just done
        sought = None if levels is None else problem.log_excess(levels)
        self.stops = Stops(xp, self.log_weights, self.filters, sought)

    def follow(self, schedule: Schedule) -> Stopped:
        """Train by a schedule."""
        for phase in schedule.phases:
            if isinstance(phase, HeavyBall | Nesterov):
                self._advance_momentum(phase)
                continue
            self.motion = None
            self._take(pieces(phase))
        return self._result()

    def follow_pieces(self, common: Sequence[Piece]) -> Stopped:
        """Train each problem by numbers of its own, in pieces of the same kinds."""
        self._take(common)
        return self._result()

    def _take(self, some: Iterable[Piece]) -> None:
        for kind, amount, steps in some:
            if self._finished():
                break
            if kind == "flow":
                self._flow(amount)
            elif kind == "rate":
                self._equal_steps(amount, steps)
            else:
                self._changing_steps(amount, steps)

    def _finished(self) -> bool:
        return self.levels is not None and bool(self.xp.all(self.stops.reached))

    def _result(self) -> Stopped:
        """Give the levels never reached the schedule's end."""
        xp, problem, stops = self.xp, self.problem, self.stops
        steps = xp.where(stops.reached, stops.steps, stops.passed[0])
        time = xp.where(stops.reached, stops.time, stops.passed[1])
        filters = choose(xp, stops.reached, stops.filters, self.filters)
        batch = tuple(problem.floor.shape)
        shape = batch + (() if self.levels is None else tuple(self.levels.shape))
        r = problem.gamma.shape[-1]
        parts = filters.sign, filters.logarithm()
        sign, log = (xp.reshape(part, (*batch, -1, r)) for part in parts)
        reached = xp.reshape(stops.reached, shape)
        train_loss = xp.reshape(problem.train_loss(log), shape)
        if self.levels is not None:
            # the stop was confirmed in logarithms: what is above the level is rounding
            train_loss = xp.where(reached & (train_loss > self.levels), self.levels, train_loss)
        return Stopped(
            reached=reached,
            steps=xp.reshape(steps, shape),
            time=xp.reshape(_user_time(time, self.unit, problem.kind), shape),
            train_loss=train_loss,
            sign=xp.reshape(sign, (*shape, r)),
            log=xp.reshape(log, (*shape, r)),
        )

    def _flow(self, duration: Any) -> None:
        """Carry the filter through a gradient flow."""
        xp, stops = self.xp, self.stops
        duration = scaled(self.problem.kind.constant(duration), self.unit)
        precise = self.filters.low is not None
        move = flow_filter(xp, duration[..., None], self.curvature, precise=precise)
        # a flow never ends at the smallest train loss
        sought = stops.open & (stops.log_level > -xp.inf)
        if bool(xp.any(sought)):
            levels = xp.where(sought, stops.log_level, xp.nan)
            time, there = flow_time(xp, self.log_weights, self.filters, self.curvature, levels)
            stops.record_flow(xp.isfinite(time) & (time <= duration), there, time)
        before, self.filters = self.filters, self.filters.then(xp, move)
        if stops.any_open():
            # the root of a level that the end has itself may be a rounding error too late
            met = sought & (log_excess(xp, self.log_weights, self.filters) <= stops.bar)
            stops.record_flow(met & xp.isfinite(duration), self.filters, duration)
        stops.passes(0, duration)
        if stops.any_open():
            # a square that vanishes beyond float64 is not a direction that a step has removed
            tends = (before.log > -xp.inf) & (2.0 * self.filters.log == -xp.inf)
            tends = tends & (self.log_weights > -xp.inf)
            stops.give_up_the_floor(xp.any(tends, axis=-1))

    def _equal_steps(self, lr: Any, count: Any) -> None:
        """Carry the filter through steps of one rate."""
        xp, stops, rates = self.xp, self.stops, np.asarray(lr)[..., None]
        steps = self.problem.kind.constant(count) + xp.zeros_like(stops.passed[1])
        step = log_step(xp, rates, self.curvature, unit=self.unit)
        if self.filters.low is None and bool(xp.any(step.log * steps[..., None] > _GROWTH)):
            self.filters = self.filters.precise(xp)
        if self.filters.low is not None:
            step = log_step(xp, rates, self.curvature, precise=True, unit=self.unit)
        end = self.filters.then(xp, step.power(xp, steps[..., None]))
        # a loss that cannot rise reaches what its end is below
        rises = xp.any(step.log > 0, axis=-1)
        sought = stops.open & (steps > 0)
        sought = sought & (rises | (log_excess(xp, self.log_weights, end) <= stops.bar))
        if bool(xp.any(sought)):
            first, there = first_step(stops, self.filters, step, steps, sought)
            stops.record(xp.isfinite(first), there, first)
        stops.passes(xp.astype(steps, xp.int64), 0.0)
        self.filters = end

    def _changing_steps(self, lr: Any, count: int) -> None:
        """Carry the filter through steps of a rate each."""
        xp, own = self.xp, scaled(lr, self.unit)
        if _is_huge(float(own.max()), float(xp.max(self.curvature))):
            for rate in lr:
                self._equal_steps(float(rate), 1)
            return
        constant = self.problem.kind.constant
        end = scan_rates(self.stops, self.filters, self.curvature, own, constant)
        self.stops.passes(count, 0.0)
        self.filters = end.precise(xp) if end.grows(xp, _GROWTH) else end

    def _advance_momentum(self, phase: HeavyBall | Nesterov) -> None:
        """Carry the filter through a phase with momentum, recording the levels that it reaches."""
        xp, curvature, stops = self.xp, self.curvature, self.stops
        if self.motion is None or not phase.carry_velocity:
            self.motion = Motion.at_rest(self.filters)
        nesterov = isinstance(phase, Nesterov)
        for lr, steps in chunks(phase):
            if self._finished():
                break
            own = scaled(lr, self.unit)
            _check_momentum_rate(float(np.max(own)), float(xp.max(curvature)), self.unit)
            if isinstance(own, float):
                step = Transition(xp, own, phase.momentum, curvature, nesterov=nesterov)
                self.motion = first_crossing(stops, self.motion, step, steps)
            else:
                constant, mu = self.problem.kind.constant, phase.momentum
                self.motion = walk(
                    stops, self.motion, curvature, own, mu, constant, nesterov=nesterov
                )
            stops.passes(steps, 0.0)
        self.filters = self.motion.filter(xp)


def _check_momentum_rate(lr: float, curvature: float, unit: int) -> None:
    if lr * curvature > 0.5 * LARGEST:
        raise ValueError(
            f"rates of momentum phases must be at most {LARGEST:g} over twice the curvature; "
            f"got {scaled(lr, -unit):g} with curvature {scaled(curvature, unit):g}"
        )


def _user_time(time: Array, unit: int, kind: Kind) -> Array:
    """Return times of flow in the user's units; refuse those that float64 does not hold."""
    found = scaled(time, -unit)
    if bool(kind.xp.any(scaled(found, unit) != time)):
        raise ValueError(
            "a time of gradient flow lies beyond float64; multiply the inputs (X, the kernel or "
            "the train covariance) by a power of two"
        )
    return found


def _is_huge(lr: float, curvature: float) -> bool:
    """Whether factors 1 - 2ηγ must be taken in logarithms, one by one, not to leave float64."""
    return max(lr, curvature) > _HUGE or lr * curvature > _HUGE
