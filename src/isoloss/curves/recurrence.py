"""Linear recurrences u_b = q_b u_{b−1} + v_b along blocks, in NumPy and without overflow."""

from __future__ import annotations

from math import isqrt

import numpy as np
import numpy.typing as npt

__all__ = ["Chunks", "recur"]

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


class Chunks:
    """The blocks of a run in about √blocks chunks of about √blocks, which advance together.

    A recurrence then takes 2√blocks steps in Python instead of one for each block.

    Parameters
    ----------
    blocks : int
        The number of blocks.
    """

    def __init__(self, blocks: int) -> None:
        self._blocks = blocks
        self._size = max(isqrt(blocks), 1)
        self._chunks = -(-blocks // self._size)

    def arranged(self, values: Floats) -> Floats:
        """Return the values of blocks, shape (blocks,), as shape (size, chunks), filled with 0."""
        filled = np.zeros(self._chunks * self._size)
        filled[: self._blocks] = values
        return np.ascontiguousarray(filled.reshape(self._chunks, self._size).T)

    def solve(self, factor: Floats, added: Floats) -> None:
        """Replace v by the solution u, from u_{−1} = 0; q is overwritten.

        Parameters
        ----------
        factor, added : array, shape (size, chunks, ...)
            q and v, arranged.
        """
        for i in range(1, self._size):
            added[i] += factor[i] * added[i - 1]
            factor[i] *= factor[i - 1]
        carried = np.zeros_like(added[0])
        for chunk in range(1, self._chunks):
            carried[chunk] = added[-1, chunk - 1] + factor[-1, chunk - 1] * carried[chunk - 1]
        added += factor * carried

    def taken(self, arranged: Floats, block: Places) -> Floats:
        """Return the arranged values of some blocks, shape (rows, ...)."""
        found: Floats = arranged[block % self._size, block // self._size]
        return found


def recur(factor: Floats, added: Floats) -> Floats:
    """Return every u_b of one recurrence, from u_{−1} = 0.

    Parameters
    ----------
    factor, added : array, shape (blocks,)
        q, between 0 and 1, and v.

    Returns
    -------
    array, shape (blocks,)
        u.

    Examples
    --------
    >>> import numpy as np
    >>> recur(np.array([0.5, 0.5, 0.5]), np.ones(3))
    array([1.  , 1.5 , 1.75])
    """
    chunks = Chunks(added.size)
    found = chunks.arranged(added)
    chunks.solve(chunks.arranged(factor), found)
    return found.T.ravel()[: added.size]
