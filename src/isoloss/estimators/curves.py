"""The validation curves of a search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from isoloss.plots import COLOURS, style

if TYPE_CHECKING:
    from isoloss.estimators.search import ScheduleSearchCV

__all__ = ["draw"]

_PALETTE = [COLOURS[name] for name in ("blue", "orange", "green", "pink", "sky", "amber", "red")]
_STYLES: tuple[Any, ...] = ("-", "--", "-.", ":")


def draw(search: ScheduleSearchCV, ax: Axes | None) -> Axes:
    """Draw each schedule's mean score against the train loss, and the choice."""
    from matplotlib import pyplot as plt

    results = search.cv_results_
    best = search.best_index_
    with style():
        if ax is None:
            _, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
        names = results["schedule_name"]
        for i, name in enumerate(search.schedules_):
            rows = np.flatnonzero(names == name)
            rows = rows[np.argsort(results["mean_excess"][rows])]
            look = {"color": _PALETTE[i % len(_PALETTE)], "linestyle": _STYLES[i % len(_STYLES)]}
            x, y = results["mean_excess"][rows], results["mean_test_score"][rows]
            shown = (x > 0) & np.isfinite(y)
            ax.plot(x[shown], y[shown], label=name, **look)
            if name == names[best] and search.n_splits_ > 1:
                error = results["std_test_score"][rows] / search.n_splits_**0.5
                ax.fill_between(
                    x[shown],
                    (y - error)[shown],
                    (y + error)[shown],
                    color=look["color"],
                    alpha=0.15,
                    linewidth=0,
                    label="its standard error over folds",
                )
        at = max(results["mean_excess"][best], np.finfo(float).tiny)
        ax.plot(at, search.best_score_, "o", color="black", label="chosen", zorder=5)
        ax.set(
            xscale="log",
            xlabel="train loss above its smallest, as a share of the start's\n"
            "(training runs from right to left)",
            ylabel=f"mean validation score ({_scoring(search)})",
        )
        lowest = np.nanquantile(results["mean_test_score"], 0.05)
        top = search.best_score_ + results["std_test_score"][best] / search.n_splits_**0.5
        if top > lowest:
            ax.set_ylim(lowest - 0.05 * (top - lowest), top + 0.05 * (top - lowest))
        ax.legend()
    return ax


def _scoring(search: ScheduleSearchCV) -> str:
    scoring: Any = search.scoring
    if scoring is None:
        return "accuracy" if hasattr(search, "classes_") else "R²"
    return scoring if isinstance(scoring, str) else getattr(scoring, "__name__", "scorer")
