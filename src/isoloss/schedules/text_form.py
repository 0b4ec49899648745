"""How texts write a kind of phase."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["TextForm"]


@dataclass(frozen=True)
class TextForm:
    """How texts write a phase: as a call of its class by ``name``.

    ``numbers`` maps the parameters that texts must give, finite numbers of at least 0, to their
    names in messages, such as ``{"lr": "a rate"}``; the class checks the others. Messages show the
    ``example``.
    """

    name: str
    numbers: Mapping[str, str]
    example: str
