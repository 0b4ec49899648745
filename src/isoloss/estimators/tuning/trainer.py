"""Train on all folds by many schedules at once, to many levels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from isoloss.dynamics.run import Run
from isoloss.dynamics.stop_rule import LastStep
from isoloss.dynamics.training import train
from isoloss.estimators.base import ROOM
from isoloss.levels.grid import Levels, measure
from isoloss.levels.ridge_regression import shrinkage
from isoloss.problems.batching import batch
from isoloss.problems.problem import Problem
from isoloss.schedules.resolving import Given, in_own_units, rate_unit, read
from isoloss.schedules.schedule import Schedule
from isoloss.schedules.text import Spec

__all__ = ["FoldStops", "Trainer"]

Floats = npt.NDArray[np.float64]

# relative to the largest curvature; all folds share a penalty, so that their losses differ
_PENALTIES = np.geomspace(1e-8, 1e2, 50)


@dataclass(frozen=True, eq=False)
class FoldStops:
    """Where a schedule stops in each of k folds: first at its end, then for L levels.

    Attributes
    ----------
    reached : array of bool, shape (k, L + 1)
        Whether the level is reached; always true at the end.
    steps, time : array, shape (k, L + 1)
        GD steps, and time of gradient flow in units of the largest stable rate.
    loss, train_loss, excess : array, shape (k, L + 1)
        The train loss in the levels' unit, in the targets' own unit, and as an excess over the
        smallest, relative to the start's.
    changes : list of array, shape (L + 1, r)
        The filters less one, one array per fold.
    """

    reached: npt.NDArray[np.bool_]
    steps: npt.NDArray[np.int64]
    time: Floats
    loss: Floats
    train_loss: Floats
    excess: Floats
    changes: list[Floats] = field(repr=False)


class Trainer:
    """Trains the problems of k folds by many schedules, with relative or absolute rates."""

    def __init__(self, problems: Sequence[Problem], levels: Levels, last_step: LastStep) -> None:
        self.problems, self.last_step = problems, last_step
        self.floor = np.array([p.min_train_loss for p in problems])
        start = np.array([p.start_train_loss for p in problems])
        self.span = np.where(start > self.floor, start - self.floor, 1.0)
        scale, self.offset = np.transpose([measure(p, levels.unit) for p in problems])
        self.scale = np.where(scale > 0, scale, 1.0)
        self.start = (start - self.offset) / self.scale  # in the levels' unit
        # no loss is negative, so the level -1 is never reached and gives the schedule's end
        self.levels = np.concatenate([[-1.0], levels.values * ROOM])

    @cached_property
    def together(self) -> Problem:
        """All problems as one batch."""
        return batch(self.problems, self.scale, self.offset)

    def ridge(self) -> list[Floats]:
        """Return ridge regression's filters less one (P, r), for penalties shared by all folds."""
        curvatures = [np.asarray(problem.curvature) for problem in self.problems]
        top = float(np.mean([gamma[0] for gamma in curvatures])) or 1.0
        with np.errstate(divide="ignore"):
            logs = [np.log(gamma) for gamma in curvatures]
        return [np.expm1(shrinkage(np.log(top * _PENALTIES), gamma)) for gamma in logs]

    def stops(self, schedules: Sequence[Given]) -> list[FoldStops]:
        """Train by each schedule to its end and to all levels."""
        given = [read(each) for each in schedules]
        plain = [each for each in given if in_own_units(each).is_plain]
        relative = [each.relative for each in plain if isinstance(each, Spec)]
        absolute = [each for each in plain if isinstance(each, Schedule)]
        runs: Iterable[Run] = ()
        if relative:
            runs = train(self.together, relative, self.levels, last_step=self.last_step)
        together, each_alone = map(self._stops, runs), self._each(absolute)
        return [
            self._expected(each)
            if not in_own_units(each).is_plain
            else next(together if isinstance(each, Spec) else each_alone)
            for each in given
        ]

    def _expected(self, schedule: Spec | Schedule) -> FoldStops:
        """Train each problem itself, as minibatches depend on its rows and its targets' noise."""
        runs = []
        for problem, scale, offset in zip(self.problems, self.scale, self.offset, strict=True):
            levels = offset + scale * self.levels
            run = train(problem, schedule, levels, last_step=self.last_step)
            runs.append(
                replace(
                    run.at(None),
                    time=np.asarray(run.time)[None] / rate_unit(problem.max_lr),
                    train_loss=((run.train_loss - offset) / scale)[None],
                )
            )
        return self._stops(*runs)

    def _each(self, schedules: Sequence[Schedule]) -> Iterator[FoldStops]:
        """Train each problem by schedules in absolute rates."""
        if not schedules:
            return
        runs = [
            train(
                batch([problem], scale[None], offset[None]),
                [each.scaled(1.0 / rate_unit(problem.max_lr)) for each in schedules],
                self.levels,
                last_step=self.last_step,
            )
            for problem, scale, offset in zip(self.problems, self.scale, self.offset, strict=True)
        ]
        yield from (self._stops(*each) for each in zip(*runs, strict=True))

    def _stops(self, *runs: Run) -> FoldStops:
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
        changes = [
            h[:, : len(p._reduced.gamma)] for h, p in zip(changes, self.problems, strict=True)
        ]
        return FoldStops(reached, steps, flow, loss, train_loss, excess, changes)
