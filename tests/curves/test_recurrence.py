import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoloss.curves.recurrence import recur


@pytest.mark.parametrize("blocks", [1, 2, 3, 10, 97])
def test_recurrence_equals_its_loop(blocks):
    rng = np.random.default_rng(blocks)
    factor, added = rng.uniform(size=(2, blocks, 3)), rng.normal(size=(2, blocks, 3))
    expected, state = np.zeros_like(added), np.zeros((2, 3))
    for block in range(blocks):
        state = factor[:, block] * state + added[:, block]
        expected[:, block] = state
    np.testing.assert_allclose(recur(factor, added), expected, rtol=1e-13, atol=1e-13)


@given(st.integers(1, 60), st.floats(0, 1))
def test_a_sum_of_ones_is_a_geometric_series(blocks, factor):
    found = recur(np.full((1, blocks), factor), np.ones((1, blocks)))[0, -1]
    assert found == pytest.approx(sum(factor**k for k in range(blocks)), rel=1e-12)
