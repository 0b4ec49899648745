"""Figure 1 of the paper, drawn from the real trajectories, and the figure that it lacks."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from isoloss.levelset import level_band
from isoloss.paper.example import example, proposition_target
from isoloss.phases import GradientDescent, GradientFlow, anneal
from isoloss.plots import COLOURS, style
from isoloss.run import Run
from isoloss.training import train

__all__ = ["figure1", "losses_figure"]

Floats = npt.NDArray[np.float64]

# Chosen so that all of it can be seen: a start that is not symmetric, an ellipse of visible size,
# and a rate just below 1/γ_1, so that the zig-zag's points do not fall on each other.
_TARGET = (3.0, 2.0)
_LEVEL = 0.12
_RATE, _STEPS = 0.965, 12
_X, _Y = (-0.6, 6.8), (-0.8, 3.2)


def figure1() -> Figure:
    """Draw Figure 1: two ways to the same train loss, and the test loss at their ends.

    Panel (a) is the path of gradient flow over the contours of the train loss, (b) a large rate for
    12 steps and then flow, (c) both end points over the contours of the test loss. The red ellipse
    is the set of parameters with the train loss at which both stop.

    Returns
    -------
    matplotlib.figure.Figure
        Three panels with the same axes.
    """
    problem = example(target=_TARGET)
    lr = _RATE * float(problem.max_lr)
    flow = train(problem, GradientFlow(), train_loss=_LEVEL)
    annealed = train(problem, anneal(lr, _STEPS), train_loss=_LEVEL)
    with style():
        figure = Figure(figsize=(10.2, 2.75), layout="constrained")
        axes = figure.subplots(1, 3, sharex=True, sharey=True)
        for panel, run, title in (
            (axes[0], flow, "(a) small rate (gradient flow)"),
            (axes[1], annealed, f"(b) large rate for {_STEPS} steps, then small"),
        ):
            _contours(panel, np.asarray(problem.curvature))
            _draw_path(panel, run)
            panel.set_title(title, loc="left")
        _contours(axes[2], np.array([0.5, 0.5]))
        for run, name, marker in ((flow, "blue", "s"), (annealed, "orange", "o")):
            point = np.asarray(run.residual()) + _TARGET
            word = "flow" if name == "blue" else "annealed"
            label = f"{word}: train {float(run.train_loss):.2f}, test {float(run.test_loss):.3f}"
            axes[2].plot(*point, marker, color=COLOURS[name], ms=7, mec="w", label=label, zorder=5)
        axes[2].set_title("(c) both ends over the test loss", loc="left")
        for panel in axes:
            _ellipse(panel, np.asarray(problem.curvature))
            panel.plot(*_TARGET, "+", color="k", ms=8, mew=1.4, zorder=4)
            panel.annotate("β*", _TARGET, (3, 4), textcoords="offset points")
            panel.set(xlim=_X, ylim=_Y, xlabel="β₁ (steep)", aspect="equal")
            panel.legend(
                loc="lower right",
                fontsize=7.5,
                handlelength=1.6,
                borderaxespad=0.2,
                frameon=True,
                framealpha=1.0,
                edgecolor="none",
            )
        axes[0].set_ylabel("β₂ (flat)")
    return figure


def losses_figure(alpha: float = 0.1, steps: int = 10) -> Figure:
    """Draw test loss against train loss for both optimizers inside the band of eq. (3) and (4).

    Parameters
    ----------
    alpha : float, default: 0.1
        Proposition 1's α: sets the start.
    steps : int, default: 10
        K, the steps at η = 1/γ_1.

    Returns
    -------
    matplotlib.figure.Figure
        On logarithmic axes; below, the ratio of the two test losses, which tends to 2.
    """
    problem = example(target=proposition_target(alpha))
    # from the train loss after the large rate on, both optimizers hit every level exactly
    after = float(train(problem, GradientDescent(problem.max_lr, steps)).train_loss)
    levels = np.geomspace(after, 1e-6 * after, 240)
    band = level_band(problem, levels)
    flow = train(problem, GradientFlow(), train_loss=levels)
    annealed = train(problem, anneal(float(problem.max_lr), steps), train_loss=levels)
    with style():
        figure = Figure(figsize=(6.0, 4.6), layout="constrained")
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


def _contours(axes: Axes, curvature: Floats) -> None:
    x, y = np.meshgrid(np.linspace(*_X, 240), np.linspace(*_Y, 160))
    loss = curvature[0] * (x - _TARGET[0]) ** 2 + curvature[1] * (y - _TARGET[1]) ** 2
    levels = 0.12 * 2.0 ** np.arange(0.0, 8.0)
    axes.contour(x, y, loss, levels, colors="0.75", linewidths=0.7)


def _ellipse(axes: Axes, curvature: Floats) -> None:
    width, height = 2.0 * np.sqrt(_LEVEL / curvature)
    label = f"train loss {_LEVEL:g}"
    axes.add_patch(
        Ellipse(
            _TARGET, width, height, fill=False, ec=COLOURS["red"], lw=1.6, label=label, zorder=3
        )
    )


def _draw_path(axes: Axes, run: Run) -> None:
    path = run.path(points=200)
    points = np.asarray(path.residual) + _TARGET
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
