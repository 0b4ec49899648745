"""Apply momentum to each eigendirection: a 2 × 2 matrix acts on position and velocity.

Along a direction of curvature γ, let h be the filter, a = 2ηγ, and q the velocity divided by 2γ, so
that each gradient adds h to q. Then q' = μq + h, and

- heavy ball: h' = h - a q',
- Nesterov: h' = h - a (h + μq').

Powers of this matrix are computed by repeated squaring in double-double, with powers of two split
off, so that neither 10⁹ steps nor a divergence costs digits.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

from isoloss.dynamics import double_double as dd
from isoloss.dynamics.filters import Filter
from isoloss.dynamics.last_step import Line
from isoloss.dynamics.level_rows import LevelRows
from isoloss.dynamics.stops import LevelStops
from isoloss.problems.units import shifted

__all__ = ["LARGEST", "Motion", "Transition", "one_step", "relative_to", "rescaled"]

Array = Any
Matrix = tuple[dd.Pair, dd.Pair, dd.Pair, dd.Pair]

LARGEST = 1e290
"""The largest 2ηγ that error-free products can handle."""

_LN2 = (0.6931471805599453, 2.3190468138462996e-17)
_GROWTH = 30.0  # if growth exceeds this many nats, a filter's logarithm is kept in double-double


class Motion(NamedTuple):
    """Position h and velocity q along each direction: (position, velocity) · 2^exponent · base."""

    base: Filter
    position: dd.Pair
    velocity: dd.Pair
    exponent: Array

    @classmethod
    def at_rest(cls, filters: Filter) -> Motion:
        """Start from a filter with no velocity."""
        zeros = 0.0 * filters.sign
        return cls(filters, (1.0 + zeros, zeros), (zeros, zeros), zeros)

    def with_velocity_of(self, xp: Any, other: Motion) -> Motion:
        """Return the position here with the velocity of a motion on the same base."""
        top = xp.maximum(self.exponent, other.exponent)
        position, velocity = (
            tuple(shifted(xp, part, motion.exponent - top) for part in pair)
            for motion, pair in ((self, self.position), (other, other.velocity))
        )
        return Motion(self.base, position, velocity, top)

    def filter(self, xp: Any) -> Filter:
        """Return the filter reached."""
        high, low = self.position
        log = xp.log(xp.abs(high))
        rest = xp.where(high == 0, 0.0, low / xp.where(high == 0, 1.0, high))
        ln2 = (_LN2[0] + 0.0 * log, _LN2[1] + 0.0 * log)
        sign = xp.where(high < 0, -1.0, xp.ones_like(high))
        moved = Filter(sign, *_finite_sum(xp, dd.scale(ln2, self.exponent), log, rest))
        if self.base.low is None and not moved.grows(xp, _GROWTH):
            return self.base.then(xp, moved._replace(low=None))
        return self.base.precise(xp).then(xp, moved)

    def line(
        self,
        rows: LevelRows,
        *,
        xp: Any,
        curvature: Array,
        lr: Array,
        momentum: float,
        nesterov: bool,
    ) -> Line:
        """Return the lines that steps from here follow as their rates grow, for some rows."""
        zeros = 0.0 * self.position[0]
        mu = momentum + zeros, zeros
        along = dd.add(dd.multiply(mu, self.velocity), self.position)
        if nesterov:
            along = dd.add(dd.multiply(mu, along), self.position)
        slope = 2.0 * curvature * (along[0] + along[1])
        position = self.position[0] + self.position[1]
        start = self.base.then(xp, Filter(1.0 + zeros, zeros))
        if bool(xp.any(self.exponent != 0)):
            ln2 = _LN2[0] + zeros, _LN2[1] + zeros
            unit = Filter(1.0 + zeros, *dd.scale(ln2, self.exponent))
            start = self.base.precise(xp).then(xp, unit)
        whole = lr + zeros[..., 0]
        return Line(rows.filters(start), *map(rows.of, (position, slope, whole)))

    def log_scale(self) -> Array:
        """Return the logarithm of the unit of position and velocity."""
        return self.base.logarithm() + _LN2[0] * self.exponent


def _finite_sum(xp: Any, pair: dd.Pair, log: Array, rest: Array) -> dd.Pair:
    finite = xp.isfinite(log)
    high, low = dd.add(pair, (xp.where(finite, log, 0.0 * rest), rest))
    return xp.where(finite, high, log), low


def _pull(lr: float, curvature: Array) -> dd.Pair:
    """Return -2ηγ, computed from factors that each fit in float64."""
    mantissa, exponent = math.frexp(lr)
    half = min(exponent, 1000)
    scaled = curvature * 2.0**half * 2.0 ** (exponent + 1 - half)
    return dd.two_prod(mantissa + 0.0 * curvature, -scaled)


def one_step(
    xp: Any, motion: Motion, lr: float, momentum: float, curvature: Array, *, nesterov: bool
) -> Motion:
    """Return the motion after one step.

    In this order, two Nesterov steps at 2ηγ = 1 remove a direction to the last bit.
    """
    zeros = 0.0 * curvature
    a, mu = _pull(lr, curvature), (momentum + zeros, zeros)
    x = motion.position
    q = dd.add(dd.multiply(mu, motion.velocity), x)
    if nesterov:
        x = _dot(dd.add((1.0 + zeros, zeros), a), x, a, dd.multiply(mu, q))
    else:
        x = dd.add(x, dd.multiply(a, q))
    exponent, (x, q) = rescaled(xp, motion.exponent, (x, q))
    return Motion(motion.base, x, q, exponent)


class Transition:
    """The 2 × 2 matrices of steps of one rate; each entry has the shape of ``curvature``."""

    def __init__(
        self, xp: Any, lr: float, momentum: float, curvature: Array, *, nesterov: bool
    ) -> None:
        self.xp = xp
        self.line = partial(
            Motion.line, xp=xp, curvature=curvature, lr=lr, momentum=momentum, nesterov=nesterov
        )
        zeros = 0.0 * curvature
        one, mu = (1.0 + zeros, zeros), (momentum + zeros, zeros)
        a = _pull(lr, curvature)
        pull = dd.multiply(a, mu)
        first = dd.add(one, a)
        if nesterov:
            first = dd.add(first, pull)
            pull = dd.multiply(pull, mu)
        exponent, matrix = rescaled(xp, zeros, (first, pull, one, mu))
        self.squares: list[tuple[Array, Matrix]] = [(exponent, matrix)]
        self._tables: dict[int, tuple[Array, Array]] = {}

    def power(self, i: int) -> tuple[Array, Matrix]:
        """Return the exponent and the matrix of 2^i steps."""
        while len(self.squares) <= i:
            exponent, m = self.squares[-1]
            square = (
                _dot(m[0], m[0], m[1], m[2]),
                _dot(m[0], m[1], m[1], m[3]),
                _dot(m[2], m[0], m[3], m[2]),
                _dot(m[2], m[1], m[3], m[3]),
            )
            self.squares.append(rescaled(self.xp, 2.0 * exponent, square))
        return self.squares[i]

    def advance(self, motion: Motion, steps: int) -> Motion:
        """Return the motion after a number of steps."""
        for i in range(steps.bit_length()):
            if steps >> i & 1:
                motion = self._apply(i, motion)
        return motion

    def advance_each(self, motion: Motion, steps: Array) -> Motion:
        """Return the motions after different numbers of steps, an array of shape (B, L, 1)."""
        xp = self.xp
        largest = int(xp.max(steps))
        left, zeros = steps, 0.0 * steps
        base = Filter(*(None if part is None else part + zeros for part in motion.base))
        motion = _from_parts(base, [part + zeros for part in _parts(motion)])
        for i in range(largest.bit_length()):
            half = xp.floor(0.5 * left)
            odd = left - 2.0 * half == 1.0
            pairs = zip(_parts(self._apply(i, motion)), _parts(motion), strict=True)
            motion = _from_parts(base, [xp.where(odd, new, old) for new, old in pairs])
            left = half
        return motion

    def _apply(self, i: int, motion: Motion) -> Motion:
        exponent, m = self.power(i)
        x, q = motion.position, motion.velocity
        after = _dot(m[0], x, m[1], q), _dot(m[2], x, m[3], q)
        exponent, (x, q) = rescaled(self.xp, exponent + motion.exponent, after)
        return Motion(motion.base, x, q, exponent)

    def table(self, count: int) -> tuple[Array, Array]:
        """Return the first rows of the matrices of 1 … count steps, float64 of (B, count, r) each.

        They are computed in double-double, because digits cancel near a double eigenvalue.
        """
        if count not in self._tables:
            a, b, _, _ = self._sized(0)
            i = 0
            while a[0].shape[1] < count:
                m = self._sized(i)
                after = _dot(a, m[0], b, m[2]), _dot(a, m[1], b, m[3])
                a, b, i = self._joined(a, after[0]), self._joined(b, after[1]), i + 1
            self._tables[count] = a[0][:, :count, :], b[0][:, :count, :]
        return self._tables[count]

    def states(self, motion: Motion, i: int, count: int) -> tuple[Array, Array]:
        """Return position and velocity after 0 … count - 1 times 2^i steps, (B, count, r) each.

        Both are in float64, relative to the scale of the motion.
        """
        x, q = motion.position, motion.velocity
        while x[0].shape[1] < count:
            m = self._sized(i)
            after = _dot(m[0], x, m[1], q), _dot(m[2], x, m[3], q)
            x, q, i = self._joined(x, after[0]), self._joined(q, after[1]), i + 1
        return x[0][:, :count, :], q[0][:, :count, :]

    def _joined(self, before: dd.Pair, after: dd.Pair) -> dd.Pair:
        high, low = (self.xp.concat(pair, axis=1) for pair in zip(before, after, strict=True))
        return high, low

    def _sized(self, i: int) -> Matrix:
        """Return the matrix of 2^i steps times its power of two, which must fit in float64."""
        exponent, matrix = self.power(i)
        # apply half the exponent twice, as the whole factor may lie beyond float64
        size = 2.0 ** (0.5 * exponent)
        first, second, third, fourth = ((h * size * size, low * size * size) for h, low in matrix)
        return first, second, third, fourth

    def entries(self) -> tuple[Array, Array, Array, Array]:
        """Return the matrix of one step in float64, row by row."""
        first, second, third, fourth = (high for high, _ in self._sized(0))
        return first, second, third, fourth

    def eigenvalues(self) -> tuple[Array, Array, Array]:
        """Return real eigenvalues, larger modulus first, and a mask of those real and apart.

        Elsewhere, both values are the modulus of the complex pair.
        """
        xp = self.xp
        a, b, c, d = self.entries()
        half = 0.5 * (a + d)
        discriminant = (0.5 * (a - d)) ** 2 + b * c
        apart = discriminant > 1e-8 * half**2
        root = xp.sqrt(xp.where(apart, discriminant, 0.0 * half))
        large = xp.where(half < 0, half - root, half + root)
        determinant = a * d - b * c
        small = determinant / xp.where(large == 0, 1.0 + 0.0 * large, large)
        modulus = xp.sqrt(xp.abs(determinant))
        return xp.where(apart, large, modulus), xp.where(apart, small, modulus), apart


def _parts(motion: Motion) -> list[Array]:
    return [*motion.position, *motion.velocity, motion.exponent]


def _from_parts(base: Filter, parts: list[Array]) -> Motion:
    return Motion(base, (parts[0], parts[1]), (parts[2], parts[3]), parts[4])


def _dot(a: dd.Pair, b: dd.Pair, c: dd.Pair, d: dd.Pair) -> dd.Pair:
    """Return ab + cd."""
    return dd.add(dd.multiply(a, b), dd.multiply(c, d))


def relative_to(motion: Motion, stops: LevelStops) -> tuple[Array, Array]:
    """Return weights of squared positions, (B, 1, r), and bars of levels (B, L), both scaled."""
    xp = stops.xp
    logs = stops.log_weights + 2.0 * motion.log_scale()
    size = xp.maximum(xp.abs(motion.position[0]), xp.abs(motion.velocity[0]))
    top = xp.max(logs + 2.0 * xp.log(size), axis=-1)
    shift = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    return xp.exp(logs - shift[..., None]), xp.exp(stops.bar - shift)


def rescaled(xp: Any, exponent: Array, pairs: Any) -> tuple[Array, Any]:
    """Scale ``pairs`` by a power of two, so that the largest lies between 2^-64 and 2^64."""
    size = xp.abs(pairs[0][0])
    for high, _ in pairs[1:]:
        size = xp.maximum(size, xp.abs(high))
    if bool(xp.all((size <= 2.0**64) & ((size >= 2.0**-64) | (size == 0)))):
        return exponent, tuple(pairs)
    factor = 1.0 + 0.0 * size
    for bits in (512.0, 256.0, 128.0, 64.0):
        shift = xp.where(size > 2.0**bits, -bits, 0.0 * size)
        shift = xp.where((size < 2.0**-bits) & (size > 0), bits, shift)
        step = xp.where(shift < 0, 2.0**-bits, xp.where(shift > 0, 2.0**bits, 1.0 + 0.0 * size))
        size, factor, exponent = size * step, factor * step, exponent - shift
    return exponent, tuple((high * factor, low * factor) for high, low in pairs)
