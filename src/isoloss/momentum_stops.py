"""Where steps with momentum first reach a level.

The train loss oscillates, so every step counts: losses are evaluated in blocks by matrix products,
and only stretches whose overdamped directions alone keep the loss above the level are skipped. A
step whose loss is at the level but for a bound on the rounding is looked at in double-double.
Shapes as in `stopping`: levels (B, L), all others (B, 1, r).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import array_api_compat as compat
import numpy as np
import numpy.typing as npt

from isoloss.filters import Filter, choose
from isoloss.momentum import Motion, Transition, rescaled
from isoloss.stopping import log_excess

__all__ = ["Stops", "first_crossing", "walk"]

Array = Any

_WIDEST = 64  # a block has at most the square of this many steps
_ELEMENTS = 2**21
_NATS = 200.0  # growth or decay in a block
_TOLERANCE = 1e-13  # of the sum of magnitudes: far above the rounding of a block's products
_WALKED = 64  # steps between two rescalings, where rates change
_SMALLEST = 1e-250


class Stops(NamedTuple):
    """The first step at or below each level (inf: none), the filters there, and the end."""

    first: Array
    stopped: Filter
    end: Motion


class _Search:
    """Which levels are still open, and what is known of the others."""

    def __init__(self, xp: Any, log_weights: Array, motion: Motion, log_level: Array) -> None:
        self.xp, self.log_weights, self.log_level = xp, log_weights, log_level
        self.first = xp.inf + xp.zeros_like(log_level)
        blank = xp.zeros_like(log_level)[..., None]
        start = motion.filter(xp)
        self.stopped = Filter(start.sign + blank, start.logarithm() + blank)

    @property
    def open(self) -> Array:
        return self.xp.isinf(self.first) & ~self.xp.isnan(self.log_level)

    def any_open(self) -> bool:
        return bool(self.xp.any(self.open))

    def record(self, hit: Array, step: Array, there: Filter) -> None:
        self.first = self.xp.where(hit, step, self.first)
        self.stopped = choose(self.xp, hit, there, self.stopped)

    def weights(self, motion: Motion) -> tuple[Array, Array]:
        """Return weights of squared positions, (B, 1, r), and levels (B, L), both scaled."""
        xp = self.xp
        logs = self.log_weights + 2.0 * motion.log_scale()
        size = xp.maximum(xp.abs(motion.position[0]), xp.abs(motion.velocity[0]))
        top = xp.max(logs + 2.0 * xp.log(size), axis=-1)
        shift = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
        return xp.exp(logs - shift[..., None]), xp.exp(self.log_level - shift)


def first_crossing(
    xp: Any, log_weights: Array, motion: Motion, step: Transition, steps: int, log_level: Array
) -> Stops:
    """Find the first of ``steps`` equal steps at or below each level."""
    search = _Search(xp, log_weights, motion, log_level)
    large, small, apart = step.eigenvalues()
    rate = float(xp.max(xp.where(log_weights > -xp.inf, xp.abs(large), 0.0 * large)))
    pace = abs(math.log(rate)) if rate > 0 else math.inf
    width = math.isqrt(int(min(_WIDEST**2, max(_NATS / pace if pace else math.inf, 1.0))))
    width = max(min(width, _ELEMENTS // math.prod(large.shape)), 1)
    skip, done, now = width**2, 0, motion
    while done < steps and search.any_open():
        length = min(skip, steps - done)
        if skip > 1 and _stays_above(search, now, step, (large, small, apart), length):
            now = step.advance(now, length)
            done, skip = done + length, 2 * skip
            continue
        skip = max(skip // 2, width**2)
        rows = min(width, -(-(steps - done) // width))
        length = min(rows * width, steps - done)
        doubtful = _search_block(search, now, step, (rows, width, length), done)
        # an undecided step ends the block, so that it is seen again from afresh
        length = length if doubtful is None else doubtful
        now = step.advance(now, length)
        done += length
    return Stops(search.first, search.stopped, step.advance(now, steps - done))


def _stays_above(
    search: _Search,
    motion: Motion,
    step: Transition,
    eigenvalues: tuple[Array, Array, Array],
    steps: int,
) -> bool:
    """Whether directions with real eigenvalues alone keep the loss above all open levels.

    There h_k = pλ₁^k + qλ₂^k, so |h_k| is at least |p| min(1, |λ₁|^K) - |q| max(1, |λ₂|^K).
    """
    xp = search.xp
    weights, levels = search.weights(motion)
    large, small, apart = eigenvalues
    a, b, _, _ = step.entries()
    x, q = motion.position[0], motion.velocity[0]
    after = a * x + b * q
    gap = xp.where(apart, large - small, 1.0 + 0.0 * large)
    main, other = xp.abs((after - small * x) / gap), xp.abs((large * x - after) / gap)
    # the eigenvalues' own rounding, many times over
    slack = 1e-11 * steps + 1e-6
    decay = xp.minimum(steps * xp.log(xp.abs(large)), 0.0 * large) - slack
    growth = xp.maximum(steps * xp.log(xp.abs(small)), 0.0 * small) + slack
    rounding = 1e-12 * (xp.abs(after) + xp.abs(large * x)) / xp.abs(gap)
    least = main * xp.exp(decay) - (other + rounding) * xp.exp(growth)
    least = xp.where(apart & (least > 0), least, 0.0 * least)
    bound = xp.sum(weights * least**2, axis=-1)
    return bool(xp.all((bound > levels) | ~search.open))


def _search_block(
    search: _Search, motion: Motion, step: Transition, size: tuple[int, int, int], done: int
) -> int | None:
    """Look at every step of a block; return the first that could not be decided in float64."""
    xp = search.xp
    rows, width, length = size
    sums, doubt, levels = _block_losses(search, motion, step, rows, width)
    sums, doubt = sums[:, :length], doubt[:, :length]
    near = sums[:, None, :] - doubt[:, None, :] <= levels[..., None]  # (B, L, steps)
    near = near & search.open[..., None]
    if not bool(xp.any(near)):
        return None
    place = xp.astype(xp.argmax(xp.astype(near, xp.int64), axis=-1) + 1, levels.dtype)
    found = xp.any(near, axis=-1)
    place = xp.where(found, place, xp.ones_like(place))
    there = step.advance_each(motion, place[..., None]).filter(xp)
    hit = found & (log_excess(xp, search.log_weights, there) <= search.log_level)
    search.record(hit, done + place, there)
    undecided = found & ~hit
    if not bool(xp.any(undecided)):
        return None
    return int(xp.min(xp.where(undecided, place, length + xp.zeros_like(place))))


def _block_losses(
    search: _Search, motion: Motion, step: Transition, rows: int, width: int
) -> tuple[Array, Array, Array]:
    """Return losses after 1 … rows·width steps, (B, steps), a bound on their rounding, and levels.

    The loss after j steps from the i-th of ``rows`` states is Σ w (a_j x_i + b_j q_i)²: a matrix
    product of (x², xq, q²) with (a², 2ab, b²).
    """
    xp = search.xp
    weights, levels = search.weights(motion)
    one = step.entries()
    a, b = _powers(xp, one, width, (one[0], one[1]))
    wide = _matrix_power(one, width)
    x, q = motion.position[0], motion.velocity[0]
    xs, qs = _states(xp, wide, rows, (x, q))
    left = (weights * xs**2, weights * xs * qs, weights * qs**2)
    right = tuple(xp.permute_dims(part, (0, 2, 1)) for part in (a**2, 2.0 * a * b, b**2))
    batch = xs.shape[0]
    sums = xp.reshape(xp.concat(left, axis=-1) @ xp.concat(right, axis=1), (batch, -1))
    left = (left[0], xp.abs(left[1]), left[2])
    right = (right[0], xp.abs(right[1]), right[2])
    sizes = xp.reshape(xp.concat(left, axis=-1) @ xp.concat(right, axis=1), (batch, -1))
    return sums, _TOLERANCE * sizes, levels


def _powers(
    xp: Any, one: tuple[Array, ...], count: int, first: tuple[Array, Array]
) -> tuple[Array, Array]:
    """Return the first rows of the matrix's powers 1 … count, (B, count, r) each."""
    a, b = first
    matrix = one
    while a.shape[1] < count:
        more = a * matrix[0] + b * matrix[2], a * matrix[1] + b * matrix[3]
        a, b = xp.concat([a, more[0]], axis=1), xp.concat([b, more[1]], axis=1)
        matrix = _squared(matrix)
    return a[:, :count, :], b[:, :count, :]


