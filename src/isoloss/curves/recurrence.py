"""Linear recurrences u_b = q_b u_{b−1} + v_b, in NumPy and without overflow."""

from __future__ import annotations

from math import isqrt

import numpy as np
import numpy.typing as npt

__all__ = ["recur"]

Floats = npt.NDArray[np.float64]


def recur(factor: Floats, added: Floats) -> Floats:
    """Return every u_b of the recurrence, from u_{−1} = 0.

    Parameters
    ----------
    factor, added : array, shape (runs, blocks, ...)
        q, between 0 and 1, and v.

    Returns
    -------
    array, shape (runs, blocks, ...)
        u.

    Examples
    --------
    >>> import numpy as np
    >>> recur(np.array([[0.5, 0.5, 0.5]]), np.ones((1, 3)))
    array([[1.  , 1.5 , 1.75]])
    """
    # Chunks of about √blocks advance together, and then hand on what they carry: 2√blocks steps in
    # Python instead of one for each block.
    runs, blocks, *rest = added.shape
    size = max(isqrt(blocks), 1)
    chunks = -(-blocks // size)
    filled = (runs, chunks * size, *rest)
    carried, found = np.zeros(filled), np.zeros(filled)
    carried[:, :blocks], found[:, :blocks] = factor, added
    carried = carried.reshape(runs, chunks, size, *rest)
    found = found.reshape(carried.shape)
    for i in range(1, size):
        found[:, :, i] += carried[:, :, i] * found[:, :, i - 1]
        carried[:, :, i] *= carried[:, :, i - 1]
    for chunk in range(1, chunks):
        found[:, chunk] += carried[:, chunk] * found[:, chunk - 1, -1:]
    return found.reshape(filled)[:, :blocks]
