"""Track which levels training has reached, and where. Only this module confirms stops.

Throughout training, the excess train loss is Σ_i w_i h_i² with w = γδ(0)², and levels are
logarithms of this excess. Shapes: levels (B, L), all others (B, 1, r).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

import array_api_compat as compat

from isoloss._arrays.context import ArrayContext
from isoloss.dynamics.filters import Filter, placed
from isoloss.dynamics.last_step import Line, shortened
from isoloss.dynamics.level_rows import LevelRows
from isoloss.problems.reduced import Reduced
from isoloss.problems.units import scaled

__all__ = ["Directions", "LevelStops", "log_excess"]

Array = Any

_EPS = 2.0**-52
_NEAR = 1e-10  # how far, in the log, rounded times and exponents may move a stop off its level


def log_excess(xp: Any, log_weights: Array, filters: Filter) -> Array:
    """Return log Σ w_i h_i² along the last axis: the train loss above its minimum."""
    terms = log_weights + 2.0 * filters.logarithm()
    top = xp.max(terms, axis=-1)
    shift = xp.where(xp.isfinite(top), top, 0.0)
    return shift + xp.log(xp.sum(xp.exp(terms - shift[..., None]), axis=-1))


class Directions(NamedTuple):
    """The eigendirections of B problems, as training sees them."""

    kind: ArrayContext
    curvature: Array
    """γ, in the problems' own unit."""
    log_weights: Array
    """log of γδ(0)²."""
    unit: int
    """Rates and times are multiplied by 2^unit to convert them to the problems' own unit."""

    @classmethod
    def of(cls, problem: Reduced) -> Self:
        """Return the directions of a problem, or of a batch."""
        shape, unit = (-1, 1, problem.gamma.shape[-1]), problem.units.curvature
        curvature, log_weights = (
            problem.kind.xp.reshape(part, shape) for part in (problem.gamma, problem.log_weights)
        )
        return cls(problem.kind, curvature, log_weights, unit)

    def own(self, value: Any) -> Array:
        """Return the user's rates or times in the problems' own unit."""
        return scaled(self.kind.constant(value), self.unit)

    def repeated(self, count: int) -> Self:
        """Return the same problems ``count`` times, once for each schedule."""
        xp = self.kind.xp
        curvature, log_weights = (
            xp.tile(part, (count, 1, 1)) for part in (self.curvature, self.log_weights)
        )
        return self._replace(curvature=curvature, log_weights=log_weights)


