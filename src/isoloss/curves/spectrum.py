"""The spectrum of the noise: a power law with an exponential end, on a grid of curvatures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import digamma, gammaln

__all__ = ["CURVATURES", "kernel", "weights", "weights_by_parameter"]

Floats = npt.NDArray[np.float64]

_SPACING = 0.65  # in log λ; noise errs by less than 5e-6 of its size
CURVATURES: Floats = np.exp(np.arange(-14.0, 12.7, _SPACING))


def weights(cutoff: float, exponent: float) -> Floats:
    """Return the weights of the curvatures, which would sum to 1 over an infinite grid.

    The weights are (λ/C)^β e^(−λ/C)/Γ(β) d log λ. They are not divided by their sum: the trapezoid
    rule in log λ converges exponentially as it stands. Noise below the lowest curvature has no time
    to grow.
    """
    scaled = np.log(CURVATURES) - np.log(cutoff)
    found: Floats = _SPACING * np.exp(exponent * scaled - np.exp(scaled) - gammaln(exponent))
    found[0] /= 2
    return found


def weights_by_parameter(cutoff: float, exponent: float) -> tuple[Floats, Floats]:
    """Return the derivatives of the weights with respect to log C and log β."""
    found = weights(cutoff, exponent)
    scaled = CURVATURES / cutoff
    return found * (scaled - exponent), found * exponent * (np.log(scaled) - digamma(exponent))


def kernel(passed: Floats, cutoff: float, exponent: float) -> Floats:
    """Return the share of noise left once S has grown by s, Σ w e^(−λs) = (1 + Cs)^(−β)."""
    return np.exp(-exponent * np.log1p(cutoff * passed))
