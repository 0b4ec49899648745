"""Search for the best schedule of a family that is more than a filter, by training with it.

With weight decay, momentum or minibatches, the losses are not those of a product of factors, and no
derivatives are known. The family's few parameters are improved by the Nelder–Mead method.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss.dynamics.moments.crossings import DivergedError
from isoloss.dynamics.run import Run
from isoloss.dynamics.stopped import until
from isoloss.dynamics.training import train
from isoloss.optimize.constraints import Goal, Limits
from isoloss.optimize.named import in_units
from isoloss.optimize.shapes import Shape
from isoloss.problems.problem import Problem
from isoloss.schedules.phases import GradientDescent, GradientFlow
from isoloss.schedules.phases.steps import Steps
from isoloss.schedules.schedule import Schedule

__all__ = ["is_filtered", "search_by_training"]

Floats = npt.NDArray[np.float64]

_MOST = 6  # parameters
_RATES, _AT_LEVEL = 24, 48  # largest rates to start from; the loss at a level has jumps
_SLOWEST, _FASTEST = 1e-2, 3.0  # of these, times the largest stable rate
_REFINED = 5  # starts that are improved
_EVALUATIONS = 150  # for each parameter
_FAILED = 1e300
_DOUBLED = [2.0**k for k in range(-52, -35)]


def is_filtered(shape: Shape, settings: Mapping[str, Any]) -> bool:
    """Whether a shape's schedules are filters: plain gradient descent, or steps of known rates."""
    phases = _schedule(shape, 0.5 * (shape.low + shape.high), 0, settings).phases
    # another kind of steps has momentum; a family's own kind of phase is known by its rates
    return all(
        phase.is_plain and (type(phase) is GradientDescent or not isinstance(phase, Steps))
        for phase in phases
    )


def search_by_training(
    problem: Problem,
    shapes: Sequence[Shape],
    goal: Goal,
    limits: Limits,
    settings: Mapping[str, Any],
) -> Schedule | None:
    """Return the best schedule found, or None if no candidate stops at the level.

    Shapes have rates in the problem's own unit; levels, settings and the result are in the user's.
    """
    _check(shapes, limits)
    search = _Search(problem, goal, limits, settings)
    starts = sorted(
        (start for shape in shapes for start in search.starts(shape)), key=lambda start: start[0]
    )
    found = [search.improved(*start) for start in starts[:_REFINED]]
    loss, shape, z = min(found, key=lambda each: each[0])
    if loss >= _FAILED:
        return None
    schedule = search.schedule(shape, z)
    if goal.level is None or goal.flow:
        return schedule
    return _ending(train(problem, schedule, goal.level))


def _check(shapes: Sequence[Shape], limits: Limits) -> None:
    free = max(shape.low.size for shape in shapes)
    if free > _MOST:
        raise ValueError(
            f"{free} free rates are designed by derivatives that are known for plain gradient "
            "descent alone; with momentum, weight decay or minibatches take a family of few "
            'parameters, such as "annealed", "two-rate" or a function of isoloss.families'
        )
    if limits.growth is not None:
        raise ValueError(
            "max_growth limits schedules of plain gradient descent; leave it out with momentum, "
            "weight decay or minibatches"
        )


