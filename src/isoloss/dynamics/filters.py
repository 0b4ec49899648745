"""Represent schedules as filters on the train spectrum, with one factor per eigendirection.

Any sequence of GD steps and flows multiplies the residual along a direction of curvature γ by
h(γ) = Π_t (1 - 2η_tγ) · exp(-2γT). This factor is stored as a sign and a logarithm, so that neither
10⁹ steps nor a divergence by 10^1000 leaves the range of float64.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import array_api_compat as compat
import numpy as np

from isoloss.dynamics import double_double as dd

__all__ = [
    "Filter",
    "choose",
    "flow_filter",
    "log_step",
    "placed",
    "rates_filter",
    "step_factors",
]

Array = Any

_NEAR = 1e-7  # factors below this are recomputed with exact products
_FAR = 600.0  # log(2ηγ) above which 1 is negligible beside 2ηγ
_PRODUCT = 8  # a nonzero factor is at least 2^-106: a product of 8 cannot underflow


class Filter(NamedTuple):
    """h = sign · exp(log + low), shape (*batch, r).

    ``low`` holds the digits of the logarithm that float64 loses. It is None until h has grown a
    lot: before that, nothing large cancels, and float64 is accurate to 1e-13 where h matters.
    """

    sign: Array
    log: Array
    low: Array | None = None

    @classmethod
    def identity(cls, curvature: Array) -> Filter:
        """Return the filter of an empty schedule."""
        zeros = 0.0 * curvature
        return cls(1.0 + zeros, zeros)

    def precise(self, xp: Any) -> Filter:
        """Return the same filter in double-double."""
        return self if self.low is not None else self._replace(low=xp.zeros_like(self.log))

    def at(self, index: Any) -> Filter:
        """Return the filter with all its arrays indexed."""
        low = None if self.low is None else self.low[index]
        return Filter(self.sign[index], self.log[index], low)

    def replaced(self, xp: Any, mask: Array, rows: Filter) -> Filter:
        """Return the filter with others where a mask is set, one row each, as `placed` does."""
        found = self
        if rows.low is not None or self.low is not None:
            found, rows = self.precise(xp), rows.precise(xp)
        pairs = zip(found, rows, strict=True)
        return Filter(*(None if old is None else placed(xp, old, mask, new) for old, new in pairs))

    def joined(self, xp: Any, other: Filter) -> Filter:
        """Return the points of both along the last axis but one; both are precise, or neither."""
        low = None
        if self.low is not None and other.low is not None:
            low = xp.concat([self.low, other.low], axis=-2)
        sign, log = (
            xp.concat([self.sign, other.sign], axis=-2),
            xp.concat([self.log, other.log], axis=-2),
        )
        return Filter(sign, log, low)

    def then(self, xp: Any, other: Filter) -> Filter:
        """Return the filter of one schedule followed by another: their product."""
        sign, plain = self.sign * other.sign, self.log + other.log
        if self.low is None or other.low is None:
            return Filter(sign, plain)
        pair = dd.add((self.log, self.low), (other.log, other.low))
        return Filter(sign, *_guarded(xp, pair, plain))

    def power(self, xp: Any, count: Array) -> Filter:
        """Return the filter repeated ``count`` times, an array of whole numbers that broadcasts."""
        plain = self.repeated(xp, count)
        odd = count - 2.0 * xp.floor(0.5 * count) == 1
        sign = xp.where(odd, self.sign, 1.0)
        if self.low is None:
            return Filter(sign, plain)
        return Filter(sign, *_guarded(xp, dd.scale((self.log, self.low), count), plain))

    def repeated(self, xp: Any, count: Array) -> Array:
        """Return the log of the filter's `power`, to the precision of float64."""
        log = self.log * count
        if bool(xp.all(count > 0)):
            return log
        return xp.where(count == 0, 0.0 * count, log)  # not NaN where a direction is removed

    def logarithm(self) -> Array:
        """Return log |h|, rounded to float64."""
        return self.log if self.low is None else self.log + self.low

    def grows(self, xp: Any, nats: float) -> bool:
        """Whether the filter exceeds exp(nats) in some direction."""
        return bool(xp.any(self.log > nats))


def placed(xp: Any, array: Array, mask: Array, rows: Array) -> Array:
    """Return an array with other values where a mask is set on its first axes, one row each.

    A NumPy array is reused.
    """
    if isinstance(array, np.ndarray):
        array[mask] = rows
        return array
    if not rows.shape[0]:
        return array
    # the row of each place; places that are not marked may have any row
    count = xp.cumulative_sum(xp.astype(xp.reshape(mask, (-1,)), xp.int64))
    row = xp.where(count > 0, count - 1, count)
    there = xp.reshape(xp.take(rows, row, axis=0), tuple(array.shape))
    return xp.where(xp.reshape(mask, (*mask.shape, *(1,) * (array.ndim - mask.ndim))), there, array)


def choose(xp: Any, condition: Array, first: Filter, second: Filter) -> Filter:
    """Return ``first`` where the condition, of shape (*batch,), holds, else ``second``."""
    where = condition[..., None]
    low = None
    if first.low is not None or second.low is not None:
        low = xp.where(where, first.precise(xp).low, second.precise(xp).low)
    return Filter(
        xp.where(where, first.sign, second.sign), xp.where(where, first.log, second.log), low
    )


