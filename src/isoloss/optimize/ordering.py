"""The order of free rates, which changes the losses during training but not the final filter."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["calm_order"]

Floats = npt.NDArray[np.float64]


def calm_order(gamma: Floats, rates: Floats) -> npt.NDArray[np.intp]:
    """Return an order in which neither the residual nor rounding errors grow much.

    With rising rates the residual never grows, but a training loop's rounding errors, which are
    proportional to the residual, are multiplied by all later factors. Falling rates do the
    opposite. Here each next rate minimizes the product of the largest |h| so far and the largest
    |h| still to come: a greedy form of the Lebedev–Finogenov order of Richardson's iteration.

    Examples
    --------
    >>> calm_order(np.array([1.0, 0.1]), np.array([0.5, 0.4, 5.0]))
    array([1, 2, 0])
    """
    with np.errstate(divide="ignore"):
        logs = np.maximum(np.log(np.abs(1.0 - 2.0 * rates[:, None] * gamma)), -700.0)
    left = list(range(rates.size))
    so_far, to_come, order = np.zeros_like(gamma), logs.sum(axis=0), []
    while left:
        after = so_far + logs[left], to_come - logs[left]
        tops = np.maximum(after[0].max(axis=1), 0.0) + after[1].max(axis=1)
        chosen = left.pop(int(tops.argmin()))
        order.append(chosen)
        so_far, to_come = so_far + logs[chosen], to_come - logs[chosen]
    return np.array(order, dtype=np.intp)
