"""Take minibatch steps that each have their own rate, for fresh Gaussian rows without momentum.

The recursion is that of `gaussian_constant`: a step makes
V_i ← a_i² V_i + c (γ_i² (V_i + m_i) + γ_i (S + σ²)), where c = 4η²/B and S = Σ γ_j (V_j + m_j).
No term is negative (but some of m under weight decay), so that nothing cancels and no cumulative
factor underflows.

The m_i do not depend on V, so that those of a block of steps are computed first, all at once. What
is left must go step by step, because each step needs the S that the last one leaves.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from isoloss.dynamics.moments.gaussian_constant import MeanSquares

__all__ = ["changing_rates"]

Array = npt.NDArray[np.float64]

_ELEMENTS = 2**16  # factors held at once, so that they fit in the cache
_GROWTH = 300.0  # nats by which a block may enlarge the losses
_FEW = 8
_FITS = 900  # powers of 2 that V may have
_FAR = 1e100  # losses outside this and its reciprocal are scaled


def changing_rates(
    curvature: Array,
    rates: Array,
    batch_size: float,
    variance: Array,
    mean_squares: MeanSquares,
    noise: float,
    weight_decay: float = 0.0,
) -> tuple[Array, Array, float, Array]:
    """Return the excess after every step, V after the last one divided by e^x, x, and Π a_i.

    ``mean_squares`` are those at the start, with Π a_i in the place of a_i^k. The excess is
    infinite where it would overflow, and x is 0 unless V would.
    """
    slope, flat = 2 * curvature + weight_decay, curvature**2
    size = min(_block_size(rates, batch_size, slope, flat), rates.size)
    # m as it pulls at V: γ(γm), because γ² may underflow
    means = start = MeanSquares(*(curvature * (curvature * part) for part in mean_squares))
    is_biased = bool(np.any(start.cross) or np.any(start.constants))
    blocks = _Blocks(curvature, slope, batch_size, size, is_biased)
    v, total, noises, exponent = variance.copy(), blocks.excess(variance, start), noise, 0
    excess, product, first = np.empty(rates.size), np.ones_like(slope), 0
    while first < rates.size:
        if total > _FAR or (exponent > 0 and total < 1 / _FAR):
            by = max(math.frexp(total)[1], -exponent)
            v, total, exponent = np.ldexp(v, -by), math.ldexp(total, -by), exponent + by
            squares, cross = np.ldexp(means.squares, -by), np.ldexp(means.cross, -by)
            means = MeanSquares(squares, cross, np.ldexp(start.constants, -exponent))
            noises = math.ldexp(noise, -exponent)
        # what is scaled must not underflow either
        block = rates[first : first + (min(size, _FEW) if exponent else size)]
        means, found, factors = blocks.take(block, v, means, total, noises)
        total = found[-1]
        with np.errstate(over="ignore", under="ignore"):
            product = product * factors
            excess[first : first + block.size] = np.ldexp(found, exponent)
        first += block.size
    if exponent and math.frexp(float(v.max()))[1] + exponent < _FITS:
        v, exponent = np.ldexp(v, exponent), 0
    shift = exponent * math.log(2.0)
    with np.errstate(divide="ignore"):
        still = math.exp(2 * float(np.sum(np.log(np.abs(1.0 - rates * weight_decay)))) - shift)
    return excess, np.where(curvature > 0, v, variance * still), shift, product


class _Blocks:
    """Takes blocks of at most ``size`` steps, with as few passes over the directions as possible.

    All blocks use the same memory: fresh memory takes as long as the arithmetic in it.
    """

    def __init__(
        self, curvature: Array, slope: Array, batch_size: float, size: int, is_biased: bool
    ) -> None:
        self.curvature, self.flat, self.batch_size = curvature, curvature**2, batch_size
        self.inverse = np.zeros_like(curvature)
        moves = curvature > np.finfo(np.float64).tiny
        np.divide(1.0, curvature, out=self.inverse, where=moves)
        self.lines = np.stack([np.ones_like(slope), -slope])
        self.factors = np.empty((size, slope.size))
        self.means = np.empty((size + 1, slope.size))
        self.crosses = np.empty_like(self.means) if is_biased else None

    def excess(self, v: Array, means: MeanSquares) -> float:
        """Return Σ γ (V + m)."""
        return float(self.curvature.dot(v) + self.inverse.dot(np.sum(means, axis=0)))

    def take(
        self, rates: Array, v: Array, means: MeanSquares, total: float, noise: float
    ) -> tuple[MeanSquares, list[float], Array]:
        """Change ``v`` in place; return the means after the steps, every excess, and Π a."""
        factors, rows = self.factors[: rates.size], self.means[: rates.size + 1]
        # this product of rank 2 takes half the time of 1 - np.multiply.outer(rates, slope)
        np.matmul(np.stack([np.ones_like(rates), rates], axis=1), self.lines, out=factors)
        product = np.prod(factors, axis=0)
        squares, cross, constants = means
        if self.crosses is not None:
            crosses = self.crosses[: rates.size + 1]
            cross = _multiplied(cross, factors, crosses)
        factors *= factors
        squares = _multiplied(squares, factors, rows)
        if self.crosses is not None:
            rows += crosses
            rows += constants
        found = self._stepped(rates, factors, rows, v, total, noise)
        return MeanSquares(squares, cross, constants), found, product

    def _stepped(
        self, rates: Array, kept: Array, means: Array, v: Array, total: float, noise: float
    ) -> list[float]:
        """Take the steps on ``v`` in place; ``kept`` are the a². Overwrite the means."""
        # NumPy takes two passes for y += number * x, and each is as slow as this one
        from scipy.linalg.blas import daxpy

        pulls = (4.0 * rates * rates / self.batch_size).tolist()
        sums = np.vecdot(means[1:], self.inverse).tolist()
        curvature, flat, size, excess = self.curvature, self.flat, v.size, []
        spread = np.empty_like(v)
        # all that a step adds is summed before, since each part may be too small beside v to count
        for pull, factor, added, later in zip(pulls, kept, means, sums, strict=False):
            np.multiply(v, flat, spread)
            np.add(added, spread, added)
            daxpy(curvature, added, size, total + noise)
            np.multiply(v, factor, v)
            daxpy(added, v, size, pull)
            total = float(curvature.dot(v)) + later
            excess.append(total)
        return excess


def _multiplied(start: Array, factors: Array, out: Array) -> Array:
    """Write ``start`` and its products with the first factors; return that with all of them."""
    out[0] = start
    for factor, before, after in zip(factors, out, out[1:], strict=False):
        np.multiply(before, factor, after)
    last: Array = out[-1].copy()
    return last


def _block_size(rates: Array, batch_size: float, slope: Array, flat: Array) -> int:
    """Return how many steps to take before the losses may have to be scaled."""
    largest = rates.max(initial=0.0)  # no Python float, whose square is an error if it overflows
    kept = max(1.0, largest * float(slope.max()) - 1.0) ** 2
    pulled = 4 * largest**2 / batch_size * float(flat.max() + flat.sum())
    size = max(_ELEMENTS // slope.size, 8)
    growth = math.log(kept + pulled)
    return min(size, max(int(_GROWTH / growth), 1)) if growth > 0 else size