def flow_filter(xp: Any, time: Array, curvature: Array, *, precise: bool = False) -> Filter:
    """Return the filter exp(-2γt) of gradient flow for a time, which broadcasts and may be inf."""
    rate = -2.0 * curvature
    log = xp.where(rate == 0, 0.0 * rate, rate * time)
    if not precise:
        return Filter(xp.ones_like(log), log)
    return Filter(xp.ones_like(log), *_guarded(xp, dd.two_prod(rate, time), log))


def log_step(
    xp: Any, lr: Array | float, curvature: Array, *, precise: bool = False, unit: int = 0
) -> Filter:
    """Return the filter 1 - 2ηγ of one step, with a logarithm that is accurate to the last digits.

    This holds even near its zero at 2ηγ = 1 and near the stability edge 2ηγ = 2, where 10⁹ steps
    repeat a rounding error 10⁹ times. The rate is a number, or a NumPy array that broadcasts, times
    2^unit. With ``precise``, logarithms are in double-double.
    """

    def constant(value: Any) -> Array:
        return xp.asarray(value, dtype=xp.float64, device=compat.device(curvature))

    mantissa, exponent = np.frexp(lr)
    exponent = exponent + unit
    half = np.minimum(exponent, 1000)  # 2η itself may lie beyond float64
    scaled = curvature * constant(2.0**half) * constant(2.0 ** (exponent + 1 - half))
    product, error = dd.two_prod(scaled, 0.0 * curvature + constant(mantissa))
    error = xp.where(xp.isfinite(error), error, 0.0)
    # Three cases, each keeping digits that the others lose. Mostly |1 - 2ηγ| is 1 + u, where u has
    # all its digits; if the product rounds to 1, only its rounding error is left; and far beyond
    # the edge, 1 - 2ηγ is -2ηγ, which may itself lie beyond float64.
    below = product < 1
    u = xp.where(below, -product, product - 2.0)
    rest = xp.where(below, -error, error)
    log = xp.log1p(u) + xp.log1p(rest / xp.abs(product - 1.0))
    log = xp.where(product == 1, xp.log(xp.abs(error)), log)
    plain = xp.log(curvature) + constant(np.log(mantissa) + (exponent + 1) * math.log(2.0))
    far = plain > _FAR
    log = xp.where(far, plain, log)
    sign = xp.where(far | ((product - 1.0) + error > 0), -1.0, xp.ones_like(log))
    if not precise:
        return Filter(sign, log)
    edge = xp.where(below, 0.0 * product, -2.0)
    exact = dd.add(dd.two_sum(xp.where(below, -product, product), edge), (rest, 0.0 * rest))
    log, low = _guarded(xp, dd.log1p(xp, exact), log)
    return Filter(sign, xp.where(far, plain, log), xp.where(far, 0.0, low))


def step_factors(xp: Any, rates: Array, curvature: Array) -> Array:
    """Return the factors 1 - 2ηγ, shape (steps, *curvature.shape), one step for each rate.

    They are accurate even near zero: halves of 26 bits have exact products, and the products of
    the remaining bits are subtracted afterwards.
    """
    shape = (rates.shape[0], *curvature.shape)
    flat = xp.reshape(curvature, (-1,))
    rate_high, rate_low = dd.split(2.0 * rates)
    high, low = dd.split(flat)
    ones = xp.ones_like(rates), xp.ones_like(flat)
    factors = xp.stack([ones[0], -rate_high], axis=1) @ xp.stack([ones[1], high], axis=0)
    missing = xp.stack([rate_high, rate_low], axis=1) @ xp.stack([low, flat], axis=0)
    factors = xp.reshape(factors - missing, shape)
    near = xp.abs(factors) < _NEAR
    if bool(xp.any(near)):
        columns = xp.reshape(2.0 * rates, (-1, *(1,) * curvature.ndim))
        product, error = dd.two_prod(columns, curvature)
        factors = xp.where(near, (1.0 - product) - error, factors)
    return factors


def rates_filter(xp: Any, factors: Array) -> Filter:
    """Return the filter of several steps: the product of their factors over the first axis."""
    steps = factors.shape[0]
    if steps % _PRODUCT:
        ones = 1.0 + xp.zeros_like(factors[:1, ...])
        factors = xp.concat([factors, *[ones] * (_PRODUCT - steps % _PRODUCT)], axis=0)
    grouped = xp.reshape(factors, (_PRODUCT, -1, *factors.shape[1:]))
    products = xp.prod(grouped, axis=0)
    sign = xp.prod(xp.where(products < 0, -1.0, xp.ones_like(products)), axis=0)
    log = xp.sum(xp.log(xp.abs(products)), axis=0)
    return Filter(sign, log)


def _guarded(xp: Any, pair: dd.Pair, plain: Array) -> dd.Pair:
    """Replace a pair by the plain value where error-free transformations meet an infinity."""
    usable = xp.isfinite(pair[0]) & xp.isfinite(pair[1])
    return xp.where(usable, pair[0], plain), xp.where(usable, pair[1], 0.0)
