"""The learning rates of a run as blocks of nearly constant rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Blocks", "Rates"]

Floats = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int64]
Rates = tuple[Floats, Steps]  # the rate of each step, and the steps at which a loss is asked for

_BETWEEN_ROWS = 4
_BEFORE_FIRST_ROW = 64  # a warm-up, or the part of a run that was not logged
_ANYWHERE = 128  # of a run with few rows, short at its start, where the norm changes fastest
_JUMP = 0.02  # of the largest rate
_MOST_JUMPS = 2000  # rates that change that often are averaged


@dataclass(frozen=True)
class Blocks:
    """Blocks of steps in which rates are taken to be constant.

    Between two rows lie at least four blocks where rates change, which err by less than 10⁻⁵ of
    the loss if they change smoothly. A block never spans a jump.

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
    """Return the steps between which blocks lie, 0 and all rows included."""
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
