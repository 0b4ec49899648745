"""Values at Chebyshev nodes give a polynomial everywhere."""

import numpy as np
import pytest
from numpy.polynomial import Polynomial

from isoloss.dynamics.chebyshev import through_nodes


@pytest.mark.parametrize("top", [1e-7, 1.0, 300.0])
@pytest.mark.parametrize("count", [1, 2, 7, 33])
def test_a_polynomial_is_known_from_its_nodes(top: float, count: int) -> None:
    curvature = np.append(np.geomspace(1e-9, 1.0, 50), [0.0, 1.0 + 1e-16]) * top
    nodes, spread = through_nodes(curvature, top, count)
    assert ((nodes > 0) & (nodes < top)).all()
    rng = np.random.default_rng(count)
    wanted = Polynomial(rng.normal(size=count), domain=[0.0, top], window=[-1.0, 1.0])
    np.testing.assert_allclose(
        wanted(nodes) @ spread, wanted(curvature), rtol=1e-12, atol=1e-12 * count
    )
