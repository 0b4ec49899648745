"""The trajectory of a run, for plots."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from isoloss._checks import quiet
from isoloss.filters import Filter, flow_filter, log_step, rates_filter, step_factors
from isoloss.momentum import Motion, Transition, walk
from isoloss.phases import GradientDescent, GradientFlow, HeavyBall, Nesterov
from isoloss.problem import Problem
from isoloss.schedule import Schedule
from isoloss.stopping import flow_time, log_excess

__all__ = ["Path", "trace"]

Array = Any

_LONGEST_FALL = np.log(1e-12)  # an endless flow is drawn until its excess train loss fell this far


@dataclass(frozen=True, eq=False, repr=False)
class Path:
    """The points that a run passes: GD steps, and points of flows spaced in log train loss.

    Attributes
    ----------
    steps, time : array, shape (P,)
        GD steps taken and flow time spent up to each point.
    train_loss, test_loss : array, shape (P,)
        The losses there.
    sign, log : array, shape (P, r)
        The sign of the filter h, and log |h|.
    """

    problem: Problem
    steps: Array
    time: Array
    train_loss: Array
    test_loss: Array
    sign: Array
    log: Array

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


def trace(problem: Problem, schedule: Schedule, steps: int, time: float, points: int) -> Path:
    """Follow a schedule up to ``steps`` GD steps and ``time`` of flow."""
    xp = problem.kind.xp
    curvature = problem.gamma
    current = Filter.identity(curvature).precise(xp)
    marks = [(0, 0.0, current)]
    done_steps, done_time = 0, 0.0
    motion: Motion | None = None
    for phase in schedule.phases:
        if isinstance(phase, HeavyBall | Nesterov):
            if motion is None or not phase.carry_velocity:
                motion = Motion.at_rest(_row(current))
            count = min(phase.steps, steps - done_steps)
            for k, moved in _momentum_marks(problem, motion, phase, count, points):
                motion = moved
                there = motion.filter(xp).precise(xp)
                assert there.low is not None
                current = Filter(there.sign[0, 0, :], there.log[0, 0, :], there.low[0, 0, :])
                marks.append((done_steps + k, done_time, current))
            done_steps = marks[-1][0]
            continue
        motion = None
        if isinstance(phase, GradientFlow):
            span = min(phase.time, time - done_time)
            moves = _flow_marks(problem, current, span, points)
        else:
            assert isinstance(phase, GradientDescent)
            moves = _step_marks(problem, phase.lr, min(phase.steps, steps - done_steps), points)
        here = current
        for k, t, move in moves:
            current = here.then(xp, move)
            marks.append((done_steps + k, done_time + t, current))
        done_steps, done_time = marks[-1][:2]
        if isinstance(phase, GradientFlow) and done_time >= time and done_steps >= steps:
            break
    sign = xp.stack([mark[2].sign for mark in marks])
    log = xp.stack([mark[2].logarithm() for mark in marks])
    excess = xp.sum(xp.exp(problem.log_weights + 2.0 * log), axis=-1)
    return Path(
        problem=problem,
        steps=xp.asarray([mark[0] for mark in marks], dtype=xp.int64, device=problem.kind.device),
        time=problem.kind.result(problem.kind.constant([mark[1] for mark in marks])),
        train_loss=problem.kind.result(problem.floor + excess),
        test_loss=problem.kind.result(problem.test.loss(xp, sign, log)),
        sign=sign,
        log=log,
    )


def _step_marks(
    problem: Problem, lr: Any, steps: int, points: int
) -> Iterator[tuple[int, float, Filter]]:
    xp, curvature = problem.kind.xp, problem.gamma
    chosen = _chosen(steps, points)
    if isinstance(lr, float):
        step = log_step(xp, lr, curvature, precise=True)
        for k in chosen:
            yield k, 0.0, step.power(xp, problem.kind.constant(float(k)))
        return
    done, total = 0, Filter.identity(curvature).precise(xp)
    for k in chosen:
        factors = step_factors(xp, problem.kind.constant(lr[done:k]), curvature)
        total = total.then(xp, rates_filter(xp, factors).precise(xp))
        done = k
        yield k, 0.0, total


def _momentum_marks(
    problem: Problem, motion: Motion, phase: HeavyBall | Nesterov, steps: int, points: int
) -> Iterator[tuple[int, Motion]]:
    xp, curvature = problem.kind.xp, problem.gamma[None, None, :]
    nesterov, done = isinstance(phase, Nesterov), 0
    for k in _chosen(steps, points):
        if isinstance(phase.lr, float):
            step = Transition(xp, phase.lr, phase.momentum, curvature, nesterov=nesterov)
            motion = step.advance(motion, k - done)
        else:
            motion = walk(
                xp,
                problem.log_weights[None, None, :],
                motion,
                curvature,
                phase.lr[done:k],
                phase.momentum,
                xp.nan + xp.zeros_like(curvature[..., 0]),
                problem.kind.constant,
                nesterov=nesterov,
            ).end
        done = k
        yield k, motion


def _chosen(steps: int, points: int) -> list[int]:
    """Return at most ``points`` of the steps, evenly spaced, the last one always."""
    count = min(steps, points)
    spaced = np.unique(np.round(np.linspace(0, steps, count + 1)).astype(np.int64))
    return [int(k) for k in spaced[1:]]


def _row(filters: Filter) -> Filter:
    """Return the filter of one problem as that of a batch of one, with one level."""
    return Filter(*(None if part is None else part[None, None, :] for part in filters))


def _flow_marks(
    problem: Problem, start: Filter, time: float, points: int
) -> Iterator[tuple[int, float, Filter]]:
    xp, curvature = problem.kind.xp, problem.gamma
    log_weights = problem.log_weights
    top = float(log_excess(xp, log_weights, start))
    if not np.isfinite(top) or time == 0:
        return
    end = start.then(xp, flow_filter(xp, problem.kind.constant(time), curvature, precise=True))
    bottom = float(log_excess(xp, log_weights, end))
    endless = bottom < top + _LONGEST_FALL
    levels = np.linspace(top, top + _LONGEST_FALL if endless else bottom, points + 1)[1:]
    times, _ = flow_time(
        xp,
        log_weights[None, None, :],
        _row(start.precise(xp)),
        curvature[None, None, :],
        problem.kind.constant(levels)[None, :],
    )
    spans = [float(times[0, i]) for i in range(points)]
    if not endless:
        spans[-1] = time
    for span in spans:
        if span <= time:
            yield 0, span, flow_filter(xp, problem.kind.constant(span), curvature, precise=True)
