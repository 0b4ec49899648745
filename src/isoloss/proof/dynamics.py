"""Rigorous training: where a schedule stops at a level, and both losses there, as intervals.

Everything follows from δ_i² ← δ_i² (1 - 2ηγ_i)² for a step and δ_i² ← δ_i² exp(-4γ_i t) in a flow
(paper, section 2). Exact numbers stay exact as long as they are short.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flint import arb, ctx, fmpq

from isoloss.proof.interval import (
    EXACT_BITS,
    Interval,
    Value,
    hull,
    length,
    less,
    less_equal,
    lower,
    power,
    upper,
)
from isoloss.proof.schedules import Flow, Piece, Steps

__all__ = ["Spectrum", "Stop", "UndecidedError", "follow"]

_NEWTON = 500
_MOST_LOOKS = 20_000
_SHOWN_BITS = 2**11  # of a fraction that a certificate writes out
_LOST = 24  # bits that the verification of a root may lose


class UndecidedError(ArithmeticError):
    """At this precision, or on this box, a comparison that training depends on is open."""


@dataclass(frozen=True)
class Spectrum:
    """Curvatures γ and λ, squared start residuals, and the noise: exact, or intervals."""

    train: Sequence[Value]
    test: Sequence[Value]
    squares: Sequence[Value]
    noise: Value


@dataclass(frozen=True)
class Stop:
    """Where training ends.

    Attributes
    ----------
    reached : bool
        Whether the level is reached; else all is at the schedule's end.
    piece : int
        The piece of the schedule that it ends in; -1 for the start.
    steps, time : int, and value or None
        GD steps, and time of gradient flow; None after a flow without end.
    inside : Interval or None
        The time within the last piece, if that is a flow that reaches the level.
    train_loss, test_loss : value
        The losses.
    parts : list of value
        The train loss of each direction, γ_iδ_i².
    """

    reached: bool
    piece: int
    steps: int
    time: Value | None
    inside: Interval | None
    train_loss: Value
    test_loss: Value
    parts: list[Value]


def follow(spectrum: Spectrum, schedule: Sequence[Piece], level: Value | None) -> Stop:
    """Train by the rule of GD(K, η, ε): stop at the first step, or moment of a flow, at the level.

    Raises `UndecidedError` where the precision does not decide whether the level is reached.
    """
    run = _Run(spectrum, level)
    if level is not None and run.is_reached(run.loss()):
        return run.stop(-1)
    for i, piece in enumerate(schedule):
        if isinstance(piece, Flow):
            inside = run.flow(piece)
            if inside is not None:
                return run.stop(i, inside=inside)
        elif run.step(piece):
            return run.stop(i)
    return run.stop(len(schedule) - 1, reached=False)


class _Run:
    """The state of training: the squares of the filter h² of each direction."""

    def __init__(self, spectrum: Spectrum, level: Value | None) -> None:
        self.spectrum, self.level = spectrum, level
        self.start = [g * s for g, s in zip(spectrum.train, spectrum.squares, strict=True)]
        self.filters: list[Value] = [fmpq(1)] * len(self.start)
        self.steps = 0
        self.time: Value | None = fmpq(0)
        self.looks = 0

    def parts(self) -> list[Value]:
        """Return γ_iδ_i² now."""
        return [_times(w, h) for w, h in zip(self.start, self.filters, strict=True)]

    def loss(self) -> Value:
        """Return the train loss now."""
        return _sum(self.parts())

    def is_reached(self, loss: Value) -> bool:
        """Return whether a train loss is at the level or below."""
        assert self.level is not None
        found = less_equal(loss, self.level)
        if found is None:
            raise UndecidedError("whether a train loss is at or below the level")
        return found

    def step(self, piece: Steps) -> bool:
        """Take steps, to the first one at or below the level; return whether there is one."""
        factors = [fmpq(1) - fmpq(2) * piece.rate * g for g in self.spectrum.train]
        squares = [power(factor, fmpq(2)) for factor in factors]
        first = None
        if self.level is not None and piece.count:
            first = self._first(squares, 1, piece.count)
        count = piece.count if first is None else first
        self.filters = [
            _rounded(_times(h, power(square, fmpq(count))), EXACT_BITS) if count else h
            for h, square in zip(self.filters, squares, strict=True)
        ]
        self.steps += count
        return first is not None

    def _first(self, squares: list[Value], low: int, high: int) -> int | None:
        """Return the first of the steps low to high at or below the level, if any.

        Between two steps each direction's part is at least the lesser one of its two ends.
        """
        assert self.level is not None
        self.looks += 1
        if self.looks > _MOST_LOOKS:
            raise UndecidedError(f"which step reaches the level, within {_MOST_LOOKS} looks")
        ends = [
            [_times(w, power(s, fmpq(k))) for w, s in zip(self.parts(), squares, strict=True)]
            for k in (low, high)
        ]
        if low == high:
            return low if self.is_reached(_sum(ends[0])) else None
        least = _sum([_least(a, b) for a, b in zip(*ends, strict=True)])
        if less(self.level, least):
            return None
        middle = (low + high) // 2
        found = self._first(squares, low, middle)
        return found if found is not None else self._first(squares, middle + 1, high)

    def flow(self, piece: Flow) -> Interval | None:
        """Follow the flow; return the time at which it reaches the level, if it does.

        Σ w_i exp(-4γ_i t) falls strictly in t where any part with γ_i > 0 is left, so a change of
        sign encloses the one crossing.
        """
        alive = []
        for w, h, g in zip(self.start, self.filters, self.spectrum.train, strict=True):
            if not (_is_zero(w) or _is_zero(h)):
                if not less(fmpq(0), g):
                    raise UndecidedError("whether a curvature is positive")
                alive.append((w * h, g))
        found = None
        if self.level is not None and alive and not less_equal(self.level, fmpq(0)):
            if not less(fmpq(0), self.level):
                raise UndecidedError("whether the level is positive")
            if piece.time is None or self.is_reached(_flow_loss(alive, piece.time)):
                found = _crossing(alive, self.level)
        moved = piece.time if found is None else found
        self.time = None if moved is None or self.time is None else self.time + moved
        self.filters = [
            _flowed(h, g, moved) for h, g in zip(self.filters, self.spectrum.train, strict=True)
        ]
        return found

    def stop(self, piece: int, *, reached: bool = True, inside: Interval | None = None) -> Stop:
        """Return where training ends now; ``inside`` a flow, exactly at the level."""
        parts, loss = self.parts(), self.loss()
        if inside is not None:
            assert self.level is not None
            loss = self.level
            parts = _consistent(parts, loss)
        return Stop(
            reached=reached,
            piece=piece,
            steps=self.steps,
            time=self.time,
            inside=inside,
            train_loss=_rounded(loss, _SHOWN_BITS),
            test_loss=_rounded(self._test_loss(parts, loss), _SHOWN_BITS),
            parts=[_rounded(part, _SHOWN_BITS) for part in parts],
        )

    def _test_loss(self, parts: list[Value], loss: Value) -> Value:
        """Return Σ λ_iδ_i² + noise, by the train loss where that is better known.

        With ρ_i = λ_i/γ_i the directions that the train loss sees have Σ ρ_i·part_i =
        ρ_r·loss + Σ (ρ_i - ρ_r)·part_i, exact where one of them is left, or all share their ρ.
        """
        spectrum, terms = self.spectrum, [self.spectrum.noise]
        seen = []
        for i, (g, lam) in enumerate(zip(spectrum.train, spectrum.test, strict=True)):
            if less(fmpq(0), g):
                if not _is_zero(parts[i]):
                    seen.append((parts[i], lam / g))
            else:
                terms.append(lam * spectrum.squares[i] * self.filters[i])
        if not seen:
            return _sum(terms)
        chief = seen[max(range(len(seen)), key=lambda i: float(upper(seen[i][0]).mid()))][1]
        direct = [part * ratio for part, ratio in seen]
        others = [_times(part, ratio - chief) for part, ratio in seen]
        return _narrower(_sum([*terms, chief * loss, *others]), _sum([*terms, *direct]))


def _least(a: Value, b: Value) -> Value:
    """Return a lower bound of both."""
    if isinstance(a, fmpq) and isinstance(b, fmpq):
        return min(a, b)
    low = min(lower(a), lower(b))
    return Interval(low, low)


def _flowed(h: Value, g: Value, time: Value | None) -> Value:
    """Return a squared filter after a flow for a time, or without end."""
    if _is_zero(h) or _is_zero(g) or (time is not None and _is_zero(time)):
        return h
    if time is None:
        return fmpq(0)
    return h * (Interval.of(fmpq(-4) * g * time)).exp()


def _flow_loss(alive: list[tuple[Value, Value]], time: Value) -> Value:
    return _sum([w * _flowed(fmpq(1), g, time) for w, g in alive])


def _crossing(alive: list[tuple[Value, Value]], level: Value) -> Interval:
    """Return an interval that holds the time of the crossing, verified by the signs at its ends."""
    early = _newton([(lower(w), upper(g)) for w, g in alive], upper(level))
    late = _newton([(upper(w), lower(g)) for w, g in alive], lower(level))
    margin = arb(2) ** (_LOST - ctx.prec)
    for _ in range(_LOST):
        low = (early * (1 - margin)).lower().mid()
        low = low if low > 0 else arb(0)
        high = (late * (1 + margin)).upper().mid()
        above = less(level, _flow_loss(alive, Interval(low, low)))
        below = less(_flow_loss(alive, Interval(high, high)), level)
        if above and below:
            return Interval(low, high)
        margin = 4 * margin
    raise UndecidedError("at what time the flow reaches the level")


def _newton(terms: list[tuple[arb, arb]], level: arb) -> arb:
    """Return about where log Σ w exp(-4γt) = log level: convex, from a lower bound on.

    Only a guess, which `_crossing` verifies.
    """
    useful = [(w.mid(), g.mid()) for w, g in terms if w > 0 and g > 0]
    if not useful or not level > 0:
        raise UndecidedError("at what time the flow reaches the level")
    time = arb(0)
    for w, g in useful:
        bound = (((w / level).log()) / (4 * g)).mid()
        time = bound if bound > time else time
    for _ in range(_NEWTON):
        values = [w * (-4 * g * time).exp() for w, g in useful]
        total = sum(values, arb(0))
        slope = sum((4 * g * v for (_, g), v in zip(useful, values, strict=True)), arb(0))
        move = ((total / level).log() * total / slope).mid()
        time = (time + move).mid()
        if abs(move) <= abs(time) * arb(2) ** (8 - ctx.prec):
            break
    return time if time > 0 else arb(0)


def _consistent(parts: list[Value], loss: Value) -> list[Value]:
    """Narrow parts by what their sum must be."""
    if sum(not _is_zero(part) for part in parts) == 1:
        return [part if _is_zero(part) else loss for part in parts]
    narrowed: list[Value] = []
    for i, part in enumerate(parts):
        if isinstance(part, fmpq):
            narrowed.append(part)
            continue
        rest = loss - _sum([other for j, other in enumerate(parts) if j != i])
        narrowed.append(_narrower(part, _narrower(rest, hull(fmpq(0), loss))))
    return narrowed


def _narrower(a: Value, b: Value) -> Value:
    """Return what two enclosures of one number have in common."""
    for exact, _ in ((a, b), (b, a)):
        if isinstance(exact, fmpq):
            return exact
    return Interval(max(lower(a), lower(b)), min(upper(a), upper(b)))


def _rounded(value: Value, bits: int) -> Value:
    """Return a value that is no longer kept exactly, if it is long."""
    if isinstance(value, fmpq) and length(value) > bits:
        return Interval.of(value)
    return value


def _times(a: Value, b: Value) -> Value:
    return fmpq(0) if _is_zero(a) or _is_zero(b) else a * b


def _is_zero(value: Value) -> bool:
    return isinstance(value, fmpq) and value == 0


def _sum(values: Sequence[Value]) -> Value:
    """Add up, the exact ones exactly."""
    total: Value = sum((v for v in values if isinstance(v, fmpq)), fmpq(0))
    for value in values:
        if isinstance(value, Interval):
            total = value if _is_zero(total) else total + value
    return total
