"""The filter of many GD steps at once, from sums over their rates.

With u = 2ηγ for the largest rate η, and rates η_t = η·z_t,

    Σ_t log(1 - 2η_tγ) = -Σ_n u^n/n · S_n,    S_n = Σ_t z_t^n.

The sums S_n serve every curvature and every common factor of the rates. All terms have one sign.
Where u is small, few terms suffice; at the other curvatures, the steps are taken one by one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss.dynamics import double_double as dd
from isoloss.dynamics.filters import Filter

__all__ = ["SummedSteps"]

Floats = npt.NDArray[np.float64]

_FARTHEST = 0.2  # the largest 2ηγ that is summed
_POWERS, _LEAPS = 6, 4  # their product is the number of terms; the last is below 1e-17
_FEW = 48  # steps up to which every curvature is treated step by step
_BLOCK = 4096  # rates held at once, few enough to stay in the cache
_PRODUCT = 8  # factors multiplied before each logarithm
_NOTHING = 80.0  # nats
_NEAR_ZERO = 1e-2  # factors below this need the rounding error of their product


@dataclass(frozen=True)
class SummedSteps:
    """The filter of stable steps, with rates of at most 1/γ₁, at curvatures (r,).

    Rates and curvatures are NumPy arrays in the problem's own unit.
    """

    rates: Floats
    curvature: Floats
    is_near: npt.NDArray[np.bool_]
    """Which curvatures are treated step by step."""
    sums: Floats
    """S_n for n = 1, 2, …"""

    @staticmethod
    def serves(rates: Floats, curvature: Any) -> bool:
        """Return whether the steps are stable and the curvatures are a NumPy array."""
        numpy = isinstance(curvature, np.ndarray)
        return numpy and float(rates.max(initial=0.0)) * float(curvature.max(initial=0.0)) <= 1.0

    @classmethod
    def build(cls, rates: Floats, curvature: Floats) -> SummedSteps:
        """Compute the sums S_n over the rates."""
        largest = float(rates.max(initial=0.0))
        is_near = 2.0 * largest * curvature > (_FARTHEST if rates.size > _FEW else 0.0)
        sums = np.zeros(0) if is_near.all() or not largest else _sums(rates / largest)
        return cls(rates, curvature, is_near, sums)

    def filter(self, factor: float = 1.0) -> Filter:
        """Return the filter (r,) of the steps, their rates multiplied by a factor from 0 to 1."""
        sign, log = np.ones_like(self.curvature), self._far_log(factor)
        for products in self._near(factor):
            sign[self.is_near] *= np.where(products < 0, -1.0, 1.0).prod(axis=1)
            log[self.is_near] += np.log(np.abs(products)).sum(axis=1)
        return Filter(sign, log)

    def log_excess(self, log_weights: Floats, factor: float = 1.0) -> float:
        """Return the log of Σ w_i h_i², for log w (r,).

        No step increases |h|, so near curvatures are abandoned once negligible beside the far ones.
        """
        log = self._far_log(factor)
        far = np.logaddexp.reduce((log_weights + 2.0 * log)[~self.is_near], initial=-math.inf)
        least, near = 0.5 * (far - _NOTHING - log_weights.max()), log[self.is_near]
        for products in self._near(factor):
            near += np.log(np.abs(products)).sum(axis=1)
            if (near < least).all():
                break
        log[self.is_near] = near
        return float(np.logaddexp.reduce(log_weights + 2.0 * log))

    def _far_log(self, factor: float) -> Floats:
        """Return the logs (r,) of the filter at far curvatures, and 0 at near ones."""
        log = np.zeros_like(self.curvature)
        if self.sums.size:
            u = 2.0 * factor * float(self.rates.max()) * self.curvature[~self.is_near]
            powers = np.broadcast_to(u, (self.sums.size, u.size)).cumprod(axis=0)
            log[~self.is_near] = -(self.sums / np.arange(1, self.sums.size + 1)) @ powers
        return log

    def _near(self, factor: float) -> Iterator[Floats]:
        """Yield products of factors at the near curvatures, shape (near, groups)."""
        twice = 2.0 * factor * self.curvature[self.is_near][:, None]
        size = max(_BLOCK // max(twice.size, 1), 1) * _PRODUCT
        for start in range(0, self.rates.size if twice.size else 0, size):
            yield _products(twice, self.rates[start : start + size])


def _products(twice: Floats, rates: Floats) -> Floats:
    """Return products of up to 8 factors 1 - 2ηγ, for 2γ (r, 1), shape (r, groups).

    A nonzero factor is at least 2^-106, so that a product of 8 cannot underflow.
    """
    steps, groups = rates.size, -(-rates.size // _PRODUCT)
    factors = np.empty((twice.shape[0], groups * _PRODUCT))
    np.multiply(twice, rates, out=factors[:, :steps])
    np.subtract(1.0, factors[:, :steps], out=factors[:, :steps])
    factors[:, steps:] = 1.0
    row, step = divmod(np.flatnonzero(np.abs(factors) < _NEAR_ZERO), factors.shape[1])
    if row.size:
        product, error = dd.two_prod(twice[row, 0], rates[step])
        factors[row, step] = (1.0 - product) - error
    return np.asarray(factors.reshape(-1, _PRODUCT, groups).prod(axis=1))


def _sums(z: Floats) -> Floats:
    """Return Σ z^n for n = 1, 2, …, 24: products of z^0, …, z^5 and z^1, z^7, …, z^19."""
    sums = np.zeros((_LEAPS, _POWERS))
    for start in range(0, z.size, _BLOCK):
        block = z[start : start + _BLOCK]
        powers, leaps = np.ones((_POWERS, block.size)), np.empty((_LEAPS, block.size))
        for i in range(1, _POWERS):
            np.multiply(powers[i - 1], block, out=powers[i])
        leaps[0], leap = block, powers[-1] * block
        for i in range(1, _LEAPS):
            np.multiply(leaps[i - 1], leap, out=leaps[i])
        sums += leaps @ powers.T
    return sums.ravel()
