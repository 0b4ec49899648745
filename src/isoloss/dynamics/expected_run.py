"""Train by schedules that are more than a filter: expected losses, problem by problem."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss._arrays.conversion import to_numpy
from isoloss.dynamics.krylov import check_stays
from isoloss.dynamics.moments.crossings import MomentStop
from isoloss.dynamics.moments.fields import moment_fields
from isoloss.dynamics.moments.following import follow_moments
from isoloss.dynamics.moments.model import Model
from isoloss.dynamics.run import Run
from isoloss.problems.problem import Problem
from isoloss.problems.quadratic_forms import DiagonalTest
from isoloss.problems.reduced import RESCALE_TARGETS, Reduced
from isoloss.problems.units import scaled
from isoloss.schedules.schedule import Schedule

__all__ = ["end_excess", "expected_run"]

Array = Any
Floats = npt.NDArray[np.float64]

_MOST_BYTES = 2**32  # of covariances


def expected_run(problem: Problem, schedule: Schedule, levels: Array | None, *, exact: bool) -> Run:
    """Train a problem, or each of a batch, by a schedule."""
    reduced = problem._reduced
    _check_reduction(reduced, schedule)
    batch, kind = tuple(reduced.floor.shape), reduced.kind
    wanted = None if levels is None else np.asarray(to_numpy(levels), dtype=np.float64)
    if wanted is not None:
        _check_memory(reduced, schedule, wanted.size)
    own = np.empty(0) if wanted is None else scaled(wanted.ravel(), -reduced.units.train)
    decays = schedule.has_weight_decay
    reached: list[bool] = []
    stops: list[MomentStop] = []
    models: list[Model] = []
    for row in np.ndindex(batch):
        model = Model.of(reduced, row, decays=decays)
        found, end = follow_moments(reduced, model, schedule, own, exact=exact)
        for stop in found if wanted is not None else [None]:
            reached.append(stop is not None)
            stops.append(end if stop is None else stop)
            models.append(model)
    shape = batch + (() if wanted is None else wanted.shape)

    def points(values: Any) -> Any:
        whole = np.stack(values)
        return whole.reshape((*shape, *whole.shape[1:]))

    losses = scaled(
        points([model.train_loss(stop.moments) for model, stop in zip(models, stops, strict=True)]),
        reduced.units.train,
    )
    if not np.isfinite(losses).all():
        raise ValueError(
            "training diverges: the train loss exceeds float64 in the user's units; take smaller "
            f"rates, or rescale: {RESCALE_TARGETS}"
        )
    if wanted is not None:
        # the stop was confirmed, so a loss above the level is a rounding error
        above = points(reached) & (losses > wanted)
        losses = np.where(points([stop.at_level for stop in stops]) | above, wanted, losses)
    unit, constant = -reduced.units.curvature, kind.constant
    return Run(
        problem=problem,
        schedules=(schedule,),
        reached=kind.count(constant(points(reached)) > 0),
        steps=kind.count(kind.xp.astype(constant(points([s.steps for s in stops])), kind.xp.int64)),
        time=kind.result(constant(scaled(points([stop.time for stop in stops]), unit))),
        last_rate=kind.result(constant(scaled(points([stop.last_rate for stop in stops]), unit))),
        last_step="exact" if exact else "whole",
        has_levels=wanted is not None,
        train_loss=kind.result(constant(losses)),
        **moment_fields(reduced, models[0], [stop.moments for stop in stops], points),
    )


def end_excess(problem: Problem, schedule: Schedule) -> float:
    """Return the expected train loss above the smallest, in the problem's own unit, at the end."""
    reduced = problem._reduced
    _check_reduction(reduced, schedule)
    model = Model.of(reduced, (), decays=schedule.has_weight_decay)
    _, end = follow_moments(reduced, model, schedule, np.empty(0), exact=False)
    return model.excess(end.moments.mean, end.moments.covariance)


def _check_memory(problem: Reduced, schedule: Schedule, levels: int) -> None:
    if not schedule.has_minibatches or isinstance(problem.test_form, DiagonalTest):
        return
    size = 8 * levels * problem.gamma.shape[-1] ** 2
    if size > _MOST_BYTES:
        raise ValueError(
            f"the covariances of {problem.gamma.shape[-1]} directions at {levels} train losses "
            f"take {size / 2**30:.0f} GiB (at most {_MOST_BYTES // 2**30}); train to fewer at a "
            "time"
        )


def _check_reduction(problem: Reduced, schedule: Schedule) -> None:
    if problem.reduction is not None:
        check_stays(schedule, holds_start=problem.reduction.holds_start)
