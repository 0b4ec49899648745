"""GD steps that each have their own rate: walked through in blocks of bounded memory."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isoloss.filters import Filter, rates_filter, step_factors
from isoloss.stopping import log_excess

__all__ = ["Scan", "scan_rates"]

Array = Any

_ELEMENTS = 2**17  # factors held at once: a block stays in the cache
_LARGEST = 300.0  # nats that a block may grow by
_SMALLEST_SUM = 1e-250


class Scan(NamedTuple):
    """The first step at or below each level (inf: none), the filters there and at the end."""

    first: Array
    stopped: Filter
    end: Filter


def scan_rates(
    xp: Any,
    log_weights: Array,
    filters: Filter,
    curvature: Array,
    rates: npt.NDArray[np.float64],
    log_level: Array,
    constant: Any,
) -> Scan:
    """Walk through ``rates`` from ``filters``; shapes as in `stopping`, ``constant`` makes arrays.

    While every rate is at most 1/γ₁ the train loss cannot rise, so a block whose end is still above
    every level is passed in one go.
    """
    first = xp.inf + 0.0 * log_level
    stopped = Filter(*(part + xp.zeros_like(log_level)[..., None] for part in filters))
    top = float(xp.max(curvature))
    size = _block_size(float(rates.max()) * top, curvature.shape[0] * curvature.shape[-1])
    for start in range(0, rates.size, size):
        block = rates[start : start + size]
        factors = step_factors(xp, constant(block), curvature)
        after = filters.then(xp, rates_filter(xp, factors))
        waiting = xp.isinf(first)
        if float(block.max()) * top <= 1:
            waiting = waiting & (log_excess(xp, log_weights, after) <= log_level)
        if bool(xp.any(waiting & ~xp.isnan(log_level))):
            step, there = _search(xp, log_weights, filters, factors, log_level)
            new = xp.isinf(first) & xp.isfinite(step)
            first = xp.where(new, start + step, first)
            stopped = Filter(
                *(xp.where(new[..., None], b, a) for a, b in zip(stopped, there, strict=True))
            )
        filters = after
    return Scan(first, stopped, filters)


def _block_size(largest: float, width: int) -> int:
    """Return how many steps to hold at once, given the largest ηγ."""
    growth = math.log(max(2.0 * largest - 1.0, 1.0))
    size = max(_ELEMENTS // width // 8 * 8, 8)
    if growth > 0:
        size = min(size, max(int(_LARGEST / growth), 1))
    return size


def _search(
    xp: Any, log_weights: Array, filters: Filter, factors: Array, log_level: Array
) -> tuple[Array, Filter]:
    """Return the first step in the block at or below each level (1-based) and the filter there."""
    start = log_weights + 2.0 * filters.log + 2.0 * filters.low
    shift = xp.max(start, axis=-1)[..., None]
    shift = xp.where(xp.isfinite(shift), shift, xp.zeros_like(shift))
    products = xp.cumulative_prod(factors, axis=0)
    sums = xp.sum(xp.exp(start - shift) * products**2, axis=-1)
    if bool(xp.all((sums > _SMALLEST_SUM) & xp.isfinite(sums))) and not bool(xp.any(filters.log > 0)):
        logs = xp.log(xp.abs(products))
        excess = shift[..., 0] + xp.log(sums)
    else:
        logs = xp.cumulative_sum(xp.log(xp.abs(factors)), axis=0)
        parts = Filter(logs, filters.log + logs, filters.low)
        excess = log_excess(xp, log_weights, parts)
    hits = excess <= log_level  # (steps, B, L) from (steps, B, 1)
    any_hit = xp.any(hits, axis=0)
    index = xp.argmax(xp.astype(hits, xp.int64), axis=0)
    signs = xp.cumulative_prod(xp.where(factors < 0, -1.0 + 0.0 * factors, 1.0 + 0.0 * factors), axis=0)
    pick = xp.broadcast_to(index[..., None], (*index.shape, factors.shape[-1]))
    sign, log = (
        xp.take_along_axis(xp.permute_dims(part[:, :, 0, :], (1, 0, 2)), pick, axis=1)
        for part in (signs, logs)
    )
    step = xp.where(any_hit, xp.astype(index + 1, log_level.dtype), xp.inf + 0.0 * log_level)
    return step, filters.then(xp, Filter(sign, log, xp.zeros_like(log)))
