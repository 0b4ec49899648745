"""Intervals with exact end points: every operation encloses the true result.

Arb computes each end. Storing ends instead of balls keeps wide intervals sharp, so that a positive
quantity stays positive. `isoloss.checker.flint_precision` sets the working precision.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from flint import arb, fmpq

__all__ = [
    "EXACT_BITS",
    "DisjointError",
    "IndeterminateError",
    "Interval",
    "UnboundedError",
    "Value",
    "hull",
    "largest",
    "length",
    "less",
    "less_equal",
    "lower",
    "narrower",
    "power",
    "square_root",
    "total",
    "upper",
]

EXACT_BITS = 2**16  # longer powers of a fraction are rounded


class DisjointError(ArithmeticError):
    """Two enclosures of one number are disjoint, so no such number exists."""


class IndeterminateError(ArithmeticError):
    """A comparison that training depends on is undecided at this precision or on this box."""


class UnboundedError(ArithmeticError):
    """The result of an operation is unbounded or undefined somewhere in its operands."""


@dataclass(frozen=True, slots=True)
class Interval:
    """All numbers from ``low`` to ``high``, which are exact binary numbers.

    Arb's operations return a ball that contains the true result; ``lower()`` and ``upper()`` are
    its ends, rounded outward. An exact 0 stays exact in products and sums, so that a direction at
    rest does not become a narrow interval around 0 of unknown sign.
    """

    low: arb
    high: arb

    def __post_init__(self) -> None:
        if not (self.low.is_finite() and self.high.is_finite()):
            raise UnboundedError("a number beyond what can be held")

    @classmethod
    def of(cls, value: Value) -> Interval:
        """Return a value as an interval."""
        if isinstance(value, Interval):
            return value
        ball = arb(value)
        return cls(ball.lower(), ball.upper())

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low)

    def __add__(self, other: Value) -> Interval:
        if other == 0:
            return self
        other = Interval.of(other)
        return Interval((self.low + other.low).lower(), (self.high + other.high).upper())

    def __sub__(self, other: Value) -> Interval:
        return self + -Interval.of(other)

    def __mul__(self, other: Value) -> Value:
        if other == 0:
            return fmpq(0)
        other = Interval.of(other)
        if self.low >= 0 and other.low >= 0:
            return Interval((self.low * other.low).lower(), (self.high * other.high).upper())
        products = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        return Interval(min(p.lower() for p in products), max(p.upper() for p in products))

    def __truediv__(self, other: Value) -> Value:
        other = Interval.of(other)
        if not (other.low > 0 or other.high < 0):
            raise UnboundedError("a division by an interval that contains 0")
        return self * Interval((1 / other.high).lower(), (1 / other.low).upper())

    def __radd__(self, other: fmpq) -> Interval:
        return self + other

    def __rsub__(self, other: fmpq) -> Interval:
        return Interval.of(other) - self

    def __rmul__(self, other: fmpq) -> Value:
        return self * other

    def __rtruediv__(self, other: fmpq) -> Value:
        return Interval.of(other) / self

    def __abs__(self) -> Interval:
        if self.low >= 0:
            return self
        if self.high <= 0:
            return -self
        return Interval(arb(0), max(-self.low, self.high))

    def monotone(self, function: Callable[[arb], arb]) -> Interval:
        """Return the image under an increasing function."""
        return Interval(function(self.low).lower(), function(self.high).upper())

    def exp(self) -> Interval:
        """Return the exponential."""
        return self.monotone(arb.exp)

    def log(self) -> Interval:
        """Return the logarithm; raise `UnboundedError` unless the whole interval is positive."""
        if not self.low > 0:
            raise UnboundedError("a logarithm of an interval that reaches 0")
        return self.monotone(arb.log)

    def sqrt(self) -> Interval:
        """Return the square root; raise `UnboundedError` unless no number is below 0."""
        if not self.low >= 0:
            raise UnboundedError("a square root of an interval that reaches below 0")
        return self.monotone(arb.sqrt)


Value = fmpq | Interval


def lower(value: Value) -> arb:
    """Return a lower bound."""
    return Interval.of(value).low


def upper(value: Value) -> arb:
    """Return an upper bound."""
    return Interval.of(value).high


def hull(low: Value, high: Value) -> Interval:
    """Return the interval from one value to another."""
    return Interval(lower(low), upper(high))


def length(value: fmpq) -> int:
    """Return how many bits the longer side of a fraction has."""
    return max(int(value.p).bit_length(), int(value.q).bit_length())


def less(a: Value, b: Value) -> bool | None:
    """Return whether a < b, or None if it cannot be decided."""
    if isinstance(a, fmpq) and isinstance(b, fmpq):
        return bool(a < b)
    first, second = Interval.of(a), Interval.of(b)
    if first.high < second.low:
        return True
    return False if first.low >= second.high else None


def less_equal(a: Value, b: Value) -> bool | None:
    """Return whether a ≤ b, or None if it cannot be decided."""
    opposite = less(b, a)
    return None if opposite is None else not opposite


def largest(values: Sequence[Value]) -> Value:
    """Return the largest of the values."""
    found = values[0]
    for value in values[1:]:
        below = less_equal(found, value)
        if below is None:
            found = Interval(max(lower(found), lower(value)), max(upper(found), upper(value)))
        elif below:
            found = value
    return found


def narrower(a: Value, b: Value) -> Value:
    """Return the intersection of two enclosures of one number; an exact number stays exact.

    Raises `DisjointError` if there is none.
    """
    low, high = max(lower(a), lower(b)), min(upper(a), upper(b))
    if low > high:
        raise DisjointError
    for exact in (a, b):
        if isinstance(exact, fmpq):
            return exact
    return Interval(low, high)


def total(values: Iterable[Value]) -> Value:
    """Return the sum; exact numbers are added first, exactly."""
    return sum(sorted(values, key=lambda value: isinstance(value, Interval)), fmpq(0))


def power(base: Value, exponent: Value) -> Value:
    """Return a power; unless the exponent is whole, the base must not be negative."""
    if isinstance(exponent, fmpq) and exponent.q == 1:
        return _whole_power(base, int(exponent.p))
    interval = Interval.of(base)
    if isinstance(exponent, fmpq) and exponent > 0 and interval.low >= 0:
        return interval.monotone(lambda end: end**exponent)
    return Interval.of(exponent * interval.log()).exp()


def square_root(value: Value) -> Value:
    """Return the square root, exactly if it is a short fraction; the value must be at least 0."""
    if isinstance(value, fmpq) and length(value) <= EXACT_BITS:
        p, q = math.isqrt(int(value.p)), math.isqrt(int(value.q))
        if fmpq(p, q) ** 2 == value:
            return fmpq(p, q)
    return Interval.of(value).sqrt()


def _whole_power(base: Value, n: int) -> Value:
    if isinstance(base, fmpq) and (base in (0, 1, -1) or length(base) * abs(n) <= EXACT_BITS):
        if base == 0 and n < 0:
            raise UnboundedError("a negative power of 0")
        return base ** (n % 2 + 2 if base in (1, -1) else n)  # n may be huge; its parity is not
    if n < 0:
        return fmpq(1) / Interval.of(_whole_power(base, -n))
    interval = Interval.of(base)
    if n % 2 == 0:
        interval = abs(interval)
    return interval.monotone(lambda end: end**n)