class _Search:
    """The loss of a goal as a function of z: a shape's parameters, and maybe the log of a time."""

    def __init__(
        self, problem: Problem, goal: Goal, limits: Limits, settings: Mapping[str, Any]
    ) -> None:
        self.problem, self.goal, self.limits, self.settings = problem, goal, limits, settings
        self.unit = -problem._reduced.units.curvature
        self.timed = goal.flow and goal.level is None
        gamma = np.asarray(problem._reduced.gamma)
        gamma = gamma[gamma > 0]
        self.top = float(gamma.max())
        self.times = math.log(1e-4 / gamma.max()), math.log(20.0 / gamma.min())

    def bounds(self, shape: Shape) -> tuple[Floats, Floats]:
        """Return the lowest and highest values of z."""
        low, high = self.times
        more = self.timed * 1
        return np.append(shape.low, [low] * more), np.append(shape.high, [high] * more)

    def schedule(self, shape: Shape, z: Floats) -> Schedule:
        """Return the schedule, in the user's unit."""
        schedule = _schedule(shape, z[: shape.low.size], self.unit, self.settings)
        if not self.goal.flow:
            return schedule
        decay = float(self.settings.get("weight_decay", 0.0))
        time = math.inf
        if self.timed:
            whole = in_units(Schedule(GradientFlow(math.exp(z[-1]))), self.unit)
            (flow,) = whole.phases
            assert isinstance(flow, GradientFlow)
            time = flow.time
        return schedule + GradientFlow(time, weight_decay=decay)

    def loss(self, shape: Shape, z: Floats) -> float:
        """Return the signed test loss, or a huge number for schedules that do not do."""
        schedule = self.schedule(shape, z)
        if self._amplification(schedule) > math.log(self.limits.amplification):
            return _FAILED
        try:
            run = train(self.problem, schedule, self.goal.level)
        except (DivergedError, ArithmeticError):
            return _FAILED
        if self.goal.level is not None and not bool(run.reached):
            return _FAILED
        found = float(run.test_loss)
        found = -found if self.goal.name == "highest" else found
        return found if math.isfinite(found) else _FAILED

    def _amplification(self, schedule: Schedule) -> float:
        """Return a bound on the log of the growth of an error, at the largest curvature."""
        total = 0.0
        for phase in in_units(schedule, -self.unit).phases:
            if isinstance(phase, Steps):
                slopes = phase.learning_rates() * (2.0 * self.top + phase.weight_decay)
                # a velocity of momentum μ is at most 1/(1 - μ) gradients
                most = slopes / (1.0 - np.max(phase.momentum, initial=0.0))
                total += float(np.log(np.maximum(most - 1.0, 1.0)).sum())
        return total

    def starts(self, shape: Shape) -> list[tuple[float, Shape, Floats]]:
        """Return starts with their losses: a grid of rates, and random parameters."""
        low, high = self.bounds(shape)
        middle = 0.5 * (low + high)
        random = np.random.default_rng([self.limits.seed, *shape.counts.astype(int)])
        first, last = (math.log(f / self.top) for f in (_SLOWEST, _FASTEST))
        found = []
        for rate in np.linspace(first, last, _RATES if self.goal.level is None else _AT_LEVEL):
            rates = np.full(shape.counts.size, math.exp(rate))
            z = middle.copy()
            z[: shape.low.size] = shape.parameters(rates)
            found.append(z)
        every = max(1, len(found) // self.limits.starts)
        spread = 0.25 * (high - low)
        found += [z + spread * random.normal(size=z.size) for z in found[::every]]
        return [(self.loss(shape, z), shape, z) for z in (np.clip(f, low, high) for f in found)]

    def improved(self, loss: float, shape: Shape, z: Floats) -> tuple[float, Shape, Floats]:
        """Return the local optimum found from a start."""
        from scipy.optimize import minimize  # slow to import

        low, high = self.bounds(shape)
        found: Any = minimize(
            partial(self.loss, shape),
            z,
            method="Nelder-Mead",
            bounds=list(zip(low, high, strict=True)),
            options={"maxfev": _EVALUATIONS * z.size, "xatol": 1e-6, "fatol": 1e-12 * abs(loss)},
        )
        return min((loss, shape, z), (float(found.fun), shape, found.x), key=lambda each: each[0])


def _schedule(shape: Shape, u: Floats, unit: int, settings: Mapping[str, Any]) -> Schedule:
    schedule = in_units(shape.schedule(u), unit)
    return schedule.with_settings(**settings) if settings else schedule


def _ending(run: Run) -> Schedule:
    """Return a run's schedule up to its stop, so that it ends at the level itself."""
    rate = float(run.last_rate)
    found = run.stopped_schedule()
    if math.isnan(rate):
        return found
    for more in _DOUBLED:  # rounding must not leave it above the level
        found = until(run.schedule, int(run.steps), float(run.time), rate * (1.0 + more))
        if train(run.problem, found, run.train_loss).reached:
            break
    return found
