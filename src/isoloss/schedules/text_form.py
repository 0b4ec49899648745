"""How texts write a kind of phase."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["TextForm"]


@dataclass(frozen=True)
class TextForm:
    """How texts write a phase: as a call of its class by ``name``.

    ``numbers`` are the parameters that texts must give, as finite numbers of at least 0, with what
    messages call them, such as ``{"lr": "a rate"}``; others are what the class takes. Messages
    show the ``example``.
    """

    name: str
    numbers: Mapping[str, str]
    example: str
