"""Take groups of momentum steps with changing rates, at a cost that hardly grows with the spectrum.

After m steps, position and velocity are polynomials of degree m in the curvature, so their values
at a few Chebyshev nodes determine them, and each step is computed only there. The train loss after
each step is a sum over the spectrum of squares of such polynomials, so 2m + 1 nodes, with the
spectrum's weights moved to them, give it exactly (up to rounding, which is bounded).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isoloss.dynamics.chebyshev import through_nodes

__all__ = ["CHUNK", "Grouping", "Groups"]

Array = Any
Rates = npt.NDArray[np.float64]

_LONGEST = 16  # steps in a group
_WORTH = 3  # groups pay off from this many curvatures per node
_FALL = 1e-2  # the factor by which a velocity may fall in a group
_LOST = 1e3  # how far a direction may lag behind the largest polynomial before digits are lost
_ROUNDING = 4e-13
_LARGEST = 1e100
CHUNK = 256
"""The number of groups to run at once."""


class Groups(NamedTuple):
    """G groups in a row: the states before each (G, r), the end state, and train losses.

    ``sums`` (steps,) are the losses with the given weights, and ``doubt`` bounds their rounding
    errors; both are None if no weights are given.
    """

    x: Array
    q: Array
    end: tuple[Array, Array]
    sums: Array | None
    doubt: Array | None


class Grouping:
    """The nodes for one spectrum (r,) and one momentum."""

    def __init__(
        self, xp: Any, curvature: Array, momentum: float, constant: Any, *, nesterov: bool
    ) -> None:
        self.xp, self.constant = xp, constant
        self.momentum, self.nesterov = momentum, nesterov
        self.size = _LONGEST
        # each step multiplies areas in the position-velocity plane by about μ
        fall = 2.0 * math.log(_FALL) / math.log(momentum) if momentum > 0 else 1.0
        self.size = int(min(max(fall, 1.0), _LONGEST))
        count = 2 * self.size + 1
        self.pays = self.size > 3 and curvature.shape[0] >= _WORTH * count
        if self.pays:
            self.nodes, spread = through_nodes(curvature, float(xp.max(curvature)), count)
            self.spread = constant(spread)

    def run(self, state: tuple[Array, Array], rates: Rates, weights: Array | None) -> Groups | None:
        """Run whole groups from a state; return None if digits would be lost.

        ``weights`` (r,) multiply squared positions; they are None if no train losses are wanted.
        """
        xp, m = self.xp, self.size
        pulls = rates.reshape(-1, m).T[:, :, None] * (2.0 * self.nodes)  # (m, G, nodes)
        first, second = (self._positions(pulls, start) for start in ((1.0, 0.0), (0.0, 1.0)))
        peak = max(float(np.abs(end).max()) for part in (first, second) for end in part[1])
        if not peak < _LARGEST:
            return None
        ends = [self.constant(end) @ self.spread for part in (first, second) for end in part[1]]
        x, q = state
        states = [(x, q)]
        for g in range(rates.size // m):
            xx, xq, qx, qq = (end[g, :] for end in ends)
            x, q = xx * x + qx * q, xq * x + qq * q
            states.append((x, q))
        xs, qs = (xp.stack(part) for part in zip(*states, strict=True))
        sizes = xp.maximum(xp.abs(xs), xp.abs(qs))
        kept = sizes[1:, :] * _LOST >= peak * sizes[:-1, :]
        if not bool(xp.all(kept & (sizes[1:, :] < _LARGEST))):
            return None
        xs, qs = xs[:-1, :], qs[:-1, :]
        if weights is None:
            return Groups(xs, qs, (x, q), None, None)
        return Groups(xs, qs, (x, q), *self._losses(weights, xs, qs, first[0], second[0]))

    def _positions(
        self, pulls: Rates, start: tuple[float, float]
    ) -> tuple[Rates, tuple[Rates, Rates]]:
        """Return positions at the nodes after each step, and position and velocity at the end."""
        x, q = (np.full(pulls.shape[1:], value) for value in start)
        positions = np.empty_like(pulls)
        for j, pull in enumerate(pulls):
            q = self.momentum * q + x
            x = x - pull * (x + self.momentum * q if self.nesterov else q)
            positions[j] = x
        return positions, (x, q)

    def _losses(
        self, weights: Array, xs: Array, qs: Array, first: Rates, second: Rates
    ) -> tuple[Array, Array]:
        xp = self.xp
        parts = (weights * xs**2, 2.0 * weights * xs * qs, weights * qs**2)
        moved = [part @ self.spread.T for part in parts]  # (G, nodes)
        a, b = (self.constant(part) for part in (first, second))
        sums = xp.sum(moved[0] * a**2 + moved[1] * a * b + moved[2] * b**2, axis=-1)  # (m, G)
        sizes = (xp.sum(part, axis=-1) for part in (parts[0], parts[2]))
        tops = (xp.max(xp.abs(part), axis=-1) ** 2 for part in (a, b))
        doubt = sum(size * top for size, top in zip(sizes, tops, strict=True))
        flat = (xp.reshape(xp.permute_dims(part, (1, 0)), (-1,)) for part in (sums, doubt))
        values, errors = flat
        return values, _ROUNDING * errors
