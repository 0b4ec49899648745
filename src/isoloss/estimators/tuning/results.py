"""The results of a search, in the shape of scikit-learn's ``cv_results_``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from isoloss.estimators.tuning.scoring import Scored
from isoloss.estimators.tuning.trainer import FoldStops

__all__ = ["best_index", "cv_results"]

Floats = npt.NDArray[np.float64]


def cv_results(
    candidates: Sequence[tuple[str, dict[str, Any]]],
    stops: Sequence[FoldStops],
    scored: Sequence[Scored],
    fit_seconds: Sequence[float],
) -> dict[str, Any]:
    """Return the table of candidates, each of which is a schedule's name and parameters.

    ``stops`` has an entry per schedule; ``scored`` and ``fit_seconds`` have an entry per fold.
    """
    count, params = len(candidates), [each for _, each in candidates]
    results: dict[str, Any] = {}
    score_seconds = [each.seconds for each in scored]
    for key, seconds in (("fit_time", fit_seconds), ("score_time", score_seconds)):
        results[f"mean_{key}"] = np.full(count, np.mean(seconds) / count)
        results[f"std_{key}"] = np.full(count, np.std(seconds) / count)
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
    # candidates that fail share the last rank
    ranked = np.where(failed, -np.inf, mean)
    results["rank_test_score"] = rankdata(-ranked, method="min").astype(np.int32)
    results["mean_test_loss"] = np.stack([each.losses for each in scored]).mean(axis=0)
    results["schedule_name"] = np.array([name for name, _ in candidates], dtype=object)
    results["median_flow_time"] = np.concatenate([np.median(s.time, axis=0) for s in stops])
    for key, name in (
        ("reached", "reached"),
        ("mean_n_steps", "steps"),
        ("mean_train_loss", "train_loss"),
        ("mean_excess", "excess"),
    ):
        results[key] = np.concatenate([getattr(each, name).mean(axis=0) for each in stops])
    return results


def best_index(results: dict[str, Any]) -> int:
    """Return the candidate with the best score and, among ties, the lowest loss."""
    first = np.flatnonzero(results["rank_test_score"] == 1)
    return int(first[np.argmin(results["mean_test_loss"][first])])