def _states(
    xp: Any, wide: tuple[Array, ...], rows: int, state: tuple[Array, Array]
) -> tuple[Array, Array]:
    """Return ``rows`` states, each a matrix ``wide`` after the one before, (B, rows, r) each."""
    x, q = state
    matrix = wide
    while x.shape[1] < rows:
        more = matrix[0] * x + matrix[1] * q, matrix[2] * x + matrix[3] * q
        x, q = xp.concat([x, more[0]], axis=1), xp.concat([q, more[1]], axis=1)
        matrix = _squared(matrix)
    return x[:, :rows, :], q[:, :rows, :]


def _squared(m: tuple[Array, ...]) -> tuple[Array, ...]:
    return _product(m, m)


def _product(m: tuple[Array, ...], n: tuple[Array, ...]) -> tuple[Array, ...]:
    return (
        m[0] * n[0] + m[1] * n[2],
        m[0] * n[1] + m[1] * n[3],
        m[2] * n[0] + m[3] * n[2],
        m[2] * n[1] + m[3] * n[3],
    )


def _matrix_power(m: tuple[Array, ...], count: int) -> tuple[Array, ...]:
    """Return m to a power of at least 1."""
    found = m
    for bit in bin(count)[3:]:
        found = _squared(found)
        if bit == "1":
            found = _product(found, m)
    return found


