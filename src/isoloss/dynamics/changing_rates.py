"""Take GD steps that each have their own rate, in blocks of bounded memory."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import array_api_compat as compat
import numpy as np
import numpy.typing as npt

from isoloss.dynamics.equal_steps import GROWTH, EqualSteps
from isoloss.dynamics.filters import Filter, rates_filter, step_factors
from isoloss.dynamics.interpolation import InterpolatedSteps
from isoloss.dynamics.last_step import Line, gradient_line
from isoloss.dynamics.level_rows import LevelRows
from isoloss.dynamics.solver import Carried, Solver
from isoloss.dynamics.stops import Directions, LevelStops, log_excess
from isoloss.dynamics.summed_steps import SummedSteps
from isoloss.problems.units import scaled

__all__ = ["ChangingRates"]

Array = Any
Rates = npt.NDArray[np.float64]

_ELEMENTS = 2**16  # factors held at once, so that a block fits in the cache
_GROUP = 32  # steps between checks of the train loss
_FIRST, _BLOCK = 512, 4096  # steps interpolated at once: few at first, as training may soon end
_HUGE = 1e100
_LARGEST = 300.0  # the growth allowed in a block, in nats
_SMALLEST_SUM, _SMALLEST = 1e-250, 1e-290  # smaller sums and products lose digits
_ROUNDING = 1e-13  # the relative rounding error of a bound for the log of the train loss
_STALE = 0.7  # rebuild the interpolation if the largest rate falls below this share


@dataclass(frozen=True)
class ChangingRates(Solver):
    """Steps that each have their own rate."""

    lr: Rates

    @property
    def steps(self) -> int:
        """The number of steps."""
        return self.lr.size

    def advance(self, directions: Directions, carried: Carried, first: Any, last: Any) -> Carried:
        """Return the carried state after some of the steps."""
        stops = LevelStops(directions, carried.filter)
        return ChangingRates(self.lr[first:last]).first_at(carried, stops)

    def first_at(self, carried: Carried, stops: LevelStops) -> Carried:
        """Record the first step at or below each open level."""
        xp, own = stops.xp, scaled(self.lr, stops.directions.unit)
        largest = float(own.max(initial=0.0))
        if _is_huge(largest, float(xp.max(stops.directions.curvature))):
            for rate in self.lr:
                carried = EqualSteps(float(rate), 1).first_at(carried, stops)
            return carried
        if stops.any_open() or not SummedSteps.serves(own, stops.directions.curvature):
            end = _walk(stops, carried.filter, own, largest)
        else:
            flat = stops.directions.curvature
            whole = SummedSteps.build(own, flat.ravel()).filter()
            end = carried.filter.then(xp, Filter(*(x.reshape(flat.shape) for x in whole[:2])))
        stops.passes(self.steps, 0.0)
        return Carried(end.precise(xp) if end.grows(xp, GROWTH) else end)


def _is_huge(lr: float, curvature: float) -> bool:
    """Whether factors 1 - 2ηγ need logarithms, one step at a time, to stay within float64."""
    return max(lr, curvature) > _HUGE or lr * curvature > _HUGE


def _walk(stops: LevelStops, filters: Filter, rates: Rates, largest: float) -> Filter:
    """Take steps with ``rates`` from ``filters``, record the stops, and return the last filter.

    Steps are taken in groups. A group is searched for stops only if a lower bound for the train
    loss within it allows one. Once all levels are reached, the rest of the steps does not matter.
    """
    xp, curvature = stops.xp, stops.directions.curvature
    constant = stops.directions.kind.constant
    top = float(xp.max(curvature))
    interpolates = largest * top > 0 and _growth(largest * top) * _GROUP <= _LARGEST
    size = _block_size(largest * top, math.prod(curvature.shape))
    for start in range(0, rates.size, size):
        if stops.all_reached():
            break
        rest = rates[start:]
        # the first block is taken step by step, as training may end there
        if interpolates and start and rest.size > size:
            steps = InterpolatedSteps.build(
                xp, constant, xp.reshape(curvature, (-1,)), float(rest.max())
            )
            if steps.pays:
                return _walk_interpolated(stops, filters, steps, rates, start)
            interpolates = False
        block = rest[:size]
        factors = step_factors(xp, constant(block), curvature)
        after = filters.then(xp, rates_filter(xp, factors))
        if stops.any_open():
            least = after
            if float(block.max()) * top > 1:
                shrinking = xp.minimum(xp.abs(factors), 1.0 + 0.0 * factors)
                least = filters.then(xp, rates_filter(xp, shrinking))
            if bool(xp.any(_may_stop(stops, log_excess(xp, stops.log_weights, least)))):
                _search(stops, filters, factors, block, start)
        filters = after
    return filters


def _may_stop(stops: LevelStops, bound: Array) -> Array:
    """Mark the open levels that a lower bound for the train loss does not exclude."""
    lower = bound - _ROUNDING * (1.0 + stops.xp.abs(bound))
    return stops.open & ((bound <= stops.bar) | (lower <= stops.bar))


def _walk_interpolated(
    stops: LevelStops, filters: Filter, steps: InterpolatedSteps, rates: Rates, start: int
) -> Filter:
    """Take the steps from ``start`` on, as `_walk` does, by interpolated groups."""
    xp, curvature = stops.xp, stops.directions.curvature
    constant, shape = stops.directions.kind.constant, curvature.shape
    growing = steps.largest * float(xp.max(curvature))
    together = max(_block_size(growing, math.prod(shape)) // _GROUP, 1)  # groups searched at once
    most = _FIRST
    while start < rates.size and not stops.all_reached():
        size = min(max(_ELEMENTS // max(int(steps.near.shape[0]), 1), 8 * _GROUP), most)
        size = min(size, max(2 * _ELEMENTS * _GROUP // math.prod(shape), _GROUP))
        size = size // _GROUP * _GROUP
        most = min(2 * most, _BLOCK)
        block = np.zeros(-(-min(size, rates.size - start) // _GROUP) * _GROUP)
        block[: rates.size - start] = rates[start : start + block.size]  # rate 0 changes nothing
        largest = float(block.max())
        if largest > 0 and not _STALE * steps.largest <= largest <= steps.largest:
            steps = InterpolatedSteps.build(xp, constant, xp.reshape(curvature, (-1,)), largest)
        sign, log, least = (
            xp.reshape(part, (-1, shape[0], 1, shape[-1])) for part in steps.groups(block, _GROUP)
        )
        ends = filters.then(xp, Filter(sign, log))
        bound = log_excess(xp, stops.log_weights, filters.then(xp, Filter(sign, least)))
        g, groups = 0, bound.shape[0]
        while g < groups and stops.any_open():
            hopeful = xp.any(_may_stop(stops, bound[g:, ...]), axis=(1, 2))
            if not bool(xp.any(hopeful)):
                break
            g += int(xp.argmax(xp.astype(hopeful, xp.int64)))
            before = ends.at((g - 1, ...)) if g else filters
            inner = block[g * _GROUP : (g + together) * _GROUP]
            factors = step_factors(xp, constant(inner), curvature)
            _search(stops, before, factors, inner, start + g * _GROUP)
            g += together
        filters = ends.at((-1, ...))
        start += block.size
    return filters


def _growth(largest: float) -> float:
    """Return by how many nats a step may enlarge a residual, given the largest ηγ."""
    return math.log(max(2.0 * largest - 1.0, 1.0))


def _block_size(largest: float, width: int) -> int:
    """Return how many steps to hold at once, given the largest ηγ."""
    growth = _growth(largest)
    size = max(_ELEMENTS // width // 8 * 8, 8)
    if growth > 0:
        size = min(size, max(int(_LARGEST / growth), 1))
    return size


def _search(stops: LevelStops, filters: Filter, factors: Array, rates: Rates, done: int) -> None:
    """Record the levels first reached in a block that starts after ``done`` steps."""
    xp, lr = stops.xp, stops.directions.kind.constant(rates)
    start = stops.log_weights + 2.0 * filters.logarithm()
    shift = xp.max(start, axis=-1)[..., None]
    shift = xp.where(xp.isfinite(shift), shift, xp.zeros_like(shift))
    products = _cumulative(xp, factors)
    ends = products[1:, ...]
    sums = xp.vecdot(ends, xp.exp(start - shift) * ends)
    holds = bool(xp.all((sums > _SMALLEST_SUM) & xp.isfinite(sums)))
    if holds and float(xp.min(xp.abs(ends))) > _SMALLEST and not filters.grows(xp, 0.0):
        parts: list[Array] = [products]
        excess = shift[..., 0] + xp.log(sums)
    else:
        nothing = xp.zeros_like(factors[:1, ...])
        steps = xp.concat([nothing, xp.log(xp.abs(factors))], axis=0)
        logs = xp.cumulative_sum(steps, axis=0)
        signs = _cumulative(xp, xp.where(factors < 0, -1.0, xp.ones_like(factors)))
        parts = [signs, logs]
        after = Filter(signs[1:, ...], filters.logarithm() + logs[1:, ...])
        excess = log_excess(xp, stops.log_weights, after)
    hits = excess <= stops.bar  # (steps, B, L) from (steps, B, 1)
    while bool(xp.any(hits & stops.open)):
        index = xp.argmax(xp.astype(hits, xp.int64), axis=0)
        rows = LevelRows(xp, xp.any(hits, axis=0) & stops.open)
        there = rows.filters(filters).then(xp, _filters_at(xp, parts, index + 1, rows))

        def line(some: LevelRows, index: Array = index) -> Line:
            before = some.filters(filters).then(xp, _filters_at(xp, parts, index, some))
            rate = xp.take(lr, index[some.mask], axis=0)
            return gradient_line(before, some.of(stops.directions.curvature), rate)

        refused = stops.record_rows(rows, there, done + index[rows.mask] + 1, line)
        if not bool(xp.any(refused)):
            break
        # a rounding error made these steps look like stops: look at later steps
        later = xp.reshape(xp.arange(hits.shape[0], device=compat.device(hits)), (-1, 1, 1)) > index
        hits = hits & (later | ~refused)


def _cumulative(xp: Any, factors: Array) -> Array:
    """Return the products of the first 0, 1, … factors along the first axis."""
    whole = xp.concat([xp.ones_like(factors[:1, ...]), factors], axis=0)
    if not isinstance(whole, np.ndarray):
        return xp.cumulative_prod(whole, axis=0)
    for before, after in itertools.pairwise(whole):
        np.multiply(after, before, out=after)  # faster than a cumulative product along columns
    return whole


def _filters_at(xp: Any, parts: list[Array], index: Array, rows: LevelRows) -> Filter:
    """Return the filters (N, r) of rows from a block's start up to the step at an index (B, L)."""
    steps, problems, _, r = parts[0].shape
    place = index[rows.mask] * problems + rows.problem
    sign, *log = (xp.take(xp.reshape(part, (steps * problems, r)), place, axis=0) for part in parts)
    signs = xp.where(sign < 0, -1.0, xp.ones_like(sign))
    return Filter(signs, log[0] if log else xp.log(xp.abs(sign)))
