"""The schedule that ends where a run stopped: after its last step, or inside a flow."""

from __future__ import annotations

import math

from isoloss.schedules.phases import GradientDescent, GradientFlow, HeavyBall, Nesterov, Steps
from isoloss.schedules.schedule import Phase, Schedule

__all__ = ["until"]

_KINDS = (GradientDescent, HeavyBall, Nesterov)


def until(schedule: Schedule, steps: int, time: float, last_rate: float) -> Schedule:
    """Return a schedule up to some steps and a time of flow; NaN leaves the last rate as it is.

    Raises ``ValueError`` if it ends in a phase that cannot be cut.
    """
    found: list[Phase] = []
    done_steps, done_time = 0, 0.0  # times are added as training adds them, so that they are equal
    for phase in schedule.phases:
        if done_steps == steps and done_time == time:
            break
        if isinstance(phase, GradientFlow):
            after = done_time + phase.time
            found.append(phase if after <= time else GradientFlow(time - done_time))
            done_time = min(after, time)
            continue
        count = min(phase.steps, steps - done_steps)
        done_steps += count
        last = done_steps == steps and done_time == time
        found += _first(phase, count, last_rate) if last else [phase]
    return Schedule(*found)


def _first(phase: Phase, count: int, last_rate: float) -> list[Phase]:
    """Return the first steps of a phase, of which the last may have another rate."""
    if not isinstance(phase, Steps) or type(phase) not in _KINDS:
        raise ValueError(
            f"training stops within {type(phase).__name__}, of which nothing is known but its "
            "steps; only GradientDescent, HeavyBall and Nesterov can be cut at a stop"
        )
    fields, lr = phase.to_dict(), phase.lr
    whole = math.isnan(last_rate)
    if not isinstance(lr, float):
        rates = lr[:count].copy()
        rates[-1] = rates[-1] if whole else last_rate
        return [phase.from_dict(fields | {"lr": rates})]
    if whole:
        return [phase.from_dict(fields | {"steps": count})]
    end = fields | {"lr": last_rate, "steps": 1}
    if count == 1:
        return [phase.from_dict(end)]
    if "carry_velocity" in fields:
        end |= {"carry_velocity": True}
    return [phase.from_dict(fields | {"steps": count - 1}), phase.from_dict(end)]
