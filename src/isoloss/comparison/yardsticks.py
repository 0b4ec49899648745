"""The yardsticks of a schedule at one train loss: gradient flow, ridge regression, level band."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isoloss.dynamics.run import Run
from isoloss.dynamics.training import train
from isoloss.levels.band import level_band
from isoloss.levels.ridge_regression import Ridge, ridge
from isoloss.problems.problem import Problem
from isoloss.schedules.phases import GradientFlow

__all__ = ["Yardsticks", "quotient", "relative"]

Floats = npt.NDArray[np.float64]

_ROUNDING = 1e-12  # test losses closer than this share of the start's are equal


@dataclass(frozen=True, eq=False)
class Yardsticks:
    """Gradient flow, ridge regression and the ends of the level band at N train losses."""

    flow: Run
    ridge: Ridge
    lowest: Floats
    highest: Floats

    @classmethod
    def beside(cls, problem: Problem, losses: Floats) -> Yardsticks:
        """Compute the yardsticks at all train losses (N,) together."""
        band = level_band(problem, losses)
        same = ridge(problem, losses - float(problem.min_train_loss))
        flow = train(problem, GradientFlow(), losses)
        return cls(flow, same, np.asarray(band.lowest), np.asarray(band.highest))

    def at(self, part: slice) -> Yardsticks:
        """Return the yardsticks at some of the train losses."""
        ends = self.lowest[part], self.highest[part]
        return Yardsticks(self.flow.at(part), self.ridge.at(part), *ends)


def relative(test_loss: Floats, flow: Run) -> Floats:
    """Return test losses divided by flow's; 1 where the two differ only by rounding."""
    return quotient(test_loss, np.asarray(flow.test_loss), float(flow.problem.start_test_loss))


@np.errstate(divide="ignore", invalid="ignore")
def quotient(test_loss: Floats, theirs: Floats, start: float) -> Floats:
    """Return the quotient of test losses; 1 where they differ only by rounding of the start's."""
    same = np.abs(test_loss - theirs) <= _ROUNDING * start
    return np.where(same, 1.0, test_loss / theirs)
