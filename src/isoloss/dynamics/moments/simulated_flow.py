"""Find when the train losses of many runs reach levels in gradient flow, each run by itself."""

from __future__ import annotations

import math

import array_api_compat.numpy as xp
import numpy as np
import numpy.typing as npt

from isoloss.dynamics.moments.signed_exponentials import first_time_below
from isoloss.dynamics.roots import first_root

__all__ = ["flow_times", "shrunk"]

Array = npt.NDArray[np.float64]


def flow_times(
    curvature: Array, gone: Array, rest: Array, decay: float, targets: Array, longest: float
) -> Array:
    """Return when Σ γ_i |δ_i|² first is at most a target for each flow; infinity for never.

    ``gone`` (flows, r, m) are the residuals less ``rest`` (r, m), where weight decay brings them to
    rest.
    """
    rates = 2 * curvature + decay
    if not np.any(rest):
        weights = np.einsum("i,kim,kim->ki", curvature, gone, gone)
        # flow only tends to the floor
        bars = np.log(np.where(targets > 0, targets, np.nan))
        with np.errstate(all="ignore"):
            return np.asarray(first_root(xp, np.log(weights), 2 * rates + 0 * weights, bars))
    found = np.full(targets.size, np.inf)
    exponents = np.concatenate([-2 * rates, -rates])
    still = float(np.einsum("i,im,im->", curvature, rest, rest))
    for k, (each, target) in enumerate(zip(gone, targets, strict=True)):
        mixed = 2 * curvature * np.sum(each * rest, axis=1)
        weights = np.concatenate([curvature * np.sum(each * each, axis=1), mixed])
        time = first_time_below(weights, exponents, float(target) - still, longest)
        found[k] = math.inf if time is None else time
    return found


def shrunk(gone: Array, rates: Array, times: Array) -> Array:
    """Return residuals after times of flow."""
    with np.errstate(invalid="ignore"):
        shrink = np.exp(-np.where(rates > 0, rates * times[:, None], 0.0))
    return np.asarray(shrink[:, :, None] * gone)
