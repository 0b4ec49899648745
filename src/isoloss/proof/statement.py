"""What `for_all` proves: a claim about parameters and the problems that depend on them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flint import fmpq

from isoloss.checker.flint_precision import precision
from isoloss.dynamics.stop_rule import LastStep, stops_exactly
from isoloss.proof.dynamics import EnclosedProblem, possible_stops
from isoloss.proof.exact_problem import exact
from isoloss.proof.expressions import Expression
from isoloss.proof.interval import (
    IndeterminateError,
    UnboundedError,
    Value,
    hull,
    largest,
    less,
    upper,
)
from isoloss.proof.quantity_names import (
    check_claim,
    check_parameter_names,
    check_schedule_names,
    quantities,
)
from isoloss.proof.schedules import Template, read_text

__all__ = ["Box", "Statement"]

Box = tuple[tuple[fmpq, fmpq], ...]

_POINT_BITS = (64, 256, 1024, 4096)
_MOST_WAYS = 256


@dataclass(frozen=True)
class Statement:
    """A claim about the parameters, and the problems that depend on them.

    An ``exact`` stop shortens the last step. ``texts`` describes the problems in a certificate, and
    is None if there are none.
    """

    names: tuple[str, ...]
    box: Box
    claim: Expression
    spectrum: dict[str, list[Expression]]
    level: Expression | None
    schedules: dict[str, list[Template]]
    exact: bool
    demanded: list[str]
    texts: dict[str, Any] | None

    @classmethod
    def read(
        cls,
        box: Mapping[str, tuple[Any, Any]],
        claim: str,
        train: Sequence[Any] | None,
        test: Sequence[Any] | None,
        start_squared: Sequence[Any] | None,
        noise: Any,
        level: Any,
        schedules: Mapping[str, str] | str | None,
        last_step: LastStep,
    ) -> Statement:
        """Read the arguments of `for_all`."""
        if not isinstance(box, Mapping):
            raise TypeError(f"box must be a mapping of names to ranges; got {type(box).__name__}")
        check_parameter_names(box, alone=train is None)
        ranges = tuple(_range(name, ends) for name, ends in box.items())
        if len(ranges) > 26:
            raise ValueError(f"a box may have up to 26 parameters; got {len(ranges)}")
        names = set(box)
        inequality = Expression.parse(claim)
        exact_stop = stops_exactly(last_step)
        parts = {"train": train, "test": test, "start_squared": start_squared}
        if not any(part is not None for part in parts.values()):
            if schedules or level not in (None, ...):
                raise ValueError("schedules and a level need a problem: train, test, start_squared")
            inequality.check_names(names)
            return cls(tuple(box), ranges, inequality, {}, None, {}, exact_stop, [], None)
        spectrum = _spectrum(parts, names)
        spectrum["noise"] = [_expression("noise", noise, names)]
        if level is ...:
            raise ValueError("a problem needs a level to stop at; level=None trains to the end")
        stop = None if level is None else _expression("level", level, names)
        read = _schedules(schedules, names | {"max_lr"})
        d = len(spectrum["train"])
        demanded = check_claim(inequality, read, d, level=stop is not None, parameters=names)
        texts: dict[str, Any] = {what: [e.text for e in each] for what, each in spectrum.items()}
        texts["level"] = stop.text if stop else None
        texts["schedules"] = {"": schedules} if isinstance(schedules, str) else schedules
        texts |= {"at_level": demanded, "last_step": last_step}
        return cls(
            tuple(box), ranges, inequality, spectrum, stop, read, exact_stop, demanded, texts
        )

    def holds(self, box: Sequence[tuple[fmpq, fmpq]]) -> bool | None:
        """Return whether the claim holds on a whole box, or None if that is undecided."""
        values: dict[str, Value] = {
            name: low if low == high else hull(low, high)
            for name, (low, high) in zip(self.names, box, strict=True)
        }
        try:
            found = {self._holds({**values, **each}) for each in self._runs(values)}
        except (IndeterminateError, UnboundedError):
            return None
        return found.pop() if len(found) == 1 else None

    def _holds(self, values: dict[str, Value | bool]) -> bool | None:
        """Return whether the claim holds for one combination of the schedules' possible stops."""
        if not all(values[f"{name}.reached" if name else "reached"] for name in self.demanded):
            return False
        try:
            return self.claim.holds(values)
        except UnboundedError:
            return None

    def at(self, point: Sequence[fmpq]) -> tuple[bool | None, int]:
        """Return whether the claim holds at a point, and the number of bits that this took."""
        for bits in _POINT_BITS:
            with precision(bits):
                truth = self.holds([(value, value) for value in point])
            if truth is not None:
                break
        return truth, bits

    def shown(self, point: Sequence[fmpq]) -> str:
        """Return the values of the claim's quantities at a point, in decimals."""
        values = dict(zip(self.names, point, strict=True))
        try:
            known = next(iter(self._runs({**values})))
        except (IndeterminateError, UnboundedError):
            return ""
        numbers = {n: v for n, v in known.items() if n in self.claim.names}
        return ", ".join(
            f"{name} = {float(upper(value).mid()):.6g}"
            for name, value in sorted(numbers.items())
            if not isinstance(value, bool)
        )

    def _runs(self, values: dict[str, Value]) -> Iterator[dict[str, Value | bool]]:
        """Yield the values that a claim may use, for each way in which the schedules may stop."""
        if not self.spectrum:
            yield {}
            return
        level = None if self.level is None else self.level.at_least_zero(values, "level")
        numbers = {
            what: [each.at_least_zero(values, what) for each in parts]
            for what, parts in self.spectrum.items()
        }
        spectrum = EnclosedProblem(
            numbers["train"], numbers["test"], numbers["start_squared"], numbers["noise"][0]
        )
        top = largest(spectrum.train)
        max_lr = None if top == fmpq(0) else fmpq(1) / top if less(fmpq(0), top) else None
        if max_lr is None and top != fmpq(0):
            raise IndeterminateError("whether there is any curvature")
        known = values if max_lr is None else values | {"max_lr": max_lr}
        schedules = {
            name: [each.at(known, max_lr) for each in templates]
            for name, templates in self.schedules.items()
        }
        ways = [
            possible_stops(spectrum, each, level, exact=self.exact) for each in schedules.values()
        ]
        if math.prod(map(len, ways)) > _MOST_WAYS:
            raise IndeterminateError("where the schedules stop")
        for stops in itertools.product(*ways):
            yield quantities(spectrum, dict(zip(schedules, stops, strict=True)), level)


