"""The schedule that ends where a run stopped: after its last step, or inside a flow."""

from __future__ import annotations

import math

from isoloss.schedules.phases import GradientFlow
from isoloss.schedules.phases.parts import part, with_last_rate
from isoloss.schedules.schedule import Phase, Schedule

__all__ = ["until"]


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
            cut = GradientFlow(time - done_time, weight_decay=phase.weight_decay)
            found.append(phase if after <= time else cut)
            done_time = min(after, time)
            continue
        count = min(phase.steps, steps - done_steps)
        done_steps += count
        last = done_steps == steps and done_time == time
        if not last:
            found.append(phase)
        elif math.isnan(last_rate):
            found.append(part(phase, 0, count))
        else:
            found += with_last_rate(phase, count, last_rate)
    return Schedule(*found)
