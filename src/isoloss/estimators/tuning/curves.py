"""The validation curves of a search."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from sklearn.base import is_classifier

from isoloss.reports.plotting import RIDGE, SIZES, look, style

__all__ = ["draw"]

_LEAST = 1e-8  # smaller shares of the start's excess train loss are not distinguished


def draw(search: Any, ax: Axes | None) -> Axes:
    """Draw each schedule's mean score against the train loss, and the choice.

    ``search`` is a fitted `ScheduleSearchCV`.
    """
    from matplotlib import pyplot as plt

    results, best, folds = search.cv_results_, search.best_index_, search.n_splits_
    # an end at the smallest train loss can only be at the left edge of a logarithmic axis
    left = np.min(results["mean_excess"], where=results["mean_excess"] > _LEAST, initial=1.0)
    excess = np.maximum(results["mean_excess"], left)
    with style():
        if ax is None:
            _, ax = plt.subplots(figsize=SIZES["validation"], layout="constrained")
        names = results["schedule_name"]
        for i, name in enumerate(search.schedules_):
            rows = _rows(excess, results, names == name)
            marker = "." if np.ptp(excess[rows]) == 0 else ""
            y = results["mean_test_score"][rows]
            ax.plot(excess[rows], y, label=name, marker=marker, **look(i))
        ax.axhline(float(np.mean(search.ridge_scores_)), linewidth=1.0, label="ridge", **RIDGE)
        if folds > 1:
            rows = _rows(excess, results, names == names[best])
            y = results["mean_test_score"][rows]
            error = results["std_test_score"][rows] / (folds - 1) ** 0.5
            shade = ax.fill_between(excess[rows], y - error, y + error)
            shade.set(color="0.5", alpha=0.15, lw=0, label=f"standard error of {names[best]}")
        chosen = results["mean_test_score"][best]
        ax.plot(excess[best], chosen, "o", color="black", label="chosen", zorder=5)
        ax.set(
            xscale="log",
            xlim=(0.7 * excess.min(), 1.4 * max(1.0, excess[best])),
            xlabel="train loss above its smallest, as a share of the start's\n"
            "(training runs from right to left)",
            ylabel=f"mean validation score ({_score_name(search)})",
        )
        lowest = np.nanquantile(results["mean_test_score"], 0.05)
        top = chosen + results["std_test_score"][best] / max(folds - 1, 1) ** 0.5
        if top > lowest:
            ax.set_ylim(lowest - 0.05 * (top - lowest), top + 0.05 * (top - lowest))
        ax.legend()
    return ax


def _score_name(search: Any) -> str:
    if search.scoring is None:
        return "accuracy" if is_classifier(search.estimator) else "R²"
    if isinstance(search.scoring, str):
        return search.scoring
    return getattr(search.scoring, "__name__", "scorer")


def _rows(
    excess: npt.NDArray[np.float64], results: dict[str, Any], wanted: npt.NDArray[np.bool_]
) -> npt.NDArray[np.intp]:
    """Return the wanted candidates that have a score, in order of train loss."""
    rows = np.flatnonzero(wanted & np.isfinite(results["mean_test_score"]))
    return rows[np.argsort(excess[rows], kind="stable")]