def _expression(what: str, value: Any, names: set[str]) -> Expression:
    """Read an expression of the parameters, or a number."""
    given = value if isinstance(value, str) else str(exact(what, value))
    return Expression.parse(given, what).check_names(names, what)


def _spectrum(parts: Mapping[str, Any], names: set[str]) -> dict[str, list[Expression]]:
    for what, values in parts.items():
        if values is None:
            raise ValueError("a problem needs train, test and start_squared")
        if isinstance(values, str) or not hasattr(values, "__iter__"):
            raise TypeError(f"{what} must be a sequence of expressions; got {values!r}")
    found = {
        what: [_expression(what, value, names) for value in values]
        for what, values in parts.items()
    }
    counts = [len(each) for each in found.values()]
    if len(set(counts)) != 1 or not counts[0]:
        raise ValueError(
            "train, test and start_squared need one expression for each direction; got "
            f"{counts[0]}, {counts[1]} and {counts[2]}"
        )
    return found


def _schedules(schedules: Any, names: set[str]) -> dict[str, list[Template]]:
    if isinstance(schedules, str):
        schedules = {"": schedules}
    if not isinstance(schedules, Mapping) or not schedules:
        raise ValueError('a problem needs schedules, such as {"flow": "flow"}')
    check_schedule_names(schedules)
    for name, each in schedules.items():
        if not isinstance(each, str):
            raise TypeError(
                f"schedules of for_all are texts such as 'gd(1, 10) > flow'; {name!r} is "
                f"{type(each).__name__}"
            )
    return {name: read_text(each, names) for name, each in schedules.items()}


def _range(name: Any, ends: Any) -> tuple[fmpq, fmpq]:
    try:
        low, high = ends
    except (TypeError, ValueError):
        raise TypeError(f"the range of {name} must be (low, high); got {ends!r}") from None
    low, high = exact(f"low end of {name}", low), exact(f"high end of {name}", high)
    if low > high:
        raise ValueError(f"the range of {name} is empty: {low} is above {high}")
    return low, high
