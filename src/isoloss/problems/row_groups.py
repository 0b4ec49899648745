"""Train rows that minibatches take together: the outputs of one input, which share parameters.

The losses of an input are those of its g rows, X_k (g, r), averaged as all rows are. So its
gradient, for misses a_k of these rows, is (2/g) X_kᵀa_k; for g = 1 this is a row times its miss.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["forms_of", "mean_outer", "products_of"]

Floats = npt.NDArray[np.float64]


def products_of(misses: Floats, together: int) -> Floats:
    """Return a_k a_kᵀ (n, g, g), summed over outputs, of misses (n·g, m)."""
    each = misses.reshape(-1, together, misses.shape[1])
    return np.asarray(each @ each.transpose(0, 2, 1))


def forms_of(rows: Floats, matrix: Floats, together: int) -> Floats:
    """Return X_k M X_kᵀ (n, g, g) for rows (n·g, r) and a matrix M (r, r)."""
    if together == 1:
        return np.asarray(np.einsum("ki,ki->k", rows @ matrix, rows)[:, None, None])
    shape = (-1, together, rows.shape[1])
    each = (rows @ matrix).reshape(shape)
    return np.asarray(each @ rows.reshape(shape).transpose(0, 2, 1))


def mean_outer(rows: Floats, forms: Floats) -> Floats:
    """Return the mean of X_kᵀ S_k X_k/g² over inputs for forms S (n, g, g)."""
    n, together, _ = forms.shape
    if together == 1:
        return np.asarray((rows.T * (forms[:, 0, 0] / n)) @ rows)
    each = forms @ rows.reshape(n, together, -1)
    return np.asarray(rows.T @ each.reshape(rows.shape) / (n * together**2))
