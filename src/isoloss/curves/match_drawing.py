"""The figure of runs at equal train loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from isoloss.reports.plotting import look, marks, new_figure, style

__all__ = ["draw_match"]

Floats = npt.NDArray[np.float64]


class Row(Protocol):
    """A run at each level."""

    @property
    def test_loss(self) -> Floats:
        """The test loss."""

    @property
    def difference(self) -> Floats:
        """How much higher it is than that of the reference."""

    @property
    def low(self) -> Floats:
        """The low end of the interval of the difference."""

    @property
    def high(self) -> Floats:
        """The high end of the interval of the difference."""


def draw_match(levels: Floats, matched: Mapping[str, Row], reference: str) -> Figure:
    """Draw the test loss at each train loss, and below it the differences with their intervals.

    Parameters
    ----------
    levels : array, shape (levels,)
        The train losses.
    matched : mapping of str to Matched
        The runs and groups.
    reference : str
        The one that others are compared with.

    Returns
    -------
    matplotlib.figure.Figure
        Training goes from left to right, as the train loss falls.
    """
    with style():
        drawing = new_figure("forecast")
        above, below = drawing.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        width = np.abs(np.ptp(levels)) or 1.0
        for index, (name, each) in enumerate(matched.items()):
            above.plot(levels, each.test_loss, **look(index), label=name)
            above.plot(levels, each.test_loss, **marks(index))
            if name == reference:
                below.axhline(0, **look(index))
                continue
            aside = levels + 0.006 * width * (index - len(matched) / 2)
            below.errorbar(
                aside,
                each.difference,
                [each.difference - each.low, each.high - each.difference],
                **marks(index),
                capsize=2,
            )
        above.set_ylabel("test loss")
        below.set_ylabel(f"test loss − that of\n{reference}")
        below.set_xlabel("train loss")
        below.invert_xaxis()
        handles, labels = above.get_legend_handles_labels()
        drawing.legend(handles, labels, loc="outside lower center", ncols=3)
        return drawing
