"""The figure of runs at equal train loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from isoloss.curves.matched_curve import MatchedCurve
from isoloss.reports.plotting import look, marks, new_figure, style

__all__ = ["draw_match"]

Floats = npt.NDArray[np.float64]

# Inches: the width from which a legend has columns, and the height of a line of a legend.
_WIDE, _LINE = 6.0, 0.19


class Row(Protocol):
    """A run or group at each level, such as `MatchedRuns`."""

    @property
    def curves(self) -> Sequence[MatchedCurve]:
        """Its smoothed curves."""

    @property
    def test_loss(self) -> Floats:
        """The test loss."""

    @property
    def difference(self) -> Floats:
        """The test loss minus that of the reference."""

    @property
    def low(self) -> Floats:
        """The low end of the interval of the difference."""

    @property
    def high(self) -> Floats:
        """The high end of the interval of the difference."""


def draw_match(
    levels: Floats, matched: Mapping[str, Row], reference: str, width: float | None = None
) -> Figure:
    """Draw test loss against train loss, and below it the differences with their intervals.

    Parameters
    ----------
    levels : array, shape (levels,)
        The train losses.
    matched : mapping of str to MatchedRuns
        The runs and groups.
    reference : str
        The name of the run or group that others are compared with.
    width : float, optional
        The width in inches; by default 7.2.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, in which training goes from left to right as the train loss falls.
    """
    with style():
        drawing = new_figure("match", width)
        above, below = drawing.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        room = 0.06 * float(np.ptp(levels)) or 0.02 * abs(float(levels[0])) or 1.0
        for level in levels:
            for axes in (above, below):
                axes.axvline(level, color="0.92", linewidth=0.8, zorder=0)
        for index, (name, each) in enumerate(matched.items()):
            for curve in each.curves:
                above.plot(*curve.path(), **(look(index) | {"linewidth": 1.0}))
            above.plot(levels, each.test_loss, **marks(index))
            label = f"{name} (the reference)" if name == reference else name
            above.plot([], [], **(marks(index) | look(index)), label=label)
            if name == reference:
                below.axhline(0, **look(index))
            else:
                aside = 0.6 * room * ((index + 0.5) / len(matched) - 0.5)
                _draw_differences(below, levels + aside, each, index)
        above.set_xlim(float(levels.max()) + room, float(levels.min()) - room)
        _limit(above, [each.test_loss for each in matched.values()])
        above.set_ylabel("test loss")
        below.set_ylabel(f"test loss − that of\n{reference}")
        handles, labels = above.get_legend_handles_labels()
        over, columns = "train loss (falling, from left to right)", 3
        if drawing.get_figwidth() < _WIDE:
            over, columns = "train loss", 1
            drawing.set_figheight(drawing.get_figwidth() + _LINE * len(matched))
        below.set_xlabel(over)
        drawing.legend(handles, labels, loc="outside lower center", ncols=columns)
        return drawing


def _draw_differences(axes: Axes, x: Floats, row: Row, index: int) -> None:
    axes.plot(x, row.difference, **marks(index))
    known = np.isfinite(row.low)
    axes.vlines(
        x[known], row.low[known], row.high[known], color=look(index)["color"], linewidth=1.0
    )


def _limit(axes: Axes, losses: Sequence[Floats]) -> None:
    """Set limits that leave what comes before the first level outside the axes."""
    shown = np.concatenate(losses)
    low, high = float(np.nanmin(shown)), float(np.nanmax(shown))
    room = 0.08 * (high - low) or 0.01 * abs(high) or 1.0
    axes.set_ylim(low - room, high + room)
