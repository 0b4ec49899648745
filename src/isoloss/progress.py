"""How far a schedule has trained a problem, and which levels have stopped it where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from isoloss._checks import Kind
from isoloss.filters import Filter, choose, flow_filter, log_step
from isoloss.momentum import LARGEST, Motion, Transition, first_crossing, walk
from isoloss.phases import HeavyBall, Nesterov
from isoloss.pieces import Piece, chunks, pieces
from isoloss.problem import Problem
from isoloss.scanning import scan_rates
from isoloss.schedule import Schedule
from isoloss.stopping import first_step, flow_time, log_excess
from isoloss.units import scaled

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
        kind = problem.kind
        xp = self.xp = kind.xp
        self.problem = problem
        self.levels = levels
        r = problem.gamma.shape[-1]
        self.curvature = xp.reshape(problem.gamma, (-1, 1, r))
        self.log_weights = xp.reshape(problem.log_weights, (-1, 1, r))
        self.unit = problem.units.curvature  # of what rates and times are divided by
        floor = xp.reshape(problem.floor, (-1, 1))
        # log of a negative number is NaN: that level is below every train loss
        self.log_level = (
            xp.nan + xp.zeros_like(floor) if levels is None else problem.log_excess(levels)
        )
        self.filters = Filter.identity(self.curvature)
        self.motion: Motion | None = None  # of the momentum phase just done
        self.steps, self.time = xp.zeros_like(floor), xp.zeros_like(floor)
        self.reached = log_excess(xp, self.log_weights, self.filters) <= self.log_level
        blank = xp.zeros_like(self.log_level)
        self.stop_steps, self.stop_time = blank, blank
        self.stopped = Filter(*(part + blank[..., None] for part in self.filters[:2]))

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
        return self.levels is not None and bool(self.xp.all(self.reached))

    def _sought(self) -> Array:
        """Return the levels not reached yet; those that are, as NaN."""
        return self.xp.where(self.reached, self.xp.nan + 0.0 * self.log_level, self.log_level)

    def _stop(self, hit: Array, there: Filter, steps: Array, time: Array) -> None:
        """Record the levels that a phase has reached for the first time."""
        xp, new = self.xp, hit & ~self.reached
        blank = xp.zeros_like(self.log_level)
        self.stop_steps = xp.where(new, steps + blank, self.stop_steps)
        self.stop_time = xp.where(new, time + blank, self.stop_time)
        self.stopped = choose(xp, new, there, self.stopped)
        self.reached = self.reached | new

    def _result(self) -> Stopped:
        """Give the levels never reached the schedule's end."""
        xp, problem = self.xp, self.problem
        blank = xp.zeros_like(self.log_level)
        steps = xp.where(self.reached, self.stop_steps, self.steps + blank)
        time = xp.where(self.reached, self.stop_time, self.time + blank)
        filters = choose(xp, self.reached, self.stopped, self.filters)
        batch = tuple(problem.floor.shape)
        shape = batch + (() if self.levels is None else tuple(self.levels.shape))
        r = problem.gamma.shape[-1]
        parts = filters.sign, filters.logarithm()
        sign, log = (xp.reshape(part, (*batch, -1, r)) for part in parts)
        return Stopped(
            reached=xp.reshape(self.reached, shape),
            steps=xp.astype(xp.reshape(steps, shape), xp.int64),
            time=xp.reshape(_user_time(time, self.unit, problem.kind), shape),
            train_loss=xp.reshape(problem.train_loss(log), shape),
            sign=xp.reshape(sign, (*shape, r)),
            log=xp.reshape(log, (*shape, r)),
        )

    def _flow(self, duration: Any) -> None:
        """Carry the filter through a gradient flow."""
        xp, levels = self.xp, self._sought()
        duration = scaled(self.problem.kind.constant(duration), self.unit)
        precise = self.filters.low is not None
        move = flow_filter(xp, duration[..., None], self.curvature, precise=precise)
        if not bool(xp.all(xp.isnan(levels))):
            time, there = flow_time(xp, self.log_weights, self.filters, self.curvature, levels)
            hit = xp.isfinite(time) & (time <= duration)
            self._stop(hit, there, self.steps, self.time + time)
        self.time = self.time + duration
        self.filters = self.filters.then(xp, move)

    def _equal_steps(self, lr: Any, count: Any) -> None:
        """Carry the filter through steps of one rate."""
        xp, rates = self.xp, np.asarray(lr)[..., None]
        steps = self.problem.kind.constant(count) + 0.0 * self.steps
        step = log_step(xp, rates, self.curvature, unit=self.unit)
        if self.filters.low is None and bool(xp.any(step.log * steps[..., None] > _GROWTH)):
            self.filters = self.filters.precise(xp)
        if self.filters.low is not None:
            step = log_step(xp, rates, self.curvature, precise=True, unit=self.unit)
        end = self.filters.then(xp, step.power(xp, steps[..., None]))
        # a loss that cannot rise reaches what its end is below
        rises = xp.any(step.log > 0, axis=-1)
        levels, excess = self._sought(), log_excess(xp, self.log_weights, end)
        levels = xp.where((steps > 0) & (rises | (excess <= levels)), levels, xp.nan + 0.0 * levels)
        if not bool(xp.all(xp.isnan(levels))):
            first, there = first_step(xp, self.log_weights, self.filters, step, steps, levels)
            self._stop(xp.isfinite(first), there, self.steps + first, self.time)
        self.steps = self.steps + steps
        self.filters = end

    def _changing_steps(self, lr: Any, count: int) -> None:
        """Carry the filter through steps of a rate each."""
        xp, own = self.xp, scaled(lr, self.unit)
        if _is_huge(float(own.max()), float(xp.max(self.curvature))):
            for rate in lr:
                self._equal_steps(float(rate), 1)
            return
        constant, levels = self.problem.kind.constant, self._sought()
        scan = scan_rates(xp, self.log_weights, self.filters, self.curvature, own, levels, constant)
        self._stop(xp.isfinite(scan.first), scan.stopped, self.steps + scan.first, self.time)
        self.steps = self.steps + count
        self.filters = scan.end.precise(xp) if scan.end.grows(xp, _GROWTH) else scan.end

    def _advance_momentum(self, phase: HeavyBall | Nesterov) -> None:
        """Carry the filter through a phase with momentum, recording the levels that it reaches."""
        xp, curvature = self.xp, self.curvature
        if self.motion is None or not phase.carry_velocity:
            self.motion = Motion.at_rest(self.filters)
        nesterov = isinstance(phase, Nesterov)
        for lr, steps in chunks(phase):
            if self._finished():
                break
            own = scaled(lr, self.unit)
            _check_momentum_rate(float(np.max(own)), float(xp.max(curvature)), self.unit)
            levels = self._sought()
            if isinstance(own, float):
                step = Transition(xp, own, phase.momentum, curvature, nesterov=nesterov)
                found = first_crossing(xp, self.log_weights, self.motion, step, steps, levels)
            else:
                found = walk(
                    xp,
                    self.log_weights,
                    self.motion,
                    curvature,
                    own,
                    phase.momentum,
                    levels,
                    self.problem.kind.constant,
                    nesterov=nesterov,
                )
            hit = xp.isfinite(found.first)
            self._stop(hit, found.stopped, self.steps + found.first, self.time)
            self.steps = self.steps + steps
            self.motion = found.end
        self.filters = self.motion.filter(xp)


def _check_momentum_rate(lr: float, curvature: float, unit: int) -> None:
    if lr > LARGEST or 2.0 * lr * curvature > LARGEST:
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
