"""The one-line text of a problem for printing."""

from __future__ import annotations

import math
import sys
from typing import Any

from isoloss._arrays.context import quiet
from isoloss.problems.reduced import Reduced
from isoloss.problems.units import scaled

__all__ = ["in_short"]

Array = Any


@quiet
def in_short(reduced: Reduced) -> str:
    """Return the printed form of a problem."""
    xp, r = reduced.kind.xp, reduced.gamma.shape[-1]
    batch = reduced.gamma.shape[:-1]
    parts = [f"{r} curvature{'s' if r != 1 else ''}"]
    unit, train = reduced.units.curvature, reduced.units.train
    top, bottom = _text(xp.max(reduced.gamma), unit), _text(xp.min(reduced.gamma), unit)
    parts[0] += f" from {top} to {bottom}" if r > 1 else f" of {top}"
    if batch:
        parts.insert(0, f"batch {tuple(batch)}")
    else:
        parts.append(f"max_lr={_text(1.0 / xp.max(reduced.gamma), -unit, 4)}")
        parts.append(f"start: train loss {float(reduced.start_train_loss):.4g}")
        if reduced.test_form is not None:
            parts.append(f"test loss {float(reduced.start_test_loss):.4g}")
        if float(reduced.floor) > 0:
            parts.append(f"smallest train loss {_text(reduced.floor, train, 4)}")
    if reduced.test_form is None:
        parts.append("no test data")
    if reduced.left_out is not None:
        count, below = reduced.left_out
        parts.append(f"{count} left out below {below:.1g}, as rounding")
    if reduced.reduction is not None:
        parts.append(f"reduced, estimated error {reduced.reduction.estimate:.1g}")
    return ", ".join(parts)


def _text(own: Array, exponent: int, digits: int = 3) -> str:
    """Write a number times 2^exponent, which may lie beyond float64."""
    theirs = float(scaled(own, exponent))
    if own == 0 or math.isinf(float(own)) or sys.float_info.min <= theirs < math.inf:
        return f"{theirs:.{digits}g}"
    return f"10^{(math.log2(float(own)) + exponent) * math.log10(2.0):.0f}"
