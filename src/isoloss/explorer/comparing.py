"""A comparison of schedules as the page draws it: curves, stops, filters, sentences."""

from __future__ import annotations

from typing import Any

import numpy as np

from isoloss.comparison import Comparison, tables
from isoloss.explorer.queries import Fields
from isoloss.problem import Problem
from isoloss.schedule import Schedule
from isoloss.specs import Spec, SpecError
from isoloss.training import train

__all__ = ["DEFAULT_SCHEDULES", "MOST_SCHEDULES", "comparison_view", "read_schedules"]

DEFAULT_SCHEDULES = ("flow", "gd(1.0, 10) > flow", "gd(0.1, 1000)")
MOST_SCHEDULES = 8
_MOST_STEPS = 10**6  # of changing rates, which are walked one by one
_FILTER_POINTS = 160


def read_schedules(fields: Fields) -> tuple[str, ...]:
    """Read the texts of the schedules in normal form; gradient flow is always among them."""
    texts = fields.texts("schedule", DEFAULT_SCHEDULES)
    if len(texts) > MOST_SCHEDULES:
        fields.fault("schedule", f"at most {MOST_SCHEDULES} schedules; got {len(texts)}")
        return DEFAULT_SCHEDULES
    read: list[str] = []
    for i, text in enumerate(texts):
        try:
            spec = Spec.parse(text)
        except SpecError as error:
            fields.fault(f"schedule.{i}", str(error))
            continue
        varying = [p for p in spec.relative.phases if not isinstance(getattr(p, "lr", 0.0), float)]
        if sum(phase.steps for phase in varying) > _MOST_STEPS:
            fields.fault(f"schedule.{i}", f"at most {_MOST_STEPS} steps of changing rates here")
        if str(spec) not in read:
            read.append(str(spec))
    return tuple(read) if "flow" in read else ("flow", *read)


def comparison_view(found: Comparison, at: int) -> dict[str, Any]:
    """Return what the page shows of a comparison, with the filters at the level number ``at``."""
    flow = found.flow_curve
    return {
        "floor": found.problem.min_train_loss,
        "levels": found.levels,
        "band": {
            "train_loss": flow.train_loss,
            "lowest": flow.lowest,
            "highest": flow.highest,
            "flow": flow.test_loss,
            "ridge": flow.ridge_test_loss,
        },
        "curves": [
            {
                "name": stops.name,
                "train_loss": curve.train_loss,
                "test_loss": curve.test_loss,
                "ratio": curve.ratio,
                "stops": {
                    "reached": stops.reached,
                    "steps": stops.steps,
                    "time": stops.time,
                    "train_loss": stops.train_loss,
                    "test_loss": stops.test_loss,
                    "ratio": stops.ratio,
                },
            }
            for curve, stops in zip(found.curves, found.schedules, strict=True)
        ],
        "filters": _filters(found, at),
        "tables": [
            {"title": table.title, "heads": table.heads, "rows": table.rows, "effects": s.effects}
            for table, s in zip(tables(found), found.schedules, strict=True)
        ],
        "setting": found.setting,
        "verdicts": found.verdicts,
        "best_stops": found.best_stops,
    }


def _filters(found: Comparison, at: int) -> dict[str, Any]:
    """Return h(γ) of each schedule at its stop for a level, on a grid and at the eigenvalues."""
    problem = found.problem
    curvature = np.asarray(problem.curvature)
    weights = np.exp(np.asarray(problem.log_weights))
    trained = curvature > 0
    gamma, weights = curvature[trained], weights[trained]
    grid = np.geomspace(gamma.min(), gamma.max(), _FILTER_POINTS)
    # The grid's directions have no residual: they change neither losses nor stops.
    probe = Problem.from_spectra(
        train=np.concatenate([gamma, grid]),
        test=np.zeros(len(gamma) + len(grid)),
        start=np.concatenate([np.sqrt(weights / gamma), np.zeros(len(grid))]),
    )
    level = float(found.levels[at] - problem.min_train_loss)
    schedules = []
    for stops in found.schedules:
        values = _filter(probe, stops.schedule, level)
        schedules.append(
            {
                "name": stops.name,
                "curve": values[len(gamma) :],
                "eigenvalues": values[: len(gamma)],
                "reached": bool(stops.reached[at]),
            }
        )
    return {
        "level": found.levels[at],
        "gamma": gamma,
        "grid": grid,
        "share": weights / weights.sum(),
        "schedules": schedules,
    }


def _filter(probe: Problem, schedule: Schedule, level: float) -> np.ndarray:
    run = train(probe, schedule, train_loss=level)
    with np.errstate(over="ignore"):
        values: np.ndarray = np.asarray(run.sign) * np.exp(np.asarray(run.log))
    return values
