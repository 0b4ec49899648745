"""Interpolate through Chebyshev nodes: values at a few curvatures give the values at all others."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss._arrays.conversion import to_numpy

__all__ = ["through_nodes"]


def through_nodes(
    curvature: Any, top: float, count: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return ``count`` nodes in (0, ``top``), and the matrix from values there to all curvatures.

    The curvatures (r,) exceed ``top`` by rounding at most; the matrix is (count, r).
    """
    from numpy.polynomial import chebyshev  # NumPy itself does not import it

    nodes = chebyshev.chebpts1(count)
    to_coefficients = chebyshev.chebvander(nodes, count - 1) * (2.0 / count)
    to_coefficients[:, 0] /= 2.0
    inside = np.clip(2.0 * to_numpy(curvature) / top - 1.0, -1.0, 1.0)
    return 0.5 * top * (1.0 + nodes), to_coefficients @ chebyshev.chebvander(inside, count - 1).T
