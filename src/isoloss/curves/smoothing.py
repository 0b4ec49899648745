"""Smooth logged losses, and say how uncertain the smoothed loss is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Smoothed", "smoothed"]

Floats = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int64]

_NEIGHBOURS = (5, 9, 15, 25, 41, 65, 101, 161)  # that are tried
_MOST_ROWS = 500  # longer logs are averaged first
_FEWEST = 12  # rows, below which nothing is smoothed


@dataclass(frozen=True)
class Smoothed:
    """A loss along a run, smoothed.

    Attributes
    ----------
    step : array, shape (rows,)
        The steps.
    loss : array, shape (rows,)
        The smoothed loss.
    error : array, shape (rows,)
        The standard error of the smoothed loss.
    neighbours : int
        The number of rows that each local line goes through; 1 if the loss is not smoothed.
    """

    step: Floats
    loss: Floats
    error: Floats
    neighbours: int

    def at(self, step: Floats) -> tuple[Floats, Floats]:
        """Return the loss and its standard error at steps, linear between rows."""
        return np.interp(step, self.step, self.loss), np.interp(step, self.step, self.error)

    def first_at(self, level: float) -> float:
        """Return the first step at which the loss is at or below a level; NaN if there is none."""
        below = np.flatnonzero(self.loss <= level)
        if below.size == 0:
            return float("nan")
        row = int(below[0])
        if row == 0:
            return float(self.step[0])
        high, low = self.loss[row - 1], self.loss[row]
        share = (high - level) / (high - low)
        return float(self.step[row - 1] + share * (self.step[row] - self.step[row - 1]))


def smoothed(step: Steps, loss: Floats) -> Smoothed:
    """Smooth a logged loss by local lines over the logarithm of steps.

    The number of rows that a line goes through is the one that predicts left-out rows best in most
    places. Standard errors count how residuals that follow each other are correlated.

    Parameters
    ----------
    step : array of int, shape (rows,)
        The steps, increasing and above 0.
    loss : array, shape (rows,)
        The loss that was logged there.
    """
    at, values = _averaged(step.astype(np.float64), loss)
    rows = at.size
    second = np.diff(values, n=2)
    noise = float(np.std(second) / np.sqrt(6)) if rows > 3 else 0.0
    best = Smoothed(at, values, np.full(rows, noise), 1)
    # a row is predicted by the line through the two beside it
    least = _typical(second / 2) if rows >= _FEWEST else 0.0
    for neighbours in _NEIGHBOURS:
        if neighbours > rows // 3:
            break
        weights = _lines(np.log(at), neighbours)
        found = weights @ values
        own, squares = np.diag(weights), np.sum(weights**2, axis=1)
        residuals = values - found
        left_out = _typical(residuals / (1 - own))
        if left_out < least:
            least = left_out
            freedom = max(rows - 2 * own.sum() + squares.sum(), 1.0)
            noise = float(np.sqrt(np.sum(residuals**2) / freedom))
            error = np.sqrt(squares) * noise * _inflation(residuals)
            best = Smoothed(at, found, error, neighbours)
    return best


def _typical(errors: Floats) -> float:
    """Return the mean square of all but the largest tenth, which lie where a rate jumps."""
    squares = np.sort(errors**2)
    return float(np.mean(squares[: max(int(0.9 * squares.size), 1)]))


def _lines(logs: Floats, neighbours: int) -> Floats:
    """Return the weights of all values in the local line at each of them, shape (rows, rows)."""
    rows = np.arange(logs.size)[:, None]
    start = np.clip(rows - neighbours // 2, 0, logs.size - neighbours)
    near = start + np.arange(neighbours)
    away = logs[near] - logs[rows]
    farthest = 1.001 * np.abs(away).max(axis=1, keepdims=True)
    tricube = (1 - (np.abs(away) / farthest) ** 3) ** 3
    total, mean, square = (
        np.sum(tricube * away**power, axis=1, keepdims=True) for power in range(3)
    )
    weights = np.zeros((logs.size, logs.size))
    weights[rows, near] = tricube * (square - mean * away) / (total * square - mean**2)
    return weights


def _inflation(residuals: Floats) -> float:
    """Return how much correlation of neighbours widens the error of their mean."""
    total = float(residuals @ residuals)
    if total == 0 or residuals.size < 3:
        return 1.0
    correlation = np.clip(residuals[1:] @ residuals[:-1] / total, 0.0, 0.9)
    return float(np.sqrt((1 + correlation) / (1 - correlation)))


def _averaged(step: Floats, loss: Floats) -> tuple[Floats, Floats]:
    """Average a long log over stretches of rows."""
    if step.size <= _MOST_ROWS:
        return step, loss
    edges = np.linspace(0, step.size, _MOST_ROWS + 1).astype(int)[:-1]
    counts = np.diff(np.append(edges, step.size))
    return np.add.reduceat(step, edges) / counts, np.add.reduceat(loss, edges) / counts
