"""Learning rates of runs as blocks of nearly constant rate, side by side."""

from __future__ import annotations

from collections.abc import Sequence
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
    length : array, shape (runs, blocks)
        The length of each block, in thousands of steps; blocks of length 0 fill short runs up.
    rate : array, shape (runs, blocks)
        The mean rate in each block, in units of the reference rate.
    run, block : array of int, shape (rows,)
        For each row of all runs, its run and the block at whose end it lies.
    """

    length: Floats
    rate: Floats
    run: Steps
    block: Steps

    @classmethod
    def of(cls, runs: Sequence[Rates], reference: float) -> Blocks:
        """Cut each run, given by its rates and the increasing steps of its rows, into blocks."""
        edges = [_edges(rates, steps) for rates, steps in runs]
        shape = len(runs), max(each.size for each in edges) - 1
        length, rate = np.zeros(shape), np.zeros(shape)
        for index, ((rates, _), ends) in enumerate(zip(runs, edges, strict=True)):
            count = ends.size - 1
            steps = np.diff(ends)
            total = np.add.reduceat(rates[: ends[-1]] / reference, ends[:-1])
            length[index, :count] = steps / 1000
            rate[index, :count] = total / steps
        return cls(
            length,
            rate,
            np.concatenate([np.full(steps.size, index) for index, (_, steps) in enumerate(runs)]),
            np.concatenate(
                [
                    np.searchsorted(ends, steps) - 1
                    for ends, (_, steps) in zip(edges, runs, strict=True)
                ]
            ),
        )


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
