"""Follow one schedule, or many at once, through their phases to their stops."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from isoloss.dynamics.equal_steps import EqualSteps
from isoloss.dynamics.expected_run import expected_run
from isoloss.dynamics.filters import Filter, choose
from isoloss.dynamics.run import Run
from isoloss.dynamics.solver import Carried, Solver, solvers
from isoloss.dynamics.stops import Directions, LevelStops
from isoloss.problems.problem import Problem
from isoloss.problems.units import scaled
from isoloss.schedules.schedule import Schedule

__all__ = ["follow"]

Array = Any

_AT_ONCE = 2**17  # total size of the filters followed together, which fit in the cache


def follow(
    problem: Problem, schedules: Sequence[Schedule], levels: Array | None, *, exact: bool
) -> list[Run]:
    """Train a problem, or a batch of them, by each schedule; return one run per schedule."""
    if not all(schedule.is_plain for schedule in schedules):
        return [_each(problem, schedule, levels, exact=exact) for schedule in schedules]
    if len(schedules) == 1:
        # build the parts only as far as training goes
        only = (part for phase in schedules[0].phases for part in solvers(phase))
        return [_followed(problem, schedules[0], only, levels, exact=exact)]
    found: dict[int, Run] = {}
    alike: dict[tuple[type[Solver], ...], dict[int, list[Solver]]] = {}
    for i, schedule in enumerate(schedules):
        own = [part for phase in schedule.phases for part in solvers(phase)]
        if all(part.can_join for part in own):
            if not (own and isinstance(own[0], EqualSteps)):
                own.insert(0, EqualSteps(0.0, 0))  # so that flows join annealed schedules
            alike.setdefault(tuple(map(type, own)), {})[i] = own
        else:
            found[i] = _followed(problem, schedule, own, levels, exact=exact)
    shape = problem._reduced.gamma.shape
    size = math.prod(shape) * (1 if levels is None else math.prod(levels.shape))
    many = max(1, _AT_ONCE // max(size, 1))
    for kind, members in alike.items():
        order = sorted(members, key=lambda i: _head(members[i]).lr)  # equal heads together
        for some in (order[first : first + many] for first in range(0, len(order), many)):
            rows = [members[i] for i in some]
            runs = _together(problem, [schedules[i] for i in some], kind, rows, levels, exact=exact)
            found.update(zip(some, runs, strict=True))
    return [found[i] for i in range(len(schedules))]


def _each(problem: Problem, schedule: Schedule, levels: Array | None, *, exact: bool) -> Run:
    """Train a problem by one of several schedules, some of which are more than a filter."""
    if schedule.is_plain:
        return follow(problem, [schedule], levels, exact=exact)[0]
    return expected_run(problem, schedule, levels, exact=exact)


def _followed(
    problem: Problem,
    schedule: Schedule,
    parts: Iterable[Solver],
    levels: Array | None,
    *,
    exact: bool,
) -> Run:
    """Follow the parts of one schedule."""
    directions, sought = _started(problem, levels)
    carried = Carried(Filter.identity(directions.curvature))
    stops = LevelStops(directions, carried.filter, sought, exact=exact)
    (run,) = _finished(problem, [schedule], parts, levels, carried, stops)
    return run


def _together(
    problem: Problem,
    schedules: Sequence[Schedule],
    kind: tuple[type[Solver], ...],
    rows: Sequence[Sequence[Solver]],
    levels: Array | None,
    *,
    exact: bool,
) -> list[Run]:
    """Follow schedules whose parts are of one kind; each trains all of the problem's rows.

    Schedules that begin with steps of one rate have one head, which is followed once, as far as the
    longest of them goes.
    """
    directions, sought = _started(problem, levels)
    batch, count = directions.curvature.shape[0], len(rows)
    first, *rest = (
        part.joined(each, batch) for part, each in zip(kind, zip(*rows, strict=True), strict=True)
    )
    longest: dict[float, int] = {}
    for part in map(_head, rows):
        longest[part.lr] = max(part.steps, longest.get(part.lr, 0))
    many = directions.repeated(len(longest))
    heads = LevelStops(many, Filter.identity(many.curvature), _tiled(many, sought), exact=exact)
    head = EqualSteps.joined([EqualSteps(*each) for each in longest.items()], batch)
    head.first_at(Carried(Filter.identity(many.curvature)), heads)

    rates = list(longest)
    index = [rates.index(_head(row).lr) * batch + b for row in rows for b in range(batch)]
    many = directions.repeated(count)
    start = Carried(Filter.identity(many.curvature))
    carried = first.advance(many, start, 0, first.steps)
    return _finished(
        problem, schedules, rest, levels, carried, heads.branched(many, index, first.steps)
    )


def _head(parts: Sequence[Solver]) -> EqualSteps:
    """Return the equal steps with which schedules that are followed together begin."""
    head = parts[0]
    assert isinstance(head, EqualSteps)
    return head


def _started(
    problem: Problem, levels: Array | None
) -> tuple[Directions, tuple[Array, Array] | None]:
    """Return the directions of a problem, and the logs of the excess of levels."""
    reduced = problem._reduced
    return Directions.of(reduced), None if levels is None else reduced.log_excess(levels)


def _tiled(directions: Directions, sought: tuple[Array, Array] | None) -> Any:
    """Return the logs of levels for problems that are repeated, once for each schedule."""
    if sought is None:
        return None
    xp, rows = directions.kind.xp, directions.curvature.shape[0]
    return tuple(xp.tile(each, (rows // each.shape[0], 1)) for each in sought)


def _finished(
    problem: Problem,
    schedules: Sequence[Schedule],
    parts: Iterable[Solver],
    levels: Array | None,
    carried: Carried,
    stops: LevelStops,
) -> list[Run]:
    """Follow the parts that are left, and return the runs."""
    count, directions, xp = len(schedules), stops.directions, stops.xp
    for part in parts:
        if stops.all_reached():
            break
        carried = part.first_at(carried, stops)
    steps = xp.where(stops.reached, stops.steps, stops.passed[0])
    last_rate = scaled(stops.last_rate, -directions.unit)
    time = _user_time(directions, xp.where(stops.reached, stops.time, stops.passed[1]))
    filters = choose(xp, stops.reached, stops.filters, carried.filter)
    end = filters.sign, filters.logarithm()
    arrays = stops.reached, stops.at_level, steps, time, last_rate, *end
    batch = directions.curvature.shape[0] // count
    own = [slice(k * batch, (k + 1) * batch) for k in range(count)]
    return [
        _run(problem, schedule, levels, stops.exact, *(part[rows, ...] for part in arrays))
        for schedule, rows in zip(schedules, own, strict=True)
    ]


def _run(
    problem: Problem,
    schedule: Schedule,
    levels: Array | None,
    exact: bool,
    reached: Array,
    at_level: Array,
    steps: Array,
    time: Array,
    last_rate: Array,
    sign: Array,
    log: Array,
) -> Run:
    """Return one schedule's results (B, L) in the shape of the problem's batch and the levels."""
    reduced = problem._reduced
    kind, batch, r = reduced.kind, tuple(reduced.floor.shape), reduced.gamma.shape[-1]
    xp, shape = kind.xp, batch + (() if levels is None else tuple(levels.shape))
    reached = xp.reshape(reached, shape)
    train_loss = xp.reshape(reduced.train_loss(xp.reshape(log, (*batch, -1, r))), shape)
    if levels is not None:
        # the stop was confirmed in logarithms, so a loss above the level is a rounding error
        at_level = xp.reshape(at_level, shape) | (reached & (train_loss > levels))
        train_loss = xp.where(at_level, levels, train_loss)
    return Run(
        problem=problem,
        schedules=(schedule,),
        reached=kind.count(reached),
        steps=kind.count(xp.reshape(steps, shape)),
        time=kind.result(xp.reshape(time, shape)),
        last_rate=kind.result(xp.reshape(last_rate, shape)),
        last_step="exact" if exact else "whole",
        has_levels=levels is not None,
        train_loss=kind.result(train_loss),
        sign=xp.reshape(sign, (*shape, r)),
        log=xp.reshape(log, (*shape, r)),
    )


def _user_time(directions: Directions, time: Array) -> Array:
    """Return flow times in the user's units; refuse times that float64 cannot hold."""
    found = scaled(time, -directions.unit)
    if bool(directions.kind.xp.any(scaled(found, directions.unit) != time)):
        raise ValueError(
            "a time of gradient flow lies beyond float64; multiply the inputs (X, the kernel or "
            "the train covariance) by a power of two"
        )
    return found
