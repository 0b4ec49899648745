"""Statements of certificates, and their truth by arithmetic of its own.

Nothing here comes from isoloss: fractions, mpmath at 60 digits, and Python's own reading of a text
decide what is true. Numbers closer than 10^-45 count as equal; those drawn are not that close.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from types import SimpleNamespace
from typing import Any

import mpmath

MP = mpmath.mp.clone()
MP.dps = 60
CLOSE = MP.mpf(10) ** -45
QUANTITIES = "test_loss", "train_loss", "time", "last_rate", "steps", r"part\d+", "reached"
FUNCTIONS = ("exp", "log", "sqrt")


class Number:
    """A number that Python's operators compare at 45 digits, and that is no truth value."""

    def __init__(self, value: Any) -> None:
        self.value = MP.mpf(value.numerator) / value.denominator if fraction(value) else value

    def __bool__(self) -> bool:
        raise TypeError("a number is no truth value")

    def __neg__(self) -> Number:
        return Number(-self.value)

    def __pos__(self) -> Number:
        return self

    def __abs__(self) -> Number:
        return Number(abs(self.value))

    def __add__(self, other: Number) -> Number:
        return Number(self.value + other.value)

    def __sub__(self, other: Number) -> Number:
        return Number(self.value - other.value)

    def __mul__(self, other: Number) -> Number:
        return Number(self.value * other.value)

    def __truediv__(self, other: Number) -> Number:
        return Number(self.value / other.value)

    def __pow__(self, other: Number) -> Number:
        found = self.value**other.value
        if not isinstance(found, MP.mpf):
            raise TypeError("a complex number")
        return Number(found)

    def __eq__(self, other: object) -> bool:
        assert isinstance(other, Number)
        return bool(abs(self.value - other.value) <= CLOSE * max(abs(self.value), abs(other.value)))

    def __lt__(self, other: Number) -> bool:
        return bool(self.value < other.value) and not self == other

    def __le__(self, other: Number) -> bool:
        return bool(self.value < other.value) or self == other

    __hash__ = None  # type: ignore[assignment]  # not hashable


def fraction(value: Any) -> bool:
    return isinstance(value, int | Fraction)


def applied(function: str, x: Number) -> Number:
    return Number(getattr(MP, function)(x.value))


def evaluate(text: str, values: Mapping[str, Any], number: Any) -> Any:
    """Return what Python makes of a text, with ``number`` of each literal in it."""
    literal = r"(?<![\w.])(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
    ready = re.sub(literal, lambda found: f'number_of("{found[0]}")', text)
    named = {**values, "number_of": lambda written: number(Fraction(written)), "abs": abs}
    named |= {"min": min, "max": max, "__builtins__": {}}
    named |= {name: partial(applied, name) for name in FUNCTIONS}
    return eval(ready, named)


@dataclass
class Ended:
    """Where a run ends."""

    reached: bool
    piece: int
    steps: int
    inside: Any
    time: Any
    last_rate: Any
    parts: list[Any]
    train_loss: Any
    test_loss: Any


def trained(
    problem: Mapping[str, Sequence[Fraction]],
    noise: Fraction,
    level: Fraction | None,
    schedule: Sequence[Sequence[Any]],
    last_step: str,
) -> Ended:
    """Train step by step, exactly until the first flow or shortened step."""
    train, test = problem["train"], problem["test"]
    squares: list[Any] = list(problem["start_squared"])
    steps = 0
    time: Any = Fraction(0)

    def ended(reached: bool, piece: int, inside: Any = None, last_rate: Any = None) -> Ended:
        parts = [g * s if fraction(s) else real(g) * s for g, s in zip(train, squares, strict=True)]
        tested = [
            lam * s if fraction(s) else real(lam) * s for lam, s in zip(test, squares, strict=True)
        ]
        loss = added(parts) if inside is last_rate is None else real(level)
        test_loss = added([noise, *tested])
        return Ended(reached, piece, steps, inside, time, last_rate, parts, loss, test_loss)

    def at_level() -> bool:
        loss = added([real(g) * real(s) for g, s in zip(train, squares, strict=True)])
        return level is not None and Number(loss) <= Number(level)

    if at_level():
        return ended(True, -1)
    for i, (kind, amount, *count) in enumerate(schedule):
        if kind == "gd":
            for _ in range(count[0]):
                before, squares = squares, stepped(train, squares, amount)
                steps += 1
                if at_level():
                    rate = reaching(train, before, level) if last_step == "exact" else None
                    squares = squares if rate is None else stepped(train, before, rate)
                    return ended(True, i, last_rate=rate)
            continue
        inside = crossing(train, squares, level, amount)
        limit = amount if inside is None else inside
        squares = flowed(train, squares, limit)
        time = None if time is None or limit is None else real(time) + real(limit)
        if inside is not None:
            return ended(True, i, inside)
    return ended(False, len(schedule) - 1)


