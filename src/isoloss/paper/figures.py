"""Draw Figure 1 of the paper from real trajectories, and test loss against train loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.patches import Ellipse

from isoloss.dynamics.run import Run
from isoloss.dynamics.training import train
from isoloss.levels.band import level_band
from isoloss.paper.two_dimensions import example, proposition_target
from isoloss.problems.filtered import Filtered
from isoloss.reports.plotting import COLOURS, new_figure, style
from isoloss.schedules.families.annealing import anneal
from isoloss.schedules.phases import GradientDescent, GradientFlow

__all__ = ["draw_paths", "figure1", "losses_figure"]

Floats = npt.NDArray[np.float64]
Limits = tuple[tuple[float, float], tuple[float, float]]

# These values keep everything visible: the start is not symmetric, the ellipse is large enough,
# and the rate is just below 1/γ_1, so that the points of the zig-zag do not coincide.
_TARGET = (3.0, 2.0)
_LEVEL = 0.12
_RATE, _STEPS = 0.965, 12
_X, _Y = (-0.6, 6.8), (-0.8, 3.2)
_TEST = np.array([0.5, 0.5])


def figure1() -> Figure:
    """Draw Figure 1: two paths to the same train loss, and the test loss at their ends.

    Panel (a) shows gradient flow over the contours of the train loss, (b) 12 steps at a large rate
    followed by flow, and (c) both end points over the contours of the test loss. The red ellipse
    marks all parameters with the train loss at which both runs stop.

    Returns
    -------
    matplotlib.figure.Figure
        Three panels with the same axes.
    """
    problem = example(target=_TARGET)
    lr = _RATE * problem.max_lr
    flow, annealed = train(
        problem, [GradientFlow(), anneal(lr, _STEPS)], train_loss=_LEVEL, last_step="whole"
    )
    with style():
        figure = new_figure("paper")
        draw_paths(figure, flow, annealed, _TARGET, _LEVEL, limits=(_X, _Y))
    return figure


def draw_paths(
    figure: FigureBase,
    flow: Run,
    annealed: Run,
    target: Sequence[float],
    level: float,
    *,
    limits: Limits | None = None,
) -> None:
    """Draw two runs on a problem with two directions, in the style of the paper's Figure 1.

    Parameters
    ----------
    figure : Figure or SubFigure
        Where to draw the three panels.
    flow, annealed : Run
        Gradient flow, and K steps at a large rate followed by flow, on the same problem.
    target : sequence of float
        The minimiser β*.
    level : float
        The train loss at which both runs stop.
    limits : pair of pairs of float, optional
        The axis limits; by default, they include the start, the level set and the end points.
    """
    problem = flow.problem
    curvature = np.asarray(problem.curvature)
    limits = limits or _limits((flow, annealed), target, level)
    steep = int(curvature.argmax())
    names = [f"β{'₁₂'[i]} ({'steep' if i == steep else 'flat'})" for i in range(2)]
    axes = figure.subplots(1, 3, sharex=True, sharey=True)
    steps = annealed.schedule.phases[0].steps
    count = f"{steps:g}" if steps >= 10**6 else str(steps)
    for panel, run, title in (
        (axes[0], flow, "(a) small rate (gradient flow)"),
        (axes[1], annealed, f"(b) large rate for {count} steps, then small"),
    ):
        _contours(panel, curvature, target, level, limits)
        _draw_path(panel, run, target)
        panel.set_title(title, loc="left")
    _contours(axes[2], _TEST, target, level, limits)
    for run, name, marker in ((flow, "blue", "s"), (annealed, "orange", "o")):
        point = _residual(run, target) + target
        word = "flow" if name == "blue" else "annealed"
        label = f"{word}: train {run.train_loss:#.2g}, test {run.test_loss:#.3g}"
        axes[2].plot(*point, marker, color=COLOURS[name], ms=7, mec="w", label=label, zorder=5)
    axes[2].set_title("(c) both ends over the test loss", loc="left")
    for panel in axes:
        _level_set(panel, curvature, target, level)
        panel.plot(*target, "+", color="k", ms=8, mew=1.4, zorder=4)
        panel.annotate("β*", target, (3, 4), textcoords="offset points")
        panel.set(xlim=limits[0], ylim=limits[1], xlabel=names[0], aspect="equal")
        panel.legend(
            loc="lower right",
            fontsize=7.5,
            handlelength=1.6,
            borderaxespad=0.2,
            frameon=True,
            framealpha=1.0,
            edgecolor="none",
        )
    axes[0].set_ylabel(names[1])


def losses_figure(alpha: float = 0.1, steps: int = 10) -> Figure:
    """Draw test loss against train loss for both optimizers inside the band of eq. (3) and (4).

    Parameters
    ----------
    alpha : float, default: 0.1
        Proposition 1's α, which sets the start.
    steps : int, default: 10
        K, the number of steps at η = 1/γ_1.

    Returns
    -------
    matplotlib.figure.Figure
        Losses on logarithmic axes and, below, the ratio of the test losses, which tends to 2.
    """
    problem = example(target=proposition_target(alpha))
    # at and below the train loss after the large rate, both optimizers hit every level exactly
    after = float(train(problem, GradientDescent(problem.max_lr, steps)).train_loss)
    levels = np.geomspace(after, 1e-6 * after, 240)
    band = level_band(problem, levels)
    annealing = anneal(problem.max_lr, steps)
    flow, annealed = train(
        problem, [GradientFlow(), annealing], train_loss=levels, last_step="whole"
    )
    with style():
        figure = new_figure("bands")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1.2))
        label = "every parameter with that train loss, eq. (3)–(4)"
        upper.fill_between(levels, band.lowest, band.highest, color="0.88", label=label)
        upper.plot(levels, flow.test_loss, color=COLOURS["blue"], label="gradient flow")
        upper.plot(
            levels,
            annealed.test_loss,
            color=COLOURS["orange"],
            ls="--",
            label=f"{steps} steps at η = 1/γ₁, then flow",
        )
        upper.set(xscale="log", yscale="log", ylabel="test loss")
        upper.legend(loc="lower left")
        ratio = np.asarray(flow.test_loss / annealed.test_loss)
        lower.axhline(2.0, color="0.6", lw=0.8)
        lower.plot(levels, ratio, color="k", lw=1.2)
        lower.set(
            ylim=(0.0, 2.25),
            yticks=(0, 1, 2),
            ylabel="flow / annealed",
            xlabel="train loss (training runs from left to right)",
        )
        lower.invert_xaxis()
    return figure


def _residual(points: Filtered, target: Sequence[float]) -> Floats:
    """Return β - β*, or its mean, at a run's end or along its path."""
    if points.problem._reduced.coordinates is not None:  # rows have an eigenbasis of their own
        return np.asarray(points.coef()) - target
    return np.asarray(points.residual())


