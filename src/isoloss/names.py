"""Names in messages: the nearest known one, and lists of them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

__all__ = ["quoted", "suggest"]


def suggest(name: str, known: Iterable[str]) -> str:
    """Return " (did you mean ...?)" with the nearest known name, or nothing.

    Examples
    --------
    >>> suggest("trget", ["age", "target"])
    " (did you mean 'target'?)"
    """
    by_lower = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f" (did you mean '{by_lower[near[0]]}'?)" if near else ""


def quoted(names: Sequence[str], shown: int = 3) -> str:
    """Return names in quotes, as many as fit a message.

    Examples
    --------
    >>> quoted(["age", "sex", "bmi", "bp"])
    "'age', 'sex', 'bmi' and 1 more"
    """
    text = ", ".join(f"'{name}'" for name in names[:shown])
    return text + (f" and {len(names) - shown} more" if len(names) > shown else "")
