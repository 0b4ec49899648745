"""One problem as the moment solvers see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from isoloss._arrays.conversion import to_numpy
from isoloss.dynamics.moments.state import Moments, variances
from isoloss.problems.expected import origin_along
from isoloss.problems.reduced import Reduced
from isoloss.problems.units import scaled

__all__ = ["Model"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """One problem's directions, in its own unit, and what weight decay pulls the residual to.

    The mean residual is carried as ``mean`` (r, m). If the parameters start at 0, it is a filter
    times the start's residual, the same for all outputs, and ``mean`` is this filter (r, 1).
    """

    curvature: Floats
    """γ, shape (r,)."""
    weights: Floats
    """What ``mean``² is multiplied by in the excess train loss, shape (r,)."""
    start: Floats
    """The mean at the start, (r, m)."""
    minimum: Floats
    """The parameters β̂ with the smallest train loss, in the unit of ``mean``, shape (r, m).

    Weight decay pulls the residual β - β̂ to -β̂.
    """
    residual: Floats
    """What ``mean`` is multiplied by to give the residual, shape (r, m)."""
    floor: float
    """The smallest train loss, which is also the variance of the train labels' noise."""
    unit: int
    """Rates and times are multiplied by 2^unit to convert them to the problem's own unit."""
    is_filter: bool
    """Whether ``mean`` is a filter."""

    @classmethod
    def of(cls, problem: Reduced, row: tuple[int, ...], *, decays: bool) -> Self:
        """Return one problem of a batch; ``decays`` says whether a schedule has weight decay."""
        gamma, start = _row(problem.gamma, row), _row(problem.start_residual, row)
        origin = origin_along(problem) if decays else None
        if origin is None:
            weights = np.exp(_row(problem.log_weights, row))
            mean, residual = np.ones((gamma.size, 1)), start
            minimum = -mean
        else:
            # the last row is the part of the start outside these directions, which only decays
            more = np.zeros_like(start[:1, :])
            mean = np.concatenate([start, 1.0 + more])
            minimum = np.concatenate([_row(origin, row) - start, more])
            gamma = weights = np.append(gamma, 0.0)
            residual = np.ones((gamma.size, 1))
        floor, unit = float(_row(problem.floor, row)), problem.units.curvature
        return cls(gamma, weights, mean, minimum, residual, floor, unit, origin is None)

    def excess(self, mean: Floats, covariance: Floats | None) -> float:
        """Return the expected train loss above its minimum."""
        found = self.weights @ np.einsum("im,im->i", mean, mean)
        if covariance is not None:
            found = found + self.curvature @ variances(covariance)
        return float(found)

    def train_loss(self, moments: Moments) -> float:
        """Return the expected train loss."""
        return self.floor + self.excess(moments.mean, moments.covariance)

    def own(self, value: Any) -> Any:
        """Return rates or times of the user's in the problem's own unit."""
        return scaled(value, self.unit)

    def own_decay(self, weight_decay: float) -> float:
        """Return a weight decay of the user's in the problem's own unit."""
        return float(scaled(weight_decay, -self.unit))


def _row(array: Any, row: tuple[int, ...]) -> Floats:
    return np.asarray(to_numpy(array[(*row, ...)]), dtype=np.float64)
