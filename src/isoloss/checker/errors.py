"""Why a certificate is not accepted."""

from __future__ import annotations

from typing import Any

__all__ = ["LimitError", "RejectedError", "UndecidedError", "shown"]


class RejectedError(Exception):
    """The certificate does not prove what it says."""


class UndecidedError(RejectedError):
    """The certificate says itself that it proves nothing."""


class LimitError(RejectedError):
    """A limit on what the checker reads or computes is exceeded, so the question stays open."""


def shown(value: Any) -> str:
    """Return a value from a certificate for a message: printable and short."""
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