def _limits(runs: Sequence[Run], target: Sequence[float], level: float) -> Limits:
    """Return limits that include the start, its mirror image, the level set and the ends."""
    centre = np.asarray(target)
    curvature = np.asarray(runs[0].problem.curvature)
    start = np.abs(np.asarray(runs[0].problem._reduced.start_residual)[:, 0])
    ends = [np.abs(_residual(run, target)) for run in runs]
    set_ = np.sqrt(level / np.where(curvature > 0, curvature, np.inf))
    reach = 1.15 * np.max([start, set_, *ends], axis=0)
    reach = np.maximum(reach, reach[::-1] * (1.6, 0.4))  # roughly the panels' aspect ratio
    low, high = centre - reach, centre + reach
    return (float(low[0]), float(high[0])), (float(low[1]), float(high[1]))


def _contours(
    axes: Axes, curvature: Floats, target: Sequence[float], level: float, limits: Limits
) -> None:
    x, y = np.meshgrid(np.linspace(*limits[0], 240), np.linspace(*limits[1], 160))
    loss = curvature[0] * (x - target[0]) ** 2 + curvature[1] * (y - target[1]) ** 2
    levels = level * 2.0 ** np.arange(0.0, 8.0)
    levels *= 2.0 ** max(0.0, np.ceil(np.log2(loss.max() / levels[-1])))
    axes.contour(x, y, loss, levels, colors="0.75", linewidths=0.7)


def _level_set(axes: Axes, curvature: Floats, target: Sequence[float], level: float) -> None:
    """Draw {train loss = level}: an ellipse, or two lines if one curvature is 0."""
    style_: dict[str, Any] = {
        "ec": COLOURS["red"],
        "lw": 1.6,
        "label": f"train loss {level:g}",
        "zorder": 3,
        "fill": False,
    }
    radii = np.sqrt(level / np.where(curvature > 0, curvature, 1.0))
    if curvature.all():
        axes.add_patch(Ellipse((target[0], target[1]), *(2.0 * radii), **style_))
        return
    steep = int(curvature.argmax())
    ends = (target[steep] - radii[steep], target[steep] + radii[steep])
    draw = axes.axvspan if steep == 0 else axes.axhspan
    draw(*ends, **style_)


def _draw_path(axes: Axes, run: Run, target: Sequence[float]) -> None:
    path = run.path(points=200)
    points = _residual(path, target) + target
    steps = int(path.steps[-1])
    style_: dict[str, Any] = {"zorder": 4}
    if steps:
        label = f"gradient descent, {steps} steps"
        axes.plot(*points[: steps + 1].T, "-", color=COLOURS["orange"], lw=0.7, **style_)
        axes.plot(*points[: steps + 1].T, "o", color=COLOURS["orange"], ms=3, label=label, **style_)
    flow = points[steps:].T
    axes.plot(*flow, "-", color=COLOURS["blue"], lw=1.8, label="gradient flow", **style_)
    axes.plot(*points[0], "o", color="k", ms=4, zorder=5)
    axes.annotate("start", points[0], (5, -10), textcoords="offset points")
    marker, colour = ("o", "orange") if steps else ("s", "blue")
    axes.plot(*points[-1], marker, color=COLOURS[colour], ms=7, mec="w", zorder=6)
