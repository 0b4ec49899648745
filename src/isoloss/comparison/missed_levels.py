"""Why schedules miss levels."""

from __future__ import annotations

from isoloss._messages.numbers import short
from isoloss.comparison.outcomes import Stops
from isoloss.dynamics.ends import OpenEnds
from isoloss.dynamics.unattained import why_above
from isoloss.schedules.peak import is_too_large, largest_rate
from isoloss.schedules.schedule import Schedule
from isoloss.schedules.text import Spec

__all__ = ["missed_levels"]


def missed_levels(stops: Stops, given: Spec | Schedule | OpenEnds, max_lr: float) -> str | None:
    """Say at how many levels a schedule misses the train loss, and why.

    It returns None for a text with stable rates that reaches some of the levels, as it is only too
    short for the others.
    """
    missed, total = int((~stops.reached).sum()), len(stops.levels)
    if not missed:
        return None
    where = f"{missed} of {total} levels" if total > 1 else "the level"
    if isinstance(given, OpenEnds):
        return f"{stops.name} has no schedule that ends at {where}: {why_above(given)}."
    schedule = given.at(max_lr) if isinstance(given, Spec) else given
    is_high = is_too_large(schedule, max_lr)
    if missed < total and isinstance(given, Spec) and not is_high:
        return None
    parts = [f"its train loss ends at {short(stops.train_loss[~stops.reached][-1])}"]
    if schedule.steps:
        own = "its rates"
        if isinstance(given, Schedule):
            own += ", which are absolute (only those of texts are in units of 1/γ₁),"
        rate = largest_rate(schedule) / max_lr
        parts.append(f"{own} go up to {short(rate, 3)} times the largest stable rate 1/γ₁")
    if is_high:
        parts.append(
            "from 1/γ₁ on, the train loss does not fall along the largest curvature, and for other "
            "rows it may end far higher"
        )
    return f"{stops.name} does not reach {where}: {'; '.join(parts)}."
