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
from isoloss.dynamics.moments.state import Moments, variances

__all__ = ["flow_on", "resting"]

Floats = npt.NDArray[np.float64]

_MAX_NEWTON, _CLOSE = 50, 2.0**-51


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
        size = size + model.curvature * variances(moments.covariance)
    mixed = 2.0 * model.weights * np.einsum("im,im->i", gone, rest)
    coefficients = np.concatenate([size, mixed, [model.excess(rest, None)]])
    exponents = np.concatenate([-2.0 * rates, -rates, [0.0]])

    def at(when: float) -> Moments:
        return _flown(moments, rest, rates, when)

    def corrected(when: float, target: float) -> float:
        # the terms of the sum cancel near the smallest loss, where the moments keep their digits
        slope = float((coefficients * exponents) @ np.exp(exponents * when))
        miss, nearer = excess(when) - target, when
        if slope < 0:
            nearer = min(when - miss / slope, time)
        return nearer if abs(excess(nearer) - target) < abs(miss) else when

    def excess(when: float) -> float:
        there = at(when)
        return model.excess(there.mean, there.covariance)

    since = 0.0
    while crossings.any_open:
        # without weight decay the loss only falls
        found = None if decay else _fallen(size, 2.0 * rates, crossings.target, since, time)
        if found is None:
            found = first_time_below(coefficients, exponents, crossings.target, time)
            if found is not None:
                found = corrected(found, crossings.target)
        if found is None:
            break
        crossings.flowed(found, at(found))
        since = found
    crossings.time += time
    return at(time)


def _fallen(size: Floats, rates: Floats, target: float, since: float, time: float) -> float | None:
    """Return when Σ size·exp(-rates·t) falls to a target; None leaves it to a careful search.

    The log of the sum is convex, so Newton's method rises to the root without passing it.
    """
    moves = (size > 0) & (rates > 0)
    if not (moves.any() and target > 0):
        return None
    logs, rates = np.log(size[moves]) - math.log(target), rates[moves]
    found = max(since, float(np.max(logs / rates)))
    for _ in range(_MAX_NEWTON):
        terms = np.exp(logs - rates * found)
        total = float(terms.sum())
        if not total > 0:
            return None
        move = math.log(total) * total / float(rates @ terms)
        found = max(found + move, since)
        if abs(move) <= _CLOSE * found:
            return found if found <= time else None
    return None


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
