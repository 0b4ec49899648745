"""Minibatch steps of fresh Gaussian rows at changing rates, without momentum, chunk by chunk."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isoloss.dynamics.moments.crossings import LARGEST, Crossings, diverged
from isoloss.dynamics.moments.equal_gaussian_steps import mean_squares, variances_of
from isoloss.dynamics.moments.flow import resting
from isoloss.dynamics.moments.gaussian_changing import changing_rates
from isoloss.dynamics.moments.noise import GaussianNoise
from isoloss.dynamics.moments.state import Moments, StepRule, move

__all__ = ["take_changing_gaussian_steps"]

Floats = npt.NDArray[np.float64]

_CHUNK = 8192  # steps between looks whether all levels are reached


def take_changing_gaussian_steps(
    crossings: Crossings, moments: Moments, rates: Floats, decay: float, noise: GaussianNoise
) -> Moments:
    """Take steps, stop at the levels that they end at, and return the end.

    Covariances are diagonal. Rates and weight decay are in the problem's own unit.
    """
    model, done = crossings.model, 0
    rest, rule = resting(model, decay), StepRule(weight_decay=decay)

    def taken(now: Moments, chunk: Floats) -> tuple[Moments, Floats]:
        excess, variances, _, factors = changing_rates(
            model.curvature,
            chunk,
            noise.batch_size,
            variances_of(now, model.curvature.size),
            mean_squares(model, now.mean, rest),
            noise.label_noise,
            decay,
        )
        mean = rest + factors[:, None] * (now.mean - rest)
        return Moments(mean, covariance=variances), excess

    while done < rates.size:
        chunk = rates[done : done + _CHUNK]
        after, excess = taken(moments, chunk)
        marked = np.flatnonzero((excess <= crossings.bar) | ~(excess < LARGEST))
        if not marked.size:
            moments, done = after, done + chunk.size
            continue
        first = int(marked[0])
        if not excess[first] < LARGEST:
            raise diverged(crossings.steps + done + first + 1)
        before, _ = taken(moments, chunk[:first])
        spread = noise.covariance(before.mean * model.residual, before.covariance)
        line, lr = move(before, rule, model.curvature, model.minimum, spread), float(chunk[first])
        moments, done = line.at(lr), done + first + 1
        reached = model.excess(moments.mean, moments.covariance)
        crossings.passed(done, line, lr, moments, reached)
        if crossings.all_reached:
            break
    crossings.steps += rates.size
    return moments
