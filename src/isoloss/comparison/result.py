"""What a comparison gives back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from isoloss.comparison.outcomes import Curve, Stop, Stops
from isoloss.comparison.verdicts import best_stop, setting, verdict
from isoloss.problems.problem import Problem

__all__ = ["Comparison"]

Floats = npt.NDArray[np.float64]
Entry = str | float | int | bool | None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Schedules compared at equal train loss; what `compare` returns.

    Attributes
    ----------
    problem : Problem
        The problem.
    levels : array, shape (L,)
        The train losses to stop at, falling.
    schedules : tuple of Stops
        Each schedule's stops.
    flow : Stops
        Gradient flow's stops, which are exactly at the levels.
    curves : tuple of Curve
        Each schedule on a fine grid of levels from the start to the lowest level.
    flow_curve : Stops
        Gradient flow's stops on that grid, with the yardsticks.
    best : tuple of Stop
        Each schedule's best stop on the test data, over the levels, a fine grid from the start
        down to a millionth of its excess train loss, and the schedule's end.
    ridge_best : Stop
        Ridge regression with the best penalty on the test data.

    Examples
    --------
    >>> import isoloss as il
    >>> problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
    >>> il.compare(problem, {"annealed": il.anneal(1.5, 10)}, levels=[1, 0.1]).verdicts[0]
    "At equal train loss, annealed helps at both levels (test loss 49% to 50% lower than gradient
    flow's; train loss 1.000 to 0.1000, most at 0.1000)."
    """

    problem: Problem
    levels: Floats
    schedules: tuple[Stops, ...]
    flow: Stops
    curves: tuple[Curve, ...]
    flow_curve: Stops
    best: tuple[Stop, ...]
    ridge_best: Stop

    @property
    def setting(self) -> tuple[str, ...]:
        """Sentences on the train losses, the levels and the largest stable rate."""
        return setting(self.problem, self.levels)

    @cached_property
    def verdicts(self) -> tuple[str, ...]:
        """What each schedule does against gradient flow at equal train loss, a sentence each."""
        return tuple(verdict(stops) for stops in self.schedules)

    @cached_property
    def best_stops(self) -> tuple[str, ...]:
        """The best stop on the test data, a line for each schedule and one for ridge regression."""
        names = [*(stops.name for stops in self.schedules), "ridge"]
        stops = [*self.best, self.ridge_best]
        return tuple(best_stop(*pair) for pair in zip(names, stops, strict=True))

    def rows(self) -> list[dict[str, Entry]]:
        """Return a row for each schedule and level, as in ``results.csv``.

        Returns
        -------
        list of dict
            With None where there is nothing to say: yardsticks of levels that are not reached, and
            errors where there are no classes.
        """
        table: list[dict[str, Entry]] = []
        for stops in self.schedules:
            for i, level in enumerate(stops.levels):
                numbers = {
                    "train_loss": stops.train_loss,
                    "test_loss": stops.test_loss,
                    "flow_test_loss": stops.flow_test_loss,
                    "ratio_to_flow": stops.ratio,
                    "ridge_test_loss": stops.ridge_test_loss,
                    "ridge_alpha": stops.ridge_alpha,
                    "lowest_test_loss": stops.lowest,
                    "highest_test_loss": stops.highest,
                    "test_error": stops.test_error,
                    "flow_test_error": stops.flow_test_error,
                    "ridge_test_error": stops.ridge_test_error,
                }
                row: dict[str, Entry] = {
                    "schedule": stops.name,
                    "level": float(level),
                    "reached": bool(stops.reached[i]),
                    "steps": int(stops.steps[i]),
                    "flow_time": float(stops.time[i]),
                    "effect": stops.effects[i],
                }
                row.update({name: _entry(values, i) for name, values in numbers.items()})
                table.append(row)
        return table

    def __repr__(self) -> str:
        return f"Comparison({len(self.schedules)} schedules, {len(self.levels)} levels)"


def _entry(values: Floats | None, i: int) -> float | None:
    if values is None or math.isnan(values[i]):
        return None
    return float(values[i])
