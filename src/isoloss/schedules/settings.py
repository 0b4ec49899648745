"""Settings of the optimizer, such as momentum and weight decay, for whole schedules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypedDict

from isoloss._messages.near_misses import suggest

__all__ = ["Sampling", "Settings", "changed"]

Sampling = Literal["replacement", "without_replacement", "gaussian"]

_STEPS = ("gradient_descent", "heavy_ball", "nesterov")
_OF_MOMENTUM = ("dampening", "carry_velocity", "decoupled")


class Settings(TypedDict, total=False):
    """The settings that `Schedule.with_settings`, the families and texts take."""

    momentum: Any
    nesterov: bool
    dampening: float
    carry_velocity: bool
    weight_decay: float
    decoupled: bool
    batch_size: int | None
    sampling: Sampling | None


def changed(phase: Any, settings: Mapping[str, Any], kinds: Mapping[str, Any]) -> Any:
    """Return a phase with other settings, given the kinds of phases by name."""
    known = Settings.__annotations__
    if unknown := [name for name in settings if name not in known]:
        raise TypeError(
            f"{unknown[0]!r} is not a setting of an optimizer{suggest(unknown[0], known)}; the "
            f"settings are {', '.join(known)}"
        )
    if type(phase) is kinds["gradient_flow"]:
        own = {name: value for name, value in settings.items() if name == "weight_decay"}
        return phase.from_dict(phase.to_dict() | own)
    if type(phase) not in [kinds[name] for name in _STEPS]:
        raise ValueError(
            f"{type(phase).__name__} takes steps of its own, whose settings cannot be changed; "
            "make it with the settings that it needs"
        )
    fields = phase._fields(phase.lr) | settings
    nesterov = fields.pop("nesterov", phase.nesterov)
    if not isinstance(nesterov, bool):
        raise TypeError(f"nesterov must be True or False; got {nesterov!r}")
    if "momentum" not in fields:
        idle = [name for name in _OF_MOMENTUM if fields.pop(name, 0)]
        idle += ["nesterov"] if nesterov else []
        if idle:
            raise ValueError(
                f"{' and '.join(idle)} would have no effect without momentum: leave it out, or "
                "give momentum, as in momentum=0.9"
            )
        return phase.from_dict(fields)
    if nesterov and fields.pop("dampening", 0.0):
        raise ValueError("Nesterov's momentum has no dampening: give dampening=0 or nesterov=False")
    return kinds["nesterov" if nesterov else "heavy_ball"].from_dict(fields)
