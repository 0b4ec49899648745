"""The fields of an address, read one by one; all that is wrong is said together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from isoloss._messages.near_misses import suggest

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

__all__ = ["FaultsError", "Fields"]

T = TypeVar("T")


class FaultsError(ValueError):
    """What is wrong with an address.

    Attributes
    ----------
    messages : dict
        From a faulty field's name to what is wrong with it, with the number of the entry where one
        of several is faulty (``"train.3"``); under ``""`` what belongs to no field.
    known : dict
        What could be read, for the page to show it.
    """

    def __init__(self, messages: dict[str, str], **known: Any) -> None:
        super().__init__("; ".join(messages.values()))
        self.messages = messages
        self.known = known


class Fields:
    """Reads a query, field by field. A field that is missing or faulty has its default."""

    def __init__(self, query: QueryParams) -> None:
        self.query = query
        self.messages: dict[str, str] = {}

    def number(self, name: str, default: float, what: str, *, least: float, most: float) -> float:
        """Return a number with least ≤ number ≤ most."""
        text = self.query.get(name)
        if text is None:
            return default
        value = _number(text)
        if value is None or not least <= value <= most:
            return self._fault(name, _needs(what, text, least, most), default)
        return value

    def whole(self, name: str, default: int, what: str, *, least: int, most: int) -> int:
        """Return a whole number with least ≤ number ≤ most."""
        text = self.query.get(name)
        if text is None:
            return default
        value = _number(text)
        if value is None or value != int(value) or not least <= value <= most:
            message = f"{what} must be a whole number from {least} to {most}{_instead(text)}"
            return self._fault(name, message, default)
        return int(value)

    def numbers(
        self, name: str, default: tuple[float, ...], what: str, *, least: float, most: float
    ) -> tuple[float, ...]:
        """Return numbers, which commas join, each with least ≤ number ≤ most."""
        text = self.query.get(name)
        if text is None:
            return default
        values = []
        for i, part in enumerate(text.split(",")):
            value = _number(part)
            if value is None or not least <= value <= most:
                self.fault(f"{name}.{i}", _needs(what, part, least, most))
                value = 0.0
            values.append(value)
        return tuple(values)

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

    def done(self, state: T) -> T:
        """Return the state that was read; raise `FaultsError` with it if anything was wrong."""
        if self.messages:
            raise FaultsError(self.messages, state=state)
        return state

    def _fault(self, name: str, message: str, default: T) -> T:
        self.fault(name, message)
        return default


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _needs(what: str, text: str, least: float, most: float) -> str:
    return f"{what} must be a number from {least:g} to {most:g}{_instead(text)}"


def _instead(text: str) -> str:
    return f"; got {text.strip()!r}" if text.strip() else "; there is none"
