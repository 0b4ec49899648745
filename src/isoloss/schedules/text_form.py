"""How texts write a kind of phase."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["TextForm"]


@dataclass(frozen=True)
class TextForm:
    """How texts write a phase: as a call of its class.

    Attributes
    ----------
    name : str
        What texts call it, such as ``"gd"``.
    numbers : mapping of str to str
        The parameters that texts must give as finite numbers of at least 0, with what messages
        call them, such as ``{"lr": "a rate"}``. Other parameters are what the class takes.
    example : str
        What messages show.
    """

    name: str
    numbers: Mapping[str, str]
    example: str
