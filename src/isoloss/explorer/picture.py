"""A figure of the paper's example for print: Figure 1, both losses and the band."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from isoloss.explorer.example import ExampleState, Trained
from isoloss.levels.band import level_band
from isoloss.paper.figures import draw_paths
from isoloss.reports.plotting import COLOURS, new_figure, style

__all__ = ["example_figure"]


def example_figure(state: ExampleState) -> Figure:
    """Draw a state: three panels of paths above the losses over time and the band.

    Parameters
    ----------
    state : ExampleState
        The state that the page shows.

    Returns
    -------
    matplotlib.figure.Figure
        The figure, in the house style.
    """
    both = Trained.of(state)
    with style():
        figure = new_figure("explorer")
        parts: Any = figure.subfigures(2, 1, hspace=0.04)
        upper, lower = parts
        draw_paths(upper, both.flow, both.annealed, state.target, state.level)
        _draw_curves(lower.subplots(1, 2), both)
    return figure


def _draw_curves(axes: Any, both: Trained) -> None:
    state = both.state
    losses, ratios = axes
    for name, run, colour in (
        ("flow", both.flow, COLOURS["blue"]),
        ("annealed", both.annealed, COLOURS["orange"]),
    ):
        path = run.path()
        time = path.steps * state.lr + path.time
        losses.plot(time, path.train_loss, color=colour, label=f"{name}: train")
        losses.plot(time, path.test_loss, "--", color=colour, label=f"{name}: test")
        positive = (path.train_loss > 0) & np.isfinite(path.train_loss)
        ratio = path.test_loss[positive] / path.train_loss[positive]
        ratios.plot(path.train_loss[positive], ratio, color=colour, label=name)
        ratios.plot(path.train_loss[positive][-1:], ratio[-1:], "o", color=colour, ms=5)
    losses.axhline(state.level, color=COLOURS["red"], ls=":", lw=1.0)
    losses.set(yscale="log", xlabel="training time (rate × steps + flow time)", ylabel="loss")
    losses.legend(loc="best", fontsize=7.5)
    slopes = level_band(both.problem, 1.0)
    if np.isfinite(slopes.highest):
        ratios.axhspan(slopes.lowest, slopes.highest, color="0.9", label="band")
        ratios.set_ylim(0, 1.12 * slopes.highest)
    else:
        ratios.axhline(slopes.lowest, color="0.6", lw=0.8, label="lowest")
    ratios.axvline(state.level, color=COLOURS["red"], ls=":", lw=1.0)
    ratios.set(
        xscale="log",
        xlabel="train loss (training runs from left to right)",
        ylabel="test loss / train loss",
    )
    ratios.invert_xaxis()
    ratios.legend(loc="lower left", fontsize=7.5)
