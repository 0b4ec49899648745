"""Many equal full-batch steps with momentum at once, by repeated squaring.

Along each direction a step is an affine map of position and velocity: a 2 × 2 matrix, and a shift
in proportion to the minimum β̂, to which weight decay is added.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from isoloss.dynamics.moments.state import Moments, StepRule, move

__all__ = ["repeated"]

Floats = npt.NDArray[np.float64]


class _Map(NamedTuple):
    """Matrices (r, 2, 2) and shifts (r, 2, 1) of an affine map."""

    matrix: Floats
    shift: Floats

    def then(self, other: Self) -> Self:
        """Return the map that applies this one first."""
        return type(self)(other.matrix @ self.matrix, other.matrix @ self.shift + other.shift)


def repeated(
    moments: Moments, rule: StepRule, lr: float, count: int, curvature: Floats, minimum: Floats
) -> Moments:
    """Return the moments after ``count`` steps, given a velocity and no covariance."""
    nothing, one = np.zeros_like(curvature)[:, None], np.ones_like(curvature)[:, None]

    def after(mean: Floats, velocity: Floats, pull: Floats) -> Floats:
        end = move(Moments(mean, velocity), rule, curvature, pull, None).at(lr)
        assert end.velocity is not None
        return np.stack([end.mean[:, 0], end.velocity[:, 0]], axis=-1)

    columns = after(one, nothing, nothing), after(nothing, one, nothing)
    square = _Map(np.stack(columns, axis=-1), after(nothing, nothing, one)[:, :, None])
    whole: _Map | None = None
    while count:
        if count & 1:
            whole = square if whole is None else whole.then(square)
        square, count = square.then(square), count >> 1
    if whole is None:
        return moments
    assert moments.velocity is not None
    start = np.stack([moments.mean, moments.velocity], axis=1)  # (r, 2, m)
    end = whole.matrix @ start + whole.shift * minimum[:, None, :]
    return Moments(end[:, 0, :], end[:, 1, :])
