"""Leap over steps that are all alike, from one level that they reach to the next."""

from __future__ import annotations

from typing import Protocol

from isoloss.dynamics.moments.crossings import Crossings
from isoloss.dynamics.moments.state import Moments, Move

__all__ = ["AlikeSteps", "leap"]

_CANDIDATES = 64  # if rounding refuses so many, the loss rests at the level and does not pass it


class AlikeSteps(Protocol):
    """Steps of one rate and one rule, whose moments have a closed form."""

    @property
    def lr(self) -> float:
        """The rate."""

    def step(self, moments: Moments) -> Move:
        """Return one step."""

    def after(self, moments: Moments, steps: int) -> Moments:
        """Return the moments after some steps."""

    def first_below(self, moments: Moments, bar: float, steps: int) -> int | None:
        """Return the first of some steps that ends at or below an excess train loss."""


def leap(crossings: Crossings, run: AlikeSteps, moments: Moments, steps: int) -> Moments:
    """Stop at the levels that some steps end at, and return the moments after all of them."""
    done, now = 0, moments
    for _ in range(_CANDIDATES * len(crossings.stops)):
        if not crossings.any_open:
            break
        ahead = run.first_below(now, crossings.bar, steps - done)
        if ahead is None:
            break
        line = run.step(run.after(now, ahead - 1))
        now, done = line.at(run.lr), done + ahead
        excess = crossings.model.excess(now.mean, now.covariance)
        crossings.passed(done, line, run.lr, now, excess)
    return crossings.ended(steps, run.after(now, steps - done))
