"""What a search has chosen, beside the best of each schedule, and why: in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from isoloss.estimators.search import ScheduleSearchCV

__all__ = ["Choice", "choice"]

_REFERENCE = "flow"


@dataclass(frozen=True)
class BestStop:
    """The best stop of one schedule.

    Attributes
    ----------
    schedule : str
        The schedule's name.
    at_end : bool
        Whether it is the schedule's end.
    excess, steps, time : float
        Means over folds, as in ``cv_results_``.
    score, spread : float
        The mean score, and its standard error over folds (NaN for one fold).
    """

    schedule: str
    at_end: bool
    excess: float
    steps: float
    time: float
    score: float
    spread: float


@dataclass(frozen=True)
class Choice:
    """The best stop of each schedule, the best first, and the reason for the choice."""

    stops: tuple[BestStop, ...]
    reason: tuple[str, ...]


def choice(search: ScheduleSearchCV) -> Choice:
    """Tell what a fitted search has chosen, and why."""
    results, chosen = search.cv_results_, search.best_index_
    names, scores = results["schedule_name"], results["mean_test_score"]
    order = np.lexsort([results["mean_test_loss"], results["rank_test_score"]])
    order = np.concatenate([[chosen], order[order != chosen]])
    first = {
        name: next(i for i in order if names[i] == name) for name in dict.fromkeys(names[order])
    }
    stops = tuple(_stop(search, i) for i in first.values())
    folds = np.array([results[f"split{k}_test_score"] for k in range(search.n_splits_)])
    where = f"over {len(folds)} folds" if len(folds) > 1 else "on the validation rows"
    spread = f" ± {stops[0].spread:.2g} (standard error)" if len(folds) > 1 else ""
    reason = [
        f"{names[chosen]}: of {len(scores)} candidates its score {where}, "
        f"{scores[chosen]:.4g}{spread}, is the highest."
    ]
    if _REFERENCE in first and names[chosen] != _REFERENCE:
        rival = first[_REFERENCE]
        gains = folds[:, chosen] - folds[:, rival]
        against = f"Gradient flow at its best stop has {scores[rival]:.4g}"
        if len(folds) == 1:
            reason.append(f"{against}, {gains[0]:.2g} lower.")
        else:
            error = gains.std(ddof=1) / len(gains) ** 0.5
            worth = "is beyond two standard errors."
            if gains.mean() <= 2 * error:
                worth = "is within two standard errors: gradient flow will do."
            difference = f"{gains.mean():.2g} ± {error:.2g}"
            reason.append(f"{against}; fold by fold the difference, {difference}, {worth}")
    reason.append(
        "The score of the best of many candidates is optimistic: judge the model on other rows."
    )
    return Choice(stops, tuple(reason))


def _stop(search: ScheduleSearchCV, i: int) -> BestStop:
    results, folds = search.cv_results_, search.n_splits_
    each = len(results["params"]) // len(search.schedules_)
    spread = results["std_test_score"][i] / (folds - 1) ** 0.5 if folds > 1 else math.nan
    return BestStop(
        schedule=str(results["schedule_name"][i]),
        at_end=i % each == 0,
        excess=float(results["mean_excess"][i]),
        steps=float(results["mean_n_steps"][i]),
        time=float(results["mean_flow_time"][i]),
        score=float(results["mean_test_score"][i]),
        spread=float(spread),
    )
