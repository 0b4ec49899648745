"""The eigenbasis, formed or as a product of the train rows."""

from __future__ import annotations

import numpy as np
import pytest

from isoloss.problems.basis import Basis

RNG = np.random.default_rng(0)
ROWS, CORE = RNG.normal(size=(4, 9)), RNG.normal(size=(4, 3))


@pytest.mark.parametrize("count", [2, 9, 20])
def test_a_product_acts_as_the_array_that_it_stands_for(count: int) -> None:
    lazy, formed = Basis(CORE, ROWS), Basis(ROWS.T @ CORE)
    assert lazy.coordinates == formed.coordinates == 9
    vectors, amounts = RNG.normal(size=(count, 9)), RNG.normal(size=(5, 2, 3, 1))
    np.testing.assert_allclose(lazy.project(vectors), vectors @ formed.full, rtol=1e-12, atol=1e-12)
    expected = np.einsum("dr,abrm->abdm", formed.full, amounts)
    for basis in (lazy, formed):
        np.testing.assert_allclose(basis.combine(amounts), expected, rtol=1e-12, atol=1e-12)


def test_a_batch_of_bases_combines_amounts_of_many_levels() -> None:
    core, amounts = RNG.normal(size=(2, 9, 3)), RNG.normal(size=(2, 5, 3, 1))
    expected = np.einsum("bdr,blrm->bldm", core, amounts)
    np.testing.assert_allclose(Basis(core).combine(amounts), expected, rtol=1e-12, atol=1e-12)


def test_few_vectors_do_not_form_the_product() -> None:
    basis = Basis(CORE, ROWS)
    basis.project(np.ones((2, 9)))
    assert "full" not in vars(basis)
    basis.project(np.ones((9, 9)))
    assert "full" in vars(basis)
