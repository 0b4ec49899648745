"""Draw what annealing gains in the paper's example for several batch sizes."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure

from isoloss.dynamics.training import train
from isoloss.paper.stochastic import (
    annealed,
    minibatch_example,
    minibatch_max_lr,
    stopped_each,
)
from isoloss.reports.plotting import COLOURS, new_figure, style
from isoloss.schedules.phases import GradientFlow

__all__ = ["batches_figure"]

_LEVEL = 0.5
_MOST, _POINTS = 100, 25
_RUNS = 4000
_STYLES: tuple[tuple[int | None, str, str], ...] = (
    (1, "pink", "s"),
    (2, "orange", "o"),
    (3, "green", "^"),
    (10, "blue", "v"),
    (None, "grey", "D"),
)


def batches_figure(seed: int = 0) -> Figure:
    """Draw the ratio of test losses, annealed over flow, against K for several batch sizes.

    Parameters
    ----------
    seed : int, default: 0
        The seed of the simulated runs.

    Returns
    -------
    matplotlib.figure.Figure
        Lines are expected test losses at equal expected train loss, for K steps at each batch
        size's largest stable rate. The dashed line is the mean of simulated runs with one row a
        batch, each stopped at its own train loss, with a 95 % interval.
    """
    problem, rng = minibatch_example(), np.random.default_rng(seed)
    counts = np.unique(np.geomspace(1, _MOST, _POINTS).round().astype(int))
    flow = float(train(problem, GradientFlow(), train_loss=_LEVEL).test_loss)
    with style():
        figure = new_figure("validation")
        axes = figure.subplots()
        for size, colour, marker in _STYLES:
            lr = minibatch_max_lr(math.inf if size is None else size)
            runs = train(problem, [annealed(lr, int(k), size) for k in counts], _LEVEL)
            label = f"B = {'∞' if size is None else size}, η = {lr:.3g}"
            axes.plot(
                counts,
                runs.test_loss / flow,
                marker=marker,
                ms=4,
                color=COLOURS[colour],
                label=label,
            )
        means, errors = [], []
        for k in counts:
            ratios = stopped_each(rng, int(k), _RUNS)
            means.append(ratios.mean())
            errors.append(1.96 * ratios.std(ddof=1) / _RUNS**0.5)
        label = "B = 1, η = 1.5, each run\nstopped at its own train loss"
        axes.plot(counts, means, "--", color=COLOURS["red"], label=label)
        axes.fill_between(
            counts,
            np.subtract(means, errors),
            np.add(means, errors),
            color=COLOURS["red"],
            alpha=0.25,
            lw=0,
        )
        axes.set(
            xscale="log",
            xlabel="K, minibatch steps before the flow",
            ylabel="test loss, annealed / flow",
            ylim=(0.45, 1.05),
        )
        axes.xaxis.set_major_formatter("{x:g}")
        axes.legend(loc="center right", bbox_to_anchor=(1.0, 0.38))
    return figure
