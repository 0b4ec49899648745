"""Training on all folds, by many schedules at once, to many levels."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from isoloss.dynamics.run import Run
from isoloss.dynamics.segments import kinds
from isoloss.dynamics.state import Stopped
from isoloss.dynamics.training import train, train_each
from isoloss.estimators.base import ROOM
from isoloss.levels.grid import Levels, measure
from isoloss.problems.batching import batch, stable_rate
from isoloss.problems.problem import Problem
from isoloss.schedules.schedule import Phase, Schedule
from isoloss.schedules.text import Spec

__all__ = ["Stops", "Trainer"]

Floats = npt.NDArray[np.float64]

_PENALTIES = np.geomspace(1e-8, 1e2, 50)  # over the largest curvature
_AT_ONCE = 2**17  # numbers of a filter for each schedule, problem and level: they fit in the cache


@dataclass(frozen=True, eq=False)
class Stops:
    """Where a schedule stops in each of k folds: first at its end, then for L levels.

    Attributes
    ----------
    reached : array of bool, shape (k, L + 1)
        Whether the level is reached; at the end, always.
    steps, time : array, shape (k, L + 1)
        GD steps, and time of gradient flow in units of the largest stable rate.
    loss, train_loss, excess : array, shape (k, L + 1)
        The train loss in the unit of the levels; itself; and what of it is above the smallest, as a
        share of the start's.
    changes : list of array, shape (L + 1, r)
        What the residual along each direction is multiplied by, less one, for each fold.
    """

    reached: npt.NDArray[np.bool_]
    steps: npt.NDArray[np.int64]
    time: Floats
    loss: Floats
    train_loss: Floats
    excess: Floats
    changes: list[Floats] = field(repr=False)


class Trainer:
    """Trains the problems of k folds by many schedules.

    The rates of texts are relative to each problem's largest stable one, those of schedules are
    absolute.
    """

    def __init__(self, problems: Sequence[Problem], levels: Levels) -> None:
        self.problems = problems
        self.floor = np.array([float(p.min_train_loss) for p in problems])
        start = np.array([float(p.start_train_loss) for p in problems])
        self.span = np.where(start > self.floor, start - self.floor, 1.0)
        scale, self.offset = np.transpose([measure(p, levels.unit) for p in problems])
        self.scale = np.where(scale > 0, scale, 1.0)
        # no loss is below zero: that level is never reached and gives the schedule's end
        self.levels = np.concatenate([[-1.0], levels.values * ROOM])

    @cached_property
    def together(self) -> Problem:
        """All problems as one batch."""
        return batch(self.problems, self.scale, self.offset)

    def ridge(self) -> list[Floats]:
        """Return what ridge regression makes of the residuals, less one (P, r), for each problem.

        For P penalties α, common to all folds: α/(γ + α) - 1.
        """
        curvatures = [np.asarray(problem.curvature) for problem in self.problems]
        top = float(np.mean([gamma[0] for gamma in curvatures])) or 1.0
        alpha = top * _PENALTIES[:, None]
        return [-gamma / (gamma + alpha) for gamma in curvatures]

    def stops(self, schedules: Sequence[str | Schedule | Phase]) -> list[Stops]:
        """Train by each schedule to its end and to all levels."""
        found: list[Stops | None] = [None] * len(schedules)
        alike: dict[tuple[str, ...], list[int]] = {}
        relative = [self._relative(schedule) for schedule in schedules]
        for i, each in enumerate(relative):
            if (key := kinds(each[0])) is not None:
                alike.setdefault(key, []).append(i)
            else:
                found[i] = self._stops(*self._one_by_one(each))
        count = max(1, _AT_ONCE // (self.together.gamma.size * len(self.levels)))
        for members in alike.values():
            for first in range(0, len(members), count):
                some = members[first : first + count]
                lanes = [schedule for i in some for schedule in relative[i]]
                stopped = train_each(_tiled(self.together, len(some)), lanes, self.levels)
                for lane, i in enumerate(some):
                    part = slice(lane * len(self.problems), (lane + 1) * len(self.problems))
                    found[i] = self._stops(Stopped(*(field[part] for field in stopped)))
        return [each for each in found if each is not None]

    def _relative(self, schedule: str | Schedule | Phase) -> list[Schedule]:
        """Return a schedule in units of each problem's largest stable rate."""
        if isinstance(schedule, str):
            return [Spec.parse(schedule).relative] * len(self.problems)
        return [Schedule(schedule).scaled(1.0 / stable_rate(each)) for each in self.problems]

    def _one_by_one(self, schedules: Sequence[Schedule]) -> Sequence[Run]:
        """Train each problem by its schedule, in one call if that is the same for all."""
        if all(schedule is schedules[0] for schedule in schedules):
            return [train(self.together, schedules[0], self.levels)]
        return [
            train(batch([problem], scale[None], offset[None]), schedule, self.levels)
            for problem, scale, offset, schedule in zip(
                self.problems, self.scale, self.offset, schedules, strict=True
            )
        ]

    def _stops(self, *runs: Run | Stopped) -> Stops:
        reached, steps, flow, loss = (
            np.concatenate([np.asarray(getattr(run, name)) for run in runs])
            for name in ("reached", "steps", "time", "train_loss")
        )
        changes: list[Floats] = []
        with np.errstate(over="ignore"):
            for run in runs:
                sign, log = np.asarray(run.sign), np.asarray(run.log)
                changes += list(np.where(sign > 0, np.expm1(log), -np.exp(log) - 1.0))
        train_loss = loss * self.scale[:, None] + self.offset[:, None]
        reached[:, 0] = True
        excess = np.maximum(train_loss - self.floor[:, None], 0.0) / self.span[:, None]
        changes = [h[:, : len(p.gamma)] for h, p in zip(changes, self.problems, strict=True)]
        return Stops(reached, steps, flow, loss, train_loss, excess, changes)


def _tiled(problem: Problem, count: int) -> Problem:
    """Return a batch several times over."""
    return dataclasses.replace(
        problem,
        gamma=np.tile(problem.gamma, (count, 1)),
        floor=np.tile(problem.floor, count),
        log_weights=np.tile(problem.log_weights, (count, 1)),
    )
