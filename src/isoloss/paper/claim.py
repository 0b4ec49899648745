"""A claim of the paper, computed and judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["EXPLICIT", "FAILS", "HOLDS", "Claim", "Verdict"]

Verdict = Literal["holds", "holds with the constant written out", "fails as stated"]
HOLDS: Verdict = "holds"
EXPLICIT: Verdict = "holds with the constant written out"
FAILS: Verdict = "fails as stated"

_ROUNDING = 1e-11  # an inequality that holds with equality may be missed by as much


@dataclass(frozen=True)
class Claim:
    """A statement of the paper, with both of its sides computed.

    Attributes
    ----------
    id : str
        The name in tables and in ``claims.json``.
    place : str
        Where the paper states it.
    statement : str
        In words.
    formula : str
        In LaTeX.
    parameters : mapping
        What it was computed for.
    computed : str
        What came out, in one line.
    margin : float
        By how much it holds, relative to the claimed side; negative where it fails.
    expected : str
        The verdict that the mathematics leads to expect.
    numbers : mapping
        The computed sides.
    """

    id: str
    place: str
    statement: str
    formula: str
    parameters: Mapping[str, object]
    computed: str
    margin: float
    expected: Verdict = HOLDS
    numbers: Mapping[str, float | int | str] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """Whether it holds, up to rounding."""
        if self.margin >= -_ROUNDING:
            return EXPLICIT if self.expected == EXPLICIT else HOLDS
        return FAILS

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the expected one."""
        return self.verdict == self.expected
