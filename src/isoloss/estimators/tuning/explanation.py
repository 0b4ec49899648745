"""Compare a search's choice with the best stop of each schedule, and give the reason in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from isoloss.comparison.verdicts import over_folds, standard_error
from isoloss.schedules.phases import GradientFlow
from isoloss.schedules.resolving import in_own_units
from isoloss.schedules.schedule import Schedule

if TYPE_CHECKING:
    from isoloss.estimators.tuning.search import ScheduleSearchCV

__all__ = ["BestStop", "Choice", "choice"]

Floats = npt.NDArray[np.float64]

_SAME = 1e-9  # scores closer than this are equal


@dataclass(frozen=True)
class BestStop:
    """The best stop of the schedule ``name``, and whether it is the schedule's end.

    ``excess``, ``steps`` and ``time`` are from ``cv_results_``: two means and a median over folds.
    ``spread`` is the standard error of the mean score over folds, or NaN for one fold.
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
    """The best stops of all schedules, best first, and of ridge regression, and the reason."""

    stops: tuple[BestStop, ...]
    ridge: tuple[float, float]
    reason: tuple[str, ...]


def choice(search: ScheduleSearchCV) -> Choice:
    """Return the choice of a fitted search, and the reason."""
    results, chosen = search.cv_results_, search.best_index_
    names, scores = results["schedule_name"], results["mean_test_score"]
    order = np.lexsort([results["mean_test_loss"], results["rank_test_score"]])
    first: dict[str, int] = {names[chosen]: chosen}
    for i in order:
        first.setdefault(names[i], i)
    stops = tuple(_stop(search, i) for i in first.values())
    folds = np.array([results[f"split{k}_test_score"] for k in range(search.n_splits_)])
    where = f"over {len(folds)} folds" if len(folds) > 1 else "on the validation rows"
    error = standard_error(folds[:, chosen])
    spread = "" if math.isnan(error) else f" ± {error:.2g} (standard error)"
    real = results["reached"] > 0  # a level that no fold reaches repeats the end
    ties = int(np.sum(real & (np.abs(scores - scores[chosen]) <= _SAME * abs(scores[chosen])))) - 1
    highest = f"the highest, as that of {ties} more" if ties else "the highest"
    reason = [
        f"{names[chosen]}: of {real.sum()} candidates, its score {where} is {highest}: "
        f"{scores[chosen]:.4g}{spread}."
    ]
    if stops[0].at_end:
        reason.append("No stop before its end has a higher score.")
    # under any name
    plain = Schedule(GradientFlow())
    flow = next((n for n, each in search.schedules_.items() if in_own_units(each) == plain), None)
    if flow is not None and names[chosen] != flow:
        rival = folds[:, first[flow]]
        reason.append(over_folds("Gradient flow at its best stop", folds[:, chosen], rival))
    ridge = search.ridge_scores_
    reason.append(over_folds("Ridge regression with its best penalty", folds[:, chosen], ridge))
    reason.append(
        "The score of the best of many candidates is optimistic: judge the model on other rows."
    )
    return Choice(stops, (float(ridge.mean()), standard_error(ridge)), tuple(reason))


def _stop(search: ScheduleSearchCV, i: int) -> BestStop:
    results, folds = search.cv_results_, search.n_splits_
    each = len(results["params"]) // len(search.schedules_)
    scores = np.array([results[f"split{k}_test_score"][i] for k in range(folds)])
    return BestStop(
        schedule=str(results["schedule_name"][i]),
        at_end=i % each == 0,
        excess=float(results["mean_excess"][i]),
        steps=float(results["mean_n_steps"][i]),
        time=float(results["median_flow_time"][i]),
        score=float(results["mean_test_score"][i]),
        spread=standard_error(scores),
    )
