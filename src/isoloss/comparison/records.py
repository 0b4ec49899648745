"""A comparison as rows and records of plain numbers and texts."""

from __future__ import annotations

import dataclasses
import math
import platform
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from isoloss._version import __version__
from isoloss.comparison.outcomes import Stop, Stops
from isoloss.comparison.pairs import Pair
from isoloss.problems.problem import Problem

__all__ = ["Entry", "best_of", "described", "differences", "finite", "rows_of", "versions"]

Floats = npt.NDArray[np.float64]
Entry = str | float | int | bool | None


def rows_of(schedules: Sequence[Stops]) -> list[dict[str, Entry]]:
    """Return a row for each schedule and level; None stands for NaN."""
    table: list[dict[str, Entry]] = []
    for stops in schedules:
        for i, (level, effect) in enumerate(zip(stops.levels, stops.effects, strict=True)):
            numbers = {
                "train_loss": stops.train_loss,
                "test_loss": stops.test_loss,
                "flow_test_loss": stops.flow_test_loss,
                "ratio": stops.ratio,
                "ridge_test_loss": stops.ridge_test_loss,
                "ridge_alpha": stops.ridge_alpha,
                "lowest_test_loss": stops.lowest,
                "highest_test_loss": stops.highest,
                "test_error": stops.test_error,
                "flow_test_error": stops.flow_test_error,
                "ridge_test_error": stops.ridge_test_error,
            }
            row: dict[str, Entry] = {
                "schedule": stops.name,
                "level": float(level),
                "reached": bool(stops.reached[i]),
                "steps": int(stops.steps[i]),
                "flow_time": float(stops.time[i]),
                "largest_rate": _entry(stops.largest_rate, i) if stops.is_finished else None,
                "reference": stops.reference or "gradient flow",
                "effect": effect,
            }
            row.update({name: _entry(values, i) for name, values in numbers.items()})
            table.append(row)
    return table


def best_of(names: Sequence[str], best: Sequence[Stop]) -> list[dict[str, Entry]]:
    """Return the best stops by name, without infinite numbers."""
    return [
        finite({"schedule": name} | dataclasses.asdict(stop))
        for name, stop in zip(names, best, strict=True)
    ]


def differences(pair: Pair) -> dict[str, Any]:
    """Return a pair's names, differences and sentence."""
    return {
        "schedule": pair.name,
        "against": pair.other,
        "difference": [_finite(float(value)) for value in pair.difference],
        "sentence": pair.sentence,
    }


def described(problem: Problem) -> dict[str, Entry]:
    """Return a problem's losses and its largest stable rate."""
    names = ("start_train_loss", "min_train_loss", "start_test_loss", "max_lr")
    return finite({name: float(getattr(problem, name)) for name in names})


def versions() -> dict[str, str]:
    """Return the versions of the software that computes a comparison."""
    libraries = {"numpy": np.__version__, "scipy": scipy.__version__}
    return {"isoloss": __version__, "python": platform.python_version(), **libraries}


def finite(row: Mapping[str, Entry]) -> dict[str, Entry]:
    """Return a row with None for numbers that JSON does not have."""
    return {name: _finite(value) for name, value in row.items()}


def _finite(value: Entry) -> Entry:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _entry(values: Floats | None, i: int) -> float | None:
    return None if values is None or math.isnan(values[i]) else float(values[i])
