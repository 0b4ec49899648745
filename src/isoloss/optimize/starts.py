"""Starts of the search for free rates, from the best polynomial of the same degree.

K steps multiply the residual by a polynomial of degree K with p(0) = 1 and roots 1/(2η). Over
all such polynomials the best one solves a linear least-squares problem. It is the optimum if its
roots are real and positive; otherwise complex pairs are moved to the real axis.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from numpy.polynomial import chebyshev

from isoloss.optimize.objective import Losses

__all__ = ["damped_rates", "polynomial_rates"]

Floats = npt.NDArray[np.float64]

_RANK = 1e-15


def polynomial_rates(
    losses: Losses, root: tuple[Floats, Floats], count: int, time: float, penalty: float
) -> Iterator[Floats]:
    """Yield rates near the best polynomial before a flow, under test loss + penalty · train loss.

    ``root`` is that of `Losses.root`: (r, r) and (r,).
    """
    gamma = losses.gamma
    top = gamma.max()
    place = 2.0 * gamma / top - 1.0
    decay = np.exp(-2.0 * gamma * time)
    basis = (decay * gamma / top)[:, None] * chebyshev.chebvander(place, count - 1)
    factor, target = root
    rows, wanted = factor @ basis, -(factor @ decay) - target
    if penalty:
        train = np.sqrt(penalty * losses.weights)
        rows = np.vstack([rows, train[:, None] * basis])
        wanted = np.concatenate([wanted, -train * decay])
    found = np.linalg.lstsq(rows, wanted, rcond=_RANK)[0]
    polynomial = chebyshev.chebadd([1.0], chebyshev.chebmul([0.5, 0.5], found))
    roots = 0.5 * top * (chebyshev.chebroots(polynomial) + 1.0)
    for real in (roots.real, np.abs(roots), roots.real + roots.imag):
        with np.errstate(divide="ignore"):
            rates = np.where(
                real > 0, 0.5 / real, np.inf
            )  # the bounds clip rates that are too large
        yield np.concatenate([rates, np.zeros(count - rates.size)])


def damped_rates(top: float, bottom: float, count: int) -> Floats:
    """Return the rates of Chebyshev's iteration for curvatures from ``bottom`` to ``top``."""
    angles = (np.arange(count) + 0.5) * np.pi / count
    return np.asarray(1.0 / (top + bottom + (top - bottom) * np.cos(angles)))