class LevelStops:
    """The levels of one call: which are open, and where training stopped at the others.

    Attributes
    ----------
    directions : Directions
        The problems' eigendirections.
    log_level : array
        The log of each level's excess; NaN for levels below every train loss.
    bar : array
        The largest log excess that counts as at the level, four units in the last place above it.
    open : array of bool
        The levels that are sought and not yet reached.
    reached, steps, time, filters
        Which levels are reached, and where training stopped at them.
    last_rate : array
        The rates of shortened steps, in the problems' own unit; NaN elsewhere.
    at_level : array of bool
        The levels at which training stopped exactly.
    passed : pair of arrays
        Steps (int64) and time of all finished phases, (B, 1).
    """

    def __init__(
        self,
        directions: Directions,
        start: Filter,
        sought: tuple[Array, Array] | None = None,
        *,
        exact: bool = False,
    ) -> None:
        """Take the levels, if any, as log excesses (B, L), exact and at the upper end of rounding.

        With ``exact``, last steps are shortened to end at the level.
        """
        xp, log_weights = directions.kind.xp, directions.log_weights
        self.directions, self.xp, self.log_weights = directions, xp, log_weights
        self.exact = exact
        nothing = xp.zeros_like(log_weights[..., 0])
        if sought is None:
            self.log_level = self.bar = xp.nan + nothing
            self.reached = self.open = nothing < 0  # none
        else:
            self.log_level, bar = sought
            few = 4.0 * _EPS
            self.bar = xp.where(bar < 0, (1.0 - few) * bar, (1.0 + few) * bar) + few
            self.reached = log_excess(xp, log_weights, start) <= self.bar
            self.open = ~(self.reached | xp.isnan(self.log_level))
        self.passed = xp.astype(nothing, xp.int64), nothing
        blank = xp.zeros_like(self.log_level)
        self.steps, self.time = xp.astype(blank, xp.int64), blank
        self.last_rate, self.at_level = xp.nan + blank, self.log_level > xp.inf
        self.filters = Filter(*(part + blank[..., None] for part in start[:2]))

    def branched(self, directions: Directions, index: Sequence[int], steps: Any) -> LevelStops:
        """Return the stops of runs that begin as these do, after ``steps`` (B, 1) of their steps.

        ``directions`` are those of the new rows, and ``index`` says which row each continues.
        """
        xp, kind = self.xp, directions.kind
        rows = xp.asarray(index, dtype=xp.int64, device=compat.device(self.bar))
        steps = xp.astype(kind.constant(steps), xp.int64)

        def of(array: Array) -> Array:
            return xp.take(array, rows, axis=0)

        found = LevelStops(directions, Filter.identity(directions.curvature), exact=self.exact)
        found.log_level, found.bar = of(self.log_level), of(self.bar)
        found.steps, found.time = of(self.steps), of(self.time)
        found.reached = of(self.reached) & (found.steps <= steps)
        found.open = ~(found.reached | xp.isnan(found.log_level))
        found.passed = steps, xp.zeros_like(found.passed[1])
        found.last_rate = xp.where(found.reached, of(self.last_rate), xp.nan)
        found.at_level = of(self.at_level) & found.reached
        found.filters = Filter(*(None if part is None else of(part) for part in self.filters))
        return found

    def any_open(self) -> bool:
        """Whether any level is still open."""
        return bool(self.xp.any(self.open))

    def all_reached(self) -> bool:
        """Whether there are levels, and all of them are reached."""
        return bool(self.xp.all(self.reached))

    def passes(self, steps: Any, time: Any) -> None:
        """Add a finished phase to what has passed."""
        self.passed = self.passed[0] + steps, self.passed[1] + time

    def record(
        self, hit: Array, there: Filter, step: Array, line: Callable[[LevelRows], Line]
    ) -> Array:
        """Close the open levels that a step of the phase reaches, with the filters ``there``.

        A stop counts only if the excess loss of these filters themselves is at the level. Levels
        that are refused are returned, and stay open. ``line`` gives the lines that the steps of
        some rows follow from their starts, and is called only if steps are to be shortened.
        """
        rows = LevelRows(self.xp, hit & self.open)
        return self.record_rows(rows, rows.filters(there), step[rows.mask], line)

    def record_rows(
        self, rows: LevelRows, there: Filter, step: Array, line: Callable[[LevelRows], Line]
    ) -> Array:
        """Do what `record` does, given the filters and the step of open levels as ``rows``."""
        xp, log_weights, log_level = self.xp, rows.of(self.log_weights), rows.of(self.log_level)
        excess = log_excess(xp, log_weights, there)
        met = excess <= rows.of(self.bar)
        sure = rows.among(met)
        steps = placed(xp, xp.zeros_like(self.steps), rows.mask, xp.astype(step, xp.int64))
        short = met & (excess < log_level)
        if self.exact and bool(xp.any(short)):
            some = LevelRows(xp, rows.among(short))
            if not bool(xp.all(short)):
                log_weights, log_level = log_weights[short], log_level[short]
            rates, ends = shortened(xp, log_weights, line(some), log_level)
            misses = xp.abs(log_excess(xp, log_weights, ends) - log_level)
            self._refuse(~(misses <= _slack(xp, log_level)))
            there = there.replaced(xp, short, ends)
            self.last_rate = placed(xp, self.last_rate, some.mask, rates)
            self.at_level = self.at_level | some.mask
        self._close(sure, there.at(met), self.passed[0] + steps, self.passed[1])
        return rows.mask & ~sure

    def record_flow(self, hit: Array, there: Filter, time: Array) -> None:
        """Close the open levels that a flow reaches after a time, with the filters ``there``."""
        rows = LevelRows(self.xp, hit & self.open)
        there, log_level = rows.filters(there), rows.of(self.log_level)
        excess = log_excess(self.xp, rows.of(self.log_weights), there)
        self._refuse(~(excess <= log_level + _slack(self.xp, log_level)))
        self._close(rows.mask, there, self.passed[0], self.passed[1] + time)
        self.at_level = self.at_level | rows.mask

    def _refuse(self, missed: Array) -> None:
        if bool(self.xp.any(missed)):
            raise ArithmeticError(
                "the moment at which training reaches a train loss was not found: the loss there "
                f"misses it by more than {_NEAR:g} of its logarithm; rescale the problem, or "
                "choose another train loss"
            )

    def _close(self, sure: Array, there: Filter, steps: Array, time: Array) -> None:
        """Close levels, given the filters (N, r) at them."""
        xp = self.xp
        self.steps = xp.where(sure, steps, self.steps)
        self.time = xp.where(sure, time, self.time)
        self.filters = self.filters.replaced(xp, sure, there)
        self.reached = self.reached | sure
        self.open = self.open & ~sure

    def give_up_the_floor(self, rows: Array) -> None:
        """Stop looking for the smallest train loss in problems (B, 1) that only tend to it."""
        self.open = self.open & ~(rows & (self.log_level == -self.xp.inf))


def _slack(xp: Any, log_level: Array) -> Array:
    return _NEAR * (1.0 + xp.abs(log_level))
