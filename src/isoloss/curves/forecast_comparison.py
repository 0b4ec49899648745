"""Forecasts of several schedules side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from isoloss._messages.numbers import short
from isoloss.curves.forecast import Forecast

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Difference", "ForecastComparison"]


class Difference(NamedTuple):
    """How much higher a final loss is than that of the best schedule, with an interval."""

    loss: float
    low: float
    high: float


@dataclass(frozen=True, repr=False, eq=False)
class ForecastComparison:
    """The forecasts of several schedules.

    Attributes
    ----------
    forecasts : mapping of str to Forecast
        The forecasts by name.
    best : str
        The name of the schedule with the lowest predicted final loss.
    differences : mapping of str to Difference
        How much higher each final loss is than the best one. The uncertainty of the fit moves both
        losses together, so these intervals are narrower than those of the losses suggest.
    """

    forecasts: Mapping[str, Forecast]
    best: str
    differences: Mapping[str, Difference]

    def plot(self) -> Figure:
        """Draw the forecasts.

        Returns
        -------
        matplotlib.figure.Figure
            Rates above and losses below, over steps.
        """
        from isoloss.curves.drawing import draw_forecasts

        return draw_forecasts(list(self.forecasts.values()), [])

    def __str__(self) -> str:
        width = max(map(len, self.forecasts))
        confidence = f"{100 * next(iter(self.forecasts.values())).confidence:g}%"
        lines = [
            f"{'schedule':{width}}     steps  final loss  {confidence} interval      above the best"
        ]
        for name, each in sorted(self.forecasts.items(), key=lambda item: item[1].final):
            loss, low, high = (short(value) for value in each.final)
            more = self.differences[name]
            above = "the best"
            if name != self.best:
                above = f"{more.loss:+.4f} ({more.low:+.4f} to {more.high:+.4f})"
            lines.append(
                f"{name:{width}}  {each.step[-1]:8d}  {loss:>10}  {low:>7} to {high:<7}  {above}"
            )
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"ForecastComparison({len(self.forecasts)} schedules, best {self.best!r})"
