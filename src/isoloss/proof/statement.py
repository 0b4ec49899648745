"""What `for_all` proves: a claim about parameters, and about problems that depend on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flint import fmpq

from isoloss.proof.certify import known_names, precision, quantities
from isoloss.proof.dynamics import Spectrum, UndecidedError, follow
from isoloss.proof.exact import exact, text
from isoloss.proof.expressions import Expression
from isoloss.proof.interval import UnboundedError, Value, hull, less, less_equal
from isoloss.proof.schedules import Template, read_text

__all__ = ["Box", "Statement"]

Box = tuple[tuple[fmpq, fmpq], ...]

_POINT_BITS = (64, 256, 1024, 4096)


@dataclass(frozen=True)
class Statement:
    """A claim about the parameters, and the problems that they stand for.

    ``texts`` is what a certificate holds of the problems; None without any.
    """

    names: tuple[str, ...]
    box: Box
    claim: Expression
    spectrum: dict[str, list[Expression]]
    level: Expression | None
    schedules: dict[str, list[Template]]
    texts: dict[str, Any] | None

    @classmethod
    def read(
        cls,
        box: Mapping[str, tuple[Any, Any]],
        claim: str,
        train: Sequence[str] | None,
        test: Sequence[str] | None,
        start_squared: Sequence[str] | None,
        noise: str,
        level: str | None,
        schedules: Mapping[str, str],
    ) -> Statement:
        """Read the arguments of `for_all`."""
        ranges = tuple(_range(name, ends) for name, ends in box.items())
        if len(ranges) > 26:
            raise ValueError(f"a box may have up to 26 parameters; got {len(ranges)}")
        names = set(box)
        inequality = Expression.parse(claim)
        given = [part is not None for part in (train, test, start_squared)]
        if not any(given):
            if schedules or level is not None:
                raise ValueError("schedules and a level need a problem: train, test, start_squared")
            inequality.check_names(names)
            return cls(tuple(box), ranges, inequality, {}, None, {}, None)
        if train is None or test is None or start_squared is None or not schedules:
            raise ValueError("a problem needs train, test, start_squared and schedules")
        if not len(train) == len(test) == len(start_squared) > 0:
            raise ValueError(
                "train, test and start_squared need one expression for each direction; got "
                f"{len(train)}, {len(test)} and {len(start_squared)}"
            )
        known = known_names(schedules, len(train), level=level is not None)
        if both := sorted(names & (known | {"max_lr"})):
            raise ValueError(f"a parameter may not be called {both[0]!r}: that is another thing")
        parts = {"train": train, "test": test, "start_squared": start_squared, "noise": [noise]}
        spectrum = {
            what: [Expression.parse(each, what).check_names(names, what) for each in texts]
            for what, texts in parts.items()
        }
        stop = None if level is None else Expression.parse(level, "level").check_names(names)
        read = {n: read_text(each, names | {"max_lr"}) for n, each in schedules.items()}
        inequality.check_names(known | names)
        texts: dict[str, Any] = {what: [e.text for e in each] for what, each in spectrum.items()}
        texts |= {"level": stop.text if stop else None, "schedules": dict(schedules)}
        return cls(tuple(box), ranges, inequality, spectrum, stop, read, texts)

    def holds(self, box: Sequence[tuple[fmpq, fmpq]]) -> bool | None:
        """Return whether the claim holds on all of a box; None where that stays open."""
        values: dict[str, Value] = {
            name: low if low == high else hull(low, high)
            for name, (low, high) in zip(self.names, box, strict=True)
        }
        try:
            return self.claim.holds(values | self._runs(values))
        except (UnboundedError, UndecidedError):
            return None

    def at(self, point: Sequence[fmpq]) -> tuple[bool | None, int]:
        """Return whether the claim holds at a point, and in how many bits that was decided."""
        for bits in _POINT_BITS:
            with precision(bits):
                truth = self.holds([(value, value) for value in point])
            if truth is not None:
                break
        return truth, bits

    def _runs(self, values: dict[str, Value]) -> dict[str, Value | bool]:
        if not self.spectrum:
            return {}
        numbers = {
            what: [each.value(values) for each in parts] for what, parts in self.spectrum.items()
        }
        for what, parts in numbers.items():
            for text_of, value in zip(self.spectrum[what], parts, strict=True):
                if less(value, fmpq(0)):
                    raise ValueError(
                        f"{what} must not be negative; {text_of.text!r} is, in the box"
                    )
                if not less_equal(fmpq(0), value):
                    raise UndecidedError(f"whether {what} is negative")
        spectrum = Spectrum(
            numbers["train"], numbers["test"], numbers["start_squared"], numbers["noise"][0]
        )
        top = Expression.parse(f"max({', '.join(f'x{i}' for i in range(len(spectrum.train)))})")
        largest = top.value({f"x{i}": g for i, g in enumerate(spectrum.train)})
        max_lr = None if largest == fmpq(0) else fmpq(1) / largest
        level = None if self.level is None else self.level.value(values)
        known = values if max_lr is None else values | {"max_lr": max_lr}
        stops = {
            name: follow(spectrum, [each.at(known, max_lr) for each in templates], level)
            for name, templates in self.schedules.items()
        }
        return quantities(spectrum, stops, level)


def _range(name: str, ends: Any) -> tuple[fmpq, fmpq]:
    if not name.isidentifier():
        raise ValueError(f"the name of a parameter must be a word; got {name!r}")
    try:
        low, high = ends
    except (TypeError, ValueError):
        raise TypeError(f"the range of {name} must be (low, high); got {ends!r}") from None
    low, high = exact(f"low end of {name}", low), exact(f"high end of {name}", high)
    if low > high:
        raise ValueError(f"the range of {name} is empty: {text(low)} is above {text(high)}")
    return low, high
