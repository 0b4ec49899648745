"""Hold a claim of the paper with the computed numbers and the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["EXPLICIT", "FAILS", "HOLDS", "Claim", "Verdict"]

Verdict = Literal["holds", "holds with the constant written out", "fails as stated"]
HOLDS: Verdict = "holds"
EXPLICIT: Verdict = "holds with the constant written out"
FAILS: Verdict = "fails as stated"

_ROUNDING = 1e-11  # rounding may break an inequality that holds with equality by this much


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
        The statement in words.
    formula : str
        The statement in LaTeX.
    parameters : mapping
        The parameters it was computed for.
    computed : str
        The result, in one line.
    margin : float
        The slack of the claim, relative to the claimed side; negative if the claim fails.
    expected : str
        The verdict that the mathematics predicts.
    numbers : mapping
        The computed numbers, by name.
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
        """Whether the claim holds, up to rounding."""
        if self.margin >= -_ROUNDING:
            return EXPLICIT if self.expected == EXPLICIT else HOLDS
        return FAILS

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the expected one."""
        return self.verdict == self.expected
