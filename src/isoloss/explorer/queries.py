"""Read the fields of an address one by one, and report all errors together."""

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
    """The errors in an address.

    Attributes
    ----------
    messages : dict
        The message for each faulty field by name, with the entry's number if one of several is
        faulty (``"train.3"``); a message about no particular field has the key ``""``.
    known : dict
        The values that could be read, so that the page can show them.
    """

    def __init__(self, messages: dict[str, str], **known: Any) -> None:
        super().__init__("; ".join(messages.values()))
        self.messages = messages
        self.known = known


class Fields:
    """Read a query field by field; a missing or faulty field gets its default value."""

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
        """Return numbers separated by commas, each with least ≤ number ≤ most."""
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
        """Record an error message for a field, unless it already has one."""
        self.messages.setdefault(name, message)

    def done(self, state: T) -> T:
        """Return the state that was read, or raise `FaultsError` with it if there were errors."""
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
