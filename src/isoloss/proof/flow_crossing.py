"""When a flow reaches a level: solve Σ w_i exp(-4γ_i t) = ε in an interval verified by signs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flint import arb, ctx, fmpq

from isoloss.proof.interval import (
    IndeterminateError,
    Interval,
    Value,
    less,
    less_equal,
    lower,
    total,
    upper,
)

__all__ = ["crossing", "decayed"]

_NEWTON = 500
_LOST = 24  # bits that verifying a root may lose

_Term = tuple[Value, Value]  # the train loss w_i of a direction, and its curvature γ_i


def decayed(h: Value, g: Value, time: Value | None) -> Value:
    """Return a squared filter after a flow for a time, or after an endless flow for None."""
    if h == 0 or g == 0 or time == 0:
        return h
    if time is None:
        return fmpq(0)
    return h * Interval.of(fmpq(-4) * g * time).exp()


def crossing(
    parts: Sequence[Value], curvatures: Sequence[Value], level: Value | None, end: Value | None
) -> tuple[Interval | None, bool]:
    """Return when a flow may reach the level before its end (None if never), and if it must."""
    terms: list[_Term] = []
    for part, g in zip(parts, curvatures, strict=True):
        if part != 0:
            if not less(fmpq(0), g):
                raise IndeterminateError("whether a curvature is positive")
            terms.append((part, g))
    if level is None or not terms or less_equal(level, fmpq(0)):
        return None, False
    if not less(fmpq(0), level):
        raise IndeterminateError("whether the level is positive")
    if end is None:
        return _crossing(terms, level), True
    reached = less_equal(_loss(terms, end), level)
    if reached is False:
        return None, False
    found, latest = _crossing(terms, level), upper(end)
    if found.low > latest:
        return None, False
    return Interval(found.low, min(found.high, latest)), reached is True


def _loss(terms: list[_Term], time: Value) -> Value:
    return total([decayed(w, g, time) for w, g in terms])


def _crossing(terms: list[_Term], level: Value) -> Interval:
    """Return an interval that contains the time at which the loss equals the level.

    The loss decreases strictly, so the crossing lies between any time at which the loss is surely
    above the level and any time at which it is surely below.
    """
    # The crossing is earliest with the smallest parts decaying fastest, and latest with the largest
    # parts decaying slowest.
    early = _newton([(lower(w), upper(g)) for w, g in terms], upper(level))
    late = _newton([(upper(w), lower(g)) for w, g in terms], lower(level))

    def loss(time: arb) -> Value:
        return _loss(terms, Interval(time, time))

    # times are never negative, so a bound of 0 needs no verification
    low = _moved(early, -1, lambda time: time == 0 or bool(less(level, loss(time))))
    high = _moved(late, 1, lambda time: bool(less(loss(time), level)))
    return Interval(low, high)


def _moved(guess: arb, side: int, verified: Callable[[arb], bool]) -> arb:
    """Move a guess further and further to one side until it is verified to lie there."""
    margin = arb(2) ** (_LOST - ctx.prec)
    for _ in range(_LOST):
        time = (guess * (1 + side * margin)).mid()
        time = time if time > 0 else arb(0)
        if verified(time):
            return time
        margin = 4 * margin
    raise IndeterminateError("at what time the flow reaches the level")


def _newton(terms: list[tuple[arb, arb]], level: arb) -> arb:
    """Guess where log Σ w exp(-4γt) = log level.

    The logarithm of the sum is convex and decreasing, so Newton steps from a time before the
    crossing never pass it; for a single term, the first step is exact.
    """
    useful = [(w.mid(), g.mid()) for w, g in terms if w > 0 and g > 0]
    if not useful:
        return arb(0)
    time = arb(0)
    for w, g in useful:  # each term alone is less than the sum, so it reaches the level earlier
        bound = (((w / level).log()) / (4 * g)).mid()
        time = bound if bound > time else time
    for _ in range(_NEWTON):
        values = [w * (-4 * g * time).exp() for w, g in useful]
        loss = sum(values, arb(0))
        slope = sum((4 * g * v for (_, g), v in zip(useful, values, strict=True)), arb(0))
        move = ((loss / level).log() * loss / slope).mid()
        time = (time + move).mid()
        if abs(move) <= abs(time) * arb(2) ** (8 - ctx.prec):
            break
    return time
