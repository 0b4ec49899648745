"""Levels and weights as steps with momentum see them: relative to where the motion is."""

from __future__ import annotations

from typing import Any

from isoloss.dynamics.momentum.motion import Motion
from isoloss.dynamics.stops import LevelStops

__all__ = ["relative_to"]

Array = Any


def relative_to(motion: Motion, stops: LevelStops) -> tuple[Array, Array]:
    """Return weights of squared positions, (B, 1, r), and bars of levels (B, L), both scaled."""
    xp = stops.xp
    logs = stops.log_weights + 2.0 * motion.log_scale()
    size = xp.maximum(xp.abs(motion.position[0]), xp.abs(motion.velocity[0]))
    top = xp.max(logs + 2.0 * xp.log(size), axis=-1)
    shift = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    return xp.exp(logs - shift[..., None]), xp.exp(stops.bar - shift)
