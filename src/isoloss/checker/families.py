"""Problems and schedules that depend on parameters, parsed once for all boxes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from isoloss.checker.errors import LimitError, RejectedError, shown
from isoloss.checker.expressions import largest, value
from isoloss.checker.grammar import ParsedExpression, number
from isoloss.checker.names import given, is_known, is_reserved, prefixed
from isoloss.checker.numbers import OpenError, Range, fraction
from isoloss.checker.possible_ends import outcomes
from isoloss.checker.runs import Data, Piece

__all__ = ["Family"]

_MOST_WAYS = 1024
_ZERO, _ONE = Range.point(0), Range.point(1)


@dataclass(frozen=True)
class _Part:
    """A phase whose rate or time is an expression; None stands for an endless flow."""

    kind: str
    amount: ParsedExpression | None
    count: int

    def at(self, values: Mapping[str, Range], unit: Range) -> Piece:
        """Return the phase for values of the names, with rates and times in the given unit."""
        if self.amount is None:
            return self.kind, None, 0
        amount = value(self.amount, values)
        if not _ZERO.at_most(amount):
            raise OpenError("a rate or a time may be negative")
        return self.kind, amount * unit, self.count


@dataclass(frozen=True)
class Family:
    """Commuting problems, a level and schedules that depend on the parameters in a box."""

    spectra: Mapping[str, Sequence[ParsedExpression]]
    level: ParsedExpression | None
    schedules: Mapping[str, Sequence[_Part]]
    exact: bool

    @classmethod
    def read(cls, family: Mapping[str, Any], parameters: AbstractSet[str]) -> Family:
        """Read a certificate's family; raise `RejectedError` if it is malformed."""
        for name in sorted(parameters):
            if is_reserved(name, parameter=True):
                raise RejectedError(f"the parameter name {name!r} is already taken")
        if not family["schedules"] or any(map(is_reserved, family["schedules"])):
            raise RejectedError("there are no schedules, or the name of one is already taken")
        known = parameters.__contains__
        spectra = {
            what: [number(text).known(known) for text in family[what]]
            for what in ("train", "test", "start_squared", "noise")
        }
        if len({len(spectra[what]) for what in ("train", "test", "start_squared")}) != 1:
            raise RejectedError("the spectra of the family have different lengths")
        level = None if family["level"] is None else number(family["level"]).known(known)
        schedules = {
            name: _parts(text, parameters | {"max_lr"})
            for name, text in family["schedules"].items()
        }
        return cls(spectra, level, schedules, family.get("last_step", "whole") == "exact")

    def knows(self, name: str) -> bool:
        """Return whether claims may use a name that is not a parameter."""
        d, level = len(self.spectra["train"]), self.level is not None
        return is_known(name, self.schedules, d, level=level)

    def ways(self, values: Mapping[str, Range]) -> Iterator[dict[str, Range | bool]]:
        """Yield the values that claims may use, for each way in which the schedules may end."""
        spectra = {
            what: [value(each, values) for each in parts] for what, parts in self.spectra.items()
        }
        level = None if self.level is None else value(self.level, values)
        levels = [] if level is None else [level]
        if not all(_ZERO.at_most(each) for each in itertools.chain(*spectra.values(), levels)):
            raise OpenError("a curvature, a square, the noise or the level may be negative")
        train, test, squares, (noise,) = spectra.values()
        data = Data(train, test, squares, noise, level, self.exact)
        top = largest(train)
        if not (top.is_zero or _ZERO.below(top)):
            raise OpenError("it cannot be decided whether any curvature is positive")
        unit = _ONE if top.is_zero else _ONE / top
        known = {**values, "max_lr": unit}
        ends = [
            [
                prefixed(end.values, name)
                for end in outcomes(data, [p.at(known, unit) for p in parts])
            ]
            for name, parts in self.schedules.items()
        ]
        if math.prod(map(len, ends)) > _MOST_WAYS:
            raise LimitError(f"the schedules may end in more than {_MOST_WAYS} ways, the limit")
        for some in itertools.product(*ends):
            found = given(data)
            for end in some:
                found |= end
            yield found


def _parts(text: str, names: AbstractSet[str]) -> list[_Part]:
    """Read ``"gd(RATE, K) > flow(TIME) > flow"``."""
    return [_part(part.strip(" "), names) for part in _outside(text, ">")]


def _part(text: str, names: AbstractSet[str]) -> _Part:
    name, opened, rest = text.partition("(")
    kind, arguments = name.strip(" "), _outside(rest.removesuffix(")"), ",")
    if text == "flow":
        return _Part("flow", None, 0)
    fits = (kind, len(arguments)) in (("gd", 2), ("flow", 1))
    if not (fits and opened and rest.endswith(")")):
        raise RejectedError(f"{shown(text)} is not a phase of a schedule")
    amount = number(arguments[0].strip(" ")).known(names.__contains__)
    if kind == "flow":
        return _Part(kind, amount, 0)
    try:
        count = fraction(arguments[1].strip(" "))
    except ValueError as error:
        raise RejectedError(str(error)) from None
    if count.q != 1 or count < 0:
        raise RejectedError(f"{shown(text)} has no number of steps")
    return _Part(kind, amount, int(count.p))


def _outside(text: str, mark: str) -> list[str]:
    """Split a text at a mark outside of parentheses."""
    found, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == mark and depth == 0:
            found.append("")
        else:
            found[-1] += letter
    return found