def walk(
    xp: Any,
    log_weights: Array,
    motion: Motion,
    curvature: Array,
    rates: npt.NDArray[np.float64],
    momentum: float,
    log_level: Array,
    *,
    nesterov: bool,
) -> Stops:
    """Take steps of changing rates one by one, and find the first at or below each level."""
    search = _Search(xp, log_weights, motion, log_level)
    x, q = ((high + low)[:, 0, :] for high, low in (motion.position, motion.velocity))
    exponent = motion.exponent[:, 0, :]
    top = float(xp.max(curvature))
    size = max(min(_WALKED, _ELEMENTS // math.prod(curvature.shape)), 1)
    growth = math.log(2.0 + 2.0 * float(rates.max()) * top) if rates.size else 1.0
    normal = min(size, max(int(300.0 / growth), 1))
    done, size = 0, normal
    gamma = curvature[:, 0, :]
    while done < rates.size:
        block = rates[done : done + size]
        here = _motion(motion.base, x, q, exponent)
        looking = search.any_open()
        positions, end = _take(xp, (x, q), gamma, block, momentum, nesterov=nesterov)
        if looking:
            weights, levels = search.weights(here)
            sums = xp.vecdot(positions, weights[:, 0, :] * positions)  # (steps, B)
            if block.size > 1 and not bool(xp.all(sums > _SMALLEST)):
                size = max(block.size // 8, 1)
                continue
            _record_first(search, here, positions, sums, levels, done)
        done, size = done + block.size, normal
        exponent, ((x, _), (q, _)) = rescaled(xp, exponent, [(part, 0.0) for part in end])
    return Stops(search.first, search.stopped, _motion(motion.base, x, q, exponent))


def _take(
    xp: Any,
    state: tuple[Array, Array],
    curvature: Array,
    rates: npt.NDArray[np.float64],
    momentum: float,
    *,
    nesterov: bool,
) -> tuple[Array, tuple[Array, Array]]:
    """Return the positions after each step, (steps, B, r), and the last state."""
    x, q = state[0], state[1] + 0.0  # a copy, changed in place: memory is what a step costs
    columns = xp.asarray(-2.0 * rates, dtype=x.dtype, device=compat.device(x))[:, None, None]
    positions = columns * curvature
    for k in range(rates.size):
        row = positions[k, ...]
        q *= momentum
        q += x
        row *= momentum * q + x if nesterov else q
        row += x
        x = row
    return positions, (x + 0.0, q)


def _motion(base: Filter, x: Array, q: Array, exponent: Array) -> Motion:
    x, q, exponent = x[:, None, :], q[:, None, :], exponent[:, None, :]
    return Motion(base, (x, 0.0 * x), (q, 0.0 * q), exponent)


def _record_first(
    search: _Search, motion: Motion, positions: Array, sums: Array, levels: Array, done: int
) -> None:
    """Record the levels first reached in a block of steps."""
    xp = search.xp
    near = sums[..., None] <= levels[None, ...]  # (steps, B, L)
    hit = xp.any(near, axis=0) & search.open
    if not bool(xp.any(hit)):
        return
    index = xp.argmax(xp.astype(near, xp.int64), axis=0)
    by_batch = xp.permute_dims(positions, (1, 0, 2))
    pick = xp.broadcast_to(index[..., None], (*index.shape, positions.shape[-1]))
    there = xp.take_along_axis(by_batch, pick, axis=1)  # (B, L, r)
    moved = motion._replace(position=(there, 0.0 * there))
    step = xp.astype(index + 1, levels.dtype)
    search.record(hit, done + step, moved.filter(xp))
