"""What `isoloss certify` prints of a certificate besides its claim."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isoloss.proof import Certificate

__all__ = ["details"]

_DIGITS = 12


def details(proof: Certificate) -> Iterator[str]:
    """Yield the argument and the parts of a theorem, the losses of runs, the boxes of a box."""
    content = proof.content
    if proof.reason:
        yield f"  {proof.reason}"
    for sentence in content.get("argument", ()):
        yield f"  - {sentence}"
    for part in content.get("parts", ()):
        yield f"  {part['verdict']}: {part.get('claim') or part.get('statement')}"
    last = content["parts"][-1] if content.get("parts") else content
    yield from _runs(last)
    if proof.boxes > 1:
        yield f"  in {proof.boxes} boxes"


def _runs(content: Mapping[str, Any]) -> Iterator[str]:
    for name, run in content.get("runs", {}).items():
        where = "at the level" if run["reached"] else "at its end, above the level"
        losses = ", ".join(f"{key.replace('_', ' ')} {_shown(run[key])}" for key in
                           ("train_loss", "test_loss"))  # fmt: skip
        yield f"  {name or 'the schedule'} {where}: {losses}, after {run['steps']} steps"


def _shown(ends: list[str]) -> str:
    """Return a number as decimals; of a range, the digits that are sure."""
    low, high = (_number(end) for end in ends)
    if low == high:
        return str(low)
    for digits in range(_DIGITS, 1, -1):
        texts = {f"{float(end):.{digits}g}" for end in (low, high)}
        if len(texts) == 1:
            return f"{texts.pop()}…"
    return f"from {float(low):.3g} to {float(high):.3g}"


def _number(text: str) -> Fraction:
    mantissa, mark, exponent = text.partition("p")
    return Fraction(mantissa) * Fraction(2) ** int(exponent) if mark else Fraction(text)
