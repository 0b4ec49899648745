"""Describe schedules in words."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import numpy as np

from isoloss._messages.numbers import short
from isoloss.schedules.phases import GradientFlow
from isoloss.schedules.schedule import Phase, Schedule

__all__ = ["described"]

_FEW = 4


def described(schedule: Schedule, stable: float) -> str:
    """Return what a schedule does, in units of the largest stable rate."""
    parts = []
    # successive phases of steps are described as one list of rates
    for flows, group in itertools.groupby(
        schedule.phases, lambda phase: isinstance(phase, GradientFlow)
    ):
        phases = list(group)
        parts += [_flow(p, stable) for p in phases] if flows else [_steps(phases, stable)]
    return ", then ".join(parts) or "no step at all"


def _flow(phase: Phase, stable: float) -> str:
    assert isinstance(phase, GradientFlow)
    if math.isinf(phase.time):
        return "endless flow"
    return f"flow for {short(phase.time / stable)}"


def _steps(phases: Iterable[Phase], stable: float) -> str:
    rates = np.concatenate([phase.learning_rates() for phase in phases]) / stable
    if not rates.size:
        return "no step"
    if (rates == rates[0]).all():
        return f"{rates.size} step{'s' * (rates.size > 1)} at {short(rates[0], 3)}"
    shown = [short(rate, 3) for rate in rates]
    if len(shown) > 2 * _FEW:
        shown[_FEW:-_FEW] = ["…"]
    return f"{rates.size} steps at {', '.join(shown)}"
