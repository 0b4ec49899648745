"""GD steps that each have their own rate: walked through in blocks of bounded memory."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isoloss.filters import Filter, choose, rates_filter, step_factors
from isoloss.smooth import SmoothSteps
from isoloss.stopping import log_excess

__all__ = ["Scan", "scan_rates"]

Array = Any
Rates = npt.NDArray[np.float64]

_ELEMENTS = 2**17  # factors held at once: a block stays in the cache
_GROUP = 32  # steps between two looks at the train loss
_BLOCK = 4096
_LARGEST = 300.0  # nats that a block may grow by
_SMALLEST_SUM = 1e-250
_STALE = 0.7  # the interpolation is prepared anew where the largest rate is below this share


class Scan(NamedTuple):
    """The first step at or below each level (inf: none), the filters there and at the end."""

    first: Array
    stopped: Filter
    end: Filter


class _Walk:
    """The state of one scan: the filters reached, and which levels stopped where."""

    def __init__(
        self, xp: Any, log_weights: Array, filters: Filter, curvature: Array, log_level: Array
    ) -> None:
        self.xp, self.log_weights, self.curvature = xp, log_weights, curvature
        self.log_level, self.filters = log_level, filters
        self.first = xp.inf + xp.zeros_like(log_level)
        blank = xp.zeros_like(log_level)[..., None]
        self.stopped = Filter(filters.sign + blank, filters.logarithm() + blank)

    def open_levels(self, excess: Array) -> Array:
        """Mark the levels without a stop that a train loss is at or below."""
        return self.xp.isinf(self.first) & (excess <= self.log_level)

    def search(self, filters: Filter, factors: Array, done: int) -> None:
        """Record the levels first reached in a block, whose start comes after ``done`` steps."""
        xp = self.xp
        step, there = _search(xp, self.log_weights, filters, factors, self.log_level)
        new = xp.isinf(self.first) & xp.isfinite(step)
        self.first = xp.where(new, done + step, self.first)
        self.stopped = choose(xp, new, there, self.stopped)


def scan_rates(
    xp: Any,
    log_weights: Array,
    filters: Filter,
    curvature: Array,
    rates: Rates,
    log_level: Array,
    constant: Any,
) -> Scan:
    """Walk through ``rates`` from ``filters``; shapes as in `stopping`, ``constant`` makes arrays.

    Steps are taken in groups. A lower bound for the train loss within a group tells whether it may
    reach a level; only then is it entered.
    """
    walk = _Walk(xp, log_weights, filters, curvature, log_level)
    top = float(xp.max(curvature))
    largest = float(rates.max())
    if largest * top > 0 and _growth(largest * top) * _GROUP <= _LARGEST:
        steps = SmoothSteps.build(xp, constant, xp.reshape(curvature, (-1,)), largest)
        if steps.pays:
            _walk_smoothly(walk, steps, rates, constant)
            return Scan(walk.first, walk.stopped, walk.filters)
    width = curvature.shape[0] * curvature.shape[-1]
    size = _block_size(largest * top, width)
    for start in range(0, rates.size, size):
        block = rates[start : start + size]
        factors = step_factors(xp, constant(block), curvature)
        after = walk.filters.then(xp, rates_filter(xp, factors))
        least = after
        if float(block.max()) * top > 1:
            shrinking = xp.minimum(xp.abs(factors), 1.0 + 0.0 * factors)
            least = walk.filters.then(xp, rates_filter(xp, shrinking))
        if bool(xp.any(walk.open_levels(log_excess(xp, log_weights, least)))):
            walk.search(walk.filters, factors, start)
        walk.filters = after
    return Scan(walk.first, walk.stopped, walk.filters)


def _walk_smoothly(walk: _Walk, steps: SmoothSteps, rates: Rates, constant: Any) -> None:
    xp, shape = walk.xp, walk.curvature.shape
    start = 0
    while start < rates.size:
        size = min(max(_ELEMENTS // max(int(steps.near.shape[0]), 1), 8 * _GROUP), _BLOCK)
        size = min(size, max(_ELEMENTS * _GROUP // (shape[0] * shape[-1]), _GROUP))
        size = size // _GROUP * _GROUP
        block = np.zeros(-(-min(size, rates.size - start) // _GROUP) * _GROUP)
        block[: rates.size - start] = rates[start : start + block.size]  # rate 0 changes nothing
        largest = float(block.max())
        if largest > 0 and not _STALE * steps.largest <= largest <= steps.largest:
            steps = SmoothSteps.build(xp, constant, xp.reshape(walk.curvature, (-1,)), largest)
        sign, log, least = (
            xp.reshape(part, (-1, shape[0], 1, shape[-1])) for part in steps.groups(block, _GROUP)
        )
        ends = walk.filters.then(xp, Filter(sign, log))
        bound = log_excess(xp, walk.log_weights, walk.filters.then(xp, Filter(sign, least)))
        hopeful = xp.any(xp.any(walk.open_levels(bound), axis=-1), axis=-1)
        for g in (int(g) for g in xp.nonzero(hopeful)[0]):
            if bool(xp.any(walk.open_levels(bound[g, ...]))):
                before = _row(ends, g - 1) if g else walk.filters
                inner = constant(block[g * _GROUP : (g + 1) * _GROUP])
                factors = step_factors(xp, inner, walk.curvature)
                walk.search(before, factors, start + g * _GROUP)
        walk.filters = _row(ends, -1)
        start += block.size


def _row(filters: Filter, g: int) -> Filter:
    return Filter(*(None if part is None else part[g, ...] for part in filters))


def _growth(largest: float) -> float:
    """Return the nats by which a step may grow, given the largest ηγ."""
    return math.log(max(2.0 * largest - 1.0, 1.0))


def _block_size(largest: float, width: int) -> int:
    """Return how many steps to hold at once, given the largest ηγ."""
    growth = _growth(largest)
    size = max(_ELEMENTS // width // 8 * 8, 8)
    if growth > 0:
        size = min(size, max(int(_LARGEST / growth), 1))
    return size


def _search(
    xp: Any, log_weights: Array, filters: Filter, factors: Array, log_level: Array
) -> tuple[Array, Filter]:
    """Return the first step in the block at or below each level (1-based) and the filter there."""
    start = log_weights + 2.0 * filters.logarithm()
    shift = xp.max(start, axis=-1)[..., None]
    shift = xp.where(xp.isfinite(shift), shift, xp.zeros_like(shift))
    products = xp.cumulative_prod(factors, axis=0)
    sums = xp.vecdot(products, xp.exp(start - shift) * products)
    if bool(xp.all((sums > _SMALLEST_SUM) & xp.isfinite(sums))) and not filters.grows(xp, 0.0):
        parts: list[Array] = [products]
        excess = shift[..., 0] + xp.log(sums)
    else:
        logs = xp.cumulative_sum(xp.log(xp.abs(factors)), axis=0)
        ones = xp.ones_like(factors)
        signs = xp.cumulative_prod(xp.where(factors < 0, -ones, ones), axis=0)
        parts = [signs, logs]
        excess = log_excess(xp, log_weights, Filter(signs, filters.logarithm() + logs))
    hits = excess <= log_level  # (steps, B, L) from (steps, B, 1)
    index = xp.argmax(xp.astype(hits, xp.int64), axis=0)
    pick = xp.broadcast_to(index[..., None], (*index.shape, factors.shape[-1]))
    sign, *log = (
        xp.take_along_axis(xp.permute_dims(part[:, :, 0, :], (1, 0, 2)), pick, axis=1)
        for part in parts
    )
    there = Filter(
        xp.where(sign < 0, -xp.ones_like(sign), xp.ones_like(sign)),
        log[0] if log else xp.log(xp.abs(sign)),
    )
    step = xp.astype(index + 1, log_level.dtype)
    step = xp.where(xp.any(hits, axis=0), step, xp.inf + xp.zeros_like(step))
    return step, filters.then(xp, there)
