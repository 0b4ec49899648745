"""The figure of filters: what schedules have done to the spectrum where they stop."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from isoloss._messages.numbers import short
from isoloss.comparison.level_filters import Filters
from isoloss.reports.plotting import look, marks, new_figure, style

__all__ = ["filters_figure"]

_MARKED = 60  # up to this many curvatures get their own markers
_SHOWN = 1.6  # filters beyond ±1.6 are cut off


def filters_figure(filters: Filters) -> Figure:
    """Draw the filters of schedules where they stop.

    Parameters
    ----------
    filters : Filters
        What `isoloss.comparison.filters` returns.

    Returns
    -------
    matplotlib.figure.Figure
        h(γ) over the train curvature: 1 leaves a direction as it was, 0 removes its residual.
    """
    with style():
        drawing = new_figure("filters")
        axes = drawing.subplots()
        axes.axhline(0, color="0.8", linewidth=0.8)
        for i, name in enumerate(filters.names):
            if not filters.is_filter[i]:
                axes.plot([], [], label=f"{name} (no filter)", **look(i))
                continue
            label = name if filters.reached[i] else f"{name} (level not reached)"
            axes.plot(filters.grid, _cut(filters.curves[i]), label=label, **look(i))
            if len(filters.curvature) <= _MARKED:
                axes.plot(filters.curvature, _cut(filters.values[i]), **marks(i))
        axes.set(xscale="log", xlabel="train curvature γ", ylabel="filter h(γ)")
        axes.set_title(f"at train loss {short(filters.train_loss)}", loc="left")
        drawing.legend(loc="outside lower center", ncols=2, frameon=False)
        return drawing


def _cut(values: np.ndarray) -> np.ndarray:
    return np.where(np.abs(values) <= _SHOWN, values, np.nan)
