"""A claim of the paper, computed and judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["EXPLICIT", "FAILS", "HOLDS", "Claim", "Verdict", "judge"]

Verdict = Literal["holds", "holds with the constant written out", "fails as stated"]
HOLDS: Verdict = "holds"
EXPLICIT: Verdict = "holds with the constant written out"
FAILS: Verdict = "fails as stated"

_ROUNDING = 1e-11  # by how much a computed side may miss an inequality that holds with equality


@dataclass(frozen=True)
class Claim:
    """A statement of the paper with both sides computed.

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
    verdict, expected : str
        The verdict, and the one that the mathematics leads to expect.
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
    verdict: Verdict
    expected: Verdict = HOLDS
    numbers: Mapping[str, float | int | str] = field(default_factory=dict)

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the expected one."""
        return self.verdict == self.expected


def judge(margin: float, *, holding: Verdict = HOLDS) -> Verdict:
    """Return ``holding`` if a relative margin is not negative, up to rounding."""
    return holding if margin >= -_ROUNDING else FAILS
