"""Equal full-batch steps without momentum: the mean residual in closed form.

Each step multiplies the distance to the point of rest -λβ̂/(2γ + λ) by a = 1 - η(2γ + λ). So the
excess train loss is a signed sum of exponentials in the number of steps, and need not fall.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isoloss.dynamics.moments.crossings import Crossings
from isoloss.dynamics.moments.flow import resting
from isoloss.dynamics.moments.leaping import leap
from isoloss.dynamics.moments.model import Model
from isoloss.dynamics.moments.signed_exponentials import first_below
from isoloss.dynamics.moments.state import Moments, Move, StepRule, move

__all__ = ["take_equal_steps"]

Floats = npt.NDArray[np.float64]


def take_equal_steps(
    crossings: Crossings, moments: Moments, lr: float, steps: int, decay: float
) -> Moments:
    """Take equal steps, stop at the levels that they end at, and return the end.

    The rate and the weight decay are in the problem's own unit.
    """
    return leap(crossings, _Steps(crossings.model, lr, decay), moments, steps)


class _Steps:
    """Steps that are all alike, in the problem's own unit."""

    def __init__(self, model: Model, lr: float, decay: float) -> None:
        self.model, self.lr, self.decay = model, lr, decay
        u = lr * (2.0 * model.curvature + decay)
        self.rest = resting(model, decay)
        self.log = np.log1p(-np.where(u < 1.0, u, 2.0 - u))  # of |a|
        self.flips = u > 1.0

    def step(self, moments: Moments) -> Move:
        """Return one step."""
        rule, model = StepRule(weight_decay=self.decay), self.model
        return move(moments, rule, model.curvature, model.minimum, None)

    def after(self, moments: Moments, steps: int) -> Moments:
        """Return the moments after some steps."""
        if not steps:
            return moments
        size = np.exp(self.log * steps)
        powers = np.where(self.flips & (steps % 2 == 1), -size, size)
        mean = self.rest + powers[:, None] * (moments.mean - self.rest)
        return Moments(mean, moments.velocity)

    def first_below(self, moments: Moments, bar: float, steps: int) -> int | None:
        """Return the first of some steps at or below an excess train loss."""
        model, gone = self.model, moments.mean - self.rest
        square = model.weights * np.einsum("im,im->i", gone, gone)
        mixed = 2.0 * model.weights * np.einsum("im,im->i", gone, self.rest)
        coefficients = np.concatenate([square, mixed, [model.excess(self.rest, None)]])
        exponents = np.concatenate([2.0 * self.log, self.log, [0.0]])
        negative = np.concatenate([np.zeros_like(self.flips), self.flips, [False]])
        return first_below(coefficients, exponents, bar, steps, negative=negative)
