"""Gradient flow of the mean residual and its covariance.

With weight decay λ, the mean falls towards -λβ̂/(2γ + λ) at the rate ρ = 2γ + λ. Flow has no noise,
so it shrinks a covariance by exp(-(ρ_i + ρ_j) t).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from isoloss.dynamics.moments.crossings import Crossings
from isoloss.dynamics.moments.model import Model
from isoloss.dynamics.moments.signed_exponentials import first_time_below
from isoloss.dynamics.moments.state import Moments

__all__ = ["flow_on", "resting"]

Floats = npt.NDArray[np.float64]


def flow_on(crossings: Crossings, moments: Moments, time: float, decay: float) -> Moments:
    """Flow for a time, stop at the levels that the train loss reaches, and return the end.

    Time and weight decay are in the problem's own unit.
    """
    model = crossings.model
    rates = 2.0 * model.curvature + decay
    rest = resting(model, decay)
    gone = moments.mean - rest
    size = np.einsum("im,im->i", gone, gone) * model.weights
    if moments.covariance is not None:
        spread = moments.covariance
        size = size + model.curvature * (spread if spread.ndim == 1 else np.diagonal(spread))
    mixed = 2.0 * model.weights * np.einsum("im,im->i", gone, rest)
    coefficients = np.concatenate([size, mixed, [model.excess(rest, None)]])
    exponents = np.concatenate([-2.0 * rates, -rates, [0.0]])

    def at(when: float) -> Moments:
        return _flown(moments, rest, rates, when)

    while crossings.any_open:
        found = first_time_below(coefficients, exponents, crossings.target, time)
        if found is None:
            break
        crossings.flowed(found, at(found))
    crossings.time += time
    return at(time)


def _flown(moments: Moments, rest: Floats, rates: Floats, time: float) -> Moments:
    shrink = (
        np.exp(-np.where(rates > 0, rates, 0.0) * time) if time < math.inf else 1.0 * (rates == 0)
    )
    mean = rest + shrink[:, None] * (moments.mean - rest)
    covariance = moments.covariance
    if covariance is not None:
        covariance = (covariance * shrink).T * shrink
    return Moments(mean, covariance=covariance)


def resting(model: Model, decay: float) -> Floats:
    """Return where weight decay brings the mean to rest, along each direction."""
    rates = 2.0 * model.curvature + decay
    share = np.divide(decay, rates, out=np.zeros_like(rates), where=rates > 0)
    return -share[:, None] * model.minimum
