"""The trajectory of a run, for plots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from isoloss._arrays.context import quiet
from isoloss.dynamics.filters import Filter, flow_filter, log_step, rates_filter, step_factors
from isoloss.dynamics.momentum import Motion, Transition, walk
from isoloss.dynamics.stopping import flow_time
from isoloss.dynamics.stops import Stops, log_excess
from isoloss.problems.problem import Problem
from isoloss.problems.units import scaled
from isoloss.schedules.phases import GradientDescent, GradientFlow, HeavyBall, Nesterov
from isoloss.schedules.schedule import Schedule

__all__ = ["Path", "trace"]

Array = Any

_LONGEST_FALL = np.log(1e-12)  # an endless flow is drawn until its excess train loss fell this far


@dataclass(frozen=True, eq=False, repr=False)
class Path:
    """The points that a run passes: GD steps, and points of flows spaced in log train loss.

    Attributes
    ----------
    problem : Problem
        The problem that was trained.
    steps, time : array, shape (P,)
        GD steps taken and flow time spent up to each point.
    train_loss : array, shape (P,)
        The train loss there.
    sign, log : array, shape (P, r)
        The sign of the filter h, and log |h|.
    """

    problem: Problem
    steps: Array
    time: Array
    train_loss: Array
    sign: Array
    log: Array

    @cached_property
    @quiet
    def test_loss(self) -> Array:
        """The test loss there, shape (P,); ``ValueError`` if the problem has no test data."""
        return self.problem.kind.result(self.problem.test_loss(self.sign, self.log))

    @property
    @quiet
    def residual(self) -> Array:
        """The residual in the eigenbasis of the train covariance, shape (P, r) or (P, r, m)."""
        return self.problem.filtered_residual(self.sign, self.log)

    @quiet
    def coef(self) -> Array:
        """Return the parameters at each point in the user's coordinates, as `Run.coef`."""
        return self.problem.filtered_parameters(self.sign, self.log)[0]

    def __repr__(self) -> str:
        return f"Path({self.steps.shape[0]} points)"


def trace(
    problem: Problem, schedule: Schedule, steps: int, time: float, end: Filter, points: int
) -> Path:
    """Follow a schedule up to ``steps`` GD steps and ``time`` of flow, where its filter is ``end``.

    After a divergence by 10^(10⁸) the rounding of ``time`` would move the last point: it is the
    filter that is given.
    """
    xp, unit = problem.kind.xp, problem.units.curvature
    time = scaled(time, unit)  # here, all times are in the problem's own unit
    current = Filter.identity(problem.gamma).precise(xp)
    marks = [_Marks([0], problem.kind.constant([0.0]), _rows(xp, [current]))]
    done_steps, done_time = 0, 0.0
    motion: Motion | None = None
    for phase in schedule.phases:
        left = steps - done_steps
        if isinstance(phase, HeavyBall | Nesterov):
            if motion is None or not phase.carry_velocity:
                motion = Motion.at_rest(current.at((None, None, ...)))
            here, motion = _momentum_marks(problem, motion, phase, min(phase.steps, left), points)
        else:
            motion = None
            if isinstance(phase, GradientFlow):
                span = min(scaled(phase.time, unit), time - done_time)
                moves = _flow_marks(problem, current, span, points)
            else:
                assert isinstance(phase, GradientDescent)
                moves = _step_marks(problem, phase.lr, min(phase.steps, left), points)
            here = moves._replace(filters=current.then(xp, moves.filters))
        if here.steps:
            marks.append(
                here._replace(
                    steps=[done_steps + k for k in here.steps], time=done_time + here.time
                )
            )
            current = here.filters.at((-1, ...))
            done_steps, done_time = marks[-1].steps[-1], float(marks[-1].time[-1])
        if isinstance(phase, GradientFlow) and done_time >= time and done_steps >= steps:
            break
    sign = xp.concat([mark.filters.sign for mark in marks])
    log = xp.concat([mark.filters.logarithm() for mark in marks])
    if math.isfinite(time):
        sign = xp.concat([sign[:-1, :], end.sign[None, :]])
        log = xp.concat([log[:-1, :], end.log[None, :]])
    counts = [k for mark in marks for k in mark.steps]
    return Path(
        problem=problem,
        steps=problem.kind.count(xp.asarray(counts, dtype=xp.int64, device=problem.kind.device)),
        time=problem.kind.result(scaled(xp.concat([mark.time for mark in marks]), -unit)),
        train_loss=problem.kind.result(problem.train_loss(log)),
        sign=sign,
        log=log,
    )


