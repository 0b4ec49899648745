"""The state of training, the steps that may reach a level, and the quantities at the stop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from isoloss.checker.errors import RejectedError
from isoloss.checker.numbers import EmptyError, Range

__all__ = [
    "Data",
    "Piece",
    "State",
    "candidates",
    "narrowed",
    "quantities",
    "total",
]

_ZERO, _ONE, _TWO, _FOUR = (Range.point(n) for n in (0, 1, 2, 4))
_LOOKS = 100_000


@dataclass(frozen=True)
class Data:
    """A commuting problem and the level to stop at.

    An ``exact`` stop shortens the last step so that it ends at the level; else it is whole.
    """

    train: Sequence[Range]
    test: Sequence[Range]
    squares: Sequence[Range]
    noise: Range
    level: Range | None
    exact: bool


Piece = tuple[str, Range | None, int]


@dataclass(frozen=True)
class State:
    """The state of training: the squared filter of each direction, the steps and the time.

    After a shortened step, ``last_rate`` is its rate.
    """

    data: Data
    filters: Sequence[Range]
    steps: int = 0
    time: Range | None = _ZERO
    last_rate: Range | None = None

    def parts(self) -> list[Range]:
        """Return the train loss of each direction."""
        data = self.data
        return [g * s * h for g, s, h in zip(data.train, data.squares, self.filters, strict=True)]

    def stepped(self, rate: Range, count: int) -> State:
        """Return the state after steps at one rate."""
        factors = [_ONE - _TWO * rate * g for g in self.data.train]
        # use a power: the product of a range around 0 with itself would include negative numbers
        filters = [
            h * (f * f if f.exact is not None else abs(f) ** 2) ** count
            for h, f in zip(self.filters, factors, strict=True)
        ]
        return replace(self, filters=filters, steps=self.steps + count)

    def ended(self, rate: Range, count: int) -> State:
        """Return the state after ``count`` steps, the last of which reaches the level.

        Raises `EmptyError` if no problem in the ranges reaches it there.
        """
        if not self.data.exact:
            return self.stepped(rate, count)
        before = self.stepped(rate, count - 1)
        last = before.shortened(rate)
        return replace(before.stepped(last, 1), last_rate=last)

    def shortened(self, rate: Range) -> Range:
        """Return the smallest rate at which one step ends at the level, if one at ``rate`` reaches.

        A step at rate s leaves the train loss P(s) = Σ w_i (1 - 2sγ_i)² = C - Bs + As². As P(0) is
        above the level ε and P(rate) is not, P - ε has a root in (0, rate]. Both of its roots are
        positive, for A, B and C - ε are, and the smaller one is 2(C - ε) / (B + √(B² - 4A(C - ε))).
        """
        assert self.data.level is not None
        parts, train = self.parts(), self.data.train
        over = _nonnegative(total(parts) - self.data.level)
        linear = _FOUR * total([w * g for w, g in zip(parts, train, strict=True)])
        square = _FOUR * total([w * g**2 for w, g in zip(parts, train, strict=True)])
        root = _nonnegative(linear**2 - _FOUR * square * over).sqrt()
        return (_TWO * over / (linear + root)).meet(Range(_ZERO.lo, rate.hi))

    def flowed(self, time: Range | None) -> State:
        """Return the state after a flow for a time, or after an endless flow for None."""
        filters = []
        for h, g, square in zip(self.filters, self.data.train, self.data.squares, strict=True):
            if h.is_zero or g.is_zero or square.is_zero:
                filters.append(h)
            elif time is None:
                if not _ZERO.below(g):
                    raise RejectedError("it cannot be decided whether a curvature is positive")
                filters.append(_ZERO)
            else:
                filters.append(h * (-(_FOUR * g * time)).exp())
        after = None if time is None or self.time is None else self.time + time
        return replace(self, filters=filters, time=after)


def candidates(
    level: Range | None, state: State, rate: Range, last: int
) -> Iterator[tuple[int, bool | None]]:
    """Yield those of the steps 1 to ``last`` that may be at the level, and whether they are.

    A part is an exponential in the step number, hence monotone: between two steps it is at least
    the smaller of its values there. Steps are discarded if the sum of these exceeds the level.
    """
    waiting, looks = [(1, last)] if last else [], 0
    if level is None:
        return
    while waiting:
        first, final = waiting.pop()
        looks += 1
        if looks > _LOOKS:
            raise RejectedError("it cannot be decided which steps reach the level")
        ends = [state.stepped(rate, k).parts() for k in (first, final)]
        if level.below(total([_lesser(a, b) for a, b in zip(*ends, strict=True)])):
            continue
        if first == final:
            reached = total(ends[0]).at_most(level)
            if reached is not False:
                yield first, reached
            continue
        middle = (first + final) // 2
        waiting += [(middle + 1, final), (first, middle)]


def quantities(
    data: Data, state: State, parts: Sequence[Range], loss: Range, reached: bool
) -> dict[str, Range | bool]:
    """Return the quantities that claims may use; the test loss combines all of its forms."""
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
        # Σ ρ_i part_i = ρ_r loss + Σ (ρ_i - ρ_r) part_i for any r, if the loss has no other parts;
        # the loss is known better than its parts, so one of these forms is the sharpest
        rest = [part * (ratio - chief) for part, ratio in seen if ratio is not chief]
        test = test.meet(total([*frozen, chief * loss, *rest]))
    found: dict[str, Range | bool] = {
        "test_loss": test,
        "train_loss": loss,
        "steps": Range.point(state.steps),
        "reached": reached,
    }
    found |= {f"part{i + 1}": part for i, part in enumerate(parts)}
    found |= {"time": state.time} if state.time is not None else {}
    found |= {"last_rate": state.last_rate} if state.last_rate is not None else {}
    return found


def narrowed(parts: Sequence[Range], loss: Range) -> list[Range]:
    """Narrow the parts, using that their sum is exactly the level."""
    if sum(not part.is_zero for part in parts) == 1:
        return [part if part.is_zero else loss for part in parts]
    found = []
    for i, part in enumerate(parts):
        others = total([other for j, other in enumerate(parts) if j != i])
        found.append(part.meet(loss - others).meet(Range(_ZERO.lo, loss.hi)))
    return found


def _nonnegative(value: Range) -> Range:
    """Return those of the numbers that are at least 0; raise `EmptyError` if there are none."""
    if value.below(_ZERO):
        raise EmptyError("a number is both negative and at least 0")
    return value if value.lo >= 0 else Range(_ZERO.lo, value.hi)


def _lesser(a: Range, b: Range) -> Range:
    if a.exact is not None and b.exact is not None:
        return a if a.exact < b.exact else b
    low = min(a.lo, b.lo)
    return Range(low, low)


def total(ranges: Sequence[Range]) -> Range:
    """Return the sum."""
    found = _ZERO
    for each in ranges:
        found = found + each
    return found
