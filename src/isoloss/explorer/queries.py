"""The fields of an address, read one by one; all that is wrong is said together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from isoloss.names import suggest

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

__all__ = ["FaultsError", "Fields"]

T = TypeVar("T")


class FaultsError(ValueError):
    """What is wrong with an address: a message for each faulty field.

    Attributes
    ----------
    messages : dict
        From the field's name to what is wrong with it; under ``""`` what belongs to no field.
    """

    def __init__(self, messages: dict[str, str]) -> None:
        super().__init__("; ".join(messages.values()))
        self.messages = messages


class Fields:
    """Reads a query, field by field. A field that is missing has its default."""

    def __init__(self, query: QueryParams) -> None:
        self.query = query
        self.messages: dict[str, str] = {}

    def number(
        self, name: str, default: float, what: str, *, above: float = -math.inf, most: float
    ) -> float:
        """Return a number with above < number ≤ most."""
        text = self.query.get(name)
        if text is None:
            return default
        value = _number(text)
        if value is None:
            return self._fault(name, f"{what} must be a number; got {text!r}", default)
        if not above < value <= most:
            lower = "" if above == -math.inf else f"above {above:g} and "
            return self._fault(name, f"{what} must be {lower}at most {most:g}; got {text}", default)
        return value

    def whole(self, name: str, default: int, what: str, *, least: int, most: int) -> int:
        """Return a whole number with least ≤ number ≤ most."""
        text = self.query.get(name)
        if text is None:
            return default
        value = _number(text)
        if value is None or value != int(value) or not least <= value <= most:
            message = f"{what} must be a whole number from {least} to {most}; got {text!r}"
            return self._fault(name, message, default)
        return int(value)

    def numbers(
        self, name: str, default: tuple[float, ...], what: str, *, least: float, most: float
    ) -> tuple[float, ...]:
        """Return numbers, which commas join, each with least ≤ number ≤ most."""
        text = self.query.get(name)
        if text is None:
            return default
        values = [_number(part) for part in text.split(",")]
        for i, (part, value) in enumerate(zip(text.split(","), values, strict=True)):
            if value is None or not least <= value <= most:
                range_ = f"from {least:g} to {most:g}"
                message = f"{what} must be numbers {range_}; number {i + 1} is {part.strip()!r}"
                return self._fault(name, message, default)
        return tuple(value for value in values if value is not None)

    def choice(self, name: str, default: str, what: str, known: Sequence[str]) -> str:
        """Return one of the known words."""
        text = self.query.get(name, default)
        if text not in known:
            message = f"{what} {text!r} is not known{suggest(text, known)}; it is one of "
            return self._fault(name, message + ", ".join(known), default)
        return text

    def texts(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """Return all values of a field that may be given several times."""
        return tuple(self.query.getlist(name)) or default

    def fault(self, name: str, message: str) -> None:
        """Note what is wrong with a field, if it has no message yet."""
        self.messages.setdefault(name, message)

    def done(self) -> None:
        """Raise `FaultsError` if anything was wrong."""
        if self.messages:
            raise FaultsError(self.messages)

    def _fault(self, name: str, message: str, default: T) -> T:
        self.fault(name, message)
        return default


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
