"""Take momentum steps of changing rates, and find where they first reach a level.

Steps are taken in float64, block by block. If float64 cannot decide, because a loss is at a level
to within rounding, or because a step almost removes a loss or a direction and digits cancel, all
steps from the start of the walk are taken again in double-double.
"""

from __future__ import annotations

import itertools
import math
from functools import partial
from typing import Any

import array_api_compat as compat
import numpy as np
import numpy.typing as npt

from isoloss.dynamics.filters import Filter
from isoloss.dynamics.last_step import Line, rates_at
from isoloss.dynamics.level_rows import LevelRows
from isoloss.dynamics.momentum.groups import CHUNK, Grouping, Groups
from isoloss.dynamics.momentum.motion import Motion, one_step, relative_to, rescaled
from isoloss.dynamics.stops import LevelStops

__all__ = ["walk"]

Array = Any
Rates = npt.NDArray[np.float64]

_ELEMENTS = 2**21
_WALKED = 128  # steps between two rescalings
_SMALLEST = 1e-250
_ROUNDING = 1e-14  # the error of a block's positions, relative to the largest of them
_CANCELS = 1e-12  # if a step leaves less than this share of the loss, digits are missing
_REMOVES = 1e-6  # the same for a direction's position and velocity, which may grow in later steps
_STOPS = 1e-12  # the same for a position alone, which matters if the next rates are tiny


