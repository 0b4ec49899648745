"""What becomes of the step in which training stops at a level."""

from __future__ import annotations

from typing import Literal

__all__ = ["LastStep", "stops_exactly"]

LastStep = Literal["exact", "whole"]


def stops_exactly(last_step: LastStep) -> bool:
    """Return whether the last step is shortened; raise ``ValueError`` for an unknown rule."""
    if last_step not in ("exact", "whole"):
        raise ValueError(f"last_step must be 'exact' or 'whole'; got {last_step!r}")
    return last_step == "exact"
