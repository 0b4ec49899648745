"""Schedules followed through their phases to their stops: one, or many in one go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from isoloss.dynamics.equal_steps import EqualSteps
from isoloss.dynamics.filters import Filter, choose
from isoloss.dynamics.solver import Carried, Solver, solvers
from isoloss.dynamics.stops import Directions, LevelStops
from isoloss.problems.problem import Problem
from isoloss.problems.units import scaled
from isoloss.schedules.schedule import Schedule

__all__ = ["Stopped", "follow"]

Array = Any

_AT_ONCE = 2**17  # numbers of all filters followed together: they fit in the cache


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


def follow(problem: Problem, schedules: Sequence[Schedule], levels: Array | None) -> list[Stopped]:
    """Train a problem, or each of a batch, by each of the schedules."""
    if len(schedules) == 1:
        # the parts are built only as far as training goes
        only = (part for phase in schedules[0].phases for part in solvers(phase))
        return _followed(problem, only, levels, 1)
    found: dict[int, Stopped] = {}
    alike: dict[tuple[type[Solver], ...], dict[int, list[Solver]]] = {}
    for i, schedule in enumerate(schedules):
        own = [part for phase in schedule.phases for part in solvers(phase)]
        if all(part.can_join for part in own):
            if not (own and isinstance(own[0], EqualSteps)):
                own.insert(0, EqualSteps(0.0, 0))  # a flow is like an annealed schedule
            alike.setdefault(tuple(map(type, own)), {})[i] = own
        else:
            (found[i],) = _followed(problem, own, levels, 1)
    size = problem.gamma.size * (1 if levels is None else max(levels.size, 1))
    for kind, members in alike.items():
        order, many = list(members), max(1, _AT_ONCE // max(size, 1))
        for some in (order[first : first + many] for first in range(0, len(order), many)):
            rows = zip(*(members[i] for i in some), strict=True)
            batch = Directions.of(problem).curvature.shape[0]
            parts = (part.joined(row, batch) for part, row in zip(kind, rows, strict=True))
            found.update(zip(some, _followed(problem, parts, levels, len(some)), strict=True))
    return [found[i] for i in range(len(schedules))]


def _followed(
    problem: Problem, parts: Iterable[Solver], levels: Array | None, count: int
) -> list[Stopped]:
    """Follow the parts of ``count`` schedules, each of which trains all of the problem's rows."""
    xp, directions = problem.kind.xp, Directions.of(problem)
    sought = None if levels is None else problem.log_excess(levels)
    if count > 1:
        directions = directions.repeated(count)
        if sought is not None:
            sought = xp.tile(sought[0], (count, 1)), xp.tile(sought[1], (count, 1))
    carried = Carried(Filter.identity(directions.curvature))
    stops = LevelStops(directions, carried.filter, sought)
    for part in parts:
        if stops.all_reached():
            break
        carried = part.first_at(carried, stops)
    steps = xp.where(stops.reached, stops.steps, stops.passed[0])
    time = _user_time(directions, xp.where(stops.reached, stops.time, stops.passed[1]))
    filters = choose(xp, stops.reached, stops.filters, carried.filter)
    arrays = stops.reached, steps, time, filters.sign, filters.logarithm()
    batch = directions.curvature.shape[0] // count
    return [
        _stopped(problem, levels, *(part[k * batch : (k + 1) * batch, ...] for part in arrays))
        for k in range(count)
    ]


def _stopped(
    problem: Problem,
    levels: Array | None,
    reached: Array,
    steps: Array,
    time: Array,
    sign: Array,
    log: Array,
) -> Stopped:
    """Return one schedule's results (B, L) in the shape of the problem's batch and the levels."""
    xp, batch, r = problem.kind.xp, tuple(problem.floor.shape), problem.gamma.shape[-1]
    shape = batch + (() if levels is None else tuple(levels.shape))
    reached = xp.reshape(reached, shape)
    train_loss = xp.reshape(problem.train_loss(xp.reshape(log, (*batch, -1, r))), shape)
    if levels is not None:
        # the stop was confirmed in logarithms: what is above the level is rounding
        train_loss = xp.where(reached & (train_loss > levels), levels, train_loss)
    return Stopped(
        reached=reached,
        steps=xp.reshape(steps, shape),
        time=xp.reshape(time, shape),
        train_loss=train_loss,
        sign=xp.reshape(sign, (*shape, r)),
        log=xp.reshape(log, (*shape, r)),
    )


def _user_time(directions: Directions, time: Array) -> Array:
    """Return times of flow in the user's units; refuse those that float64 does not hold."""
    found = scaled(time, -directions.unit)
    if bool(directions.kind.xp.any(scaled(found, directions.unit) != time)):
        raise ValueError(
            "a time of gradient flow lies beyond float64; multiply the inputs (X, the kernel or "
            "the train covariance) by a power of two"
        )
    return found
