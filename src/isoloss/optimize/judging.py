"""Make the final choice among the candidates of a search, using `train` to find their stops."""

from __future__ import annotations

import math
from collections.abc import Iterable

from isoloss.dynamics.run import Run
from isoloss.dynamics.stopped import until
from isoloss.dynamics.training import train
from isoloss.optimize.objective import Candidate, Objective
from isoloss.optimize.shapes import NEGLIGIBLE
from isoloss.schedules.phases import GradientDescent, GradientFlow
from isoloss.schedules.schedule import Schedule

__all__ = ["judged"]

_ROUNDING = 1e-9  # rounding allowed in the log of a limit
_DOUBLED = [2.0**k for k in range(-52, -35)]


def judged(
    objective: Objective, candidates: Iterable[Candidate]
) -> tuple[Candidate, Schedule] | None:
    """Return the best candidate that keeps the limits and stops at the level, or None."""
    for candidate in sorted(candidates, key=lambda c: c.merit):
        if _keeps_limits(objective, candidate):
            for least in (NEGLIGIBLE / objective.losses.top, 0.0):
                schedule = _schedule(objective, candidate, least)
                if objective.goal.level is None:
                    return candidate, schedule
                run = train(objective.problem, schedule, objective.goal.level)
                if run.reached and int(run.steps) == schedule.steps:
                    return candidate, _ending(run) if objective.constraints.lands else schedule
    return None


def _keeps_limits(objective: Objective, candidate: Candidate) -> bool:
    shape, limits, constraints = candidate.shape, objective.limits, objective.constraints
    rates = shape.rates(constraints.split(candidate.z)[0])
    amplified, _ = objective.losses.amplification(rates, shape.counts)
    if amplified > math.log(limits.amplification) + _ROUNDING:
        return False
    if limits.growth is None:
        return True
    logs, _ = constraints.path(shape, candidate.z)
    return bool((logs <= 2.0 * math.log(limits.growth) + _ROUNDING).all())


def _schedule(objective: Objective, candidate: Candidate, least: float) -> Schedule:
    """Return a candidate's schedule, without rates of at most ``least``."""
    u, time = objective.constraints.split(candidate.z)
    schedule = candidate.shape.schedule(u, least)
    if candidate.shape.reorders and schedule.steps and not objective.constraints.any:
        rates = schedule.learning_rates()
        schedule = Schedule(GradientDescent(rates[objective.order(rates)]))
    if objective.constraints.timed:  # the shortest flow stands for no flow
        return schedule + GradientFlow(time) if time > 1.01 * objective.shortest else schedule
    return schedule + GradientFlow() if objective.goal.flow else schedule


def _ending(run: Run) -> Schedule:
    """Return a run's schedule with its last step shortened, so that it ends at the level itself."""
    last_rate, level = float(run.last_rate), run.train_loss
    *before, last = run.schedule.phases
    if type(last) is not GradientDescent:  # a family's own kind of phase, of known rates
        last = GradientDescent(last.learning_rates())
    found = schedule = Schedule(*before, last)
    for doubled in _DOUBLED:  # the rounding of rates must not leave the train loss above the level
        found = until(schedule, schedule.steps, 0.0, last_rate * (1.0 + doubled))
        if train(run.problem, found, level).reached:
            break
    return found
