"""Where runs may end, for data in ranges: each way that is not ruled out."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from flint import fmpq

from isoloss.checker.errors import RejectedError
from isoloss.checker.numbers import EmptyError, Range
from isoloss.checker.runs import (
    Data,
    Piece,
    State,
    candidates,
    narrowed,
    quantities,
    total,
)

__all__ = ["outcomes"]

_ZERO = Range.point(0)
_HALVINGS = 40
_DOUBLINGS = 300
_MOST = 64


def outcomes(data: Data, schedule: Sequence[Piece]) -> list[dict[str, Range | bool]]:
    """Return what claims may speak of, for each way in which a run may end.

    Raises `RejectedError` where that stays open.
    """
    state, ends = State(data), _Ends(data)
    if data.level is not None:
        at_start = total(state.parts()).at_most(data.level)
        if at_start is not False:
            ends.add(state)
        if at_start:
            return ends.found
    for kind, amount, count in schedule:
        if kind == "gd" and amount is not None:
            over = _steps(ends, state, amount, count)
        else:
            over = _flow(ends, state, amount)
        if over:
            return ends.found
    ends.add(state, reached=False)
    return ends.found


class _Ends:
    """Ways in which a run may end."""

    def __init__(self, data: Data) -> None:
        self.data = data
        self.found: list[dict[str, Range | bool]] = []

    def add(self, state: State, *, inside: bool = False, reached: bool = True) -> None:
        """Add an end; ``inside`` a flow, exactly at the level."""
        parts = state.parts()
        loss = total(parts)
        try:
            if inside and self.data.level is not None:
                loss = self.data.level
                parts = narrowed(parts, loss)
            self.found.append(quantities(self.data, state, parts, loss, reached))
        except EmptyError:
            return
        if len(self.found) > _MOST:
            raise RejectedError("it cannot be decided where the run ends")


def _steps(ends: _Ends, state: State, rate: Range, count: int) -> bool:
    """Take steps; return whether one must reach the level."""
    level = ends.data.level
    if level is not None:
        for k, reached in candidates(level, state, rate, count):
            there = copy.copy(state)
            there.step(rate, k)
            ends.add(there)
            if reached:
                return True
    state.step(rate, count)
    return False


def _flow(ends: _Ends, state: State, limit: Range | None) -> bool:
    """Follow a flow; return whether it must reach the level."""
    level = ends.data.level
    if level is not None and not level.at_most(_ZERO) and not _at_rest(state):
        if not _ZERO.below(level):
            raise RejectedError("it cannot be decided whether the level is positive")
        reached = True if limit is None else _loss(state, limit).at_most(level)
        inside = None if reached is False else _times(level, state, limit)
        if inside is not None:
            there = copy.copy(state)
            there.flow(inside)
            ends.add(there, inside=True)
            if reached:
                return True
    state.flow(limit)
    return False


def _at_rest(state: State) -> bool:
    return all(part.is_zero for part in state.parts())


def _loss(state: State, time: Range) -> Range:
    return total(state.parts(state.flowed(time)))


def _times(level: Range, state: State, limit: Range | None) -> Range | None:
    """Return times within which a flow reaches the level, if it does; by bisection."""
    low, high = fmpq(0), fmpq(1)
    for _ in range(_DOUBLINGS):
        if _loss(state, Range.point(high)).below(level):
            break
        high *= 2
    else:
        raise RejectedError("no time is found at which the flow is below the level")
    early, late = (low, high), (low, high)
    for _ in range(_HALVINGS):  # the last time that is surely too early
        middle = (early[0] + early[1]) / 2
        above = level.below(_loss(state, Range.point(middle)))
        early = (middle, early[1]) if above else (early[0], middle)
    for _ in range(_HALVINGS):  # the first that is surely late enough
        middle = (late[0] + late[1]) / 2
        below = _loss(state, Range.point(middle)).below(level)
        late = (late[0], middle) if below else (middle, late[1])
    found = Range(Range.point(early[0]).lo, Range.point(late[1]).hi)
    if limit is None:
        return found
    if found.lo > limit.hi:
        return None
    return Range(found.lo, found.hi if found.hi < limit.hi else limit.hi)
