"""Test whether the losses of given schedules have converged as a Krylov space grows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isoloss._arrays import conversion
from isoloss.dynamics.krylov import check_stays
from isoloss.dynamics.training import train
from isoloss.levels.grid import Levels
from isoloss.problems.problem import Problem
from isoloss.schedules.phases import GradientFlow
from isoloss.schedules.resolving import in_own_units, read, read_all
from isoloss.schedules.schedule import Schedule
from isoloss.schedules.text import Spec

__all__ = ["ConvergenceTest", "MonitoredLosses"]

Floats = npt.NDArray[np.float64]

_LEVELS = 20  # the default number
_SMALL = 1e-12  # of the start's loss; smaller differences are rounding


@dataclass(frozen=True)
class ConvergenceTest:
    """The schedules and levels whose losses must converge as the space grows."""

    schedules: Sequence[Spec | Schedule]
    levels: Levels

    @classmethod
    def read(cls, schedules: Any, train_loss: Any) -> ConvergenceTest:
        """Read one or more schedules or texts, and the train losses."""
        several = list(read_all(schedules, read).values())
        for each in several:
            check_stays(in_own_units(each), holds_start=True)
        if train_loss is None:
            return cls(several, Levels.read(_LEVELS, lowest=1e-6))
        if conversion.count("train_loss", train_loss) is not None:
            train_loss = [train_loss]  # a single loss, not a count of levels
        return cls(several, Levels.read(train_loss, name="train_loss"))

    @property
    def has_weight_decay(self) -> bool:
        """Whether one of the schedules has weight decay."""
        return any(in_own_units(each).has_weight_decay for each in self.schedules)

    def losses(self, problem: Problem) -> MonitoredLosses:
        """Return the train and test losses of the schedules at the levels.

        A level that an endless flow does not reach needs the whole space, because the train loss
        may stagnate while the space grows and then fall further. If the start is at or below all
        levels already, from where weight decay leads away, the schedules run to their ends.
        """
        levels = self.levels.at(problem)
        is_below = bool(np.all(np.asarray(levels) >= float(problem.start_train_loss)))
        runs = train(problem, self.schedules, None if is_below else levels)
        trains = [np.ravel(runs.train_loss)]
        tested = problem._reduced.test_form is not None
        open_ended = not is_below and any(
            bool(np.any(~np.asarray(run.reached)))
            and any(isinstance(p, GradientFlow) and np.isinf(p.time) for p in run.schedule.phases)
            for run in runs
        )
        if self.levels.counted:
            trains.append(np.ravel(problem.min_train_loss))
        return MonitoredLosses(
            np.concatenate(trains),
            np.ravel(runs.test_loss) if tested else np.zeros(0),
            np.ravel(runs.reached),
            open_ended,
            (
                float(problem.start_train_loss),
                float(problem.start_test_loss) if tested else 0.0,
            ),
        )


class MonitoredLosses(NamedTuple):
    """The losses at the stops and the start, and whether the levels are reached.

    ``test`` is empty if there are no test data.
    """

    train: Floats
    test: Floats
    reached: npt.NDArray[np.bool_]
    open_ended: bool
    start: tuple[float, float]

    def change(self, before: MonitoredLosses) -> float:
        """Return the largest relative change of a loss; infinite if the reached levels differ."""
        if self.open_ended or not np.array_equal(self.reached, before.reached):
            return float("inf")
        largest = 0.0
        for now, then, start in zip(self[:2], before[:2], self.start, strict=True):
            scale = np.maximum(np.abs(now), _SMALL * start if start > 0 else 1.0)
            change = np.abs(now - then) / scale
            change = np.where(np.isfinite(change), change, np.inf)
            largest = max(largest, float(np.max(change, initial=0.0)))
        return largest
