"""ScheduleSearchCV: find the schedule and stop that generalize best among many candidates."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from sklearn import get_config
from sklearn.base import clone, is_classifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils.metadata_routing import process_routing
from sklearn.utils.validation import _check_sample_weight

from isoloss._parallel.threads import blas_threads, work
from isoloss.estimators.tuning.candidates import Candidate, read_schedules
from isoloss.estimators.tuning.parts import Parts
from isoloss.estimators.tuning.results import best_index
from isoloss.estimators.tuning.scoring import check_scoring_name, warn_without_weight
from isoloss.estimators.tuning.trials import try_all
from isoloss.levels.grid import Levels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ScheduleSearchCV"]

Floats = npt.NDArray[np.float64]

_LOWEST = 1e-6  # the lowest default level, as a share of the start's excess train loss
_SCHEDULES = ("flow", *(f"gd({rate}, {k}) > flow" for rate in (1.0, 0.5) for k in (10, 100, 1000)))


class ScheduleSearchCV(BaseSearchCV):
    """Choose a schedule and its stop, by cross-validation or on validation rows.

    Each fold is decomposed once; after that, a schedule with all its stops costs milliseconds, so
    that hundreds of candidates cost little more than one model. ``predict``, ``decision_function``
    and ``score`` use the best model, as in `sklearn.model_selection.GridSearchCV`.

    Parameters
    ----------
    estimator : ScheduledRegressor, ScheduledClassifier, or Pipeline that ends with one
        What to tune. Its ``schedule`` and ``train_loss`` do not matter; its ``last_step`` does.
    schedules : list or dict, optional
        Each is a text such as ``"gd(1.0, 100) > flow"``, with rates in units of each fold's largest
        stable rate; a `Schedule` or phase, with absolute rates; or a family whose best member is
        designed on the folds: a `Designed`, or its name as a text (``"rates"``, ``"rates+flow"``,
        ``"annealed"``, …). A dict names them in the results. The default is gradient flow, and six
        schedules of 10 to 1000 steps at one rate followed by flow.
    levels : int or array_like, default: 50
        Where to stop besides the schedule's end: a number of train losses, evenly spaced in the log
        of the excess over the smallest, or train losses in the estimator's ``train_loss_unit``.
    cv : int, cross-validation generator or iterable, optional
        As for `GridSearchCV`; by default five folds.
    validation : tuple (X, y), optional
        Rows to choose on instead of ``cv``, from the distribution that the model is meant for if
        the train rows have another. The model is then trained on all train rows. Transformers must
        be steps of a pipeline, the ``estimator``; otherwise they would not see these rows.
    scoring : str or callable, optional
        As for `GridSearchCV`; by default R² or accuracy. These, explained variance and (negated)
        squared and absolute errors are computed for all candidates at once, others model by model.
    refit : bool or callable, default: True
        Whether to train the best candidate on all rows, or a function from ``cv_results_`` to the
        index of the candidate to train.

    Attributes
    ----------
    cv_results_ : dict of arrays
        As for `GridSearchCV`, and for each candidate: ``schedule_name``; ``mean_test_loss``, the
        mean squared error summed over outputs; ``reached``, the share of folds in which the
        schedule reaches the level (in others it ends earlier); the mean ``n_steps``,
        ``train_loss``, and ``excess`` over the smallest train loss as a share of the start's; and
        ``median_flow_time``, in units of the largest stable rate. The time of a fold is divided
        equally among candidates.
    best_index_, best_params_, best_score_
        The candidate with the best score and, among ties, the lowest loss.
    ridge_scores_ : array, shape (n_splits,)
        The scores of ridge regression on the same folds, with the best of 50 penalties. If these
        scores are as good, ridge regression suffices.
    best_estimator_ : estimator
        The best candidate, trained on all rows if ``refit``; ``refit_time_`` is in seconds.
    schedules_ : dict
        The schedules by name; a designed one is a `Spec`, in units of the largest stable rate.
    scorer_, n_splits_, n_features_in_, feature_names_in_, classes_
        As for `GridSearchCV`.

    Notes
    -----
    Of schedules with minibatches, the mean parameters are scored, as ``predict`` uses them.

    The best score of many candidates is optimistic, and more so for designed schedules: judge the
    choice on rows that the search has not seen.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from isoloss.estimators import ScheduledRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> search = ScheduleSearchCV(ScheduledRegressor(), ["flow", "gd(1.0, 100) > flow"]).fit(X, y)
    >>> len(search.cv_results_["params"]), search.best_params_["schedule"]
    (102, 'flow')
    >>> round(search.best_score_, 4)
    0.4823
    """

    def __init__(
        self,
        estimator: Any,
        schedules: Candidate | Iterable[Candidate] | Mapping[str, Candidate] = _SCHEDULES,
        levels: int | npt.ArrayLike = 50,
        *,
        cv: Any = None,
        validation: tuple[Any, Any] | None = None,
        scoring: str | Callable[..., float] | None = None,
        refit: bool | Callable[[dict[str, Any]], int] = True,
    ) -> None:
        self.estimator = estimator
        self.schedules = schedules
        self.levels = levels
        self.cv = cv
        self.validation = validation
        self.scoring = scoring
        self.refit = refit

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Choose a candidate, and train it on all rows.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n, d) or (n, n) for a precomputed kernel
            Train rows.
        y : array_like, shape (n,) or (n, m)
            Targets or classes.
        **params
            ``sample_weight`` (for a pipeline ``STEP__sample_weight``), used in training and in
            scores that are computed at once, and ``groups`` for ``cv``. With metadata routing
            enabled, the metadata that the parts request.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If the estimator, a schedule or a parameter has the wrong type.
        ValueError
            If an input is invalid, the train rows of a fold have one class, no schedule reaches a
            requested level, or all candidates diverge.

        Warns
        -----
        FitFailedWarning
            If a candidate diverges beyond float64; its score is NaN.
        UserWarning
            If a requested level is above the train loss at the start of a fold, so that nothing is
            trained there.
        """
        for name in ("best_estimator_", "refit_time_", "feature_names_in_", "cv_results_"):
            self.__dict__.pop(name, None)  # from an earlier fit
        parts = Parts.of(self.estimator)
        named = read_schedules(self.schedules)
        levels = Levels.read(self.levels, parts.model.train_loss_unit, lowest=_LOWEST)
        self._check(y)
        X, y = parts.read_train(X, y)
        scorer = check_scoring(self.estimator, self.scoring)
        fit_params, split_params, score_params = self._routed(parts, params)
        weight = parts.weight(fit_params)
        if weight is not None:
            weight = _check_sample_weight(weight, X)
        if "sample_weight" in score_params:
            checked = _check_sample_weight(score_params["sample_weight"], X)
            score_params = score_params | {"sample_weight": checked}
        if self.validation is None:
            splitter = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
            splits = list(splitter.split(X, y, **split_params))
            parts.check_folds(y, splits)
            folds = [parts.fold(X, y, weight, *split) for split in splits]
            arguments = [_selected(score_params, test) for _, test in splits]
        else:
            folds, arguments = [parts.validated(X, y, weight, self.validation)], [{}]

        with blas_threads(max(work(fold.design) for fold in folds)):
            tried = try_all(folds, arguments, named, levels, self.scoring, scorer, parts.prefix)
        results = tried.results
        self.best_index_ = self._chosen(results)
        self.cv_results_ = results
        self.best_params_ = results["params"][self.best_index_]
        self.best_score_ = float(results["mean_test_score"][self.best_index_])
        self.schedules_, self.ridge_scores_ = tried.schedules, tried.ridge_scores
        self.n_splits_, self.scorer_, self.multimetric_ = len(folds), scorer, False
        if self.refit:
            self._train_best(X, y, fit_params)
        return self

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the validation curves: each schedule's mean score against the train loss.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; by default on a new figure.

        Returns
        -------
        matplotlib.axes.Axes
            Axes with a line for each schedule, the best line's spread over folds, and the choice.
        """
        from isoloss.estimators.tuning.curves import draw

        if not hasattr(self, "cv_results_"):
            raise NotFittedError("this ScheduleSearchCV is not fitted yet: call fit before plot")
        return draw(self, ax)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = get_tags(self.estimator).target_tags.multi_output
        return tags

    def _routed(self, parts: Parts, params: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        """Return the arguments of the estimator's ``fit``, the splitter and the scorer."""
        if params and get_config()["enable_metadata_routing"]:
            found = process_routing(self, "fit", **params)
            return found.estimator.fit, found.splitter.split, found.scorer.score
        rest = {key: value for key, value in params.items() if value is not None}
        groups = rest.pop("groups", None)
        weight = parts.weight(rest)
        if weight is not None:
            warn_without_weight(self.scoring, classifier=is_classifier(self.estimator))
        return rest, {"groups": groups}, {} if weight is None else {"sample_weight": weight}

    def _check(self, y: Any) -> None:
        """Refuse invalid arguments before any work is done."""
        if y is None:
            raise ValueError("ScheduleSearchCV requires y to be passed, but the target y is None")
        if self.cv is not None and self.validation is not None:
            raise ValueError("give cv or validation, not both")
        if not isinstance(self.refit, bool) and not callable(self.refit):
            raise TypeError(f"refit must be a bool or a function; got {self.refit!r}")
        check_scoring_name(self.scoring)

    def _chosen(self, results: dict[str, Any]) -> int:
        index = int((self.refit if callable(self.refit) else best_index)(results))
        if not 0 <= index < len(results["params"]):
            raise IndexError(
                f"refit must return an index of cv_results_, 0 to {len(results['params']) - 1}; "
                f"got {index}"
            )
        return index

    def _train_best(self, X: Any, y: Any, fit_params: dict[str, Any]) -> None:
        started = time.perf_counter()
        best = clone(self.estimator).set_params(**clone(self.best_params_, safe=False))
        with warnings.catch_warnings():
            # the results show where a schedule ends before its level
            warnings.filterwarnings("ignore", "the schedule .* ends", ConvergenceWarning)
            self.best_estimator_ = best.fit(X, y, **fit_params)
        self.refit_time_ = time.perf_counter() - started
        if hasattr(best, "feature_names_in_"):
            self.feature_names_in_ = best.feature_names_in_


def _selected(arguments: dict[str, Any], rows: Any) -> dict[str, Any]:
    return {name: _safe_indexing(value, rows) for name, value in arguments.items()}
