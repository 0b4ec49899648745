"""Make the final choice among the candidates of a search, using `train` to find their stops."""

from __future__ import annotations

import math
from collections.abc import Iterable

from isoloss.dynamics.run import Run
from isoloss.dynamics.training import train
from isoloss.optimize.objective import Candidate, Objective
from isoloss.optimize.shapes import NEGLIGIBLE
from isoloss.schedules.phases import GradientDescent, GradientFlow
from isoloss.schedules.schedule import Schedule

__all__ = ["judged"]

_ROUNDING = 1e-9  # rounding allowed in the log of a limit


def judged(
    objective: Objective, candidates: Iterable[Candidate]
) -> tuple[Candidate, Schedule] | None:
    """Return the best candidate that keeps the limits and stops at the level, or None."""
    for candidate in sorted(candidates, key=lambda c: c.merit):
        if _keeps_limits(objective, candidate):
            for least in (NEGLIGIBLE / objective.losses.top, 0.0):
                schedule = _schedule(objective, candidate, least)
                run = train(objective.problem, schedule, objective.goal.level, last_step="whole")
                if _stops_well(objective, run):
                    return candidate, schedule
    return None


def _keeps_limits(objective: Objective, candidate: Candidate) -> bool:
    shape, limits, constraints = candidate.shape, objective.limits, objective.constraints
    rates, _ = shape.rates(constraints.split(candidate.z)[0])
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


def _stops_well(objective: Objective, run: Run) -> bool:
    """Return whether a run ends at or just below the level: in its flow or with its last step."""
    level = objective.goal.level
    if level is None:
        return True
    floor = float(objective.problem._reduced.floor)
    close = float(run.train_loss) - floor >= (level - floor) * (1 - 1e-6)
    whole = objective.goal.flow or int(run.steps) == run.schedule.steps
    return bool(run.reached) and whole and close
