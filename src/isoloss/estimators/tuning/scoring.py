"""Score candidates: many at once if the metric allows it, else one after another."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn import config_context, get_config, metrics
from sklearn.base import is_classifier

from isoloss._messages.near_misses import suggest
from isoloss.estimators.tuning.folds import Fold

__all__ = ["Scored", "check_scoring_name", "score", "warn_without_weight"]

Floats = npt.NDArray[np.float64]

_OF_SPREAD = ("r2", "explained_variance")
_DIVERGED = 1e150  # the squares of such predictions overflow
# metrics with one value per output; they take the outputs of many candidates as one model's
_BY_COLUMN: dict[str, tuple[float, Callable[..., Any]]] = {
    "r2": (1.0, metrics.r2_score),
    "explained_variance": (1.0, metrics.explained_variance_score),
    "neg_mean_squared_error": (-1.0, metrics.mean_squared_error),
    "neg_root_mean_squared_error": (-1.0, metrics.root_mean_squared_error),
    "neg_mean_absolute_error": (-1.0, metrics.mean_absolute_error),
}


class Scored(NamedTuple):
    """Scores (C,) on a fold, and mean squared errors, summed over outputs; NaN for divergence.

    ``seconds`` is the time that scoring took.
    """

    scores: Floats
    losses: Floats
    seconds: float


def score(
    fold: Fold,
    changes: Floats,
    fitted: Iterable[tuple[dict[str, Any], dict[str, Any]]],
    scoring: Any,
    scorer: Callable[..., float],
    params: dict[str, Any],
) -> Scored:
    """Score filters less one (C, r); ``fitted`` has the models' parameters and attributes."""
    started = time.perf_counter()
    scores, losses = np.full((2, len(changes)), np.nan)
    weight = params.get("sample_weight")
    shares = np.full(len(fold.design), 1 / len(fold.design))
    if weight is not None:
        if not np.sum(weight) > 0:
            raise ValueError("the rows to judge on of a fold all have sample_weight 0")
        shares = np.asarray(weight, dtype=float) / np.sum(weight)
    targets, first = fold.targets, 0
    many = _many(fold, scoring) if set(params) <= {"sample_weight"} else None
    for predictions in fold.predictions(changes):
        part = slice(first, first + len(predictions))
        with np.errstate(invalid="ignore"):
            finite = (np.abs(predictions) < _DIVERGED).all(axis=(1, 2))
        errors = ((predictions[finite] - targets) ** 2).sum(axis=2) @ shares
        losses[part][finite] = errors
        if many is not None:
            scores[part][finite] = many(targets, predictions[finite], weight)
        first = part.stop
    if many is None:
        given = params if get_config()["enable_metadata_routing"] else {}
        for i, model in enumerate(fold.models(changes, fitted)):
            if model is None:
                continue
            try:
                scores[i] = float(scorer(model, fold.X, fold.y, **given))
            except (AttributeError, TypeError) as error:
                raise ValueError(
                    f"scoring {scoring!r} cannot judge a {type(model).__name__}: {error}"
                ) from error  # the user's own function may be at fault
    return Scored(scores, losses, time.perf_counter() - started)


def check_scoring_name(scoring: Any) -> None:
    """Raise an error unless ``scoring`` is None, a scorer's name or a function."""
    if isinstance(scoring, str) and scoring not in metrics.get_scorer_names():
        raise ValueError(
            f"there is no scorer {scoring!r}{suggest(scoring, metrics.get_scorer_names())}; "
            "sklearn.metrics.get_scorer_names() lists them"
        )
    if scoring is not None and not isinstance(scoring, str) and not callable(scoring):
        raise TypeError(f"scoring must be one name or one function; got {type(scoring).__name__}")


def warn_without_weight(scoring: Any, *, classifier: bool) -> None:
    """Warn if scores ignore the weights that training uses."""
    at_once = (None, "accuracy") if classifier else (None, *_BY_COLUMN)
    if scoring not in at_once:
        warnings.warn(
            f"the scores {scoring!r} are taken without sample_weight; with metadata routing "
            "enabled, a scorer can request it",
            UserWarning,
            stacklevel=3,
        )


def _many(fold: Fold, scoring: Any) -> Callable[[Floats, Floats, Any], Floats] | None:
    """Return a function that scores predictions (c, q, m) for targets (q, m) at once, or None."""
    if is_classifier(fold.model):
        if scoring not in (None, "accuracy"):
            return None
        truth = np.asarray(fold.y)
        return lambda _, predictions, weight: np.average(
            fold.labels(predictions) == truth, axis=1, weights=weight
        )
    name = "r2" if scoring is None else scoring
    if not isinstance(name, str) or name not in _BY_COLUMN:
        return None
    sign, metric = _BY_COLUMN[name]
    if name in _OF_SPREAD and len(fold.design) < 2:
        raise ValueError(
            f"the score {name!r} needs at least two rows to judge on; choose another scoring, such "
            "as 'neg_mean_squared_error', or fewer folds"
        )

    def by_column(targets: Floats, predictions: Floats, weight: Any) -> Floats:
        count, rows, outputs = predictions.shape
        if not count:
            return np.empty(0)
        columns = predictions.transpose(1, 0, 2).reshape(rows, count * outputs)
        truth = np.tile(targets, (1, count))
        with config_context(assume_finite=True, skip_parameter_validation=True):  # our own arrays
            values = metric(truth, columns, sample_weight=weight, multioutput="raw_values")
        return sign * np.reshape(values, (count, outputs)).mean(axis=1)

    return by_column
