import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoloss.curves.recurrence import Chunks, recur


@pytest.mark.parametrize("blocks", [1, 2, 3, 10, 97])
def test_recurrence_equals_its_loop(blocks):
    rng = np.random.default_rng(blocks)
    factor, added = rng.uniform(size=blocks), rng.normal(size=blocks)
    expected, state = [], 0.0
    for q, v in zip(factor, added, strict=True):
        state = q * state + v
        expected.append(state)
    np.testing.assert_allclose(recur(factor, added), expected, rtol=1e-13, atol=1e-13)


@given(st.integers(1, 60), st.floats(0, 1))
def test_a_sum_of_ones_is_a_geometric_series(blocks, factor):
    found = recur(np.full(blocks, factor), np.ones(blocks))[-1]
    assert found == pytest.approx(sum(factor**k for k in range(blocks)), rel=1e-12)


def test_chunks_solve_many_recurrences_at_once():
    rng = np.random.default_rng(0)
    factor, added = rng.uniform(size=(11, 3)), rng.normal(size=(11, 3))
    chunks = Chunks(11)
    q, u = (
        np.stack([chunks.arranged(column) for column in each.T], axis=-1)
        for each in (factor, added)
    )
    chunks.solve(q, u)
    alone = np.stack([recur(*pair) for pair in zip(factor.T, added.T, strict=True)], axis=-1)
    np.testing.assert_allclose(chunks.taken(u, np.arange(11)), alone, rtol=1e-13)
