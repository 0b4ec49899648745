"""Find where equal steps with momentum first reach a level.

The train loss oscillates, so every step is checked: losses are computed in blocks by matrix
products, and only stretches where overdamped directions alone keep the loss above the level are
skipped. A step whose loss is at the level to within a rounding bound is checked in double-double.
"""

from __future__ import annotations

import math
from typing import Any

from isoloss.dynamics.last_step import Line
from isoloss.dynamics.level_rows import LevelRows
from isoloss.dynamics.momentum.motion import Motion, Transition, relative_to
from isoloss.dynamics.stops import LevelStops

__all__ = ["first_crossing"]

Array = Any

_WIDEST = 6  # a block has at most 2^6 by 2^6 steps
_ELEMENTS = 2**21
_EXACT = 256  # steps within which a direction may be removed exactly
_NATS = 200.0  # the growth or decay allowed in a block
_TOLERANCE = 1e-13  # relative to the sum of magnitudes; far above the products' rounding


def first_crossing(stops: LevelStops, motion: Motion, step: Transition, steps: int) -> Motion:
    """Record the first of ``steps`` equal steps at or below each level, and return the end."""
    xp, log_weights = stops.xp, stops.log_weights
    large, small, apart = step.eigenvalues()
    rate = float(xp.max(xp.where(log_weights > -xp.inf, xp.abs(large), 0.0 * large)))
    pace = abs(math.log(rate)) if rate > 0 else math.inf
    room = min(_NATS / pace if pace else math.inf, (_ELEMENTS / math.prod(large.shape)) ** 2)
    bits = min(max(int(0.5 * math.log2(max(room, 1.0))), 0), _WIDEST)
    width = 2**bits
    skip, done, now = width**2, 0, motion
    while done < steps and _worth_looking(stops, done):
        length = min(skip, steps - done)
        if skip > 1 and _stays_above(stops, now, step, (large, small, apart), length):
            now = step.advance(now, length)
            done, skip = done + length, 2 * skip
            continue
        skip = max(skip // 2, width**2)
        rows = min(width, -(-(steps - done) // width))
        length = min(rows * width, steps - done)
        doubtful = _search_block(stops, now, step, (rows, bits, length), done)
        # an undecided step ends the block, and the search goes on from there
        length = length if doubtful is None else doubtful
        now = step.advance(now, length)
        done += length
    return step.advance(now, steps - done)


def _worth_looking(stops: LevelStops, done: int) -> bool:
    """Whether a search of later steps could still confirm that they reach an open level.

    Training reaches the smallest train loss only by removing every direction exactly. After k
    steps, a position is a polynomial of degree k in numbers of 53 bits, so beyond the first steps,
    a zero in double-double would be a rounding error.
    """
    xp, sought = stops.xp, stops.open
    if done >= _EXACT:
        sought = sought & (stops.log_level > -xp.inf)
    return bool(xp.any(sought))


def _stays_above(
    stops: LevelStops,
    motion: Motion,
    step: Transition,
    eigenvalues: tuple[Array, Array, Array],
    steps: int,
) -> bool:
    """Whether directions with real eigenvalues alone keep the loss above all open levels.

    In these, h_k = pλ₁^k + qλ₂^k, so |h_k| is at least |p| min(1, |λ₁|^K) - |q| max(1, |λ₂|^K).
    """
    xp = stops.xp
    weights, levels = relative_to(motion, stops)
    large, small, apart = eigenvalues
    a, b, _, _ = step.entries()
    x, q = motion.position[0], motion.velocity[0]
    after = a * x + b * q
    gap = xp.where(apart, large - small, 1.0 + 0.0 * large)
    main, other = xp.abs((after - small * x) / gap), xp.abs((large * x - after) / gap)
    # many times the rounding errors of the eigenvalues
    slack = 1e-11 * steps + 1e-6
    decay = xp.minimum(steps * xp.log(xp.abs(large)), 0.0 * large) - slack
    growth = xp.maximum(steps * xp.log(xp.abs(small)), 0.0 * small) + slack
    rounding = 1e-12 * (xp.abs(after) + xp.abs(large * x)) / xp.abs(gap)
    least = main * xp.exp(decay) - (other + rounding) * xp.exp(growth)
    least = xp.where(apart & (least > 0), least, 0.0 * least)
    bound = xp.sum(weights * least**2, axis=-1)
    return bool(xp.all((bound > levels) | ~stops.open))


def _search_block(
    stops: LevelStops, motion: Motion, step: Transition, size: tuple[int, int, int], done: int
) -> int | None:
    """Check every step of a block; return the first that float64 could not decide."""
    xp = stops.xp
    rows, bits, length = size
    sums, doubt, levels = _block_losses(stops, motion, step, rows, bits)
    sums, doubt = sums[:, :length], doubt[:, :length]
    near = sums[:, None, :] - doubt[:, None, :] <= levels[..., None]  # (B, L, steps)
    near = near & stops.open[..., None]
    if not bool(xp.any(near)):
        return None
    place = xp.astype(xp.argmax(xp.astype(near, xp.int64), axis=-1) + 1, levels.dtype)
    found = xp.any(near, axis=-1)
    place = xp.where(found, place, xp.ones_like(place))
    there = step.advance_each(motion, place[..., None]).filter(xp)

    def line(rows: LevelRows) -> Line:
        return step.line(step.advance_each(motion, place[..., None] - 1.0), rows)

    undecided = stops.record(found, there, done + place, line)
    if not bool(xp.any(undecided)):
        return None
    return int(xp.min(xp.where(undecided, place, length + xp.zeros_like(place))))


def _block_losses(
    stops: LevelStops, motion: Motion, step: Transition, rows: int, bits: int
) -> tuple[Array, Array, Array]:
    """Return losses after 1 … rows·2^bits steps, (B, steps), a bound on their rounding, and levels.

    The loss after j steps from the i-th of ``rows`` states is Σ w (a_j x_i + b_j q_i)², which is a
    matrix product of (x², q²) with (a², b²), plus one of xq with 2ab. Only the second has signs.
    """
    xp = stops.xp
    weights, levels = relative_to(motion, stops)
    a, b = step.table(2**bits)
    xs, qs = step.states(motion, bits, rows)
    weighted = weights * xs
    left = xp.concat((weighted * xs, weights * qs**2), axis=-1)
    squares = left @ xp.matrix_transpose(xp.concat((a**2, b**2), axis=-1))
    left, right = weighted * qs, xp.matrix_transpose(2.0 * a * b)
    shape = (xs.shape[0], -1)
    sums = xp.reshape(squares + left @ right, shape)
    sizes = xp.reshape(squares + xp.abs(left) @ xp.abs(right), shape)
    return sums, _TOLERANCE * sizes, levels
