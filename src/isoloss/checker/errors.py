"""Why a certificate is not accepted."""

from __future__ import annotations

from typing import Any

__all__ = ["LimitError", "RejectedError", "UndecidedError", "shown"]


class RejectedError(Exception):
    """The certificate does not prove what it states."""


class UndecidedError(RejectedError):
    """The certificate itself states that it proves nothing."""


class LimitError(RejectedError):
    """The certificate exceeds a limit on size or work, so the question stays open."""


def shown(value: Any) -> str:
    """Return a short, printable form of a certificate's value, for a message."""
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
