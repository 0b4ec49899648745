"""The figure of forecasts: rates above, losses with their intervals below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from isoloss.curves.logged_rows import Target
from isoloss.curves.loss_curve import LossCurve
from isoloss.reports.plotting import look, new_figure, style

__all__ = ["draw_forecasts"]

Floats = npt.NDArray[np.float64]

_MOST_ROWS = 1000  # a logged run of many more rows is thinned
_EARLY = 0.1  # the first share of the longest run, whose losses may lie outside the axes
_FEW = 4  # so many runs have a colour and a name each; more are grey
_BANDS = 3  # so many forecasts show their whole interval; more show the one at the end
_APART = 0.012  # the distance between two intervals at the end, as a share of the longest run
_GREY = "#999999"


class Predicted(Protocol):
    """A prediction, such as a `Forecast`."""

    @property
    def step(self) -> npt.NDArray[np.int64]:
        """The steps."""

    @property
    def loss(self) -> Floats:
        """The loss at each step."""

    @property
    def low(self) -> Floats:
        """The low end of its interval."""

    @property
    def high(self) -> Floats:
        """The high end of its interval."""

    @property
    def rates(self) -> Floats:
        """The learning rate of each step of the run."""

    @property
    def name(self) -> str:
        """The name in the legend."""


def draw_forecasts(
    forecasts: Sequence[Predicted], runs: Sequence[LossCurve], target: Target = "loss"
) -> Figure:
    """Draw forecasts with their intervals, and logged runs as points beside them.

    With more than three forecasts, only the intervals at the end are drawn; with more than four
    runs, the runs are grey.

    Parameters
    ----------
    forecasts : sequence of Forecast
        What is predicted.
    runs : sequence of LossCurve
        What was logged.
    target : {"loss", "test_loss"}
        Which loss of the runs to draw.

    Returns
    -------
    matplotlib.figure.Figure
        Rates above and losses below, over steps, with a legend at the bottom.
    """
    with style():
        drawing = new_figure("forecast")
        above, below = drawing.subplots(2, 1, sharex=True, height_ratios=(1, 3))
        _draw_runs(above, below, runs, target)
        first = len(runs) if len(runs) <= _FEW else 0
        for index, each in enumerate(forecasts, start=first):
            line = look(index)
            if len(forecasts) <= _BANDS:
                below.fill_between(each.step, each.low, each.high, color=line["color"], alpha=0.15)
            below.plot(each.step, each.loss, **line, label=each.name or "forecast")
            _draw_rates(above, each.rates, **line)
        if len(forecasts) > _BANDS:
            _draw_ends(below, forecasts, first)
        _limit(below, forecasts, runs, target)
        above.set_ylabel("learning rate")
        above.set_ylim(bottom=0)
        below.set_ylabel("loss" if target == "loss" else "test loss")
        below.set_xlabel("step")
        handles, labels = below.get_legend_handles_labels()
        drawing.legend(handles, labels, loc="outside lower center", ncols=4, markerscale=3)
        return drawing


def _draw_runs(above: Axes, below: Axes, runs: Sequence[LossCurve], target: Target) -> None:
    for index, run in enumerate(runs):
        step, loss = run.rows(target)
        every = max(1, step.size // _MOST_ROWS)
        colour, label = look(index)["color"], run.name or "run"
        if len(runs) > _FEW:
            colour, label = _GREY, "" if index else f"{len(runs)} logged runs"
        below.plot(step[::every], loss[::every], ".", color=colour, markersize=2, label=label)
        _draw_rates(above, run.rates, color=colour, linewidth=0.8, alpha=0.6)


def _draw_ends(axes: Axes, forecasts: Sequence[Predicted], first: int) -> None:
    """Draw the intervals at the end of each run side by side."""
    longest = max(int(each.step[-1]) for each in forecasts)
    for index, each in enumerate(forecasts):
        loss, low, high = (float(ends[-1]) for ends in (each.loss, each.low, each.high))
        place = each.step[-1] + longest * _APART * (index + 1)
        axes.errorbar(
            place,
            loss,
            [[loss - low], [high - loss]],
            color=look(index + first)["color"],
            marker=".",
            capsize=2,
            elinewidth=1,
        )


def _draw_rates(axes: Axes, rates: Floats, **line: Any) -> None:
    shown = np.unique(np.linspace(0, rates.size - 1, 2000).astype(int))
    axes.plot(shown + 1, rates[shown], **line)


def _limit(
    axes: Axes, forecasts: Sequence[Predicted], runs: Sequence[LossCurve], target: Target
) -> None:
    """Set limits that leave the steep first part of all curves outside the axes."""
    rows = [each.rows(target) for each in runs]
    rows += [(each.step, each.low) for each in forecasts]
    rows += [(each.step, each.high) for each in forecasts]
    longest = max(int(step[-1]) for step, _ in rows)
    late = [loss[step >= min(_EARLY * longest, step[-1])] for step, loss in rows]
    lowest, highest = min(each.min() for each in late), max(each.max() for each in late)
    room = 0.04 * (highest - lowest) or 0.01 * highest
    axes.set_ylim(lowest - room, highest + room)
