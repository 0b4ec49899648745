"""The fields in which runs and paths hold moments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss._arrays.conversion import to_numpy
from isoloss.dynamics.moments.model import Model
from isoloss.dynamics.moments.state import Moments
from isoloss.problems.reduced import Reduced

__all__ = ["along_start", "moment_fields"]

Floats = npt.NDArray[np.float64]


def moment_fields(
    problem: Reduced, model: Model, moments: Sequence[Moments], points: Callable[[Any], Any]
) -> dict[str, Any]:
    """Return the fields of `Filtered`; ``points`` stacks arrays of moments in the run's shape."""
    means, constant = points([each.mean for each in moments]), problem.kind.constant
    filters = means[..., 0] if model.is_filter else along_start(problem, means)
    return {
        "sign": constant(np.where(filters < 0, -1.0, 1.0)),
        "log": constant(np.log(np.abs(filters))),
        "_mean": None if model.is_filter else means,
        "_covariance": _covariances(problem, [each.covariance for each in moments], points),
    }


def along_start(problem: Reduced, means: Floats) -> Floats:
    """Return the filters that act on the start's residual most nearly as training does."""
    start = np.asarray(to_numpy(problem.start_residual))
    start = start[(..., *(None,) * (means.ndim - start.ndim), slice(None), slice(None))]
    size = np.sum(start**2, axis=-1)
    along = np.sum(means[..., :-1, :] * start, axis=-1)
    return np.asarray(along / np.where(size > 0, size, 1.0))


def _covariances(
    problem: Reduced, found: Sequence[Floats | None], points: Callable[[Any], Any]
) -> Floats | None:
    some = next((each for each in found if each is not None), None)
    if some is None:
        return None
    r = problem.gamma.shape[-1]
    inside = (slice(r),) * some.ndim  # without the parameters outside the directions
    whole = [np.zeros_like(some) if each is None else each for each in found]
    return np.asarray(points([each[inside] for each in whole]))
