"""What the law predicts for a schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from isoloss._messages.numbers import short

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Forecast"]

Floats = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int64]


@dataclass(frozen=True, repr=False, eq=False)
class Forecast:
    """The predicted loss of a run, with intervals.

    Attributes
    ----------
    step : array of int, shape (n,)
        The predicted steps, in increasing order.
    loss : array, shape (n,)
        The predicted loss.
    low, high : array, shape (n,)
        The ends of the interval for the loss that a row at each step would log. Errors along one
        curve are correlated: each interval holds by itself, not all of them at once.
    rates : array, shape (steps,)
        The absolute learning rate of each step.
    confidence : float
        The probability of each interval.
    name : str
        The name of the schedule.
    notes : tuple of str
        A sentence for each way in which the run leaves the range of the fitted runs.
    """

    step: Steps
    loss: Floats
    low: Floats
    high: Floats
    rates: Floats
    confidence: float
    name: str
    notes: tuple[str, ...]

    @property
    def final(self) -> tuple[float, float, float]:
        """The loss at the last step, and the ends of its interval."""
        return float(self.loss[-1]), float(self.low[-1]), float(self.high[-1])

    def plot(self) -> Figure:
        """Draw the prediction and its interval.

        Returns
        -------
        matplotlib.figure.Figure
            Rates above and losses below, over steps.
        """
        from isoloss.curves.drawing import draw_forecasts

        return draw_forecasts([self], [])

    def __repr__(self) -> str:
        loss, low, high = self.final
        name = f"{self.name!r}, " if self.name else ""
        return (
            f"Forecast({name}{short(loss)} at step {self.step[-1]}, "
            f"{100 * self.confidence:g}% interval {short(low)} to {short(high)})"
        )
