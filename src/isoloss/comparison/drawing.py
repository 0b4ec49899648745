"""The figure of a comparison: test loss against train loss, and the difference to gradient flow."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from isoloss._messages.numbers import short
from isoloss.comparison.effects import NO_DIFFERENCE
from isoloss.comparison.level_filters import Filters
from isoloss.comparison.result import Comparison
from isoloss.reports.plotting import MARKERS, RIDGE, look, new_figure, style

__all__ = ["figure", "filters_figure"]

_MARKED = 60  # so few curvatures are marked one by one
_SHOWN = 1.6  # filters beyond are cut off
_CUT = 3.0  # differences above 300 % of gradient flow's test loss are cut off


def figure(comparison: Comparison) -> Figure:
    """Draw a comparison.

    Above, test loss against train loss: each schedule, ridge regression, and the level band shaded.
    Below, the difference to gradient flow's test loss at the same train loss, on grey ground where
    it counts as none. Markers are the stops for the levels.

    Parameters
    ----------
    comparison : Comparison
        What to draw.

    Returns
    -------
    matplotlib.figure.Figure
        With a legend below the panels.
    """
    with style():
        return _draw(comparison)


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
            label = name if filters.reached[i] else f"{name} (level not reached)"
            axes.plot(filters.grid, _cut(filters.curves[i]), label=label, **look(i))
            if len(filters.curvature) <= _MARKED:
                axes.plot(filters.curvature, _cut(filters.values[i]), **_marks(i))
        axes.set(xscale="log", xlabel="train curvature γ", ylabel="filter h(γ)")
        axes.set_title(f"at train loss {short(filters.train_loss)}", loc="left")
        drawing.legend(loc="outside lower center", ncols=2, frameon=False)
        return drawing


def _cut(values: np.ndarray) -> np.ndarray:
    return np.where(np.abs(values) <= _SHOWN, values, np.nan)


def _draw(comparison: Comparison) -> Figure:
    drawing = new_figure("comparison")
    upper, lower = drawing.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    floor = float(comparison.problem.min_train_loss)
    _draw_losses(upper, comparison, floor)
    _draw_differences(lower, comparison, floor)
    above = f" above its smallest value {short(floor)}" if floor > 0 else ""
    lower.set_xlabel(f"train loss{above} (training runs from right to left)")
    handles, labels = upper.get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    return drawing


def _draw_losses(axes: Axes, comparison: Comparison, floor: float) -> None:
    flow = comparison.flow_curve
    x = flow.train_loss - floor
    shown = np.concatenate([curve.test_loss for curve in comparison.curves] + [flow.test_loss])
    top = 1.6 * min(shown.max(), _CUT * flow.test_loss.max())
    cut = bool((flow.highest > top).any())
    label = "level band: every parameter vector with that train loss" + " (cut off)" * cut
    axes.fill_between(x, flow.lowest, np.minimum(flow.highest, 2 * top), color="0.9", label=label)
    axes.plot(x, flow.lowest, color="0.65", linewidth=0.8)
    axes.plot(x, flow.ridge_test_loss, linewidth=1.2, label="ridge", **RIDGE)
    for i, (curve, stops) in enumerate(zip(comparison.curves, comparison.schedules, strict=True)):
        axes.plot(curve.train_loss - floor, curve.test_loss, **look(i))
        at = stops.reached
        axes.plot(stops.train_loss[at] - floor, stops.test_loss[at], **_marks(i))
        # one legend entry for line and markers
        axes.plot([], [], label=curve.name, **(_marks(i) | look(i)))
    axes.set(xscale="log", ylabel="test loss")
    values = np.concatenate([flow.lowest, shown])
    if top > 0:  # where every test loss is 0 there is no logarithm
        axes.set_yscale("log")
        axes.set_ylim(0.95 * values[values > 0].min(), top)
    low, high = axes.get_ylim()
    if high < 100 * low:
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 4, 6)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _draw_differences(axes: Axes, comparison: Comparison, floor: float) -> None:
    flow = comparison.flow_curve
    x = flow.train_loss - floor
    axes.axhspan(-100 * NO_DIFFERENCE, 100 * NO_DIFFERENCE, color="0.9")
    with np.errstate(divide="ignore", invalid="ignore"):  # nothing is drawn where flow's is 0
        ridge = 100 * (flow.ridge_test_loss / flow.test_loss - 1)
    axes.plot(x, ridge, linewidth=1.2, **RIDGE)
    for i, (curve, stops) in enumerate(zip(comparison.curves, comparison.schedules, strict=True)):
        axes.plot(curve.train_loss - floor, 100 * (curve.ratio - 1), **look(i))
        axes.plot(stops.train_loss - floor, 100 * (stops.ratio - 1), **_marks(i))
    marked = [100 * (stops.ratio[stops.reached] - 1) for stops in comparison.schedules]
    seen = np.clip(np.concatenate([[-2, 2], *marked, ridge]), -100, 100 * _CUT)
    axes.set_ylim(1.3 * np.nanmin(seen), 1.3 * np.nanmax(seen))
    axes.set_ylabel("test loss against gradient flow's\nat the same train loss (%)")


def _marks(i: int) -> dict[str, Any]:
    mark = MARKERS[i % len(MARKERS)]
    return look(i) | {"linestyle": "none", "marker": mark, "markersize": 4}
