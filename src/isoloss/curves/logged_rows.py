"""The rows of logged runs that a law is fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from isoloss.curves.loss_curve import LossCurve

__all__ = ["LoggedRows", "Target", "chosen_rows", "row_noise"]

Floats = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int64]
Target = Literal["loss", "test_loss"]

_LEFT_OUT = 8  # the first eighth of the shortest run: its early descent follows no power law
_MOST_ROWS = 200  # of a run; more are averaged
_FEWEST_ROWS = 5


@dataclass(frozen=True)
class LoggedRows:
    """The rows of one run.

    Attributes
    ----------
    rates : array, shape (steps,)
        The rate of each step.
    step : array of int, shape (rows,)
        The steps of the rows.
    log_loss : array, shape (rows,)
        The logarithm of the loss.
    noise : float
        The standard deviation of the noise in one logged row's log loss.
    """

    rates: Floats
    step: Steps
    log_loss: Floats
    noise: float

    @property
    def span(self) -> float:
        """The logarithm of the last step divided by the first."""
        return float(np.log(self.step[-1] / self.step[0]))


def chosen_rows(
    runs: Sequence[LossCurve], target: Target, after: int | None
) -> tuple[list[LoggedRows], int, int]:
    """Return the rows of each run to fit, the step that they start from, and how many are left out.

    Without ``after``, rows in the first eighth of the shortest run are left out. This rule was
    fixed before the runs that test it were made. The rows of a run, if more than 200, are averaged
    over stretches, which are shorter where the rate changes. Raises ``ValueError`` for a run that
    keeps fewer than five rows, or has a loss that is not above 0.
    """
    measured = [curve.rows(target) for curve in runs]
    first = min(int(step[-1]) for step, _ in measured) // _LEFT_OUT if after is None else after
    found, dropped = [], 0
    for curve, (logged, losses) in zip(runs, measured, strict=True):
        name = f"the run '{curve.name}'" if curve.name else "a run"
        kept = (logged >= first) & (logged > np.argmax(curve.rates > 0))
        dropped += int(logged.size - kept.sum())
        step, loss = logged[kept], losses[kept]
        if step.size < _FEWEST_ROWS:
            raise ValueError(
                f"{name} has {step.size} rows from step {first} on; a law needs at least "
                f"{_FEWEST_ROWS}: give longer runs, or fit more of this one with after=0"
            )
        if (loss <= 0).any():
            raise ValueError(
                f"{name} has the loss {loss.min():.4g}; the law describes losses above 0, such as "
                "a cross-entropy or a mean squared error"
            )
        logs = np.log(loss)
        noise = row_noise(logs)
        found.append(LoggedRows(curve.rates, *_thinned(curve.rates, step, logs), noise))
    return found, first, dropped


def row_noise(log_loss: Floats) -> float:
    """Return the standard deviation of the noise in each row, from second differences."""
    second = np.diff(log_loss, n=2)
    if second.size == 0:
        return 0.0
    spread = 1.4826 * np.median(np.abs(second - np.median(second)))
    return float(spread / np.sqrt(6))


def _thinned(rates: Floats, step: Steps, logs: Floats) -> tuple[Steps, Floats]:
    """Average many rows over at most 200 stretches of a run."""
    if step.size <= _MOST_ROWS:
        return step, logs
    rate = rates[step - 1] / rates.max()
    change = np.abs(np.diff(rate))
    moved = (
        np.diff(np.log(step)) / np.log(step[-1] / step[0])
        + np.diff(step) / (step[-1] - step[0])
        + change / max(change.sum(), 1e-9)
    )
    place = np.concatenate([[0.0], np.cumsum(moved)])
    stretch = np.minimum((place / place[-1] * _MOST_ROWS).astype(np.int64), _MOST_ROWS - 1)
    _, members, counts = np.unique(stretch, return_inverse=True, return_counts=True)
    means = np.rint(np.bincount(members, step) / counts).astype(np.int64)
    return means, np.bincount(members, logs) / counts
