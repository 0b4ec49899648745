"""Train and score all candidates of a search on all folds."""

from __future__ import annotations

import itertools
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import FitFailedWarning

from isoloss.estimators.tuning.candidates import Designed, designed
from isoloss.estimators.tuning.folds import Fold
from isoloss.estimators.tuning.results import cv_results
from isoloss.estimators.tuning.scoring import Scored, score
from isoloss.estimators.tuning.trainer import FoldStops, Trainer
from isoloss.levels.grid import Levels, starts_below

__all__ = ["Tried", "try_all"]

Floats = npt.NDArray[np.float64]


class Tried(NamedTuple):
    """The ``cv_results_``, ``schedules_`` and ``ridge_scores_`` of a search."""

    results: dict[str, Any]
    schedules: dict[str, Any]
    ridge_scores: Floats


def try_all(
    folds: Sequence[Fold],
    arguments: Sequence[dict[str, Any]],
    named: Mapping[str, Any],
    levels: Levels,
    scoring: Any,
    scorer: Callable[..., float],
    prefix: str,
) -> Tried:
    """Train and score the candidates, and ridge regression as a yardstick.

    ``arguments`` has the scorer's arguments on each fold; the names of the model's parameters begin
    with ``prefix``. Raises ``ValueError`` if there is nothing to choose from.
    """
    started = time.perf_counter()
    schedules = {
        name: designed(each, [fold.judged for fold in folds])
        if isinstance(each, Designed)
        else each
        for name, each in named.items()
    }
    trainer = Trainer([fold.problem for fold in folds], levels, folds[0].model.last_step)
    stops = trainer.stops(list(schedules.values()))
    _check_reached(levels, stops)
    _warn_of_starts(levels, trainer)
    training = (time.perf_counter() - started) / len(folds)
    candidates = _candidates(schedules, levels, prefix)
    own = [{k.removeprefix(prefix): v for k, v in each.items()} for _, each in candidates]
    scored, ridge = [], []
    for i, (fold, penalties) in enumerate(zip(folds, trainer.ridge(), strict=True)):
        changes = np.concatenate([*(each.changes[i] for each in stops), penalties])
        fitted = itertools.chain(
            zip(own, itertools.chain(*(fold.fitted(each, i) for each in stops)), strict=True),
            (({}, attributes) for attributes in fold.fitted_without_steps(penalties)),
        )
        found = score(fold, changes, fitted, scoring, scorer, arguments[i])
        scored.append(Scored(found.scores[: len(own)], found.losses[: len(own)], found.seconds))
        ridge.append(found.scores[len(own) :])
    _warn_of_failures([name for name, _ in candidates], scored, scoring)
    fit_seconds = [fold.seconds + training for fold in folds]
    best_penalty = np.nan_to_num(np.mean(ridge, axis=0), nan=-np.inf).argmax()
    return Tried(
        cv_results(candidates, stops, scored, fit_seconds),
        schedules,
        np.array([scores[best_penalty] for scores in ridge]),
    )


def _candidates(
    schedules: dict[str, Any], levels: Levels, prefix: str
) -> list[tuple[str, dict[str, Any]]]:
    """Return each candidate's schedule name and parameters, for the schedule's end and stops."""
    unit = {f"{prefix}train_loss_unit": levels.unit} if levels.counted else {}
    return [
        (name, {f"{prefix}schedule": schedule, f"{prefix}train_loss": stop, **unit})
        for name, schedule in schedules.items()
        for stop in (None, *levels.values.tolist())
    ]


def _check_reached(levels: Levels, stops: Sequence[FoldStops]) -> None:
    """Raise ``ValueError`` if no schedule reaches a level that the user requested."""
    reached = np.any([each.reached[:, 1:].any(axis=0) for each in stops], axis=0)
    if not levels.counted and not reached.all():
        lowest = min(float(np.nanmin(each.loss)) for each in stops)
        raise ValueError(
            f"no schedule reaches the train loss {levels.values[~reached][0]:g} (unit: "
            f"{levels.unit}) in any fold; the smallest that one reaches is {lowest:.6g}"
        )


def _warn_of_starts(levels: Levels, trainer: Trainer) -> None:
    """Warn of requested levels above the train loss at the start."""
    below = np.array([starts_below(start, levels.values) for start in trainer.start])
    if not levels.counted and below.any():
        warnings.warn(
            f"the start's train loss is already below the level {levels.values[below.any(0)][0]:g} "
            f"(unit: {levels.unit}) in {below.any(1).sum()} of {len(below)} folds: there the "
            "candidates of that level are untrained",
            UserWarning,
            stacklevel=4,
        )


def _warn_of_failures(names: Sequence[str], scored: Sequence[Scored], scoring: Any) -> None:
    failed = np.isnan([each.losses for each in scored]).any(axis=0)
    if failed.all():
        raise ValueError("all candidates diverge beyond float64; lower their rates, or rescale y")
    if np.isnan([each.scores for each in scored]).any(axis=0).all():
        raise ValueError(f"the scorer {scoring!r} returns NaN for each candidate")
    if failed.any():
        of = dict.fromkeys(np.array(names, dtype=object)[failed])
        warnings.warn(
            f"{failed.sum()} of {failed.size} candidates diverge beyond float64, of the "
            f"schedules {', '.join(of)}; their scores are NaN",
            FitFailedWarning,
            stacklevel=4,
        )
