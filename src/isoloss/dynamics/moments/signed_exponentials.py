"""Find where a sum of signed exponentials first falls to a level, at a cost that ignores distance.

Σ c_j exp(ℓ_j t) + Σ d_j (exp(ℓ_j t) - 1)/ℓ_j may fall and rise many times. The search halves
intervals, the left half first, and leaves out those where a lower bound shows that no dip is deeper
than the rounding of the sum: the cubic through the values and slopes at both ends, less the largest
fourth derivative times (width)⁴/384. So few intervals suffice even where terms almost cancel, or
where the sum touches the level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["first_below", "first_time_below"]

Vector = npt.NDArray[np.float64]

_ROUNDING = 4 * np.finfo(np.float64).eps
_LARGEST = 600.0  # exponents up to here are far from overflow
_UNDERFLOW = 1e3  # a term is 0 beyond this exponent


def first_below(
    coefficients: Vector,
    log_rates: Vector,
    bar: float,
    steps: int,
    *,
    slopes: Vector | None = None,
    negative: npt.NDArray[np.bool_] | None = None,
) -> int | None:
    """Return the first k in 1..steps with Σ c_j b_j^k + Σ d_j (e^(ℓ_j k) - 1)/ℓ_j ≤ bar, or None.

    The base b_j is e^ℓ_j, or -e^ℓ_j where ``negative`` is set, and ℓ_j may be -inf. ``slopes`` are
    the d_j: such a term starts at 0 with slope d_j and loses no digits where ℓ_j is nearly 0 (at 0
    it is d_j k). A dip that is shallower than the rounding of the sum may be missed.
    """
    c, rates = np.asarray(coefficients, np.float64), np.asarray(log_rates, np.float64)
    d = np.zeros_like(c) if slopes is None else slopes
    if negative is None or not np.any(negative & (c != 0)):
        return _first(c, rates, d, bar, range(1, steps + 1))
    odd = _first(np.where(negative, -c, c), rates, d, bar, range(1, steps + 1, 2))
    even = _first(c, rates, d, bar, range(2, steps + 1, 2))
    found = [k for k in (odd, even) if k is not None]
    return min(found) if found else None


def first_time_below(
    coefficients: Vector, log_rates: Vector, bar: float, time: float
) -> float | None:
    """Return the first t in [0, time] with Σ c_j exp(ℓ_j t) ≤ bar, or None.

    ``time`` may be infinite. A level that the sum only tends to is not reached.
    """
    c, rates = np.asarray(coefficients, np.float64), np.asarray(log_rates, np.float64)
    terms = _merged(c, rates, np.zeros_like(c), bar)
    found = _searched(_scaled(terms), 0.0, time, 0)
    return None if found is None else float(found)


@dataclass(frozen=True)
class _Point:
    """The sum and its parts at one place."""

    t: Any
    powers: Vector
    value: float
    slope: float
    rounding: float


class _Terms:
    """Terms c e^(ℓt) + d (e^(ℓt) - 1)/ℓ with distinct rates; the derivative of each is h e^(ℓt)."""

    def __init__(self, c: Vector, rates: Vector, d: Vector) -> None:
        self.c, self.rates, self.d = c, rates, d
        self.h = c * rates + d
        # only terms with a negative fourth derivative bring the sum below the cubic
        self.concave = np.where(self.h * rates < 0, np.abs(self.h), 0.0)
        self.has_slopes = bool(np.any(d))

    def at(self, t: float) -> _Point:
        exponents = self.rates * t
        powers = np.exp(exponents)
        values = self.c * powers
        sizes = np.abs(values)
        if self.has_slopes:
            flat = self.rates == 0
            started = np.where(flat, t, np.expm1(exponents) / np.where(flat, 1.0, self.rates))
            values = values + self.d * started
            sizes = sizes + np.abs(self.d) * started
        slopes = self.h * powers
        return _Point(
            t=t,
            powers=powers,
            value=float(values.sum()),
            slope=float(slopes.sum()),
            rounding=_ROUNDING * float(sizes @ (1.0 + np.minimum(np.abs(exponents), _UNDERFLOW))),
        )

    def stays_above(self, a: _Point, b: _Point) -> bool:
        """Whether no dip between two places, both above 0, is deeper than rounding."""
        width = float(b.t - a.t)
        fourth = width * self.concave * np.abs(self.rates * width) ** 3
        error = float(fourth @ np.maximum(a.powers, b.powers)) / 384.0
        cubic = _lowest_of_cubic(a.value, b.value, width * a.slope, width * b.slope)
        return cubic - error >= -min(a.rounding, b.rounding)


def _lowest_of_cubic(first: float, last: float, rise: float, end_rise: float) -> float:
    """Return the least value on [0, 1] of the cubic with these values and slopes at 0 and 1."""
    change = last - first
    square, cube = 3 * change - 2 * rise - end_rise, rise + end_rise - 2 * change
    lowest = min(first, last)
    discriminant = square * square - 3 * cube * rise
    if discriminant >= 0:
        q = -(square + math.copysign(math.sqrt(discriminant), square))
        for top, bottom in ((rise, q), (q, 3 * cube)):
            if bottom != 0 and 0 < top / bottom < 1:
                x = top / bottom
                lowest = min(lowest, first + x * (rise + x * (square + x * cube)))
    return lowest


def _merged(c: Vector, rates: Vector, d: Vector, bar: float) -> _Terms:
    """Return the terms less the bar, one for each rate."""
    lives = ((c != 0) | (d != 0)) & (rates > -np.inf)
    c, rates, d = np.append(c[lives], -bar), np.append(rates[lives], 0.0), np.append(d[lives], 0.0)
    distinct, place = np.unique(rates, return_inverse=True)
    totals = [np.bincount(place, part, distinct.size) for part in (c, d)]
    lives = (totals[0] != 0) | (totals[1] != 0)
    return _Terms(totals[0][lives], distinct[lives], totals[1][lives])


def _scaled(terms: _Terms) -> _Terms:
    """Return terms without slopes over the one that decays slowest, or grows fastest."""
    top = terms.rates.max(initial=-np.inf)
    return _Terms(terms.c, terms.rates - top if terms.rates.size else terms.rates, terms.d)


def _first(c: Vector, rates: Vector, d: Vector, bar: float, places: range) -> int | None:
    """Return the first of evenly spaced places where the sum is at or below the bar."""
    if not places:
        return None
    terms, start, end = _merged(c, rates, d, bar), places[0], places[-1]
    if terms.has_slopes:
        top = float(terms.rates.max())
        if top * end > _LARGEST:
            fits = places[: max(int((_LARGEST / top - start) // places.step) + 1, 1)]
        else:
            fits = places
        found: int | None = _searched(terms, start, fits[-1], places.step)
        if found is not None or fits[-1] == end:
            return found
        start = fits[-1]
        # so far out, differences of exponentials have lost what they can lose
        flat = terms.rates == 0
        settled = np.where(flat, 0.0, terms.d / np.where(flat, 1.0, terms.rates))
        past = float(np.sum(np.where(flat, terms.d * float(start), -settled)))
        c = np.append(terms.c + settled, past)
        terms = _merged(c, np.append(terms.rates, 0.0), np.zeros_like(c), 0.0)
    first: int | None = _searched(_scaled(terms), start, end, places.step)
    return first


def _searched(terms: _Terms, start: Any, end: Any, stride: int) -> Any:
    """Return the first place with a sum at or below 0, on a grid if there is a stride, or None."""
    with np.errstate(over="ignore", invalid="ignore"):  # bounds that are no numbers bound nothing
        first = terms.at(start)
        if first.value <= 0:
            return start
        end = min(end, _settled(terms, start, stride)) if not terms.has_slopes else end
        if end <= start:
            return None
        last = terms.at(end)
        open_parts = [(first, last)]
        while open_parts:
            a, b = open_parts.pop()
            if b.value > 0 and terms.stays_above(a, b):
                continue
            t = _between(a.t, b.t, stride)
            if t is None:
                if b.value <= 0:
                    return b.t
                continue
            middle = terms.at(t)
            open_parts += [(middle, b), (a, middle)]
    return None


def _settled(terms: _Terms, start: Any, stride: int) -> Any:
    """Return a place from which on the term of rate 0 decides the sign of the sum."""
    top = int(np.argmax(terms.rates))
    others = np.arange(terms.c.size) != top
    if not np.any(others):
        return start
    sizes = np.log(np.abs(terms.c))
    logs = sizes[others] - sizes[top] + np.log(2.0 * terms.c.size)
    far = max(float(np.max(logs / -terms.rates[others])), float(start))
    far = min(far, np.finfo(np.float64).max)
    return start + stride * math.ceil((far - start) / stride) if stride else far


def _between(a: Any, b: Any, stride: int) -> Any:
    """Return a place between two others, in the middle of their logs if they are far apart."""
    if stride:
        count = (b - a) // stride
        if count <= 1:
            return None
        t = int(math.sqrt(a) * math.sqrt(b)) if b > 4 * a else (a + b) // 2
        return a + stride * min(max((t - a) // stride, 1), count - 1)
    if a == 0:
        t = b / 1024.0
    elif b > 4 * a:
        t = math.sqrt(a) * math.sqrt(b)
    else:
        t = 0.5 * a + 0.5 * b
    return t if a < t < b and b - a > _ROUNDING * b else None
