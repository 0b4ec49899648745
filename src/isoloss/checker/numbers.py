"""Ranges of numbers, rounded outward by Arb. The prover shares none of this code."""

from __future__ import annotations

import math
import re
from fractions import Fraction

from flint import arb, ctx, fmpq, fmpz

from isoloss.checker.work import spend

__all__ = ["EmptyError", "OpenError", "Range", "fraction", "read"]

_LONG = 2**17  # bits of the longest fraction that is kept exactly
_LONGEST = 4000  # characters of a number, and its exponent
_NUMBER = r"-?([0-9]+/[0-9]+|([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,9})?)"


class OpenError(ArithmeticError):
    """A result is undefined or unbounded somewhere in the ranges."""


class EmptyError(OpenError):
    """Two enclosures of one number are disjoint, so no such number exists."""


class Range:
    """Numbers from ``lo`` to ``hi``; if there is only one, ``exact`` may hold it."""

    def __init__(self, lo: arb, hi: arb, exact: fmpq | None = None) -> None:
        if not lo <= hi:
            raise OpenError("an empty range")
        self.lo, self.hi, self.exact = lo, hi, exact

    @classmethod
    def point(cls, value: fmpq | int) -> Range:
        """Return the range of one number."""
        value = fmpq(value)
        bits = _bits(value)
        spend(1 + bits // 128)
        ball = arb(value)
        return cls(ball.lower(), ball.upper(), None if bits > _LONG else value)

    @classmethod
    def between(cls, low: fmpq, high: fmpq) -> Range:
        """Return the range from one number to another."""
        if low == high:
            return cls.point(low)
        return cls(cls.point(low).lo, cls.point(high).hi)

    @classmethod
    def of_balls(cls, *balls: arb) -> Range:
        """Return the smallest range that contains the balls, which are results of Arb."""
        spend(1 + ctx.prec // 512)
        lows, highs = [b.lower() for b in balls], [b.upper() for b in balls]
        for end in (*lows, *highs):
            if not end.is_finite():
                raise OpenError("a result is not finite")
        return cls(min(lows), max(highs))

    def __neg__(self) -> Range:
        if self.exact is not None:
            return Range.point(-self.exact)
        return Range.of_balls(-self.hi, -self.lo)  # negation rounds numbers with more bits

    def __add__(self, other: Range) -> Range:
        if self.exact is not None and other.exact is not None:
            return Range.point(self.exact + other.exact)
        return Range.of_balls(self.lo + other.lo, self.hi + other.hi)

    def __sub__(self, other: Range) -> Range:
        return self + (-other)

    def __mul__(self, other: Range) -> Range:
        if self.is_zero or other.is_zero:
            return Range.point(0)
        if self.exact is not None and other.exact is not None:
            return Range.point(self.exact * other.exact)
        return Range.of_balls(*(a * b for a in (self.lo, self.hi) for b in (other.lo, other.hi)))

    def __truediv__(self, other: Range) -> Range:
        if other.exact is not None and self.exact is not None and other.exact != 0:
            return Range.point(self.exact / other.exact)
        if not (other.lo > 0 or other.hi < 0):
            raise OpenError("a division by 0")
        return self * Range.of_balls(1 / other.lo, 1 / other.hi)

    def __abs__(self) -> Range:
        if self.lo >= 0:
            return self
        return -self if self.hi <= 0 else Range.of_balls(arb(0), -self.lo, self.hi)

    def __pow__(self, n: int) -> Range:
        """Return the power for a whole exponent."""
        if n == 0:
            return Range.point(1)
        if n < 0:
            return Range.point(1) / self**-n
        if self.exact is not None:
            if self.exact in (0, 1):
                return self
            if self.exact == -1:
                return Range.point(1 - 2 * (n % 2))
            if _bits(self.exact) * n <= _LONG:
                return Range.point(self.exact**n)
        if n % 2 == 0 and not self.lo >= 0:  # not monotone: falls below 0, rises above
            return abs(self) ** n
        spend(n.bit_length() * (1 + ctx.prec // 512) // 4)
        return Range.of_balls(self.lo**n, self.hi**n)

    def real_power(self, exponent: Range) -> Range:
        """Return a power of nonnegative numbers."""
        if exponent.exact is not None and exponent.exact > 0 and self.lo >= 0:
            spend(ctx.prec // 64)
            return Range.of_balls(self.lo**exponent.exact, self.hi**exponent.exact)
        return (exponent * self.log()).exp()

    def exp(self) -> Range:
        """Return the exponential."""
        if self.is_zero:
            return Range.point(1)
        spend(ctx.prec // 64)
        return Range.of_balls(self.lo.exp(), self.hi.exp())

    def log(self) -> Range:
        """Return the logarithm."""
        if self.exact == 1:
            return Range.point(0)
        if not self.lo > 0:
            raise OpenError("a logarithm of what may be 0")
        spend(ctx.prec // 64)
        return Range.of_balls(self.lo.log(), self.hi.log())

    def sqrt(self) -> Range:
        """Return the square root."""
        if not self.lo >= 0:
            raise OpenError("a square root of what may be negative")
        if self.exact is not None:
            exact = fmpq(math.isqrt(int(self.exact.p)), math.isqrt(int(self.exact.q)))
            if exact**2 == self.exact:
                return Range.point(exact)
        return Range.of_balls(self.lo.sqrt(), self.hi.sqrt())

    def meet(self, other: Range) -> Range:
        """Return the intersection with another enclosure of the same number."""
        for each in (self, other):
            if each.exact is not None:
                return each
        lo, hi = max(self.lo, other.lo), min(self.hi, other.hi)
        if hi < lo:
            raise EmptyError("two enclosures of one number do not overlap")
        return Range(lo, hi)

    def holds(self, other: Range) -> bool:
        """Return whether this range contains all of another."""
        if self.exact is not None:
            return other.exact is not None and bool(self.exact == other.exact)
        return bool(self.lo <= other.lo and other.hi <= self.hi)

    @property
    def is_zero(self) -> bool:
        """Return whether the range is exactly 0."""
        return self.exact is not None and bool(self.exact == 0)

    def below(self, other: Range) -> bool | None:
        """Return whether this is less than another, or None if undecided."""
        if self.exact is not None and other.exact is not None:
            return bool(self.exact < other.exact)
        if self.hi < other.lo:
            return True
        return False if self.lo >= other.hi else None

    def at_most(self, other: Range) -> bool | None:
        """Return whether this is at most another, or None if undecided."""
        opposite = other.below(self)
        return None if opposite is None else not opposite


def _bits(value: fmpq) -> int:
    return max(int(value.p).bit_length(), int(value.q).bit_length())


def read(ends: str | list[str]) -> Range:
    """Read a number ``"1/3"``, or a range of two equal fractions or two binary ``"3p-5"``."""
    if isinstance(ends, str):
        return Range.point(fraction(ends))
    low, high = ends
    if low == high and "p" not in low:
        return Range.point(fraction(low))
    return Range(_binary(low), _binary(high))


def fraction(text: str) -> fmpq:
    """Read a short number exactly: decimal digits, with an exponent or a denominator."""
    if len(text) > _LONGEST or not re.fullmatch(_NUMBER, text):
        raise ValueError(f"{text[:50]!r} is not a short number")
    _, _, exponent = text.lower().partition("e")
    if abs(int(exponent or 0)) > _LONGEST:
        raise ValueError(f"{text[:50]!r} is too large or small")
    try:
        exact = Fraction(text)
    except ZeroDivisionError:
        raise ValueError(f"{text[:50]!r} divides by 0") from None
    return fmpq(fmpz(exact.numerator), fmpz(exact.denominator))


def _binary(text: str) -> arb:
    if len(text) > _LONGEST or not re.fullmatch(r"-?[0-9]+p-?[0-9]+", text):
        raise ValueError(f"{text[:50]!r} is not a binary number")
    mantissa, _, exponent = text.partition("p")
    return arb((fmpz(int(mantissa)), fmpz(int(exponent))))
