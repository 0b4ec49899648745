"""The trajectory of a run, for plots."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from isoloss.filters import Filter, flow_filter, log_step, rates_filter, step_factors
from isoloss.problem import Problem
from isoloss.schedule import GradientFlow, Schedule
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
    residual : array, shape (P, r) or (P, r, m)
        The residual in the eigenbasis of the train covariance.
    """

    problem: Problem
    steps: Array
    time: Array
    train_loss: Array
    test_loss: Array
    residual: Array

    def coef(self) -> Array:
        """Return the parameters at each point in the user's coordinates, as `Run.coef`."""
        return self.problem.parameters(self.residual)[0]

    def __repr__(self) -> str:
        return f"Path({self.steps.shape[0]} points)"


def trace(problem: Problem, schedule: Schedule, steps: int, time: float, points: int) -> Path:
    """Follow a schedule up to ``steps`` GD steps and ``time`` of flow."""
    xp = problem.kind.xp
    curvature = problem.gamma
    current = Filter.identity(curvature).precise(xp)
    marks = [(0, 0.0, current)]
    done_steps, done_time = 0, 0.0
    for phase in schedule.phases:
        if isinstance(phase, GradientFlow):
            span = min(phase.time, time - done_time)
            moves = _flow_marks(problem, current, span, points)
        else:
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
        residual=problem.filtered_residual(sign, log),
    )


def _step_marks(
    problem: Problem, lr: Any, steps: int, points: int
) -> Iterator[tuple[int, float, Filter]]:
    xp, curvature = problem.kind.xp, problem.gamma
    count = min(steps, points)
    chosen = np.unique(np.round(np.linspace(0, steps, count + 1)).astype(np.int64))[1:]
    if isinstance(lr, float):
        step = log_step(xp, lr, curvature, precise=True)
        for k in chosen:
            yield int(k), 0.0, step.power(xp, problem.kind.constant(float(k)))
        return
    done, total = 0, Filter.identity(curvature).precise(xp)
    for k in chosen:
        factors = step_factors(xp, problem.kind.constant(lr[done:k]), curvature)
        total = total.then(xp, rates_filter(xp, factors).precise(xp))
        done = int(k)
        yield done, 0.0, total


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
    precise = start.precise(xp)
    parts = (precise.sign, precise.log, precise.low)
    rows = Filter(*(part[None, None, :] for part in parts if part is not None))
    times, _ = flow_time(
        xp,
        log_weights[None, None, :],
        rows,
        curvature[None, None, :],
        problem.kind.constant(levels)[None, :],
    )
    spans = [float(times[0, i]) for i in range(points)]
    if not endless:
        spans[-1] = time
    for span in spans:
        if span <= time:
            yield 0, span, flow_filter(xp, problem.kind.constant(span), curvature, precise=True)
