"""The results of a search, in the shape of scikit-learn's ``cv_results_``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from isoloss.estimators.folds import Stops
from isoloss.estimators.scoring import Scored

__all__ = ["best_index", "cv_results"]

Floats = npt.NDArray[np.float64]


def cv_results(
    params: list[dict[str, Any]],
    names: list[str],
    stops: Sequence[Stops],
    scored: Sequence[Scored],
    fit_seconds: Floats,
    score_seconds: Floats,
) -> dict[str, Any]:
    """Put together what is known of C candidates on k folds.

    ``names`` are those of the candidates' schedules, ``stops`` one for each schedule, ``scored``
    and the seconds (a candidate's share of them) one for each fold.
    """
    count = len(params)
    results: dict[str, Any] = {}
    for key, seconds in (("fit_time", fit_seconds), ("score_time", score_seconds)):
        results[f"mean_{key}"] = np.full(count, seconds.mean())
        results[f"std_{key}"] = np.full(count, seconds.std())
    for key in params[0]:
        column = np.empty(count, dtype=object)
        column[:] = [each[key] for each in params]
        results[f"param_{key}"] = np.ma.MaskedArray(column, mask=False)
    results["params"] = params
    scores = np.stack([each.scores for each in scored])
    results |= {f"split{i}_test_score": row for i, row in enumerate(scores)}
    mean = results["mean_test_score"] = scores.mean(axis=0)
    results["std_test_score"] = scores.std(axis=0)
    failed = np.isnan(mean)
    # those that fail come last, and together
    ranked = np.where(failed, -np.inf, mean)
    results["rank_test_score"] = rankdata(-ranked, method="min").astype(np.int32)
    results["mean_test_loss"] = np.stack([each.losses for each in scored]).mean(axis=0)
    results["schedule_name"] = np.array(names, dtype=object)
    for key, name in (
        ("reached", "reached"),
        ("mean_n_steps", "steps"),
        ("mean_flow_time", "time"),
        ("mean_train_loss", "train_loss"),
        ("mean_excess", "excess"),
    ):
        with np.errstate(invalid="ignore"):
            results[key] = np.concatenate([getattr(each, name).mean(axis=0) for each in stops])
    return results


def best_index(results: dict[str, Any]) -> int:
    """Return the candidate of the best score; of several, the one of the lowest loss."""
    first = np.flatnonzero(results["rank_test_score"] == 1)
    return int(first[np.argmin(results["mean_test_loss"][first])])
