"""Schedules with exact rates, as pieces that a proof goes through one after another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flint import fmpq

from isoloss._messages.near_misses import suggest
from isoloss.proof.exact_problem import exact
from isoloss.proof.expressions import Expression
from isoloss.proof.interval import IndeterminateError, Interval, UnboundedError, Value
from isoloss.schedules.phases import GradientDescent, GradientFlow
from isoloss.schedules.resolving import in_own_units, read
from isoloss.schedules.text import Spec

__all__ = [
    "ExactFlow",
    "ExactSteps",
    "Piece",
    "Template",
    "piece_texts",
    "read_schedule",
    "read_text",
]

_MOST_PIECES = 10_000


@dataclass(frozen=True)
class ExactSteps:
    """``count`` gradient-descent steps at one rate."""

    rate: Value
    count: int


@dataclass(frozen=True)
class ExactFlow:
    """Gradient flow for a time; None means an endless flow."""

    time: Value | None


Piece = ExactSteps | ExactFlow


@dataclass(frozen=True)
class Template:
    """A piece whose rate or time is an expression; the time of an endless flow is None."""

    amount: Expression | None
    count: int | None

    def at(self, values: dict[str, Value], max_lr: Value | None) -> Piece:
        """Return the piece for values of the names; rates are in units of the largest stable one.

        If all curvatures are 0, no rate has any effect, so the unit is 1.
        """
        if self.amount is None:
            return ExactFlow(None)
        amount = self.amount.at_least_zero(values, "a rate or time") * (max_lr or fmpq(1))
        return ExactFlow(amount) if self.count is None else ExactSteps(amount, self.count)


def read_schedule(schedule: Any, max_lr: fmpq | None) -> list[Piece]:
    """Return the pieces of a schedule, or of a text with rates in units of the largest stable one.

    Raises ``TypeError`` if it is not a schedule, ``ValueError`` for momentum or too many rates.
    """
    if isinstance(schedule, str):
        return _exact_pieces(schedule, max_lr)
    given = read(schedule)
    unit = max_lr if isinstance(given, Spec) and max_lr is not None else fmpq(1)
    found: list[Piece] = []
    for phase in in_own_units(given).phases:
        if not isinstance(phase, GradientDescent | GradientFlow):
            raise ValueError(
                "proofs are about gradient descent and gradient flow; the schedule has "
                f"{type(phase).__name__}"
            )
        if not phase.is_plain:
            raise ValueError(
                f"proofs are about full batches without weight decay; the schedule has {phase!r}"
            )
        if isinstance(phase, GradientFlow):
            endless = phase.time == float("inf")
            found.append(ExactFlow(None if endless else exact("time", phase.time) * unit))
            continue
        for rate, count in phase.runs():
            if isinstance(rate, float):
                found.append(ExactSteps(exact("lr", rate) * unit, count))
            else:
                found += [ExactSteps(exact("lr", each) * unit, 1) for each in rate]
        if len(found) > _MOST_PIECES:
            raise ValueError(f"a proof takes at most {_MOST_PIECES} changing rates")
    return found


def _exact_pieces(schedule: str, max_lr: fmpq | None) -> list[Piece]:
    known: dict[str, Value] = {} if max_lr is None else {"max_lr": max_lr}
    try:
        pieces = [template.at(known, max_lr) for template in read_text(schedule, set(known))]
    except UnboundedError as error:
        raise ValueError(f"schedule {schedule!r} has {error}") from None
    except IndeterminateError:
        raise _inexact() from None
    if any(isinstance(number, Interval) for piece in pieces for number in vars(piece).values()):
        raise _inexact()
    return pieces


def read_text(schedule: str, names: set[str]) -> list[Template]:
    """Read ``"gd(RATE, K) > flow(TIME) > flow"``; rates and times may be expressions of names.

    Raises ``ValueError`` for anything else.
    """
    if not (schedule.isascii() and schedule.isprintable()):
        raise ValueError(f"schedule {schedule!r} may contain only printable ASCII characters")
    found = []
    for part in map(str.strip, _split(schedule, ">")):
        call = re.fullmatch(r"(gd|flow) *\((.*)\)", part)
        arguments = _split(call[2], ",") if call else []
        settings = [each for each in arguments if re.match(r" *[a-z_]+ *=(?!=)", each)]
        if settings:
            raise ValueError(
                f"schedule {schedule!r}: proofs are about full batches without momentum and weight "
                f"decay; leave out {', '.join(map(str.strip, settings))}"
            )
        if part == "flow":
            found.append(Template(None, None))
        elif not call or len(arguments) != {"gd": 2, "flow": 1}[call[1]]:
            name = part.partition("(")[0].strip()
            raise ValueError(
                f"schedule {schedule!r}: {part!r} is not gd(RATE, K), flow(TIME) or flow"
                f"{suggest(name, ('gd', 'flow')) if name not in ('gd', 'flow') else ''}; "
                "proofs are about gradient descent and gradient flow"
            )
        else:
            what = f"schedule {schedule!r}: the {'rate' if call[1] == 'gd' else 'time'}"
            number = Expression.parse(arguments[0], what).check_names(names, what)
            found.append(Template(number, _count(arguments[1]) if len(arguments) == 2 else None))
    return found


def piece_texts(schedule: Sequence[Piece]) -> list[list[str | int | None]]:
    """Return pieces with exact numbers in the form that a certificate holds."""
    return [
        ["gd", str(piece.rate), piece.count]
        if isinstance(piece, ExactSteps)
        else ["flow", None if piece.time is None else str(piece.time)]
        for piece in schedule
    ]


def _inexact() -> ValueError:
    return ValueError(
        "rates and times must be exact numbers, as fractions are; one of them is irrational, or "
        "very long"
    )


def _count(argument: str) -> int:
    shape = re.fullmatch(r" *[0-9][0-9.eE/]* *", argument)
    number = exact("number of steps", argument.strip()) if shape else None
    if number is None or number.q != 1:
        raise ValueError(f"the number of steps must be a whole number; got {argument.strip()!r}")
    return int(number.p)


def _split(text: str, mark: str) -> list[str]:
    """Split at a mark outside parentheses."""
    parts, depth = [""], 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == mark and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return parts
