"""Interpolate the log filter of many GD steps, which is a smooth function of the curvature.

If 2ηγ stays away from 1 for every rate, Σ_t log(1 - 2η_tγ) / γ is analytic in γ, and its values at
a few Chebyshev nodes give it everywhere, so the cost of a step does not grow with the number of
curvatures. The number of nodes follows from the distance to the nearest singularity γ = 1/(2η).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss.dynamics.chebyshev import through_nodes
from isoloss.dynamics.filters import rates_filter, step_factors

__all__ = ["InterpolatedSteps"]

Array = Any

_FARTHEST = 0.8  # the largest 2ηγ to interpolate
_DIGITS = 37.5  # -log of the target error, 5e-17


@dataclass(frozen=True)
class InterpolatedSteps:
    """Log filters of steps with rates up to ``largest``, with one column for each curvature."""

    xp: Any
    constant: Any
    largest: float
    nodes: npt.NDArray[np.float64]
    near: Array
    """Indices of the columns with 2ηγ above the limit, which are treated step by step."""
    near_curvature: Array
    far_curvature: Array
    spread: Array
    """The matrix from values at the nodes to the other columns, shape (nodes, columns)."""
    inverse: Array
    """The position of each column in the concatenation of near and far columns."""

    @classmethod
    def build(cls, xp: Any, constant: Any, curvature: Array, largest: float) -> InterpolatedSteps:
        """Prepare the columns of ``curvature`` (flat) for steps with rates up to ``largest``."""
        reach = min(_FARTHEST / (2.0 * largest), float(xp.max(curvature)))
        singular = 1.0 / (2.0 * largest * reach)  # in units of the interval's length
        centre = 2.0 * singular - 1.0
        count = math.ceil(_DIGITS / math.log(centre + math.sqrt(centre * centre - 1.0))) + 1
        is_near = curvature > reach
        near, far = xp.nonzero(is_near)[0], xp.nonzero(~is_near)[0]
        far_curvature = xp.take(curvature, far, axis=0)
        nodes, spread = through_nodes(far_curvature, reach, count)
        return cls(
            xp=xp,
            constant=constant,
            largest=largest,
            nodes=nodes,
            near=near,
            near_curvature=xp.take(curvature, near, axis=0),
            far_curvature=far_curvature,
            spread=constant(spread),
            inverse=xp.argsort(xp.concat([near, far])),
        )

    @property
    def pays(self) -> bool:
        """Whether interpolation is cheaper than treating every column step by step."""
        return int(self.far_curvature.shape[0]) > 2 * self.nodes.size

    def groups(self, rates: npt.NDArray[np.float64], size: int) -> tuple[Array, Array, Array]:
        """Return the sign and log of the filter after each group of ``size`` steps, and a bound.

        The number of ``rates`` is a multiple of ``size``. The last array is a lower bound for the
        logarithms within each group. All arrays have the shape (groups, columns).
        """
        xp, count = self.xp, rates.size // size
        slopes = np.log1p(-2.0 * rates[:, None] * self.nodes) / self.nodes
        sums = np.cumsum(slopes.reshape(count, size, -1).sum(axis=1), axis=0)
        smooth = self.constant(sums) @ self.spread
        log = least = smooth * self.far_curvature
        sign = 1.0 + 0.0 * log
        if self.near.shape[0]:
            by_step = np.ascontiguousarray(rates.reshape(count, size).T).ravel()
            factors = step_factors(xp, self.constant(by_step), self.near_curvature)
            factors = xp.reshape(factors, (size, count, -1))
            near = rates_filter(xp, factors)
            near_log = lowest = xp.cumulative_sum(near.log, axis=0)
            if float(rates.max()) * float(xp.max(self.near_curvature)) > 1:
                shrinking = xp.minimum(xp.abs(factors), 1.0 + 0.0 * factors)
                # start at the previous group's end: a step may have removed a direction since
                before = xp.concat([xp.zeros_like(near_log[:1, ...]), near_log[:-1, ...]])
                lowest = before + rates_filter(xp, shrinking).log
            least = xp.concat([lowest, log], axis=1)
            log = xp.concat([near_log, log], axis=1)
            sign = xp.concat([xp.cumulative_prod(near.sign, axis=0), sign], axis=1)
        sign, log, least = (xp.take(part, self.inverse, axis=1) for part in (sign, log, least))
        return sign, log, least
