"""Why no schedule of a family ends at a train loss."""

from __future__ import annotations

import math

from isoloss._arrays.context import quiet
from isoloss.dynamics.ends import OpenEnds
from isoloss.schedules.peak import is_too_large, largest_rate

__all__ = ["why_above"]

_APART = 1.3  # the least ratio of two numbers of steps whose ends tell a trend
_FALL = 0.01  # the least fall of the log excess between them that counts as one


@quiet
def why_above(ends: OpenEnds) -> str:
    """Say which end is the lowest of those that `finish` has tried, and what would lower it."""
    tried = {steps: value for steps, value in ends.tried.items() if math.isfinite(value)}
    if not tried:
        return "training cannot end there"
    longest, lowest = max(tried), min(tried, key=lambda steps: tried[steps])
    end, max_lr = ends.whole(lowest), float(ends.problem.max_lr)
    loss = float(end.run().train_loss)
    text = f"the lowest end has train loss {loss:.6g}, with {lowest:,} step{'s' * (lowest > 1)}"
    before = [value for steps, value in tried.items() if _APART * steps <= longest]
    falls = lowest == longest and not (before and before[-1] - tried[longest] < _FALL)
    is_high = is_too_large(end.schedule, max_lr)
    if falls or (lowest == longest and end.schedule.is_plain and not is_high):
        return f"{text}; give larger rates, or more steps"
    if is_high:
        rate = largest_rate(end.schedule) / max_lr
        return (
            f"{text}, and more steps do not lower it: rates go up to {rate:.3g} times the largest "
            "stable rate 1/γ₁, and from 1/γ₁ on the train loss does not fall along the largest "
            "curvature; give smaller rates"
        )
    return f"{text}, and more steps do not lower it; give smaller rates"