def walk(
    stops: LevelStops,
    motion: Motion,
    rates: Rates,
    momentum: float,
    *,
    nesterov: bool,
) -> Motion:
    """Take steps of changing rates, record the levels first reached, and return the end."""
    xp, curvature = stops.xp, stops.directions.curvature
    constant = stops.directions.kind.constant
    walker = _Walker(stops, motion, curvature, rates, momentum, nesterov=nesterov)
    if curvature.shape[0] == 1:
        grouping = Grouping(xp, curvature[0, 0, :], momentum, constant, nesterov=nesterov)
        while grouping.pays and rates.size - walker.done >= grouping.size:
            count = min((rates.size - walker.done) // grouping.size, CHUNK) * grouping.size
            if not walker.take_groups(grouping, count):
                break
    walker.take()
    return walker.motion()


class _Walker:
    """The state of one walk: position and velocity (B, r) in units of 2^exponent times the base."""

    def __init__(
        self,
        stops: LevelStops,
        motion: Motion,
        curvature: Array,
        rates: Rates,
        momentum: float,
        *,
        nesterov: bool,
    ) -> None:
        xp = self.xp = stops.xp
        self.momentum, self.nesterov = momentum, nesterov
        self.stops, self.rates, self.done = stops, rates, 0
        self.columns, self.curvature = curvature, curvature[:, 0, :]
        self.base = motion.base
        self.elements = math.prod(curvature.shape)
        self.counts = xp.any(stops.log_weights > -xp.inf, axis=(1, 2))  # problems with excess loss
        self.exact = motion, 0  # the motion in double-double, and its steps
        self._adopt(motion)

    def motion(self) -> Motion:
        """Return where the walk is."""
        exact, done = self.exact
        return exact if done == self.done else _motion(self.base, *self.state, self.exponent)

    def take(self) -> None:
        """Take the rest of the steps one by one."""
        xp, rates = self.xp, self.rates
        growth = math.log(2.0 + float(rates.max(initial=0.0)) * float(xp.max(2.0 * self.curvature)))
        size = max(min(_WALKED, _ELEMENTS // self.elements), 1)
        size = min(size, max(int(300.0 / growth), 1))
        while self.done < rates.size:
            block = rates[self.done : self.done + size]
            looking = self.stops.any_open()
            positions, end, kept = self._taken(self.state, block)
            last = self.done + block.size == rates.size  # it needs all digits for the next phase
            if last:
                kept = kept and self._lasts(self.state[0], positions, end)
            if not kept or ((looking or last) and not self._decided(self.state, block, positions)):
                self._retake(block.size)
                continue
            self._arrive(end)
            self.done += block.size

    def _lasts(self, start: Array, positions: Array, end: tuple[Array, Array]) -> bool:
        """Whether the end of the walk has enough digits for the next phase.

        That phase may carry the velocity on, and the two phases together may remove a direction.
        """
        xp, (x, q) = self.xp, end
        before = positions[-2, ...] if positions.shape[0] > 1 else start
        kept = self.momentum * q
        size = xp.maximum(xp.abs(x), xp.abs(kept))
        lost = _removed(xp, before, x) | _removed(xp, size, x + kept)
        return not bool(xp.any(lost))

    def take_groups(self, grouping: Grouping, count: int) -> bool:
        """Take whole groups of steps at once; take none and return False if digits are at risk."""
        xp, stops, m = self.xp, self.stops, grouping.size
        weights, levels = relative_to(self.motion(), stops)
        rates = self.rates[self.done : self.done + count]
        looking = stops.any_open()
        flat = (self.state[0][0, :], self.state[1][0, :])
        groups = grouping.run(flat, rates, weights[0, 0, :] if looking else None)
        if groups is None:
            return False
        if groups.sums is not None:
            if bool(xp.any(groups.sums <= groups.doubt)):
                return False
            lowest = xp.min(xp.reshape(groups.sums - groups.doubt, (-1, m)), axis=1)
            for g in range(lowest.shape[0]):
                near = bool(xp.any((lowest[g] <= levels) & stops.open))
                if near and not self._look(groups, g, m):
                    return False
        x, q = groups.end
        self._arrive((x[None, :], q[None, :]))
        self.done += count
        return True

    def _look(self, groups: Groups, g: int, m: int) -> bool:
        """Check the steps of one group one by one; return False if float64 cannot decide."""
        x, q, rates = groups.x[g, :][None, :], groups.q[g, :][None, :], self.rates[self.done :]
        rates = rates[g * m : (g + 1) * m]
        positions, _, kept = self._taken((x, q), rates)
        return kept and self._decided((x, q), rates, positions, g * m)

    def _taken(
        self, state: tuple[Array, Array], rates: Rates
    ) -> tuple[Array, tuple[Array, Array], bool]:
        return _take(self.xp, state, self.curvature, rates, self.momentum, nesterov=self.nesterov)

    def _decided(
        self, start: tuple[Array, Array], rates: Rates, positions: Array, ahead: int = 0
    ) -> bool:
        """Record the levels first reached in a block; return False if float64 cannot decide.

        ``start`` is the state before the block, ``ahead`` steps after the walk's current state.
        """
        xp, stops, motion = self.xp, self.stops, _motion(self.base, *self.state, self.exponent)
        weights, levels = relative_to(motion, stops)
        whole = xp.concat([start[0][None, ...], positions], axis=0)
        sums = xp.vecdot(whole, weights[:, 0, :] * whole)  # (1 + steps, B)
        lost = (sums[1:, :] <= _SMALLEST) | (sums[1:, :] <= _CANCELS * sums[:-1, :])
        if bool(xp.any(lost & self.counts & xp.any(~stops.reached, axis=-1))):
            return False
        peak, sums = xp.sqrt(xp.max(sums, axis=0)), sums[1:, :]
        doubt = 2.0 * _ROUNDING * xp.sqrt(sums) * peak + (_ROUNDING * peak) ** 2
        near = ((sums - doubt)[..., None] <= levels[None, ...]) & stops.open  # (steps, B, L)
        hit = xp.any(near, axis=0)
        if not bool(xp.any(hit)):
            return True
        index = xp.argmax(xp.astype(near, xp.int64), axis=0)
        unsure = near & ((sums + doubt)[..., None] > levels[None, ...])
        if bool(xp.any(xp.take_along_axis(unsure, index[None, ...], axis=0))):
            return False
        before, there = (_picked(xp, part, index) for part in (whole[:-1, ...], positions))
        if bool(xp.any(_removed(xp, before, there) & hit[..., None])):
            return False
        moved = motion._replace(position=(there, 0.0 * there))

        def line(rows: LevelRows) -> Line:
            # only this needs all velocities: q' = μq + x, from one step to the next
            q, velocities = start[1], []
            for k in range(positions.shape[0]):
                velocities.append(q)
                q = self.momentum * q + whole[k, ...]
            q = _picked(xp, xp.stack(velocities), index)
            here = motion._replace(position=(before, 0.0 * before), velocity=(q, 0.0 * q))
            lr = stops.directions.kind.constant(rates)
            return self._line(here, rates_at(xp, lr, index), rows)

        refused = stops.record(hit, moved.filter(xp), self.done + ahead + index + 1, line)
        return not bool(xp.any(refused))

    def _line(self, motion: Motion, lr: Any, rows: LevelRows) -> Line:
        return motion.line(
            rows,
            xp=self.xp,
            curvature=self.columns,
            lr=lr,
            momentum=self.momentum,
            nesterov=self.nesterov,
        )

    def _retake(self, count: int) -> None:
        """Take the next steps in double-double, after catching up with all earlier steps."""
        xp, stops = self.xp, self.stops
        motion, done = self.exact
        for lr in self.rates[done : self.done + count].tolist():
            line = partial(self._line, motion, lr)
            motion = one_step(xp, motion, lr, self.momentum, self.columns, nesterov=self.nesterov)
            done += 1
            if done > self.done and stops.any_open():
                stops.record(stops.open, motion.filter(xp), done + xp.zeros_like(stops.bar), line)
        self.exact, self.done = (motion, done), done
        self._adopt(motion)

    def _adopt(self, motion: Motion) -> None:
        self.exponent = motion.exponent[:, 0, :]
        x, q = ((high + low)[:, 0, :] for high, low in (motion.position, motion.velocity))
        self.state = x, q

    def _arrive(self, end: tuple[Array, Array]) -> None:
        pairs = [(part, 0.0) for part in end]
        self.exponent, ((x, _), (q, _)) = rescaled(self.xp, self.exponent, pairs)
        self.state = x, q


def _take(
    xp: Any,
    state: tuple[Array, Array],
    curvature: Array,
    rates: Rates,
    momentum: float,
    *,
    nesterov: bool,
) -> tuple[Array, tuple[Array, Array], bool]:
    """Return the positions after each step, (steps, B, r), and the last state.

    Also return whether all directions have kept their digits, as no step almost removed one.
    """
    x, q = state
    kept = momentum * q
    columns = xp.asarray(-rates, dtype=x.dtype, device=compat.device(x))[:, None, None]
    pulls, positions = columns * (2.0 * curvature), []
    left = 1.0 + pulls if nesterov else pulls
    # a step keeps at least this share of what later steps see, the larger of |x| and |μq|
    least = xp.abs(left) if nesterov else xp.ones_like(pulls)
    risky = bool(xp.any(momentum * least < _REMOVES * (2.0 - 4.0 * pulls)))
    sizes = [xp.maximum(xp.abs(x), xp.abs(kept))]
    for k in range(rates.size):
        q = kept + x
        kept = momentum * q
        # in this order, two Nesterov steps at 2ηγ = 1 remove a direction to the last bit
        x = left[k, ...] * x + pulls[k, ...] * kept if nesterov else x + pulls[k, ...] * q
        positions.append(x)
        if risky:
            sizes.append(xp.maximum(xp.abs(x), xp.abs(kept)))
    removed = (_removed(xp, *pair) for pair in itertools.pairwise(sizes))
    holds = not any(bool(xp.any(found)) for found in removed)
    whole = xp.stack([state[0], *positions])
    holds = holds and not bool(xp.any(_removed(xp, whole[:-1, ...], whole[1:, ...], _STOPS)))
    return whole[1:, ...], (x, q), holds


def _picked(xp: Any, steps: Array, index: Array) -> Array:
    """Return the elements (B, L, r) of ``steps`` (steps, B, r) at an index (B, L)."""
    pick = xp.broadcast_to(index[..., None], (*index.shape, steps.shape[-1]))
    return xp.take_along_axis(xp.permute_dims(steps, (1, 0, 2)), pick, axis=1)


def _removed(xp: Any, before: Array, after: Array, share: float = _REMOVES) -> Array:
    """Mark the directions that a step has almost removed."""
    return (before != 0) & (xp.abs(after) <= share * xp.abs(before))


def _motion(base: Filter, x: Array, q: Array, exponent: Array) -> Motion:
    x, q, exponent = x[:, None, :], q[:, None, :], exponent[:, None, :]
    return Motion(base, (x, 0.0 * x), (q, 0.0 * q), exponent)
