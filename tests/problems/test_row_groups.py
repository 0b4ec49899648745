"""Inputs with several rows: the formulas, against sums over inputs."""

import numpy as np
import pytest

from isoloss.problems.row_groups import forms_of, mean_outer, products_of


@pytest.mark.parametrize("together", [1, 3])
def test_forms_and_means_are_sums_over_inputs(together: int) -> None:
    rng = np.random.default_rng(0)
    n, r = 4, 5
    rows = rng.normal(size=(n * together, r))
    misses, matrix = rng.normal(size=(n * together, 2)), rng.normal(size=(r, r))
    each = [rows[k * together : (k + 1) * together] for k in range(n)]
    errors = [misses[k * together : (k + 1) * together] for k in range(n)]
    np.testing.assert_allclose(products_of(misses, together), [e @ e.T for e in errors])
    np.testing.assert_allclose(forms_of(rows, matrix, together), [x @ matrix @ x.T for x in each])
    gradients = [x.T @ e / together for x, e in zip(each, errors, strict=True)]
    np.testing.assert_allclose(
        mean_outer(rows, products_of(misses, together)), sum(g @ g.T for g in gradients) / n
    )
