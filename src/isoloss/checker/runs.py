"""Training checked: that a run stops where a certificate says, and with what losses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from isoloss.checker.errors import RejectedError
from isoloss.checker.numbers import Range

__all__ = [
    "Data",
    "End",
    "Piece",
    "State",
    "candidates",
    "check_run",
    "narrowed",
    "quantities",
    "total",
]

_ZERO, _ONE, _TWO, _FOUR = (Range.point(n) for n in (0, 1, 2, 4))
_LOOKS = 100_000


@dataclass(frozen=True)
class Data:
    """A commuting problem and the level to stop at."""

    train: Sequence[Range]
    test: Sequence[Range]
    squares: Sequence[Range]
    noise: Range
    level: Range | None


@dataclass(frozen=True)
class End:
    """Where a run is said to end: reached or not, in which piece, after how many steps.

    ``inside`` is the time within that piece, if it is a flow that reaches the level.
    """

    reached: bool
    piece: int
    steps: int
    inside: Range | None


Piece = tuple[str, Range | None, int]


class State:
    """How far training is: the squared filter of each direction, the steps and the time."""

    def __init__(self, data: Data) -> None:
        self.data = data
        self.filters = [_ONE] * len(data.train)
        self.steps = 0
        self.time: Range | None = _ZERO

    def parts(self, filters: Sequence[Range] | None = None) -> list[Range]:
        """Return the train loss of each direction, now or for other filters."""
        data = self.data
        return [
            g * s * h
            for g, s, h in zip(
                data.train, data.squares, self.filters if filters is None else filters, strict=True
            )
        ]

    def stepped(self, rate: Range, count: int) -> list[Range]:
        """Return the filters after steps of one rate."""
        factors = [_ONE - _TWO * rate * g for g in self.data.train]
        return [h * (f * f if f.exact is not None else abs(f) ** 2) ** count
                for h, f in zip(self.filters, factors, strict=True)]  # fmt: skip

    def flowed(self, time: Range | None) -> list[Range]:
        """Return the filters after a flow for a time, or without end."""
        found = []
        for h, g, square in zip(self.filters, self.data.train, self.data.squares, strict=True):
            if h.is_zero or g.is_zero or square.is_zero:
                found.append(h)
            elif time is None:
                if not _ZERO.below(g):
                    raise RejectedError("it cannot be decided whether a curvature is positive")
                found.append(_ZERO)
            else:
                found.append(h * (-(_FOUR * g * time)).exp())
        return found

    def step(self, rate: Range, count: int) -> None:
        """Take steps."""
        self.filters, self.steps = self.stepped(rate, count), self.steps + count

    def flow(self, time: Range | None) -> None:
        """Follow a flow for a time, or without end."""
        self.filters = self.flowed(time)
        self.time = None if time is None or self.time is None else self.time + time


def check_run(data: Data, schedule: Sequence[Piece], end: End) -> tuple[State, list[Range], Range]:
    """Raise `RejectedError` unless a run ends so; else return its state, parts and train loss."""
    state, last = State(data), len(schedule) - 1
    at_start = data.level is not None and _starts_there(data, state)
    if at_start != (end.reached and end.piece == -1) or not -1 <= end.piece <= last:
        raise RejectedError("the run does not end in the stated phase")
    if end.reached and data.level is None:
        raise RejectedError("a level is reached where there is none")
    if not end.reached and (end.piece != last or end.inside is not None):
        raise RejectedError("a run that does not reach the level must end with the schedule")
    if end.piece == -1 and end.inside is not None:
        raise RejectedError("a run that ends at its start must take no time")
    for i, piece in enumerate(schedule[: end.piece + 1]):
        here = end.reached and i == end.piece
        if piece[0] == "gd":
            _steps(data, state, piece, end if here else None)
        else:
            _flow(data, state, piece, end if here else None)
    if state.steps != end.steps:
        raise RejectedError(f"the run takes {state.steps} steps, not {end.steps}")
    parts = state.parts()
    loss = total(parts)
    if end.inside is not None and data.level is not None:
        loss = data.level
        parts = narrowed(parts, loss)
    return state, parts, loss


def _starts_there(data: Data, state: State) -> bool:
    if data.level is None:
        return False
    there = total(state.parts()).at_most(data.level)
    if there is None:
        raise RejectedError("it cannot be decided whether the start is at the level")
    return there


def _steps(data: Data, state: State, piece: Piece, end: End | None) -> None:
    _, rate, count = piece
    assert rate is not None
    taken = count if end is None else end.steps - state.steps
    if end is not None and (not 1 <= taken <= count or end.inside is not None):
        raise RejectedError("the step that reaches the level is not in the stated phase")
    if data.level is not None:
        before = taken if end is None else taken - 1
        if next(candidates(data.level, state, rate, before), None) is not None:
            raise RejectedError("a step before the end may be at the level already")
    after = state.stepped(rate, taken) if taken else state.filters
    if end is not None and data.level is not None:
        loss = total(state.parts(after))
        if not loss.at_most(data.level):
            raise RejectedError("the step said to reach the level does not")
    state.filters, state.steps = after, state.steps + taken


def candidates(
    level: Range, state: State, rate: Range, last: int
) -> Iterator[tuple[int, bool | None]]:
    """Yield the steps 1 to ``last`` that may be at the level, and whether they are.

    A part is a power of the step, so between two steps it is at least the lesser of its ends.
    """
    waiting, looks = [(1, last)] if last else [], 0
    while waiting:
        first, final = waiting.pop()
        looks += 1
        if looks > _LOOKS:
            raise RejectedError("it cannot be decided which steps reach the level")
        ends = [state.parts(state.stepped(rate, k)) for k in (first, final)]
        if level.below(total([_lesser(a, b) for a, b in zip(*ends, strict=True)])):
            continue
        if first == final:
            reached = total(ends[0]).at_most(level)
            if reached is not False:
                yield first, reached
            continue
        middle = (first + final) // 2
        waiting += [(middle + 1, final), (first, middle)]


def _flow(data: Data, state: State, piece: Piece, end: End | None) -> None:
    _, time, _ = piece
    level = data.level
    if end is None:
        if level is not None and not _stays_above(level, state, time):
            raise RejectedError("a flow before the end may reach the level already")
    else:
        assert level is not None
        if end.inside is None or not _ZERO.below(level):
            raise RejectedError("a flow reaches a positive level at some time")
        low, high = (Range(t, t) for t in (end.inside.lo, end.inside.hi))
        if not (low.lo >= 0 and level.below(total(state.parts(state.flowed(low))))):
            raise RejectedError("the level is not above the time's lower end")
        if not total(state.parts(state.flowed(high))).below(level):
            raise RejectedError("the level is not below the time's upper end")
        if time is not None and not total(state.parts(state.flowed(time))).at_most(level):
            raise RejectedError("the flow ends before it reaches the level")
        time = end.inside
    state.flow(time)


def _stays_above(level: Range, state: State, time: Range | None) -> bool:
    if level.at_most(_ZERO):
        return True  # in a flow, losses stay positive
    if all(part.is_zero for part in state.parts()):
        return bool(level.below(_ZERO))
    if time is None:
        return False
    return bool(level.below(total(state.parts(state.flowed(time)))))


def quantities(
    data: Data, state: State, parts: Sequence[Range], loss: Range, reached: bool
) -> dict[str, Range | bool]:
    """Return what claims speak of; the test loss by both of its forms."""
    frozen, seen, all_seen = [data.noise], [], True
    for g, lam, square, h, part in zip(
        data.train, data.test, data.squares, state.filters, parts, strict=True
    ):
        if _ZERO.below(g):
            if not part.is_zero:
                seen.append((part, lam / g))
        else:
            all_seen = all_seen and part.is_zero
            frozen.append(lam * square * h)
    test = total([*frozen, *(part * ratio for part, ratio in seen)])
    for _, chief in seen if all_seen else ():
        # Σ ρ_i part_i = ρ_r loss + Σ (ρ_i - ρ_r) part_i for any r, if the loss has no other parts
        rest = [part * (ratio - chief) for part, ratio in seen if ratio is not chief]
        test = test.meet(total([*frozen, chief * loss, *rest]))
    found: dict[str, Range | bool] = {
        "test_loss": test,
        "train_loss": loss,
        "steps": Range.point(state.steps),
        "reached": reached,
    }
    found |= {f"part{i + 1}": part for i, part in enumerate(parts)}
    if state.time is not None:
        found["time"] = state.time
    return found


def narrowed(parts: Sequence[Range], loss: Range) -> list[Range]:
    """Narrow parts by what their sum must be."""
    if sum(not part.is_zero for part in parts) == 1:
        return [part if part.is_zero else loss for part in parts]
    found = []
    for i, part in enumerate(parts):
        others = total([other for j, other in enumerate(parts) if j != i])
        found.append(part.meet(loss - others).meet(Range(_ZERO.lo, loss.hi)))
    return found


def _lesser(a: Range, b: Range) -> Range:
    if a.exact is not None and b.exact is not None:
        return a if a.exact < b.exact else b
    low = a.lo if a.lo < b.lo else b.lo
    return Range(low, low)


def total(ranges: Sequence[Range]) -> Range:
    """Return the sum."""
    found = _ZERO
    for each in ranges:
        found = found + each
    return found
