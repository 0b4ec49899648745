"""The stops of one schedule, beside their yardsticks."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from isoloss.comparison.effects import effect
from isoloss.schedules.phases import GradientFlow
from isoloss.schedules.schedule import Schedule

__all__ = ["Curve", "Stop", "Stops"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Stop:
    """The best stop on the test data.

    Attributes
    ----------
    steps : int
        GD steps taken.
    time : float
        Time spent in gradient flow, in units of 1/γ₁.
    train_loss, test_loss : float
        The losses at the stop.
    test_error : float or None
        For classes, the share of test rows classified wrongly, if no minibatches are taken.
    alpha : float or None
        The penalty of ridge regression; None for a schedule.
    """

    steps: int
    time: float
    train_loss: float
    test_loss: float
    test_error: float | None = None
    alpha: float | None = None


@dataclass(frozen=True, eq=False)
class Stops:
    """Where one schedule stops for each level, beside three yardsticks at the same train loss.

    The last step is shortened, so that training stops at the level exactly. The yardsticks
    (gradient flow, ridge regression and the level band) are NaN where a schedule does not reach
    the level.

    Attributes
    ----------
    name : str
        The schedule's name.
    schedule : Schedule, or tuple of Schedule
        The schedule, or the schedules that were finished at the levels; a schedule without phases
        stands where none ends at the level.
    levels : array, shape (L,)
        The train losses to stop at, falling.
    reached : array of bool, shape (L,)
        Whether the schedule reaches the level. If not, steps, time and losses describe its end;
        losses are NaN where no schedule could be finished.
    steps, time, train_loss, test_loss : array, shape (L,)
        GD steps, time in gradient flow (in units of 1/γ₁) and losses at the stop.
    ratio : array, shape (L,)
        The test loss divided by the reference's at the same train loss; NaN where either does not
        reach the level.
    flow_test_loss, ridge_test_loss : array, shape (L,)
        The test losses of gradient flow and ridge regression at the same train loss.
    ridge_alpha : array, shape (L,)
        The ridge penalty in train loss + alpha · ‖β‖².
    lowest, highest : array, shape (L,)
        The level band: the range of test losses of all parameters with that train loss.
    test_error, flow_test_error, ridge_test_error : array, shape (L,), or None
        For classes, the shares of test rows classified wrongly; NaN for schedules with minibatches.
    largest_rate : array, shape (L,) or (0,)
        The largest rate, in units of 1/γ₁, of each schedule that was finished at a level; NaN where
        none ends there. Empty for a schedule that is stopped at the levels.
    reference : str or None
        The name of the schedule that this one is compared with; None for gradient flow.
    """

    name: str
    schedule: Schedule | tuple[Schedule, ...]
    levels: Floats
    reached: npt.NDArray[np.bool_]
    steps: npt.NDArray[np.int64]
    time: Floats
    train_loss: Floats
    test_loss: Floats
    ratio: Floats
    flow_test_loss: Floats
    ridge_alpha: Floats
    ridge_test_loss: Floats
    lowest: Floats
    highest: Floats
    test_error: Floats | None
    flow_test_error: Floats | None
    ridge_test_error: Floats | None
    largest_rate: Floats = field(default_factory=lambda: np.zeros(0))
    reference: str | None = None

    @property
    def is_flow(self) -> bool:
        """Whether the schedule is gradient flow."""
        return self.schedule == Schedule(GradientFlow())

    @property
    def is_finished(self) -> bool:
        """Whether schedules were finished at the levels, rather than stopped there."""
        return isinstance(self.schedule, tuple)

    @property
    def is_expected(self) -> bool:
        """Whether losses are expected ones, of training with minibatches."""
        schedules = self.schedule if isinstance(self.schedule, tuple) else (self.schedule,)
        return any(schedule.has_minibatches for schedule in schedules)

    @property
    def is_reference(self) -> bool:
        """Whether the others are compared with this schedule."""
        return self.is_flow if self.reference is None else self.name == self.reference

    @property
    def is_compared(self) -> npt.NDArray[np.bool_]:
        """Whether both the schedule and the reference reach each level."""
        return self.reached & ~np.isnan(self.ratio)

    @property
    def effects(self) -> tuple[str, ...]:
        """What the schedule does at each level: helps, hurts, no difference, or not reached.

        ``"reference not reached"`` marks levels that only the schedule reaches.
        """
        return tuple(
            "reference not reached" if reached and math.isnan(ratio) else effect(ratio)
            for reached, ratio in zip(self.reached, self.ratio, strict=True)
        )

    def __repr__(self) -> str:
        return f"Stops({self.name!r}, {int(self.reached.sum())} of {len(self.levels)} reached)"


@dataclass(frozen=True, eq=False)
class Curve:
    """One schedule on a fine grid of levels, for figures.

    Attributes
    ----------
    name : str
        The schedule's name.
    train_loss, test_loss : array
        The losses at its stops.
    ratio : array
        The test loss divided by the reference's at the same train loss.
    """

    name: str
    train_loss: Floats
    test_loss: Floats
    ratio: Floats
