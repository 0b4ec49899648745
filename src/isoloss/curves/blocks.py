"""The learning rates of a run as blocks of nearly constant rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Blocks", "Rates"]

Floats = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int64]
Rates = tuple[Floats, Steps]  # the rate of each step, and the steps at which a loss is asked for

# Numbers of blocks; those of the whole run are for runs with few rows.
_BETWEEN_ROWS = 4
_BEFORE_FIRST_ROW = 64  # over a warm-up, or the part of a run that was not logged
_ANYWHERE = 128  # over the whole run, shortest at its start, where the norm changes fastest
_JUMP = 0.02  # of the largest rate
_MOST_JUMPS = 2000  # rates that jump more often are averaged


@dataclass(frozen=True)
class Blocks:
    """Blocks of steps in which rates are taken to be constant.

    Where rates change, at least four blocks lie between two rows; if the rates change smoothly, the
    loss errs by less than 10⁻⁵ of itself. No block spans a jump of the rate, unless there are more
    than 2000 jumps.

    Attributes
    ----------
    length : array, shape (blocks,)
        The length of each block, in thousands of steps.
    rate : array, shape (blocks,)
        The mean rate in each block, in units of the reference rate.
    row : array of int, shape (rows,)
        The block at whose end each row lies.
    """

    length: Floats
    rate: Floats
    row: Steps

    @classmethod
    def of(cls, rates: Floats, steps: Steps, reference: float) -> Blocks:
        """Cut a run, given by its rates and the increasing steps of its rows, into blocks."""
        edges = _edges(rates, steps)
        length = np.diff(edges)
        total = np.add.reduceat(rates[: edges[-1]] / reference, edges[:-1])
        return cls(length / 1000, total / length, np.searchsorted(edges, steps) - 1)


def _edges(rates: Floats, steps: Steps) -> Steps:
    """Return the steps between which blocks lie, including 0 and the steps of all rows."""
    first = np.linspace(0, steps[0], _BEFORE_FIRST_ROW + 1)
    parts = np.arange(_BETWEEN_ROWS) / _BETWEEN_ROWS
    used = rates[: steps[-1]]
    starts = steps[:-1]
    changes = np.maximum.reduceat(used, starts) > np.minimum.reduceat(used, starts)
    between = starts[changes, None] + np.diff(steps)[changes, None] * parts
    jumps = np.flatnonzero(np.abs(np.diff(used)) > _JUMP * used.max()) + 1
    if jumps.size > _MOST_JUMPS:
        jumps = jumps[:0]
    anywhere = np.linspace(0, 1, _ANYWHERE) ** 2 * steps[-1]
    edges = np.concatenate([first, steps, between.ravel(), anywhere, jumps])
    return np.unique(np.rint(edges).astype(np.int64))
