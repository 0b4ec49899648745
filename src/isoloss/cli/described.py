"""Schedules in words."""

from __future__ import annotations

import math

from isoloss.comparison.text import short
from isoloss.phases import GradientFlow
from isoloss.schedule import Schedule

__all__ = ["described"]

_FEW = 4


def described(schedule: Schedule, stable: float) -> str:
    """Return what a schedule does, in units of the largest stable rate."""
    parts = []
    for phase in schedule.phases:
        if isinstance(phase, GradientFlow):
            endless = math.isinf(phase.time)
            parts.append("endless flow" if endless else f"flow for {short(phase.time / stable)}")
            continue
        rates = phase.learning_rates() / stable
        if (rates == rates[0]).all():
            parts.append(f"{rates.size} step{'s' * (rates.size > 1)} at {short(rates[0], 3)}")
        else:
            shown = [short(rate, 3) for rate in rates]
            if len(shown) > 2 * _FEW:
                shown[_FEW:-_FEW] = ["…"]
            parts.append(f"{rates.size} steps at {', '.join(shown)}")
    return ", then ".join(parts) or "no step at all"
