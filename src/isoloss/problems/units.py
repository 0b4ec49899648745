"""Powers of two that scale a problem to order one, and its results back to the user's units.

A least-squares problem has no scale of its own: scaling to X·2^a and y·2^b multiplies curvatures by
4^a, losses by 4^b and parameters by 2^(b - a), and changes nothing else. So the constructors divide
by powers of two, which is exact, all computations use numbers near 1, and results are multiplied
back. No square or product overflows or underflows float64 unless the result itself does.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from isoloss._arrays.context import ArrayContext

__all__ = [
    "OWN",
    "Scaled",
    "Units",
    "exponent",
    "exponents",
    "precision",
    "returned",
    "scaled",
    "shifted",
    "sum_of_exponentials",
]

Array = Any

_LN2 = (0.6931471805599453, 2.3190468138462996e-17)
_FAR = 600.0  # exponentials of more nats are computed in parts
_STEP = 1000  # a power of two that float64 holds
_NARROW = 1000  # largest range in bits for which the largest entry is scaled to 1
_WIDEST = 1960  # with more bits, products of curvatures and times would be lost
_MOST = 8000  # larger exponents leave float64 whatever they multiply
_BEYOND = 3000.0
_LOG2_10 = math.log2(10.0)


class Units(NamedTuple):
    """The powers of two that convert a problem's own numbers to the user's units."""

    curvature: int = 0
    """The exponent of curvatures; rates and times are divided by its power."""
    train: int = 0
    """The exponent of train losses."""
    parameters: int = 0
    """The exponent of changes of the parameters."""

    def residual(self, xp: Any, own: Scaled | Array) -> Array:
        """Return residuals in the eigenbasis, converted to the user's units."""
        double = self.train - self.curvature  # odd only for kernels, whose residuals contain a root
        root = math.sqrt(2.0) if double % 2 else 1.0
        if isinstance(own, Scaled):
            return root * own.times(xp, double // 2)
        return root * scaled(own, double // 2)


OWN = Units()
"""The user's units are the problem's own."""


def scaled(array: Array, exponent: int) -> Array:
    """Return an array or number times 2^exponent, exact except at the limits of float64."""
    rest = max(min(exponent, _MOST), -_MOST)
    while rest:
        step = max(min(rest, _STEP), -_STEP)
        array = array * math.ldexp(1.0, step)
        rest -= step
    return array


def shifted(xp: Any, array: Array, exponents: Array) -> Array:
    """Return ``array`` · 2^exponents for an integer-valued array that broadcasts."""
    if isinstance(exponents, np.ndarray | np.generic):
        if not exponents.any():
            return array + np.multiply(0.0, exponents)
        whole = np.minimum(np.maximum(exponents, -_MOST), _MOST)  # faster than clip
        return np.ldexp(array, whole.astype(np.int32))
    rest = xp.clip(exponents, -float(_MOST), float(_MOST))
    while bool(xp.any(rest != 0)):
        step = xp.clip(rest, -float(_STEP), float(_STEP))
        array = array * _power(xp, step)
        rest = rest - step
    return array


def _power(xp: Any, exponents: Array) -> Array:
    """Return exact 2^exponents; some libraries' powers are not exact."""
    size = xp.abs(exponents)
    result = 1.0 + 0.0 * size
    for bit in (512.0, 256.0, 128.0, 64.0, 32.0, 16.0, 8.0, 4.0, 2.0, 1.0):
        has = size >= bit
        result = result * xp.where(has, 2.0**bit + 0.0 * size, 1.0 + 0.0 * size)
        size = xp.where(has, size - bit, size)
    return xp.where(exponents < 0, 1.0 / result, result)


def exponents(xp: Any, sizes: Array) -> Array:
    """Return the floor of about log2 of each size, and 0 for zeros."""
    some = xp.where(sizes > 0, sizes, xp.ones_like(sizes))
    return xp.floor(xp.log2(some))


def exponent(xp: Any, name: str, array: Array) -> int:
    """Return the exponent to divide by: the largest entry's, if the other entries then fit.

    Then the largest entry is at least 1 and below 2.

    Raises ``ValueError`` if no exponent works because the entries lie too far apart.
    """
    sizes = xp.abs(array)
    nothing = sizes == 0
    if bool(xp.all(nothing)):
        return 0
    top = float(xp.max(sizes))
    low = float(xp.min(xp.where(nothing, top + 0.0 * sizes, sizes)))
    high, least = math.frexp(top)[1] - 1, math.frexp(low)[1] - 1
    if high - least > _WIDEST:
        raise ValueError(
            f"{name} has entries from {low:g} to {top:g}, too far apart for float64; set the "
            "negligible ones to 0, or leave them out"
        )
    return high if high - least <= _NARROW else least + _NARROW


class Scaled(NamedTuple):
    """The numbers ``value`` · 2^bits, where ``bits`` is an integer-valued array of the same shape.

    It holds numbers that may lie beyond float64 until they are in the user's units.
    """

    value: Array
    bits: Array

    def times(self, xp: Any, exponent: int) -> Array:
        """Return the numbers times 2^exponent: infinite or 0 where float64 cannot hold them."""
        if not bool(xp.any(self.bits != 0)):
            return scaled(self.value, exponent)
        return shifted(xp, self.value, self.bits + float(exponent))

    def log(self, xp: Any) -> Array:
        """Return the natural logarithm of the numbers."""
        return xp.log(self.value) + _LN2[0] * self.bits


def sum_of_exponentials(xp: Any, logs: Array, floor: Array | float = 0.0) -> Scaled:
    """Return floor + Σ exp(logs) along the last axis."""
    top = xp.max(logs, axis=-1)
    plain = floor + xp.sum(xp.exp(logs), axis=-1)
    far = (xp.abs(top) > _FAR) & xp.isfinite(top) & ((top > 0) | (floor == 0))
    if not bool(xp.any(far)):
        return Scaled(plain, xp.zeros_like(plain))
    bits = xp.where(far, xp.clip(xp.round(top / _LN2[0]), -_BEYOND, _BEYOND), xp.zeros_like(top))
    parts = (logs - _LN2[0] * bits[..., None]) - _LN2[1] * bits[..., None]
    return Scaled(xp.where(far, xp.sum(xp.exp(parts), axis=-1), plain), bits)


def precision(kind: ArrayContext) -> str:
    """Return the name of the user's precision."""
    return str(getattr(kind.dtype, "__name__", kind.dtype)).rpartition(".")[2]


def returned(
    kind: ArrayContext,
    name: str,
    found: Scaled | Array,
    exponent: int,
    advice: str,
    plus: Array | float = 0.0,
) -> Array:
    """Return a result times 2^exponent, plus ``plus``, in the user's precision.

    Raises ``ValueError`` if that precision cannot represent it.
    """
    xp = kind.xp
    if not isinstance(found, Scaled):
        found = Scaled(found, xp.zeros_like(found))
    own, bits = found
    theirs = found.times(xp, exponent)
    result = kind.result(theirs + plus)
    lost = shifted(xp, theirs, -bits - float(exponent)) != own
    seen = kind.plain(name, result)
    lost = (lost & (plus == 0)) | xp.isinf(seen) | ((own != 0) & (seen == 0))
    lost = lost & xp.isfinite(own)
    if bool(xp.any(lost)):
        sizes = xp.log2(xp.abs(own)) + bits
        size = float(xp.max(xp.where(lost, sizes, -xp.inf + xp.zeros_like(sizes)))) + exponent
        verb = "overflows" if size > 0 else "underflows"
        raise ValueError(
            f"{name}, about 10^{size / _LOG2_10:.0f}, {verb} {precision(kind)}; rescale: {advice}"
        )
    return result
