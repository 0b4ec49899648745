"""The order in which to take free rates: any order gives the same filter, not the same way."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["calm_order"]

Floats = npt.NDArray[np.float64]


def calm_order(gamma: Floats, rates: Floats) -> npt.NDArray[np.intp]:
    """Return an order in which no direction grows much on the way.

    Each next rate is the one after which the largest |h| on the way is smallest, as in the Leja
    order of Richardson's iteration: small rates remove the high curvatures that a large rate is
    about to enlarge, and neither the residual nor the rounding of a training loop grows more than
    it must.

    Examples
    --------
    >>> calm_order(np.array([1.0, 0.1]), np.array([5.0, 0.5, 0.4]))
    array([1, 0, 2])
    """
    with np.errstate(divide="ignore"):
        logs = np.log(np.abs(1.0 - 2.0 * rates[:, None] * gamma))
    left = list(range(rates.size))
    so_far, order = np.zeros_like(gamma), []
    while left:
        tops = (so_far + logs[left]).max(axis=1)
        # what leaves most directions alone settles a tie
        chosen = left.pop(int(np.lexsort((-rates[left], tops))[0]))
        order.append(chosen)
        so_far = so_far + logs[chosen]
    return np.array(order, dtype=np.intp)
