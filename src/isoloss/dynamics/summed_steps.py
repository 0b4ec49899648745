"""The filter of many GD steps at once, from sums over their rates.

With u = 2ηγ for the largest rate η and q = u/(1 + √(1-u))², the generating function of the
Chebyshev polynomials T_n gives, for steps at rates η_t = η·y_t/2,

    Σ_t log(1 - 2η_tγ) = -2 Σ_n (-q)^n/n · C_n,    C_n = Σ_t (T_n(1 - y_t) - 1).

The sums C_n serve every curvature, and all rates multiplied by a factor. The series has few terms
where u is small; the other curvatures are treated step by step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss.dynamics import double_double as dd
from isoloss.dynamics.filters import Filter

__all__ = ["SummedSteps"]

Floats = npt.NDArray[np.float64]

_FARTHEST = 0.25  # the largest 2ηγ that is summed
_DIGITS = 39.0  # -log of the terms left out, 1e-17
_FEW = 192  # steps up to which every curvature is treated step by step
_BLOCK = 4096  # rates held at once: they stay in the cache
_PRODUCT = 8  # factors between two logarithms
_NOTHING = 80.0  # nats
_NEAR_ZERO = 1e-2  # factors below this need the rounding error of their product


@dataclass(frozen=True)
class SummedSteps:
    """Stable steps, none at more than 1/γ₁, whose filter is wanted at curvatures (r,).

    Rates and curvatures are NumPy arrays in the problem's own unit.
    """

    rates: Floats
    curvature: Floats
    is_near: npt.NDArray[np.bool_]
    """Which curvatures are treated step by step."""
    sums: Floats
    """C_n for n = 1, 2, …"""

    @staticmethod
    def serves(rates: Floats, curvature: Any) -> bool:
        """Whether the steps are stable, and the curvatures are NumPy's."""
        numpy = isinstance(curvature, np.ndarray)
        return numpy and float(rates.max(initial=0.0)) * float(curvature.max(initial=0.0)) <= 1.0

    @classmethod
    def build(cls, rates: Floats, curvature: Floats) -> SummedSteps:
        """Sum over the rates."""
        largest = float(rates.max(initial=0.0))
        is_near = 2.0 * largest * curvature > (_FARTHEST if rates.size > _FEW else 0.0)
        sums = np.zeros(0) if is_near.all() or not largest else _sums(rates / (0.5 * largest))
        return cls(rates, curvature, is_near, sums)

    def filter(self, factor: float = 1.0) -> Filter:
        """Return the filter (r,) of the steps at their rates times a factor from 0 to 1."""
        sign, log = np.ones_like(self.curvature), self._far_log(factor)
        sign[self.is_near], log[self.is_near] = self._near(factor, -math.inf)
        return Filter(sign, log)

    def log_excess(self, log_weights: Floats, factor: float = 1.0) -> float:
        """Return the log of Σ w_i h_i², for log w (r,).

        As no step grows, a near curvature is left once it counts for nothing beside the far ones.
        """
        log = self._far_log(factor)
        far = np.logaddexp.reduce((log_weights + 2.0 * log)[~self.is_near], initial=-math.inf)
        log[self.is_near] = self._near(factor, 0.5 * (far - _NOTHING - log_weights.max()))[1]
        return float(np.logaddexp.reduce(log_weights + 2.0 * log))

    def _far_log(self, factor: float) -> Floats:
        """Return the logs (r,) of the filter: at far curvatures, and 0 at the others."""
        log = np.zeros_like(self.curvature)
        if self.sums.size:
            u = 2.0 * factor * float(self.rates.max()) * self.curvature[~self.is_near]
            q = u / (1.0 + np.sqrt(1.0 - u)) ** 2
            order = np.arange(1, self.sums.size + 1)
            log[~self.is_near] = (-2.0 * self.sums / order) @ (-q) ** order[:, None]
        return log

    def _near(self, factor: float, least: float) -> tuple[Floats, Floats]:
        """Return signs and logs at the near curvatures, or bounds once all logs are below least."""
        twice = 2.0 * factor * self.curvature[self.is_near][:, None]
        sign, log = np.ones(twice.shape[0]), np.zeros(twice.shape[0])
        size = max(_BLOCK // max(twice.size, 1), 1) * _PRODUCT
        for start in range(0, self.rates.size if twice.size else 0, size):
            products = _products(twice, self.rates[start : start + size])
            sign *= np.where(products < 0, -1.0, 1.0).prod(axis=1)
            log += np.log(np.abs(products)).sum(axis=1)
            if (log < least).all():
                break
        return sign, log


def _products(twice: Floats, rates: Floats) -> Floats:
    """Return products of up to 8 factors 1 - 2ηγ, for 2γ (r, 1), shape (r, groups).

    A nonzero factor is at least 2^-106, so that a product of 8 cannot underflow.
    """
    groups = -(-rates.size // _PRODUCT)
    factors = np.ones((twice.shape[0], groups * _PRODUCT))
    factors[:, : rates.size] -= twice * rates
    row, step = divmod(np.flatnonzero(np.abs(factors) < _NEAR_ZERO), factors.shape[1])
    product, error = dd.two_prod(twice[row, 0], rates[step])
    factors[row, step] = (1.0 - product) - error
    return np.asarray(factors.reshape(-1, _PRODUCT, groups).prod(axis=1))


def _sums(y: Floats) -> Floats:
    """Return C_n of rates y (0 to 2), for as many n as `_FARTHEST` needs.

    Reinsch's form of the recurrence keeps the digits of T_n(1 - y) - 1 where y is small.
    """
    root = math.sqrt(1.0 - _FARTHEST)
    sums = np.zeros(math.ceil(_DIGITS / -math.log((1.0 - root) / (1.0 + root))))
    for start in range(0, y.size, _BLOCK):
        block = y[start : start + _BLOCK]
        double, value, change = 2.0 * block, -block, -block
        part = np.empty_like(block)
        sums[0] += value.sum()
        for n in range(1, sums.size):
            np.add(value, 1.0, out=part)
            part *= double
            change -= part
            value += change
            sums[n] += value.sum()
    return sums
