"""Compute in double-double arithmetic, which has 32 digits, where growth and decay almost cancel.

A pair ``(high, low)`` of float64 arrays stands for the unevaluated sum ``high + low``. For example,
if a schedule diverges by 10^300000 and flow undoes that, the logarithm of its filter is the small
difference of two huge numbers. Algorithms: Dekker (1971), Knuth (TAOCP 2).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

Array = Any
Pair = tuple[Any, Any]

_LN2 = (0.6931471805599453, 2.3190468138462996e-17)
_SPLIT = 134217729.0  # 2^27 + 1
_SERIES_TERMS = 22  # atanh(z)/z, |z| < 0.172: 0.0295^22 < 2^-106
_DOUBLE_TAIL = 11  # from here on, float64 rounds terms by less than 2^-106 of the sum


def two_sum(a: Array, b: Array) -> Pair:
    """Return the sum of two arrays and its exact rounding error."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def split(a: Array) -> Pair:
    """Return two halves of 26 bits each, so that products of halves are exact."""
    scaled = _SPLIT * a
    high = scaled - (scaled - a)
    return high, a - high


def two_prod(a: Array, b: Array) -> Pair:
    """Return the product of two arrays (of magnitude below 2^990) and its exact rounding error."""
    product = a * b
    a_high, a_low = split(a)
    b_high, b_low = split(b)
    error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, error


def add(x: Pair, y: Pair) -> Pair:
    """Return the sum of two pairs."""
    high, low = two_sum(x[0], y[0])
    return two_sum(high, low + (x[1] + y[1]))


def multiply(x: Pair, y: Pair) -> Pair:
    """Return the product of two pairs."""
    high, low = two_prod(x[0], y[0])
    return two_sum(high, low + (x[0] * y[1] + x[1] * y[0]))


def scale(x: Pair, factor: Array) -> Pair:
    """Return a pair times an array."""
    high, low = two_prod(x[0], factor)
    return two_sum(high, low + x[1] * factor)


def divide(x: Pair, y: Pair) -> Pair:
    """Return the quotient of two pairs."""
    first = x[0] / y[0]
    rest = add(x, scale(y, -first))
    second = rest[0] / y[0]
    rest = add(rest, scale(y, -second))
    high, low = two_sum(first, second)
    return two_sum(high, low + rest[0] / y[0])


def _odd_reciprocal(j: int) -> tuple[float, float]:
    exact = Fraction(1, 2 * j + 1)
    high = float(exact)
    return high, float(exact - Fraction(high))


_ODD_RECIPROCALS = [_odd_reciprocal(j) for j in range(_DOUBLE_TAIL + 1)]


def log1p(xp: Any, u: Pair) -> Pair:
    """Return log(1 + u) of a pair with u > -1 and |u| < 2^900."""
    exponent = xp.round(xp.log2(1.0 + u[0]))
    shrink = 2.0**-exponent
    # (1 + u) 2^-k - 1, exactly u where k = 0
    reduced = add((u[0] * shrink, u[1] * shrink), two_sum(shrink, -1.0))
    z = divide(reduced, add(reduced, (2.0, 0.0)))
    square = multiply(z, z)
    tail = 0.0 * shrink
    for j in range(_SERIES_TERMS, _DOUBLE_TAIL, -1):
        tail = tail * square[0] + 1.0 / (2 * j + 1)
    total: Pair = (tail, 0.0)
    for reciprocal in reversed(_ODD_RECIPROCALS):
        total = add(multiply(total, square), reciprocal)
    atanh = multiply(total, z)
    return add(scale(_LN2, exponent), (2.0 * atanh[0], 2.0 * atanh[1]))
