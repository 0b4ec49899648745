"""Take minibatch steps that each have their own rate, for fresh Gaussian rows without momentum.

The recursion is that of `gaussian_constant`, in v_i = γ_i V_i and μ_i = γ_i m_i: a step makes
v_i ← a_i² v_i + (4η²/B) γ_i² (v_i + μ_i + S), where S = Σ (v_j + μ_j) + σ². No term is negative
(but some of μ under weight decay), so that nothing cancels and no cumulative factor underflows.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from isoloss.dynamics.moments.gaussian_constant import MeanSquares

__all__ = ["changing_rates"]

Array = npt.NDArray[np.float64]

_ELEMENTS = 2**15  # factors held at once, so that they fit in the cache
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
    pair = curvature * np.stack([variance, mean_squares.squares])  # both multiplied by a²
    cross, constants = curvature * mean_squares.cross, curvature * mean_squares.constants
    excess, exponent, level, noises = np.empty(rates.size), 0, constants, noise
    product = np.ones_like(slope)
    size, first = _block_size(rates, batch_size, slope, flat), 0
    while first < rates.size:
        top = float(pair.max(initial=0.0))
        if top > _FAR or (exponent > 0 and top < 1 / _FAR):
            by = max(math.frexp(top)[1], -exponent)
            pair, cross, exponent = np.ldexp(pair, -by), np.ldexp(cross, -by), exponent + by
            level, noises = np.ldexp(constants, -exponent), math.ldexp(noise, -exponent)
        # what is scaled must not underflow either
        block = rates[first : first + (min(size, _FEW) if exponent else size)]
        factors = 1.0 - np.multiply.outer(block, slope)
        pulls = np.multiply.outer(4.0 * block * block / batch_size, flat)
        found = _stepped(factors, pulls, pair, cross, level, noises)
        with np.errstate(over="ignore", under="ignore"):
            product = product * np.prod(factors, axis=0)
            excess[first : first + block.size] = np.ldexp(found, exponent)
        first += block.size
    if exponent and math.frexp(float(pair.max()))[1] + exponent < _FITS:
        pair, exponent = np.ldexp(pair, exponent), 0
    shift, moves = exponent * math.log(2.0), curvature > 0
    with np.errstate(divide="ignore"):
        still = math.exp(2 * float(np.sum(np.log(np.abs(1.0 - rates * weight_decay)))) - shift)
    ends = np.where(moves, pair[0] / np.where(moves, curvature, 1.0), variance * still)
    return excess, ends, shift, product


def _stepped(
    factors: Array, pulls: Array, pair: Array, cross: Array, level: Array, noise: float
) -> list[float]:
    """Take a block of steps on ``pair`` and ``cross`` in place; return the excess after each."""
    is_biased = bool(np.any(cross) or np.any(level))
    kept, ones, v, excess = factors * factors, np.ones_like(cross), pair[0], []
    sources = pair[0] + pair[1] + cross + level
    total = float(ones.dot(sources))
    for k in range(factors.shape[0]):
        sources += total + noise
        sources *= pulls[k]
        pair *= kept[k]
        v += sources
        np.add(v, pair[1], out=sources)
        if is_biased:
            cross *= factors[k]
            sources += cross
            sources += level
        total = float(ones.dot(sources))
        excess.append(total)
    return excess


def _block_size(rates: Array, batch_size: float, slope: Array, flat: Array) -> int:
    """Return how many steps to take before the losses may have to be scaled."""
    largest = rates.max(initial=0.0)  # no Python float, whose square is an error if it overflows
    kept = max(1.0, largest * float(slope.max()) - 1.0) ** 2
    pulled = 4 * largest**2 / batch_size * float(flat.max() + flat.sum())
    size = max(_ELEMENTS // slope.size, 8)
    growth = math.log(kept + pulled)
    return min(size, max(int(_GROWTH / growth), 1)) if growth > 0 else size
