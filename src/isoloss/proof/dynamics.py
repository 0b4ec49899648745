"""Rigorous training: intervals for where a schedule stops at a level and for both losses there.

A step is δ_i² ← δ_i² (1 - 2ηγ_i)² and a flow is δ_i² ← δ_i² exp(-4γ_i t) (paper, section 2). Exact
numbers stay exact as long as they are short.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from flint import fmpq

from isoloss.proof.flow_crossing import crossing, decayed
from isoloss.proof.interval import (
    EXACT_BITS,
    DisjointError,
    IndeterminateError,
    Interval,
    Value,
    hull,
    length,
    less,
    less_equal,
    lower,
    narrower,
    power,
    total,
    upper,
)
from isoloss.proof.schedules import ExactFlow, ExactSteps, Piece
from isoloss.proof.shortened_step import shortened_rate

__all__ = ["EnclosedProblem", "StopEnclosure", "follow", "possible_stops"]

_MOST_LOOKS = 20_000
_MOST_STOPS = 64
_SHOWN_BITS = 2**11  # the longest fraction that a certificate writes out


@dataclass(frozen=True)
class EnclosedProblem:
    """Curvatures γ and λ, squared start residuals and the noise, as exact numbers or intervals."""

    train: Sequence[Value]
    test: Sequence[Value]
    squares: Sequence[Value]
    noise: Value


@dataclass(frozen=True)
class StopEnclosure:
    """Where training ends: at the level or, if it is not reached, at the schedule's end.

    ``piece`` is the index of the schedule's piece, -1 for the start; ``time`` is the total flow
    time, None after an endless flow; ``inside`` is the time within the last flow if that reaches
    the level; ``last_rate`` is the rate of a last step that is shortened to end at the level;
    ``parts`` are γ_iδ_i², the train loss of each direction.
    """

    reached: bool
    piece: int
    steps: int
    time: Value | None
    inside: Interval | None
    last_rate: Value | None
    train_loss: Value
    test_loss: Value
    parts: list[Value]


def follow(
    spectrum: EnclosedProblem, schedule: Sequence[Piece], level: Value | None, *, exact: bool
) -> StopEnclosure:
    """Train, and stop at the first step or flow time that meets the level.

    An ``exact`` stop shortens that step to end at the level; else it is whole, as in GD(K, η, ε).
    Raises `IndeterminateError` where the precision does not decide whether the level is reached.
    """
    stops = possible_stops(spectrum, schedule, level, exact=exact)
    if len(stops) != 1:
        raise IndeterminateError("whether a train loss is at or below the level")
    return stops[0]


def possible_stops(
    spectrum: EnclosedProblem, schedule: Sequence[Piece], level: Value | None, *, exact: bool
) -> list[StopEnclosure]:
    """Return stops that include the stop of each problem in the intervals.

    If it is undecided whether a problem reaches the level, both cases are followed.
    """
    stops: list[StopEnclosure] = []
    for state, piece, reached in _ends(spectrum, schedule, level, exact=exact):
        with contextlib.suppress(DisjointError):
            stops.append(state.stop(piece, reached=reached))
        if len(stops) > _MOST_STOPS:
            raise IndeterminateError("at which of very many steps the level is reached")
    return stops


def _ends(
    spectrum: EnclosedProblem, schedule: Sequence[Piece], level: Value | None, *, exact: bool
) -> Iterator[tuple[_State, int, bool]]:
    """Yield each possible end: the state, the piece, and whether the level is reached."""
    state = _State(spectrum, level, [fmpq(1)] * len(spectrum.train), 0, fmpq(0))
    if level is not None:
        reached = less_equal(total(state.parts()), level)
        if reached is not False:
            yield state, -1, True
        if reached:
            return
    for i, piece in enumerate(schedule):
        if isinstance(piece, ExactFlow):
            inside, certain = crossing(state.parts(), spectrum.train, level, piece.time)
            if inside is not None:
                yield replace(state.after(ExactFlow(inside)), inside=inside), i, True
        else:
            certain = False
            for count, must in state.candidates(piece):
                certain = must
                with contextlib.suppress(DisjointError):
                    yield state.reaching(piece.rate, count, exact=exact), i, True
        if certain:
            return
        state = state.after(piece)
    yield state, len(schedule) - 1, False


@dataclass(frozen=True)
class _State:
    """The state of training: the squared filter h² of each direction, the steps and the time.

    It is at the level exactly if it is ``inside`` a flow, or if the ``last_rate`` is a shortened
    step's.
    """

    spectrum: EnclosedProblem
    level: Value | None
    filters: list[Value]
    steps: int
    time: Value | None
    inside: Interval | None = None
    last_rate: Value | None = None

    def parts(self) -> list[Value]:
        """Return the current γ_iδ_i²."""
        spectrum = self.spectrum
        return [
            g * s * h
            for g, s, h in zip(spectrum.train, spectrum.squares, self.filters, strict=True)
        ]

    def after(self, piece: Piece) -> _State:
        """Return the state after a whole piece."""
        if isinstance(piece, ExactFlow):
            filters = [
                decayed(h, g, piece.time)
                for h, g in zip(self.filters, self.spectrum.train, strict=True)
            ]
            time = None if piece.time is None or self.time is None else self.time + piece.time
            return replace(self, filters=filters, time=time)
        if not piece.count:
            return self
        filters = [
            _rounded(h * power(square, fmpq(piece.count)), EXACT_BITS)
            for h, square in zip(self.filters, self._squares(piece.rate), strict=True)
        ]
        return replace(self, filters=filters, steps=self.steps + piece.count)

    def reaching(self, rate: Value, count: int, *, exact: bool) -> _State:
        """Return the state after ``count`` steps, the last of which reaches the level."""
        if not exact:
            return self.after(ExactSteps(rate, count))
        assert self.level is not None
        before = self.after(ExactSteps(rate, count - 1))
        last = shortened_rate(before.parts(), self.spectrum.train, self.level, rate)
        return replace(before.after(ExactSteps(last, 1)), last_rate=last)

    def candidates(self, piece: ExactSteps) -> Iterator[tuple[int, bool]]:
        """Yield each step that may be the first at or below the level, and whether it must be.

        Each direction's part is an exponential in the step number, hence monotone: between two
        steps it is at least the smaller of its values there. A range of steps whose bounds exceed
        the level is discarded as a whole; any other range is halved.
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
                [w * power(s, fmpq(k)) for w, s in zip(now, squares, strict=True)]
                for k in (low, high)
            ]
            if less(self.level, total(map(_least, *ends))):
                continue
            if low < high:
                middle = (low + high) // 2
                waiting += [(middle + 1, high), (low, middle)]
                continue
            reached = less_equal(total(ends[0]), self.level)
            if reached is not False:
                yield low, reached is True
            if reached:
                return

    def _squares(self, rate: Value) -> list[Value]:
        factors = [fmpq(1) - fmpq(2) * rate * g for g in self.spectrum.train]
        return [power(factor, fmpq(2)) for factor in factors]

    def stop(self, piece: int, *, reached: bool) -> StopEnclosure:
        """Return this state as a stop."""
        parts = self.parts()
        loss = total(parts)
        if self.inside is not None or self.last_rate is not None:
            assert self.level is not None
            loss = self.level
            parts = _consistent(parts, loss)
        return StopEnclosure(
            reached=reached,
            piece=piece,
            steps=self.steps,
            time=self.time,
            inside=self.inside,
            last_rate=None if self.last_rate is None else _rounded(self.last_rate, _SHOWN_BITS),
            train_loss=_rounded(loss, _SHOWN_BITS),
            test_loss=_rounded(self._test_loss(parts, loss), _SHOWN_BITS),
            parts=[_rounded(part, _SHOWN_BITS) for part in parts],
        )

    def _test_loss(self, parts: list[Value], loss: Value) -> Value:
        """Return Σ λ_iδ_i² + noise, computed from the train loss where that is known better.

        With ρ_i = λ_i/γ_i, the directions with train curvature contribute Σ ρ_i·part_i =
        ρ_r·loss + Σ (ρ_i - ρ_r)·part_i: exact if only one of them is left, or all have the same ρ.
        """
        spectrum, terms = self.spectrum, [self.spectrum.noise]
        seen, all_seen = [], True
        for i, (g, lam) in enumerate(zip(spectrum.train, spectrum.test, strict=True)):
            if less(fmpq(0), g):
                if parts[i] != 0:
                    seen.append((parts[i], lam / g))
            else:
                all_seen = all_seen and parts[i] == 0
                terms.append(lam * (spectrum.squares[i] * self.filters[i]))
        direct = total([*terms, *(part * ratio for part, ratio in seen)])
        if not seen or not all_seen:
            return direct
        # the largest part is the least certain, so it is expressed through the loss
        chief = max(seen, key=lambda pair: float(upper(pair[0]).mid()))[1]
        others = [part * (ratio - chief) for part, ratio in seen]
        return narrower(total([*terms, chief * loss, *others]), direct)


def _least(a: Value, b: Value) -> Value:
    """Return a lower bound of both values."""
    if isinstance(a, fmpq) and isinstance(b, fmpq):
        return min(a, b)
    low = min(lower(a), lower(b))
    return Interval(low, low)


def _consistent(parts: list[Value], loss: Value) -> list[Value]:
    """Narrow the parts, using that their sum is exactly the level."""
    if sum(part != 0 for part in parts) == 1:
        return [part if part == 0 else loss for part in parts]
    narrowed: list[Value] = []
    for i, part in enumerate(parts):
        if isinstance(part, fmpq):
            narrowed.append(part)
            continue
        rest = loss - total([other for j, other in enumerate(parts) if j != i])
        narrowed.append(narrower(part, narrower(rest, hull(fmpq(0), loss))))
    return narrowed


def _rounded(value: Value, bits: int) -> Value:
    """Return an interval in place of a long fraction, as exact powers would grow without bound."""
    if isinstance(value, fmpq) and length(value) > bits:
        return Interval.of(value)
    return value
