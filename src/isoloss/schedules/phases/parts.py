"""Parts of phases, and phases whose last step has another rate."""

from __future__ import annotations

from typing import Any

from isoloss.schedules.phases.descent import GradientDescent
from isoloss.schedules.phases.momentum import HeavyBall, Nesterov
from isoloss.schedules.phases.steps import Steps
from isoloss.schedules.schedule import Phase

__all__ = ["part", "with_last_rate"]

_KINDS = (GradientDescent, HeavyBall, Nesterov)


def part(phase: Phase, first: int, last: int) -> Steps:
    """Return the steps ``first`` to ``last`` - 1 of a phase, which carry its velocity on.

    Raises ``ValueError`` for a kind of phase that cannot be cut.
    """
    if not isinstance(phase, Steps) or type(phase) not in _KINDS:
        raise ValueError(
            f"training stops within {type(phase).__name__}, of which nothing is known but its "
            "steps; only GradientDescent, HeavyBall and Nesterov can be cut at a stop"
        )
    return phase.from_dict(_fields(phase, first, last))


def with_last_rate(phase: Phase, count: int, rate: float) -> list[Phase]:
    """Return the first steps of a phase, of which the last has another rate."""
    whole = part(phase, 0, count)
    if isinstance(whole.lr, float) and count > 1:
        last = part(phase, count - 1, count)
        return [part(phase, 0, count - 1), last.from_dict(last.to_dict() | {"lr": rate})]
    fields = whole.to_dict()
    lr: Any = rate if isinstance(whole.lr, float) else [*fields["lr"][:-1], rate]
    return [whole.from_dict(fields | {"lr": lr})]


def _fields(phase: Steps, first: int, last: int) -> dict[str, Any]:
    fields = phase.to_dict()
    for name in ("lr", "momentum"):
        if isinstance(fields.get(name), list):
            fields[name] = fields[name][first:last]
    if "steps" in fields:
        fields["steps"] = last - first
    if first and "carry_velocity" in fields:
        fields["carry_velocity"] = True
    return fields