def stepped(train: Sequence[Fraction], squares: Sequence[Any], rate: Any) -> list[Any]:
    exact = all(map(fraction, (rate, *squares)))
    return [
        s * (1 - 2 * rate * g) ** 2 if exact else real(s) * (1 - 2 * real(rate) * real(g)) ** 2
        for s, g in zip(squares, train, strict=True)
    ]


def flowed(train: Sequence[Fraction], squares: Sequence[Any], time: Any) -> list[Any]:
    if time is None:
        return [s if g == 0 else Fraction(0) for s, g in zip(squares, train, strict=True)]
    return [
        s if g == 0 else real(s) * MP.exp(-4 * real(g) * real(time))
        for s, g in zip(squares, train, strict=True)
    ]


def reaching(train: Sequence[Fraction], squares: Sequence[Any], level: Any) -> Any:
    """Return the smallest rate at which a step ends at the level.

    The loss is convex in the rate, so that Newton from 0 comes near from the left.
    """
    exact = all(map(fraction, squares))
    parts = [(g * s if exact else real(g) * s, g) for g, s in zip(train, squares, strict=True)]
    if exact:
        a, b = (sum(w * (2 * g) ** k for w, g in parts) for k in (2, 1))
        square = 1 - a * (sum(w for w, _ in parts) - level) / b**2
        root = Fraction(math.isqrt(square.numerator), math.isqrt(square.denominator))
        if root**2 == square:  # a fraction, and nearer than Newton gets where both roots are one
            return b / a * (1 - root)
    terms = [(real(w), 2 * real(g)) for w, g in parts]
    rate = MP.mpf(0)
    for _ in range(300):  # where both roots are one, each step only halves what is left
        over = MP.fsum(w * (1 - rate * f) ** 2 for w, f in terms) - real(level)
        if over <= 0:
            break
        rate += over / MP.fsum(2 * w * f * (1 - rate * f) for w, f in terms)
    return rate


def crossing(
    train: Sequence[Fraction], squares: Sequence[Any], level: Fraction | None, limit: Any
) -> Any:
    """Return the time within a flow at which the level is met; None if never.

    The loss is convex in time, so that Newton from the left comes near from the left.
    """
    terms = [(real(g) * real(s), 4 * real(g)) for g, s in zip(train, squares, strict=True)]
    if level is None or level <= 0:
        return None
    aim = real(level)
    if limit is not None:
        loss = MP.fsum(w * MP.exp(-rate * real(limit)) for w, rate in terms)
        if Number(level) < Number(loss):
            return None
    time = MP.mpf(0)
    while True:
        parts = [(w * MP.exp(-rate * time), rate) for w, rate in terms]
        over = MP.fsum(w for w, _ in parts) - aim
        if over <= CLOSE * aim:
            return time
        time += over / MP.fsum(w * rate for w, rate in parts)


def real(value: Any) -> Any:
    return MP.mpf(value.numerator) / value.denominator if fraction(value) else value


def added(values: Sequence[Any]) -> Any:
    if all(map(fraction, values)):
        return sum(values, Fraction(0))
    return MP.fsum(map(real, values))


def quantities(
    problem: Mapping[str, Sequence[Fraction]], level: Fraction | None, runs: Mapping[str, Ended]
) -> dict[str, Any]:
    """Return the names of a claim: numbers, and whether a level is reached."""
    found: dict[str, Any] = {} if level is None else {"level": Number(level)}
    for what, name in (("train", "train"), ("test", "test"), ("square", "start_squared")):
        found |= {f"{what}{i + 1}": Number(value) for i, value in enumerate(problem[name])}
    for name, run in runs.items():
        own: dict[str, Any] = {
            key: Number(getattr(run, key)) for key in ("train_loss", "test_loss")
        }
        own |= {"reached": run.reached, "steps": Number(run.steps)}
        own |= {f"part{i + 1}": Number(part) for i, part in enumerate(run.parts)}
        for key in ("time", "last_rate"):
            if getattr(run, key) is not None:
                own[key] = Number(getattr(run, key))
        found |= {name: SimpleNamespace(**own)} if name else own
    return found


def must_reach(claim: str, schedules: Sequence[str]) -> list[str]:
    """Return the schedules of which a claim says something, but not whether they are reached."""
    found = []
    for name in schedules:
        start = rf"\b{name}\." if name else r"(?<![\w.])"
        used = re.findall(rf"{start}({'|'.join(QUANTITIES)})\b", claim)
        if used and "reached" not in used:
            found.append(name)
    return found


def holds(claim: str, values: Mapping[str, Any], reached: Mapping[str, bool]) -> bool:
    """Whether a claim is true: a schedule that must reach the level and does not makes it false."""
    if not all(reached[name] for name in must_reach(claim, list(reached))):
        return False
    truth = evaluate(claim, values, Number)
    assert isinstance(truth, bool)
    return truth
