"""Equal full-batch steps without momentum: the mean residual in closed form.

Each step multiplies the distance to the point of rest -λβ̂/(2γ + λ) by a = 1 - η(2γ + λ). So the
excess train loss is a signed sum of exponentials in the number of steps, and need not fall.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isoloss.dynamics.moments.crossings import Crossings
from isoloss.dynamics.moments.flow import resting
from isoloss.dynamics.moments.signed_exponentials import first_below
from isoloss.dynamics.moments.state import Moments, StepRule, move

__all__ = ["take_equal_steps"]

_CANDIDATES = 64  # if rounding refuses so many, the loss rests at the level and does not pass it
Floats = npt.NDArray[np.float64]


def take_equal_steps(
    crossings: Crossings, moments: Moments, lr: float, steps: int, decay: float
) -> Moments:
    """Take equal steps, stop at the levels that they end at, and return the end.

    The rate and the weight decay are in the problem's own unit.
    """
    model = crossings.model
    rates = 2.0 * model.curvature + decay
    rest = resting(model, decay)
    gone = moments.mean - rest
    log = np.log1p(-np.where(lr * rates < 1.0, lr * rates, 2.0 - lr * rates))
    flips = lr * rates > 1.0
    square = model.weights * np.einsum("im,im->i", gone, gone)
    mixed = 2.0 * model.weights * np.einsum("im,im->i", gone, rest)
    coefficients = np.concatenate([square, mixed, [model.excess(rest, None)]])
    exponents = np.concatenate([2.0 * log, log, [0.0]])
    negative = np.concatenate([np.zeros_like(flips), flips, [False]])

    def factor(count: int, logs: Floats, signs: npt.NDArray[np.bool_]) -> Floats:
        size = np.exp(logs * count) if count else np.ones_like(logs)
        return np.where(signs & (count % 2 == 1), -size, size)

    def at(count: int) -> Moments:
        if not count:
            return moments
        return Moments(rest + factor(count, log, flips)[:, None] * gone, moments.velocity)

    done = 0
    for _ in range(_CANDIDATES * len(crossings.stops)):
        if not crossings.any_open:
            break
        there = coefficients * factor(done, exponents, negative)
        ahead = first_below(there, exponents, crossings.bar, steps - done, negative=negative)
        if ahead is None:
            break
        done += ahead
        rule = StepRule(weight_decay=decay)
        line = move(at(done - 1), rule, model.curvature, model.minimum, None)
        after = line.at(lr)
        crossings.passed(done, line, lr, after, model.excess(after.mean, None))
    return crossings.ended(steps, at(steps))
