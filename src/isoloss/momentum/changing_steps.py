"""Steps of changing rates with momentum, and where they first reach a level."""

from __future__ import annotations

import math
from typing import Any

import array_api_compat as compat
import numpy as np
import numpy.typing as npt

from isoloss.filters import Filter
from isoloss.momentum.groups import CHUNK, Grouping, Groups
from isoloss.momentum.motion import Motion, rescaled
from isoloss.momentum.search import Search, Stops

__all__ = ["walk"]

Array = Any

_ELEMENTS = 2**21
_WALKED = 64  # steps between two rescalings
_SMALLEST = 1e-250


def walk(
    xp: Any,
    log_weights: Array,
    motion: Motion,
    curvature: Array,
    rates: npt.NDArray[np.float64],
    momentum: float,
    log_level: Array,
    constant: Any,
    *,
    nesterov: bool,
) -> Stops:
    """Take steps of changing rates, and find the first at or below each level."""
    walker = _Walker(xp, log_weights, motion, curvature, log_level, momentum, nesterov=nesterov)
    done = 0
    if curvature.shape[0] == 1:
        grouping = Grouping(xp, curvature[0, 0, :], momentum, constant, nesterov=nesterov)
        while grouping.pays and rates.size - done >= grouping.size:
            count = min((rates.size - done) // grouping.size, CHUNK) * grouping.size
            if not walker.take_groups(grouping, rates[done : done + count], done):
                break
            done += count
    walker.take(rates[done:], done)
    return Stops(walker.search.first, walker.search.stopped, walker.motion())


class _Walker:
    """The state of one walk: position and velocity (B, r) in units of 2^exponent times the base."""

    def __init__(
        self,
        xp: Any,
        log_weights: Array,
        motion: Motion,
        curvature: Array,
        log_level: Array,
        momentum: float,
        *,
        nesterov: bool,
    ) -> None:
        self.xp, self.momentum, self.nesterov = xp, momentum, nesterov
        self.search = Search(xp, log_weights, motion, log_level)
        self.base, self.exponent = motion.base, motion.exponent[:, 0, :]
        x, q = ((high + low)[:, 0, :] for high, low in (motion.position, motion.velocity))
        self.state = x, q
        self.curvature = curvature[:, 0, :]
        self.elements = math.prod(curvature.shape)

    def motion(self) -> Motion:
        return _motion(self.base, *self.state, self.exponent)

    def take(self, rates: npt.NDArray[np.float64], done: int) -> None:
        """Take steps one by one, ``done`` of them having been taken before."""
        xp = self.xp
        growth = math.log(2.0 + 2.0 * float(rates.max(initial=0.0)) * float(xp.max(self.curvature)))
        size = max(min(_WALKED, _ELEMENTS // self.elements), 1)
        normal = min(size, max(int(300.0 / growth), 1))
        # who is looked at in shorter blocks where losses would leave float64
        started = xp.any(self.search.log_weights > -xp.inf, axis=(1, 2))
        counts = xp.any(self.search.open, axis=-1) & started
        start, size = 0, normal
        while start < rates.size:
            block = rates[start : start + size]
            positions, end = _take(
                xp, self.state, self.curvature, block, self.momentum, nesterov=self.nesterov
            )
            if self.search.any_open():
                here = self.motion()
                weights, levels = self.search.weights(here)
                sums = xp.vecdot(positions, weights[:, 0, :] * positions)  # (steps, B)
                if block.size > 1 and bool(xp.any((sums <= _SMALLEST) & counts)):
                    size = max(block.size // 8, 1)
                    continue
                _record_first(self.search, here, positions, sums, levels, done + start)
            self._arrive(end)
            start, size = start + block.size, normal

    def take_groups(self, grouping: Grouping, rates: npt.NDArray[np.float64], done: int) -> bool:
        """Take whole groups of steps at once; False, with none taken, where digits would go."""
        xp, search, m = self.xp, self.search, grouping.size
        here = self.motion()
        weights, levels = search.weights(here)
        looking = search.any_open()
        flat = (self.state[0][0, :], self.state[1][0, :])
        groups = grouping.run(flat, rates, weights[0, 0, :] if looking else None)
        if groups is None:
            return False
        if groups.sums is not None:
            lowest = xp.min(xp.reshape(groups.sums - groups.doubt, (-1, m)), axis=1)
            for g in range(lowest.shape[0]):
                if bool(xp.any((lowest[g] <= levels) & search.open)):
                    self._look(groups, g, rates[g * m : (g + 1) * m], here, levels, done + g * m)
        x, q = groups.end
        self._arrive((x[None, :], q[None, :]))
        return True

    def _look(
        self,
        groups: Groups,
        g: int,
        rates: npt.NDArray[np.float64],
        here: Motion,
        levels: Array,
        done: int,
    ) -> None:
        """Take the steps of one group one by one, and record the levels that they reach."""
        state = groups.x[g, :][None, :], groups.q[g, :][None, :]
        positions, _ = _take(
            self.xp, state, self.curvature, rates, self.momentum, nesterov=self.nesterov
        )
        weights, _ = self.search.weights(here)
        sums = self.xp.vecdot(positions, weights[:, 0, :] * positions)
        _record_first(self.search, here, positions, sums, levels, done)

    def _arrive(self, end: tuple[Array, Array]) -> None:
        pairs = [(part, 0.0) for part in end]
        self.exponent, ((x, _), (q, _)) = rescaled(self.xp, self.exponent, pairs)
        self.state = x, q


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
    x, q = state
    kept = momentum * q
    columns = xp.asarray(-2.0 * rates, dtype=x.dtype, device=compat.device(x))[:, None, None]
    positions = columns * curvature
    for k in range(rates.size):
        q = kept + x
        kept = momentum * q
        row = positions[k, ...]  # changed in place: memory is what a step costs
        row *= kept + x if nesterov else q
        row += x
        x = row
    return positions, (x + 0.0, q)


def _motion(base: Filter, x: Array, q: Array, exponent: Array) -> Motion:
    x, q, exponent = x[:, None, :], q[:, None, :], exponent[:, None, :]
    return Motion(base, (x, 0.0 * x), (q, 0.0 * q), exponent)


def _record_first(
    search: Search, motion: Motion, positions: Array, sums: Array, levels: Array, done: int
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