class _Marks(NamedTuple):
    """Points of a phase, counted from its start: steps, times (P,), filters (P, r)."""

    steps: list[int]
    time: Array
    filters: Filter


def _rows(xp: Any, filters: Sequence[Filter]) -> Filter:
    return Filter(*(xp.stack(parts) for parts in zip(*filters, strict=True)))


def _step_marks(problem: Problem, lr: Any, steps: int, points: int) -> _Marks:
    xp, curvature, constant = problem.kind.xp, problem.gamma, problem.kind.constant
    chosen = _chosen(steps, points)
    if not chosen:
        return _none(problem)
    if isinstance(lr, float):
        counts = constant([float(k) for k in chosen])[:, None]
        step = log_step(xp, lr, curvature, precise=True, unit=problem.units.curvature)
        moves = step.power(xp, counts)
    else:
        done, total, passed = 0, Filter.identity(curvature).precise(xp), []
        for k in chosen:
            rates = constant(scaled(lr[done:k], problem.units.curvature))
            factors = step_factors(xp, rates, curvature)
            total = total.then(xp, rates_filter(xp, factors).precise(xp))
            passed.append(total)
            done = k
        moves = _rows(xp, passed)
    return _Marks(chosen, constant([0.0] * len(chosen)), moves)


def _none(problem: Problem) -> _Marks:
    empty = problem.kind.constant([])
    return _Marks([], empty, Filter(*(empty[:, None] * problem.gamma for _ in range(3))))


def _momentum_marks(
    problem: Problem, motion: Motion, phase: HeavyBall | Nesterov, steps: int, points: int
) -> tuple[_Marks, Motion]:
    xp, curvature = problem.kind.xp, problem.gamma[None, None, :]
    nesterov, done, passed = isinstance(phase, Nesterov), 0, []
    chosen = _chosen(steps, points)
    if not chosen:
        return _none(problem), motion
    lr = scaled(phase.lr, problem.units.curvature)
    stops = Stops.none(xp, problem.log_weights[None, None, :], motion.filter(xp))
    for k in chosen:
        if isinstance(lr, float):
            step = Transition(xp, lr, phase.momentum, curvature, nesterov=nesterov)
            motion = step.advance(motion, k - done)
        else:
            rates, mu = lr[done:k], phase.momentum
            constant = problem.kind.constant
            motion = walk(stops, motion, curvature, rates, mu, constant, nesterov=nesterov)
        done = k
        passed.append(motion.filter(xp).precise(xp).at((0, 0, ...)))
    return _Marks(chosen, problem.kind.constant([0.0] * len(chosen)), _rows(xp, passed)), motion


def _chosen(steps: int, points: int) -> list[int]:
    """Return at most ``points`` of the steps, evenly spaced, the last one always."""
    count = min(steps, points)
    spaced = np.unique(np.round(np.linspace(0, steps, count + 1)).astype(np.int64))
    return [int(k) for k in spaced[1:]]


def _flow_marks(problem: Problem, start: Filter, time: float, points: int) -> _Marks:
    xp, curvature, constant = problem.kind.xp, problem.gamma, problem.kind.constant
    log_weights = problem.log_weights
    top = float(log_excess(xp, log_weights, start))
    if not np.isfinite(top) or time == 0:
        return _none(problem)
    endless = math.isinf(time)
    if endless:
        bottom = top + _LONGEST_FALL
    else:
        end = start.then(xp, flow_filter(xp, constant(time), curvature, precise=True))
        bottom = float(log_excess(xp, log_weights, end))
    levels = np.linspace(top, bottom, points + 1)[1:]
    times, _ = flow_time(
        xp,
        log_weights[None, None, :],
        start.at((None, None, ...)),
        curvature[None, None, :],
        constant(levels)[None, :],
    )
    spans = times[0, :] if endless else xp.concat([times[0, :-1], constant([time])])
    spans = spans[spans <= time]
    moves = flow_filter(xp, spans[:, None], curvature, precise=True)
    return _Marks([0] * spans.shape[0], spans, moves)
