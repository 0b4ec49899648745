"""The figure of a selection: what each filter does to the spectrum, and the rates over steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from isoloss.comparison.selection import Entry, Selection
from isoloss.reports.plotting import RIDGE, look, new_figure, style

__all__ = ["figure"]

_SHOWN = 2.0  # filters beyond ±2 are cut off
_STEM = 60  # up to this many curvatures get their own markers
_WIDEST, _THINNEST = 2.8, 1.6
_SLOWEST = 1e-3  # smaller rates are below the axis


def figure(selection: Selection) -> Figure:
    """Draw a selection.

    Left, each filter h(γ) over the train spectrum: 1 where nothing was learnt, 0 where the train
    data are fitted. Right, the rates of the designed schedules over steps.

    Parameters
    ----------
    selection : Selection
        What to draw.

    Returns
    -------
    matplotlib.figure.Figure
        With a legend below the panels.
    """
    with style():
        drawing = new_figure("selection")
        left, right = drawing.subplots(1, 2, width_ratios=(3, 2))
        _draw_filters(left, selection)
        _draw_rates(right, selection)
        handles, labels = left.get_legend_handles_labels()
        drawing.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
        return drawing


def _draw_filters(axes: Axes, selection: Selection) -> None:
    gamma = np.asarray(selection.problem.curvature, dtype=float)
    order = np.argsort(gamma)
    order = order[gamma[order] > 0]
    x = gamma[order]
    axes.axhline(0, color="0.8", linewidth=0.8)
    axes.axhline(1, color="0.8", linewidth=0.8)
    bound = np.clip(selection.bound.filter[order], -_SHOWN, _SHOWN)
    axes.plot(x, bound, ".", color="0.7", markersize=3, label=selection.bound.name)
    marker = "." if x.size <= _STEM else ""
    flow: dict[str, Any] = {"color": "black"}
    for entry, drawn in ((selection.flow, flow), (selection.ridge, RIDGE)):
        axes.plot(x, entry.filter[order], linewidth=_WIDEST, label=entry.name, **drawn)
    for i, entry in enumerate(selection.designed):
        y = np.where(np.abs(entry.filter[order]) <= _SHOWN, entry.filter[order], np.nan)
        axes.plot(x, y, marker=marker, label=entry.name, **_look(i, len(selection.designed)))
    axes.set(
        xscale="log",
        xlabel="train curvature γ",
        ylabel="filter h(γ): what the residual is multiplied by",
    )
    shown = np.concatenate([entry.filter[order] for entry in selection.entries[:-1]])
    low = max(float(shown.min()), -_SHOWN)
    axes.set_ylim(min(low, 0.0) - 0.08, min(max(float(shown.max()), 1.0), _SHOWN) + 0.08)


def _draw_rates(axes: Axes, selection: Selection) -> None:
    stable = float(selection.problem.max_lr)
    axes.set_yscale("log")
    axes.axhline(1, color="0.8", linewidth=0.8)
    for i, entry in enumerate(selection.designed):
        rates = _rates(entry) / stable
        if rates.size:
            edges = np.arange(rates.size + 1)
            axes.stairs(rates, edges, baseline=None, **_look(i, len(selection.designed)))
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, _SLOWEST), max(high, 1.0))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(
        xlabel="step",
        ylabel="learning rate (in units of 1/γ₁)",
    )


def _rates(entry: Entry) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the rates of the steps; flows have none."""
    assert entry.schedule is not None
    steps = [phase for phase in entry.schedule.phases if phase.steps]
    return np.concatenate([np.empty(0), *(phase.learning_rates() for phase in steps)])


def _look(i: int, count: int) -> dict[str, Any]:
    """Return colour, style and width: later lines are thinner, so that equal lines stay visible."""
    width = _WIDEST - (_WIDEST - _THINNEST) * (i + 1) / count
    return look(i) | {"linewidth": width}
