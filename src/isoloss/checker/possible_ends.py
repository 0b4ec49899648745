"""Where runs may end if the data are ranges: each possibility that is not ruled out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

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


@dataclass(frozen=True)
class PossibleEnd:
    """Where a run may end: whether at the level, and in which piece, -1 for the start.

    ``inside`` says whether it ends inside a flow; ``values`` are the run's quantities that claims
    may use.
    """

    reached: bool
    piece: int
    steps: int
    inside: bool
    values: dict[str, Range | bool]


def outcomes(
    data: Data, schedule: Sequence[Piece], times: Mapping[int, Range] = MappingProxyType({})
) -> list[PossibleEnd]:
    """Return each way in which a run may end; raise `RejectedError` if that is undecided.

    ``times`` states when flows reach the level. These ranges are checked, and narrower than those
    that this module finds on its own.
    """
    found: list[PossibleEnd] = []
    for state, piece, inside, reached in _ends(data, schedule, times):
        parts = state.parts()
        loss = total(parts)
        try:
            if data.level is not None and (inside or state.last_rate is not None):
                loss = data.level
                parts = narrowed(parts, loss)
            values = quantities(data, state, parts, loss, reached)
        except EmptyError:
            continue  # no problem ends this way
        found.append(PossibleEnd(reached, piece, state.steps, inside, values))
        if len(found) > _MOST:
            raise RejectedError("it cannot be decided where the run ends")
    return found


def _ends(
    data: Data, schedule: Sequence[Piece], times: Mapping[int, Range]
) -> Iterator[tuple[State, int, bool, bool]]:
    """Yield each possible final state, its piece, if it is inside a flow, and if at the level."""
    state, level = State(data, [Range.point(1)] * len(data.train)), data.level
    if level is not None:
        at_start = total(state.parts()).at_most(level)
        if at_start is not False:
            yield state, -1, False, True
        if at_start:
            return
    for i, (kind, amount, count) in enumerate(schedule):
        if kind == "gd" and amount is not None:
            for k, reached in candidates(level, state, amount, count):
                with contextlib.suppress(EmptyError):  # no problem ends this way
                    yield state.ended(amount, k), i, False, True
                if reached:
                    return
            state = state.stepped(amount, count)
        else:
            inside, reached = _crossing(level, state, amount, times.get(i))
            if inside is not None:
                yield state.flowed(inside), i, True, True
                if reached:
                    return
            state = state.flowed(amount)
    yield state, len(schedule) - 1, False, False


def _crossing(
    level: Range | None, state: State, limit: Range | None, stated: Range | None
) -> tuple[Range | None, bool | None]:
    """Return the times within which a flow may reach the level, and whether it must."""
    if level is None or level.at_most(_ZERO) or all(p.is_zero for p in state.parts()):
        return None, False
    if not _ZERO.below(level):
        raise RejectedError("it cannot be decided whether the level is positive")
    reached = True if limit is None else _loss(state, limit).at_most(level)
    if reached is False:
        return None, False
    found = _searched(level, state) if stated is None else _verified(level, state, stated)
    if limit is None:
        return found, reached
    if found.lo > limit.hi:
        return None, False
    return Range(found.lo, found.hi if found.hi < limit.hi else limit.hi), reached


def _loss(state: State, time: Range) -> Range:
    return total(state.flowed(time).parts())


def _verified(level: Range, state: State, stated: Range) -> Range:
    """Return the stated times if the strictly falling loss surely passes the level in them."""
    low, high = (Range(end, end) for end in (stated.lo, stated.hi))
    if not (low.lo >= 0 and level.below(_loss(state, low))):
        raise RejectedError("the level is not above the time's lower end")
    if not _loss(state, high).below(level):
        raise RejectedError("the level is not below the time's upper end")
    return stated


def _searched(level: Range, state: State) -> Range:
    """Return times within which an endless flow reaches the level, by bisection."""
    low, high = fmpq(0), fmpq(1)
    for _ in range(_DOUBLINGS):
        if _loss(state, Range.point(high)).below(level):
            break
        high *= 2
    else:
        raise RejectedError("no time is found at which the flow is below the level")
    early, late = (low, high), (low, high)
    for _ in range(_HALVINGS):  # find the last time that is surely too early
        middle = (early[0] + early[1]) / 2
        above = level.below(_loss(state, Range.point(middle)))
        early = (middle, early[1]) if above else (early[0], middle)
    for _ in range(_HALVINGS):  # find the first time that is surely late enough
        middle = (late[0] + late[1]) / 2
        below = _loss(state, Range.point(middle)).below(level)
        late = (late[0], middle) if below else (middle, late[1])
    return Range(Range.point(early[0]).lo, Range.point(late[1]).hi)
