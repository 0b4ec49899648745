"""Folds of a search: decompose train rows once, and predict other rows for any filter."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline

from isoloss.estimators.base import Scheduled, losses_and_moment
from isoloss.estimators.rows import TrainRows
from isoloss.estimators.tuning.trainer import FoldStops
from isoloss.problems.problem import Problem
from isoloss.problems.units import scaled
from isoloss.schedules.resolving import rate_unit

__all__ = ["Fold"]

Floats = npt.NDArray[np.float64]

_AT_ONCE = 2**23  # predictions held in memory at one time
_RTOL = 1e-8  # of the smallest curvatures: enough to rank candidates, and several times as fast


@dataclass(frozen=True, eq=False)
class Fold:
    """Train rows, decomposed, and rows to judge on.

    Attributes
    ----------
    model, before : Scheduled, and Pipeline or None
        The model, with the train rows read but no parameters, and the fitted transformers before.
    rows : TrainRows
        The train rows' decomposition, which took ``seconds``.
    X, y : array or sparse matrix
        The rows to judge on, untransformed.
    design, targets : array, shape (q, p) and (q, m)
        These rows as the problem's test rows, and the correct predictions.
    name : str
        The model's name in its pipeline, if there is one.
    """

    model: Scheduled
    before: Any
    rows: TrainRows
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
        """Decompose the rows and targets ``train_rows``, and keep ``X`` and ``y`` to judge on."""
        started = perf_counter()
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
        return cls(model, before, rows, X, y, design, targets, perf_counter() - started, name)

    @property
    def problem(self) -> Problem:
        """The problem of the train rows, without test data."""
        return self.rows.problem

    @cached_property
    def judged(self) -> Problem:
        """The problem with the rows to judge on as its test data."""
        return self.problem.with_test(self.design, self.targets - self.rows.offset)

    def predictions(self, changes: Floats) -> Iterator[Floats]:
        """Yield predictions (c, q, m) for C filters less one (C, r), c filters at a time."""
        reduced = self.problem._reduced
        coordinates = reduced.coordinates
        assert coordinates is not None
        start = self.design @ coordinates.start + self.rows.offset
        unit = reduced.units.parameters
        along = scaled(coordinates.basis.project(self.design), unit)
        residual = reduced.start_residual
        count = max(1, _AT_ONCE // start.size)
        for first in range(0, len(changes), count):
            part = changes[first : first + count]
            found = np.empty((len(part), *start.shape))
            with np.errstate(over="ignore", invalid="ignore"):
                for j in range(start.shape[1]):  # saves the memory of all outputs at once
                    found[..., j] = part @ (along * residual[:, j]).T
                found += start
            yield found

    def models(
        self, changes: Floats, fitted: Iterable[tuple[dict[str, Any], dict[str, Any]]]
    ) -> Iterator[Any]:
        """Yield the estimator for each filter less one (C, r), or None where it diverges.

        ``fitted`` yields the parameters and attributes of each candidate.
        """
        reduced = self.problem._reduced
        coordinates = reduced.coordinates
        assert coordinates is not None
        for change, (parameters, attributes) in zip(changes, fitted, strict=True):
            with np.errstate(over="ignore", invalid="ignore"):
                own = coordinates.basis.combine(change[:, None] * reduced.start_residual)
                moved = scaled(own, reduced.units.parameters)
            model = copy.copy(self.model).set_params(**parameters)
            try:
                model._adopt(self.rows, coordinates.start + moved)
            except ValueError:
                yield None
                continue
            vars(model).update(attributes)
            steps = [] if self.before is None else self.before.steps
            yield Pipeline([*steps, (self.name, model)]) if self.name else model

    def fitted(self, stops: FoldStops, i: int) -> Iterator[dict[str, Any]]:
        """Yield the model's attributes at each stop in this fold, the i-th."""
        stable = rate_unit(self.problem.max_lr)
        ends = zip(stops.train_loss[i], stops.steps[i], stops.time[i] * stable, strict=True)
        for loss, steps, time in ends:
            yield losses_and_moment(self.problem, float(loss), int(steps), float(time))

    def fitted_without_steps(self, changes: Floats) -> Iterator[dict[str, Any]]:
        """Yield attributes of models that no schedule trains, for filters less one (C, r)."""
        reduced = self.problem._reduced
        excess = (np.exp(reduced.log_weights) * (1.0 + changes) ** 2).sum(axis=-1)
        for loss in scaled(reduced.floor + excess, reduced.units.train):
            yield losses_and_moment(self.problem, float(loss), 0, 0.0)

    def labels(self, predictions: Floats) -> npt.NDArray[Any]:
        """Return the classes (c, q) that predictions (c, q, m) stand for."""
        assert is_classifier(self.model)
        return np.asarray(self.model.classes_[predictions.argmax(axis=-1)])
