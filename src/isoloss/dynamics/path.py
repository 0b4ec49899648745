"""Trace the trajectory of a run, for plots, with the same solvers that train."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from isoloss.dynamics.filters import Filter
from isoloss.dynamics.moments.fields import moment_fields
from isoloss.dynamics.moments.model import Model
from isoloss.dynamics.moments.tracing import traced
from isoloss.dynamics.solver import Carried, Marks, Wanted, solvers
from isoloss.dynamics.stops import Directions
from isoloss.problems.filtered import Filtered
from isoloss.problems.problem import Problem
from isoloss.problems.units import scaled
from isoloss.schedules.schedule import Schedule

__all__ = ["Path", "trace", "trace_moments"]

Array = Any


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Path(Filtered):
    """P points on a run's trajectory: GD steps, and flow points evenly spaced in log train loss.

    Attributes
    ----------
    problem : Problem
        The problem that was trained.
    steps, time : array, shape (P,)
        GD steps taken and flow time spent up to each point.
    train_loss : array, shape (P,)
        The train loss at each point.
    sign, log : array, shape (P, r)
        The sign of the filter h at each point, and log |h|.
    """

    _POINTS: ClassVar = (*Filtered._POINTS, "steps", "time")

    steps: Array
    time: Array

    def __repr__(self) -> str:
        return f"Path({self.steps.shape[0]} points)"


def trace(
    problem: Problem,
    schedule: Schedule,
    steps: int,
    time: float,
    end: Filter,
    end_loss: float,
    points: int,
) -> Path:
    """Follow a schedule up to ``steps`` GD steps and ``time`` of flow.

    The last point is the run's stop. Its filter ``end`` and train loss ``end_loss`` are given,
    because after a divergence by 10^(10⁸) the rounding of ``time`` would move it.
    """
    reduced = problem._reduced
    kind, xp, unit = reduced.kind, reduced.kind.xp, reduced.units.curvature
    time = scaled(time, unit)  # here, all times are in the problem's own unit
    start = Filter.identity(reduced.gamma).precise(xp).at((None, None, ...))
    marks = [Marks([0], kind.constant([0.0]), start.at((0, ...)))]
    directions, carried = Directions.of(reduced), Carried(start)
    done_steps, done_time = 0, 0.0
    for phase in schedule.phases:
        chosen = _chosen(min(phase.steps, steps - done_steps), points)
        begun = done_steps
        for part in solvers(phase):
            last = min(part.steps, begun + chosen[-1] - done_steps)
            if last < min(part.steps, 1):
                break
            ahead = (step - (done_steps - begun) for step in chosen)
            inside = [step for step in ahead if 0 < step <= last]
            here, carried = part.points(
                directions, carried, Wanted(inside, time - done_time, points)
            )
            if inside[-1:] != [last]:  # the part ends between two points
                done = inside[-1] if inside else 0
                carried = part.advance(directions, carried, done, last)
            if here.steps:
                passed = [done_steps + step for step in here.steps]
                marks.append(Marks(passed, done_time + here.time, here.filters))
                done_time = float(marks[-1].time[-1])
            done_steps += last
    sign = xp.concat([mark.filters.sign for mark in marks])
    log = xp.concat([mark.filters.logarithm() for mark in marks])
    train_loss = reduced.train_loss(log)
    if math.isfinite(time):
        train_loss = xp.concat([train_loss[:-1], kind.constant([end_loss])])
        sign = xp.concat([sign[:-1, :], end.sign[None, :]])
        log = xp.concat([log[:-1, :], end.log[None, :]])
    counts = [step for mark in marks for step in mark.steps]
    return Path(
        problem=problem,
        steps=kind.count(xp.asarray(counts, dtype=xp.int64, device=kind.device)),
        time=kind.result(scaled(xp.concat([mark.time for mark in marks]), -unit)),
        train_loss=kind.result(train_loss),
        sign=sign,
        log=log,
    )


def trace_moments(problem: Problem, schedule: Schedule, points: int) -> Path:
    """Follow a schedule that is more than a filter, to its end."""
    reduced = problem._reduced
    kind, decays = reduced.kind, schedule.has_weight_decay
    model = Model.of(reduced, (), decays=decays)
    passed = list(traced(reduced, model, schedule, points))
    losses = np.array([model.train_loss(point.moments) for point in passed])
    times = scaled(np.array([point.time for point in passed]), -reduced.units.curvature)
    steps = kind.constant([point.steps for point in passed])
    return Path(
        problem=problem,
        steps=kind.count(kind.xp.astype(steps, kind.xp.int64)),
        time=kind.result(kind.constant(times)),
        train_loss=kind.result(kind.constant(scaled(losses, reduced.units.train))),
        **moment_fields(reduced, model, [point.moments for point in passed], np.stack),
    )


def _chosen(steps: int, points: int) -> list[int]:
    """Return at most ``points`` evenly spaced steps, always including the last."""
    count = min(steps, points)
    spaced = np.unique(np.round(np.linspace(0, steps, count + 1)).astype(np.int64))
    return [int(step) for step in spaced[1:]] or [0]
