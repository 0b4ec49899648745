"""The levels of one problem that a run has reached, and its moments there."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from isoloss.dynamics.moments.model import Model
from isoloss.dynamics.moments.state import Moments, Move, variances

__all__ = ["LARGEST", "Crossings", "DivergedError", "MomentStop", "diverged", "shortened"]

Floats = npt.NDArray[np.float64]

_EPS = 2.0**-52
LARGEST = 1e250
"""Training with a larger excess train loss would soon exceed float64, and is refused."""
_NEAR = 1e-10  # how far, relative to the level, rounding may move a stop off it
_POLISHES = 2


class MomentStop(NamedTuple):
    """Where training stopped."""

    steps: int
    time: float
    last_rate: float
    """The rate of a shortened step, in the problem's own unit; NaN for a whole one."""
    moments: Moments
    at_level: bool


class Crossings:
    """The levels of one problem, as excess train losses, and the stops at those reached."""

    def __init__(self, model: Model, levels: Floats, *, exact: bool) -> None:
        """Take the levels in the problem's own unit, shape (L,)."""
        self.model, self.exact = model, exact
        self.sizes = np.abs(levels)
        self.targets = levels - model.floor
        self.bars = self.targets + 4.0 * _EPS * self.sizes
        self.stops: list[MomentStop | None] = [None] * levels.size
        self.steps, self.time = 0, 0.0
        highest_first = np.argsort(-self.targets)
        self._open = [i for i in highest_first if self.targets[i] > -math.inf]

    @property
    def any_open(self) -> bool:
        """Whether a level is not yet reached."""
        return bool(self._open)

    @property
    def all_reached(self) -> bool:
        """Whether there are levels, and all of them are reached, so that training is over."""
        return bool(self.stops) and None not in self.stops

    @property
    def bar(self) -> float:
        """The largest excess that counts as at an open level; -inf if none is open."""
        return float(self.bars[self._open[0]]) if self._open else -math.inf

    @property
    def target(self) -> float:
        """The highest open level; -inf if none is open."""
        return float(self.targets[self._open[0]]) if self._open else -math.inf

    def start(self, moments: Moments) -> None:
        """Stop at the levels at or above the start."""
        excess = self.model.excess(moments.mean, moments.covariance)
        while excess <= self.bar:
            self._close(MomentStop(0, 0.0, math.nan, moments, at_level=False))

    def passed(self, step: int, line: Move, lr: float, after: Moments, excess: float) -> None:
        """Stop at the open levels that a step of the phase, counted from 1, ends at or below."""
        while excess <= self.bar:
            moments, rate, at_level = after, math.nan, False
            target = self.targets[self._open[0]]
            if self.exact and excess < target:
                rate, moments = shortened(self.model, line, lr, float(target))
                self._check(self.model.excess(moments.mean, moments.covariance))
                at_level = True
            self._close(MomentStop(self.steps + step, self.time, rate, moments, at_level))

    def flowed(self, time: float, moments: Moments) -> None:
        """Stop at the highest open level after a time of flow."""
        self._check(self.model.excess(moments.mean, moments.covariance))
        self._close(MomentStop(self.steps, self.time + time, math.nan, moments, at_level=True))

    def ended(self, steps: int, moments: Moments) -> Moments:
        """Add some steps, and return the moments after them; refuse a divergence that matters."""
        self.steps += steps
        with np.errstate(over="ignore", invalid="ignore"):
            is_finite = self.model.excess(moments.mean, moments.covariance) < LARGEST
        if not (is_finite or self.all_reached):
            raise diverged(self.steps)
        return moments

    def _close(self, stop: MomentStop) -> None:
        self.stops[self._open.pop(0)] = stop

    def _check(self, excess: float) -> None:
        index = self._open[0]
        if not abs(excess - self.targets[index]) <= _NEAR * self.sizes[index]:
            raise ArithmeticError(
                "the moment at which training reaches a train loss was not found: the loss there "
                f"misses it by more than {_NEAR:g} of its size; choose another train loss"
            )


class DivergedError(ValueError):
    """Training leaves float64."""


def diverged(step: int) -> DivergedError:
    """Return the error for moments that float64 cannot hold."""
    return DivergedError(
        f"training diverges: the train loss exceeds float64 by step {step}; take smaller rates, or "
        "larger minibatches"
    )


def shortened(model: Model, line: Move, lr: float, target: float) -> tuple[float, Moments]:
    """Return the smallest rate at which a step ends at a level, and the moments there.

    The excess along the step is q - bη + aη², with q above the level and the whole step below it.
    """
    mean, direction = line.before.mean, line.direction
    slope = 2.0 * model.weights @ np.einsum("im,im->i", mean, direction)
    square = model.weights @ np.einsum("im,im->i", direction, direction)
    if line.covariances is not None:
        p, q = map(variances, line.covariances)
        slope = slope + 2.0 * model.curvature @ p
        square = square + model.curvature @ q
    drop = model.excess(mean, line.before.covariance) - target
    # as shares of the slope, as its square may underflow
    root = math.sqrt(max(1.0 - 4.0 * (square / slope) * (drop / slope), 0.0)) if slope else 0.0
    rate = min(2.0 * (drop / slope) / (1.0 + root), lr) if slope else lr
    for _ in range(_POLISHES):  # remove the rounding error of the coefficients
        moments = line.at(rate)
        fall = slope - 2.0 * square * rate
        miss = model.excess(moments.mean, moments.covariance) - target
        if not fall > 0 or abs(miss) <= _EPS * abs(target):
            break
        rate = min(max(rate + miss / fall, 0.0), lr)
    return rate, line.at(rate)
