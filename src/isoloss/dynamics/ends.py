"""The train loss at the end of whole schedules, for any factor of their rates and any length."""

from __future__ import annotations

import math

from isoloss.dynamics.expected_run import end_excess
from isoloss.dynamics.filters import Filter
from isoloss.dynamics.following import follow
from isoloss.dynamics.moments.crossings import DivergedError
from isoloss.dynamics.run import Run
from isoloss.dynamics.stops import Directions, log_excess
from isoloss.dynamics.summed_steps import SummedSteps
from isoloss.problems.problem import Problem
from isoloss.problems.units import scaled
from isoloss.schedules.phases import GradientDescent, GradientFlow
from isoloss.schedules.resolving import rate_unit, read
from isoloss.schedules.schedule import Phase, Schedule
from isoloss.schedules.unfinished import Unfinished

__all__ = ["MOST_EXPECTED", "MOST_STEPS", "End", "OpenEnds"]

MOST_STEPS = 1_000_000
"""The largest number of steps that is tried by default."""
MOST_EXPECTED = 20_000
"""The same with weight decay or minibatches, where steps may be taken one by one."""

_DIVERGED = 1e4  # stands for the log of an excess beyond float64
_REFUSED = 2000  # numbers of steps that a family may refuse in a row


class End:
    """The end of one schedule for one problem, with its rates multiplied by a factor up to 1."""

    def __init__(self, problem: Problem, schedule: Schedule) -> None:
        self.problem, self.schedule = problem, schedule
        self.directions = Directions.of(problem._reduced)
        self._steps: SummedSteps | None = None
        curvature = self.directions.curvature
        only_descent = all(isinstance(phase, GradientDescent) for phase in schedule.phases)
        if only_descent and schedule.is_plain:
            rates = scaled(schedule.learning_rates(), self.directions.unit)
            if SummedSteps.serves(rates, curvature):
                self._steps = SummedSteps.build(rates, curvature[0, 0, :])

    @property
    def is_stable(self) -> bool:
        """Whether all phases are gradient descent at no more than the largest stable rate."""
        return self._steps is not None

    def slower(self, factor: float) -> Schedule:
        """Return the schedule with its rates and times, but not its weight decay, multiplied."""
        if factor == 1:
            return self.schedule
        return Schedule(*(_slower(phase, factor) for phase in self.schedule.phases))

    def run(self, factor: float = 1.0) -> Run:
        """Return the run of the whole schedule."""
        return follow(self.problem, [self.slower(factor)], None, exact=False)[0]

    def filter(self, factor: float = 1.0) -> Filter:
        """Return the filter (r,) at the end."""
        if self._steps is not None:
            return self._steps.filter(factor)
        run = self.run(factor)
        return Filter(run.sign, run.log)

    def log_excess(self, factor: float = 1.0) -> float:
        """Return the log of the train loss above the smallest."""
        if self._steps is not None:
            return self._steps.log_excess(self.directions.log_weights[0, 0, :], factor)
        if not self.schedule.is_plain:
            try:
                excess = end_excess(self.problem, self.slower(factor))
            except DivergedError:
                return _DIVERGED
            return math.log(excess) if excess > 0 else -math.inf
        there = self.filter(factor).at((None, None, ...))
        xp = self.directions.kind.xp
        return float(log_excess(xp, self.directions.log_weights, there)[0, 0])


def _slower(phase: Phase, factor: float) -> Phase:
    found = phase.scaled(factor)
    if not phase.weight_decay:
        return found
    return found.from_dict(found.to_dict() | {"weight_decay": phase.weight_decay})


class OpenEnds:
    """The ends of a family's schedules for one problem, of up to ``most`` steps if it is given.

    Attributes
    ----------
    refusal : ValueError or None
        Why the family refused the first number of steps; None once it has made any schedule.
    is_plain : bool
        Whether all schedules so far were without weight decay and minibatches.
    """

    def __init__(self, problem: Problem, family: Unfinished, most: int | None = None) -> None:
        self.problem, self.family, self._most = problem, family, most
        self.is_plain = True
        self._unit = rate_unit(problem.max_lr)
        self.refusal: ValueError | None = None
        self._has_any = False
        self._known: dict[int, float] = {}
        self._last: dict[int, End] = {}

    @property
    def most(self) -> int:
        """The largest number of steps to try."""
        return self._most or (MOST_STEPS if self.is_plain else MOST_EXPECTED)

    @property
    def tried(self) -> dict[int, float]:
        """The logs of the excess train loss by the numbers of steps tried, from few to many."""
        return dict(sorted(self._known.items()))

    def of(self, steps: int) -> float:
        """Return the log of the excess train loss; infinite where the family has no schedule."""
        if steps not in self._known:
            self._known[steps] = self._found(steps)
        return self._known[steps]

    def accepted(self, steps: int, below: int) -> int:
        """Return the next number of steps for which the family has a schedule; 0 if none is found.

        It is at least ``steps`` and less than ``below``.
        """
        numbers = range(steps, min(below, steps + _REFUSED))
        return next((n for n in numbers if math.isfinite(self.of(n))), 0)

    def whole(self, steps: int) -> End:
        """Return the end of the schedule with this number of steps."""
        if steps not in self._last:  # usually the search has just made it
            self._last = {steps: self._end(steps)}
        return self._last[steps]

    def _end(self, steps: int) -> End:
        found = read(self.family.of(steps))
        return End(self.problem, found if isinstance(found, Schedule) else found.at(self._unit))

    def _found(self, steps: int) -> float:
        try:
            end = self._end(steps)
        except ValueError as error:
            if not self._has_any:
                self.refusal = self.refusal or error
            return math.inf
        self._has_any, self.refusal = True, None
        self.is_plain = self.is_plain and end.schedule.is_plain
        flows = [phase.time for phase in end.schedule.phases if isinstance(phase, GradientFlow)]
        if math.inf in flows:
            raise ValueError(
                "a schedule that ends in an endless flow ends at the smallest train loss, and at "
                "no other: leave out the flow, or give it a time, as in flow(2.5)"
            )
        self._last = {key: self._last[key] for key in list(self._last)[-3:]} | {steps: end}
        return end.log_excess()
