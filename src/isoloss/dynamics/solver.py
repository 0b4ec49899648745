"""The base class of solvers, each of which solves a part of a phase, and their registry by phase.

Each part of a phase is solved at once. A part is a run of equal steps, a block of steps of changing
rates, or a whole flow. Shapes: B problems, L levels, r curvatures; filters are (B, 1, r).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from functools import partial, singledispatch
from typing import Any, ClassVar, NamedTuple, Self

from isoloss.dynamics.filters import Filter
from isoloss.dynamics.last_step import straight_line
from isoloss.dynamics.stops import Directions, LevelStops
from isoloss.schedules.phases import Steps
from isoloss.schedules.schedule import Phase

__all__ = ["Carried", "Marks", "Solver", "Wanted", "runs_of", "solvers"]

Array = Any

_BLOCK = 8192  # changing rates between checks whether all levels are reached


class Carried(NamedTuple):
    """What training carries from one part to the next."""

    filter: Filter
    velocity: Any = None
    """The state of momentum, which only a phase of the same kind can continue."""


class Marks(NamedTuple):
    """P points on the path of a part, counted from its start: steps, times (P,), filters (P, r)."""

    steps: list[int]
    time: Array
    filters: Filter


class Wanted(NamedTuple):
    """The points to draw of a part: after these steps, in rising order, or up to this time."""

    steps: list[int]
    time: float
    most: int
    """The largest number of points that a flow chooses itself."""


class Solver(ABC):
    """One part of a phase. Subclasses define `advance`, and may override the rest to be faster.

    Attributes
    ----------
    steps : int, or array (B, 1) if joined
        The number of steps; 0 for a flow.
    can_join : bool
        Whether parts of several schedules can be `joined` and solved at once.
    """

    steps: Any
    can_join: ClassVar[bool] = False

    @abstractmethod
    def advance(self, directions: Directions, carried: Carried, first: Any, last: Any) -> Carried:
        """Return the carried state after the steps ``first`` (counted from 0) to ``last`` - 1.

        ``carried`` is the state before these steps. A flow counts time instead of steps.
        """

    def first_at(self, carried: Carried, stops: LevelStops) -> Carried:
        """Record where the train loss first reaches each open level; return the carried state."""
        for step in range(self.steps):
            if not stops.any_open():
                carried = self.advance(stops.directions, carried, step, self.steps)
                break
            before, carried = carried, self.advance(stops.directions, carried, step, step + 1)
            line = partial(straight_line, stops.xp, before.filter, carried.filter)
            stops.record(
                stops.open, carried.filter, step + 1 + stops.xp.zeros_like(stops.bar), line
            )
        stops.passes(self.steps, 0.0)
        return carried

    def points(
        self, directions: Directions, carried: Carried, wanted: Wanted
    ) -> tuple[Marks, Carried]:
        """Return the wanted points of one problem's path, and the carried state after the last."""
        kind, done, passed = directions.kind, 0, []
        for step in wanted.steps:
            carried = self.advance(directions, carried, done, step)
            done = step
            passed.append(carried.filter.precise(kind.xp).at((0, 0, ...)))
        if not passed:
            passed.append(Filter.identity(directions.curvature[0, 0, :]).precise(kind.xp))
        rows = Filter(*(kind.xp.stack(parts) for parts in zip(*passed, strict=True)))
        return Marks(wanted.steps, kind.constant([0.0] * len(wanted.steps)), rows), carried

    @classmethod
    def joined(cls, parts: Sequence[Self], batch: int) -> Self:
        """Return one solver for parts of several schedules, each with its own ``batch`` rows."""
        raise NotImplementedError(f"{cls.__name__} solves one schedule at a time")


@singledispatch
def solvers(phase: Phase) -> Iterable[Solver]:
    """Return the solvers of a phase's parts, in their order.

    To register a kind of phase, call ``solvers.register(kind, function)``.
    """
    raise TypeError(f"no solver is registered for {type(phase).__name__}")


def runs_of(phase: Steps) -> Iterator[tuple[Any, int]]:
    """Split steps into ``(rate, steps)`` of equal rates and ``(rates, steps)`` of changing ones.

    There is always at least one item, even without steps. Changing rates come in blocks, so that
    training can end once all levels are reached.
    """
    if not phase.steps:
        yield 0.0, 0
    for lr, steps in phase.runs() if phase.steps else ():
        if isinstance(lr, float):
            yield lr, steps
            continue
        for start in range(0, steps, _BLOCK):
            yield lr[start : start + _BLOCK], min(_BLOCK, steps - start)
