"""What a search for the first step at a level keeps: open levels, first steps, filters there.

Shapes as in `stopping`: levels (B, L), all others (B, 1, r).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from isoloss.filters import Filter, choose
from isoloss.momentum.motion import Motion

__all__ = ["Search", "Stops"]

Array = Any


class Stops(NamedTuple):
    """The first step at or below each level (inf: none), the filters there, and the end."""

    first: Array
    stopped: Filter
    end: Motion


class Search:
    """Which levels are still open, and what is known of the others."""

    def __init__(self, xp: Any, log_weights: Array, motion: Motion, log_level: Array) -> None:
        self.xp, self.log_weights, self.log_level = xp, log_weights, log_level
        self.first = xp.inf + xp.zeros_like(log_level)
        blank = xp.zeros_like(log_level)[..., None]
        start = motion.filter(xp)
        self.stopped = Filter(start.sign + blank, start.logarithm() + blank)

    @property
    def open(self) -> Array:
        """The levels, (B, L), that are sought and not yet reached."""
        return self.xp.isinf(self.first) & ~self.xp.isnan(self.log_level)

    def any_open(self) -> bool:
        """Whether any level is still open."""
        return bool(self.xp.any(self.open))

    def record(self, hit: Array, step: Array, there: Filter) -> None:
        """Close the levels that were hit, with the step and the filter there."""
        self.first = self.xp.where(hit, step, self.first)
        self.stopped = choose(self.xp, hit, there, self.stopped)

    def weights(self, motion: Motion) -> tuple[Array, Array]:
        """Return weights of squared positions, (B, 1, r), and levels (B, L), both scaled."""
        xp = self.xp
        logs = self.log_weights + 2.0 * motion.log_scale()
        size = xp.maximum(xp.abs(motion.position[0]), xp.abs(motion.velocity[0]))
        top = xp.max(logs + 2.0 * xp.log(size), axis=-1)
        shift = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
        return xp.exp(logs - shift[..., None]), xp.exp(self.log_level - shift)
