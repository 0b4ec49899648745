"""Rigorous training: where a schedule stops at a level, and both losses there, as intervals.

Everything follows from δ_i² ← δ_i² (1 - 2ηγ_i)² for a step and δ_i² ← δ_i² exp(-4γ_i t) in a flow
(paper, section 2). Exact numbers stay exact as long as they are short.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

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
from isoloss.proof.schedules import ExactFlow, ExactSteps, Piece

__all__ = ["EnclosedProblem", "IndeterminateError", "StopEnclosure", "follow", "possible_stops"]

_NEWTON = 500
_MOST_LOOKS = 20_000
_MOST_STOPS = 64
_SHOWN_BITS = 2**11  # of a fraction that a certificate writes out
_LOST = 24  # bits that the verification of a root may lose


class IndeterminateError(ArithmeticError):
    """At this precision, or on this box, a comparison that training depends on is open."""


@dataclass(frozen=True)
class EnclosedProblem:
    """Curvatures γ and λ, squared start residuals, and the noise: exact, or intervals."""

    train: Sequence[Value]
    test: Sequence[Value]
    squares: Sequence[Value]
    noise: Value


@dataclass(frozen=True)
class StopEnclosure:
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


def follow(
    spectrum: EnclosedProblem, schedule: Sequence[Piece], level: Value | None
) -> StopEnclosure:
    """Train by the rule of GD(K, η, ε): stop at the first step, or moment of a flow, at the level.

    Raises `IndeterminateError` where the precision does not decide whether the level is reached.
    """
    stops = possible_stops(spectrum, schedule, level)
    if len(stops) != 1:
        raise IndeterminateError("whether a train loss is at or below the level")
    return stops[0]


def possible_stops(
    spectrum: EnclosedProblem, schedule: Sequence[Piece], level: Value | None
) -> list[StopEnclosure]:
    """Return stops among which is that of each problem in the intervals, as `follow` takes it.

    Where it is open whether a problem reaches the level, both are followed up.
    """
    run, stops = _Run.start(spectrum, level), _Stops()
    if level is not None:
        reached = less_equal(run.loss(), level)
        if reached is not False:
            stops.add(run, -1)
        if reached:
            return stops.found
    for i, piece in enumerate(schedule):
        if isinstance(piece, ExactFlow):
            inside, certain = run.crossing(piece)
            if inside is not None:
                stops.add(run.flowed(inside), i, inside=inside)
            run = run if certain else run.flowed(piece.time)
        else:
            certain = False
            for count, must in run.candidates(piece):
                stops.add(run.stepped(piece.rate, count), i)
                certain = must
            run = run if certain else run.stepped(piece.rate, piece.count)
        if certain:
            return stops.found
    stops.add(run, len(schedule) - 1, reached=False)
    return stops.found


class _Stops:
    """Possible stops."""

    def __init__(self) -> None:
        self.found: list[StopEnclosure] = []

    def add(
        self, run: _Run, piece: int, *, reached: bool = True, inside: Interval | None = None
    ) -> None:
        """Add a stop, if any problem can have it."""
        try:
            self.found.append(run.stop(piece, reached=reached, inside=inside))
        except _EmptyError:
            return
        if len(self.found) > _MOST_STOPS:
            raise IndeterminateError("at which of very many steps the level is reached")


class _EmptyError(ArithmeticError):
    """Two enclosures of one number have nothing in common: there is no such problem."""


@dataclass(frozen=True)
class _Run:
    """The state of training: the squares of the filter h² of each direction."""

    spectrum: EnclosedProblem
    level: Value | None
    filters: list[Value]
    steps: int
    time: Value | None

    @classmethod
    def start(cls, spectrum: EnclosedProblem, level: Value | None) -> _Run:
        """Return the state before any training."""
        return cls(spectrum, level, [fmpq(1)] * len(spectrum.train), 0, fmpq(0))

    def parts(self) -> list[Value]:
        """Return γ_iδ_i² now."""
        spectrum = self.spectrum
        return [
            _times(_times(g, s), h)
            for g, s, h in zip(spectrum.train, spectrum.squares, self.filters, strict=True)
        ]

    def loss(self) -> Value:
        """Return the train loss now."""
        return _sum(self.parts())

    def stepped(self, rate: Value, count: int) -> _Run:
        """Return the state after steps of one rate."""
        filters = [
            _rounded(_times(h, power(square, fmpq(count))), EXACT_BITS) if count else h
            for h, square in zip(self.filters, self._squares(rate), strict=True)
        ]
        return replace(self, filters=filters, steps=self.steps + count)

    def flowed(self, time: Value | None) -> _Run:
        """Return the state after a flow for a time, or without end."""
        filters = [
            _flowed(h, g, time) for h, g in zip(self.filters, self.spectrum.train, strict=True)
        ]
        after = None if time is None or self.time is None else self.time + time
        return replace(self, filters=filters, time=after)

    def candidates(self, piece: ExactSteps) -> Iterator[tuple[int, bool]]:
        """Yield the steps that may be the first at or below the level, and whether it must be.

        Between two steps each direction's part is at least the lesser one of its two ends, as it
        is a power of the step.
        """
        if self.level is None or not piece.count:
            return
        squares, now = self._squares(piece.rate), self.parts()
        waiting, looks = [(1, piece.count)], 0
        while waiting:
            low, high = waiting.pop()
            looks += 1
            if looks > _MOST_LOOKS:
                raise IndeterminateError(
                    f"which step reaches the level, within {_MOST_LOOKS} looks"
                )
            ends = [
                [_times(w, power(s, fmpq(k))) for w, s in zip(now, squares, strict=True)]
                for k in (low, high)
            ]
            if less(self.level, _sum([_least(a, b) for a, b in zip(*ends, strict=True)])):
                continue
            if low < high:
                middle = (low + high) // 2
                waiting += [(middle + 1, high), (low, middle)]
                continue
            reached = less_equal(_sum(ends[0]), self.level)
            if reached is not False:
                yield low, reached is True
            if reached:
                return

    def crossing(self, piece: ExactFlow) -> tuple[Interval | None, bool]:
        """Return the time at which a flow may reach the level, and whether it must.

        Σ w_i exp(-4γ_i t) falls strictly in t where any part with γ_i > 0 is left, so a change of
        sign encloses the one crossing.
        """
        alive = []
        for part, g in zip(self.parts(), self.spectrum.train, strict=True):
            if not _is_zero(part):
                if not less(fmpq(0), g):
                    raise IndeterminateError("whether a curvature is positive")
                alive.append((part, g))
        if self.level is None or not alive or less_equal(self.level, fmpq(0)):
            return None, False
        if not less(fmpq(0), self.level):
            raise IndeterminateError("whether the level is positive")
        if piece.time is None:
            return _crossing(alive, self.level), True
        reached = less_equal(_flow_loss(alive, piece.time), self.level)
        if reached is False:
            return None, False
        found = _crossing(alive, self.level)
        end = upper(piece.time)
        if found.low > end:
            return None, False
        return Interval(found.low, min(found.high, end)), reached is True

    def _squares(self, rate: Value) -> list[Value]:
        factors = [fmpq(1) - fmpq(2) * rate * g for g in self.spectrum.train]
        return [power(factor, fmpq(2)) for factor in factors]

    def stop(
        self, piece: int, *, reached: bool = True, inside: Interval | None = None
    ) -> StopEnclosure:
        """Return where training ends now; ``inside`` a flow, exactly at the level."""
        parts, loss = self.parts(), self.loss()
        if inside is not None:
            assert self.level is not None
            loss = self.level
            parts = _consistent(parts, loss)
        return StopEnclosure(
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
        seen, all_seen = [], True
        for i, (g, lam) in enumerate(zip(spectrum.train, spectrum.test, strict=True)):
            if less(fmpq(0), g):
                if not _is_zero(parts[i]):
                    seen.append((parts[i], lam / g))
            else:
                all_seen = all_seen and _is_zero(parts[i])
                terms.append(_times(lam, _times(spectrum.squares[i], self.filters[i])))
        if not seen or not all_seen:
            return _sum([*terms, *(part * ratio for part, ratio in seen)])
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
    low, high = None, None
    for _ in range(_LOST):
        if low is None:
            # no time is below 0, so that nothing is to be shown there
            start = max((early * (1 - margin)).lower().mid(), arb(0))
            above = less(level, _flow_loss(alive, Interval(start, start)))
            low = start if start == 0 or above else None
        if high is None:
            end = (late * (1 + margin)).upper().mid()
            below = less(_flow_loss(alive, Interval(end, end)), level)
            high = end if below else None
        if low is not None and high is not None:
            return Interval(low, high)
        margin = 4 * margin
    raise IndeterminateError("at what time the flow reaches the level")


def _newton(terms: list[tuple[arb, arb]], level: arb) -> arb:
    """Return about where log Σ w exp(-4γt) = log level: convex, from a lower bound on.

    Only a guess, which `_crossing` verifies.
    """
    useful = [(w.mid(), g.mid()) for w, g in terms if w > 0 and g > 0]
    time = arb(0)
    if not useful:
        return time
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
    low, high = max(lower(a), lower(b)), min(upper(a), upper(b))
    if low > high:
        raise _EmptyError
    for exact in (a, b):
        if isinstance(exact, fmpq):
            return exact
    return Interval(low, high)


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
