"""Folds of a search: train rows decomposed once, and what any filter predicts for the others."""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline

from isoloss.estimators.base import ROOM, Scheduled
from isoloss.estimators.joining import batch, stable_rate
from isoloss.estimators.rows import Rows
from isoloss.pieces import kinds
from isoloss.problem import Problem
from isoloss.progress import Stopped
from isoloss.run import Run
from isoloss.schedule import Phase, Schedule
from isoloss.specs import Spec
from isoloss.training import train, train_each

__all__ = ["Fold", "Stops", "Trainer"]

Floats = npt.NDArray[np.float64]

_PENALTIES = np.geomspace(1e-8, 1e2, 50)  # over the largest curvature
_AT_ONCE = 2**23  # predictions held at one time
_TRAINED_AT_ONCE = 2**17  # numbers of a filter for each schedule, problem and level: in the cache
_RTOL = 1e-8  # of the smallest curvatures: enough to rank candidates, and several times as fast


@dataclass(frozen=True, eq=False)
class Fold:
    """Train rows, decomposed, and rows to judge on.

    Attributes
    ----------
    model : Scheduled
        What has read the train rows; `models` gives it parameters.
    before : Pipeline or None
        Fitted transformers before it.
    rows : Rows
        The train rows' decomposition.
    X, y : array or sparse matrix
        The rows to judge on, not transformed.
    design, targets : array, shape (q, p) and (q, m)
        These rows as the problem's test rows, and what they should be predicted as.
    seconds : float
        What the decomposition took.
    name : str
        What the model is called in its pipeline, if there is one.
    """

    model: Scheduled
    before: Any
    rows: Rows
    X: Any
    y: Any
    design: Floats
    targets: Floats
    seconds: float
    name: str

    @classmethod
    def build(
        cls,
        model: Scheduled,
        before: Any,
        train_rows: tuple[Any, Any],
        weight: Any,
        X: Any,
        y: Any,
        name: str = "",
    ) -> Fold:
        """Decompose rows and targets ``train_rows``; judge on ``X`` and ``y``."""
        started = time.perf_counter()
        X_train, y_train = train_rows
        transformed = X
        if before is not None:
            X_train = before.fit_transform(X_train, y_train)
            transformed = before.transform(X)
        rows = model._decompose(X_train, y_train, weight, _RTOL)
        design, targets = rows.test_rows(model._test_design(transformed)), model._encode(y)
        outputs = len(rows.offset)
        if targets.shape != (len(design), outputs):
            raise ValueError(
                f"the rows to judge on need {outputs} output(s) for each of {len(design)} rows, as "
                f"the train rows have; got targets of shape {targets.shape}"
            )
        return cls(model, before, rows, X, y, design, targets, time.perf_counter() - started, name)

    @property
    def problem(self) -> Problem:
        """The problem of the train rows; its test data says nothing."""
        return self.rows.problem

    @cached_property
    def judged(self) -> Problem:
        """The problem with the rows to judge on as its test data."""
        return self.problem.with_test(self.design, self.targets - self.rows.offset)

    def predictions(self, changes: Floats) -> Iterator[Floats]:
        """Yield predictions (c, q, m) for filters less one (C, r), some at a time."""
        coordinates = self.problem.coordinates
        assert coordinates is not None
        start = self.design @ coordinates.start + self.rows.offset
        along, residual = coordinates.basis.project(self.design), self.problem.start_residual
        count = max(1, _AT_ONCE // start.size)
        for first in range(0, len(changes), count):
            part = changes[first : first + count]
            found = np.empty((len(part), *start.shape))
            with np.errstate(over="ignore", invalid="ignore"):
                for j in range(start.shape[1]):  # all outputs at once would take their memory
                    found[..., j] = part @ (along * residual[:, j]).T
                found += start
            yield found

    def models(
        self, changes: Floats, fitted: Iterable[tuple[dict[str, Any], dict[str, Any]]]
    ) -> Iterator[Any]:
        """Yield the estimator that each filter less one (C, r) leads to; None where it diverges.

        ``fitted`` tells the parameters and the attributes of each candidate.
        """
        coordinates = self.problem.coordinates
        assert coordinates is not None
        for change, (parameters, attributes) in zip(changes, fitted, strict=True):
            with np.errstate(over="ignore", invalid="ignore"):
                moved = coordinates.basis.combine(change[:, None] * self.problem.start_residual)
            model = copy.copy(self.model).set_params(**parameters)
            try:
                model._adopt(self.rows, coordinates.start + moved)
            except ValueError:
                yield None
                continue
            vars(model).update(attributes)
            steps = [] if self.before is None else self.before.steps
            yield Pipeline([*steps, (self.name, model)]) if self.name else model

    def fitted(self, stops: Stops, i: int) -> Iterator[dict[str, Any]]:
        """Yield the attributes that each stop in this fold, the i-th, would give its model."""
        stable = stable_rate(self.problem)
        for steps, flow, loss in zip(
            stops.steps[i], stops.time[i], stops.train_loss[i], strict=True
        ):
            yield self._attributes(int(steps), float(flow) * stable, float(loss))

    def fitted_without_steps(self, changes: Floats) -> Iterator[dict[str, Any]]:
        """Yield the attributes of models that no schedule leads to, for filters less one (C, r)."""
        excess = (np.exp(self.problem.log_weights) * (1.0 + changes) ** 2).sum(axis=-1)
        for each in excess:
            yield self._attributes(0, 0.0, float(self.problem.floor) + float(each))

    def _attributes(self, steps: int, flow: float, train_loss: float) -> dict[str, Any]:
        return {
            "train_loss_": train_loss,
            "n_steps_": steps,
            "flow_time_": flow,
            "max_lr_": float(self.problem.max_lr),
            "start_train_loss_": float(self.problem.start_train_loss),
            "min_train_loss_": float(self.problem.min_train_loss),
        }

    def labels(self, predictions: Floats) -> npt.NDArray[Any]:
        """Return the predicted classes (c, q) of predictions (c, q, m)."""
        assert is_classifier(self.model)
        return np.asarray(self.model.classes_[predictions.argmax(axis=-1)])


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

    def __init__(self, problems: Sequence[Problem], levels: Floats, unit: str) -> None:
        """Prepare for ``levels`` (L,) in a unit of `UNITS`."""
        self.problems = problems
        self.floor = np.array([float(p.floor) for p in problems])
        start = np.array([float(p.start_train_loss) for p in problems])
        self.span = np.where(start > self.floor, start - self.floor, 1.0)
        scale = {"absolute": np.ones_like(start), "start": start, "excess": self.span}[unit]
        self.scale = np.where(scale > 0, scale, 1.0)
        self.offset = self.floor if unit == "excess" else np.zeros_like(start)
        # no loss is below zero: that level is never reached and gives the schedule's end
        self.levels = np.concatenate([[-1.0], levels * ROOM])

    @cached_property
    def together(self) -> Problem:
        """All problems as one batch."""
        return batch(self.problems, self.scale, self.offset)

    def ridge(self) -> list[Floats]:
        """Return what ridge regression makes of the residuals, less one (P, r), for each problem.

        For P penalties α, common to all folds: α/(γ + α) - 1.
        """
        top = float(np.mean([problem.gamma[0] for problem in self.problems])) or 1.0
        alpha = top * _PENALTIES[:, None]
        return [-problem.gamma / (problem.gamma + alpha) for problem in self.problems]

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
        count = max(1, _TRAINED_AT_ONCE // (self.together.gamma.size * len(self.levels)))
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
