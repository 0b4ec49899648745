"""How far losses lie from the law, and how far those of a new run will.

The residuals of a fit are not independent noise: along a run they keep their sign for long, and
runs that are nominally equal differ. The misfit is therefore a random function along each run, with
standard deviation m in log loss, whose correlation decays by a factor e over half an e-fold of
steps (steps an e-fold apart have the ratio e). A run counts for one independent value, and one more
for each half e-fold that its rows span, however many rows it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isoloss._messages.numbers import short
from isoloss.curves.logged_rows import LoggedRows

__all__ = ["CORRELATED", "FittedRange", "Misfit", "independent_values"]

Floats = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int64]

CORRELATED = 0.5  # e-folds of steps
# Before a fit, the misfit is taken to be 0.0012 in log loss, besides the noise of rows, as if known
# from four values. It is that of the public curves that the priors come from.
_USUAL, _USUAL_VALUES = 1.2e-3, 4.0
# A new run misses by more than fitted ones, and by more for each e-fold of peak or horizon beyond
# theirs. These factors were calibrated on the same curves (benchmarks/forecast.py counts).
_NEW_RUN, _PEAK, _HORIZON = 1.5, 4.0, 1.5


def independent_values(runs: Sequence[LoggedRows]) -> float:
    """Return how many independent values of the misfit the rows of all runs are worth."""
    return sum(1 + run.span / CORRELATED for run in runs)


@dataclass(frozen=True)
class Misfit:
    """The size of the misfit, and the degrees of freedom with which it is known.

    Attributes
    ----------
    size : float
        The standard deviation of the log loss of fitted runs about the law.
    freedom : float
        The degrees of freedom of Student's t in intervals.
    """

    size: float
    freedom: float

    @classmethod
    def expected(cls, noise: float) -> Misfit:
        """Return the misfit to expect before a fit, for rows with this noise in log loss."""
        return cls(float(np.hypot(_USUAL, noise)), _USUAL_VALUES)

    def seen(self, mean_square: float, values: float, used: float) -> Misfit:
        """Return the misfit after a fit of ``used`` effective parameters to independent values."""
        freedom = self.freedom + max(values - used, 0.0)
        total = self.freedom * self.size**2 + values * mean_square
        return Misfit(float(np.sqrt(total / freedom)), freedom)

    def of_new_run(self, fitted: FittedRange, peak: float, steps: Steps) -> Floats:
        """Return the standard deviation of a new run's log loss at some steps."""
        beyond = np.hypot(
            _PEAK * max(np.log(peak / fitted.highest_peak), np.log(fitted.lowest_peak / peak), 0),
            _HORIZON * np.maximum(np.log(steps / fitted.steps), 0),
        )
        found: Floats = _NEW_RUN * self.size * np.hypot(1, beyond)
        return found


@dataclass(frozen=True)
class FittedRange:
    """The peaks and lengths of fitted runs, and where their fitted rows begin.

    Attributes
    ----------
    lowest_peak, highest_peak : float
        The range of the largest rates of the runs, absolute.
    steps : int
        The steps of the longest run.
    first_step : int
        The step of the first row that was fitted.
    """

    lowest_peak: float
    highest_peak: float
    steps: int
    first_step: int

    def left_by(self, peak: float, steps: int) -> list[str]:
        """Return a sentence for each way in which a run leaves the range."""
        found = []
        if peak > 1.01 * self.highest_peak:
            ratio = short(peak / self.highest_peak, 3)
            found.append(
                f"The peak {short(peak)} is {ratio} times the largest fitted one; forecasts beyond "
                "it have been too optimistic, and the interval is wider."
            )
        if peak < 0.99 * self.lowest_peak:
            ratio = short(self.lowest_peak / peak, 3)
            found.append(
                f"The smallest fitted peak is {ratio} times the peak {short(peak)}, and the "
                "interval is wider."
            )
        if steps > 1.01 * self.steps:
            ratio = short(steps / self.steps, 3)
            found.append(
                f"The run is {ratio} times as long as the longest fitted one, and the interval is "
                "wider."
            )
        if steps < self.first_step:
            found.append(
                f"The forecast ends at step {steps}, before the first fitted row (step "
                f"{self.first_step}): the law does not describe the early descent."
            )
        return found
