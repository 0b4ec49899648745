"""Take apart the estimator that a search tunes: a scheduled model, or a pipeline ending in one."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import clone, is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, check_array, get_tags, indexable
from sklearn.utils.metadata_routing import process_routing
from sklearn.utils.validation import column_or_1d

from isoloss._arrays import conversion
from isoloss.estimators.base import Scheduled
from isoloss.estimators.rows import check_square
from isoloss.estimators.tuning.folds import Fold

__all__ = ["Parts"]


@dataclass(frozen=True)
class Parts:
    """An estimator's scheduled model, and the transformers before it, which each fold fits anew.

    The estimator's names for the model's parameters begin with ``prefix``.
    """

    estimator: Any
    before: Pipeline | None
    model: Scheduled
    prefix: str

    @classmethod
    def of(cls, estimator: Any) -> Parts:
        """Take an estimator apart."""
        before, model, prefix = None, estimator, ""
        if isinstance(estimator, Pipeline):
            name, model = estimator.steps[-1]
            before = estimator[:-1] if len(estimator.steps) > 1 else None
            prefix = f"{name}__"
        if not isinstance(model, Scheduled):
            raise TypeError(
                "ScheduleSearchCV needs a ScheduledRegressor, a ScheduledClassifier, or a Pipeline "
                f"that ends with one; got {estimator!r}"
            )
        return cls(estimator, before, model, prefix)

    def weight(self, fit_params: dict[str, Any]) -> Any:
        """Return the model's ``sample_weight`` from the arguments of the estimator's ``fit``.

        Raises ``TypeError`` if there is any other argument.
        """
        rest = dict(fit_params)
        if self.prefix and get_config()["enable_metadata_routing"] and rest:
            # a pipeline's metadata routing may rename the weight of its step
            found = process_routing(self.estimator, "fit", **rest)
            inner = found[self.prefix.removesuffix("__")].fit
            others = {name for name, step in found.items() if name + "__" != self.prefix}
            if any(any(found[name].values()) for name in others):
                raise TypeError("ScheduleSearchCV passes metadata to the last step only")
            return inner.get("sample_weight")
        weight = rest.pop(f"{self.prefix}sample_weight", None)
        if rest:
            raise TypeError(
                f"ScheduleSearchCV.fit takes {self.prefix}sample_weight and groups; "
                f"got {', '.join(rest)}"
            )
        return weight

    def read(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Check rows and targets, whose lengths must agree, where folds do not check them."""
        X, y = indexable(conversion.plain("X", X), conversion.plain("y", y))
        return X, column_or_1d(y, warn=True) if is_classifier(self.model) else y

    def read_train(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Check that train rows and targets can be split into folds, and return them."""
        X, y = self.read(X, y)
        if self.pairwise:
            X = check_array(X, accept_sparse=("csr", "csc"))
            check_square(X)
        return X, y

    @property
    def pairwise(self) -> bool:
        """Whether X is a kernel between its rows."""
        return bool(get_tags(self.estimator).input_tags.pairwise)

    def check_folds(self, y: Any, splits: Sequence[tuple[Any, Any]]) -> None:
        """Refuse a fold whose train rows have one class, since no candidate could be scored.

        ``GridSearchCV`` warns and scores NaN, which makes every mean score NaN.
        """
        if not is_classifier(self.model):
            return
        classes, totals = np.unique(y, return_counts=True)
        if len(classes) < 2:
            return  # if all rows have one class, the model itself reports it
        single = classes[totals == 1].tolist()
        cure = f"use stratified folds, cv=StratifiedKFold({len(splits)}, shuffle=True)"
        if single:
            cure = f"the class {single[0]!r} has a single row: leave it out, or add rows of it"
        for i, (train, _) in enumerate(splits):
            present = np.unique(_safe_indexing(y, train)).tolist()
            if len(present) == 1:
                raise ValueError(
                    f"fold {i + 1} of {len(splits)} cannot be trained on: all of its train rows "
                    f"have the class {present[0]!r}, of {len(classes)} classes in y; {cure}"
                )

    def fold(self, X: Any, y: Any, weight: Any, train: Any, test: Any) -> Fold:
        """Decompose a data set's train rows, and judge on its test rows."""
        first, second = _safe_indexing(X, train), _safe_indexing(X, test)
        if self.pairwise:
            first, second = (_safe_indexing(rows, train, axis=1) for rows in (first, second))
        share = None if weight is None else _safe_indexing(np.asarray(weight), train)
        return self.judged(first, _safe_indexing(y, train), share, second, _safe_indexing(y, test))

    def judged(self, X: Any, y: Any, weight: Any, X_test: Any, y_test: Any) -> Fold:
        """Decompose all rows, and judge on other rows."""
        before = None if self.before is None else clone(self.before)
        name = self.prefix.removesuffix("__")
        return Fold.build(clone(self.model), before, (X, y), weight, X_test, y_test, name)

    def validated(self, X: Any, y: Any, weight: Any, validation: Any) -> Fold:
        """Decompose all rows, and judge on validation rows."""
        if not isinstance(validation, tuple | list) or len(validation) != 2:
            raise TypeError(
                f"validation must be a tuple (X, y); got {type(validation).__name__} of "
                f"{len(validation) if hasattr(validation, '__len__') else 'no'} entries"
            )
        fold = self.judged(X, y, weight, *self.read(*validation))
        if is_classifier(fold.model):
            known = fold.model.classes_
            unknown = np.setdiff1d(fold.y, known).tolist()
            if not np.isin(fold.y, known).any():
                raise ValueError(
                    "no validation row has a class of the train rows, such as "
                    f"{known.tolist()[0]!r}; got {unknown[0]!r}"
                )
            if unknown:
                warnings.warn(
                    f"no train row has the class {unknown[0]!r} of validation rows, which "
                    "therefore count as wrong",
                    UserWarning,
                    stacklevel=3,
                )
        return fold
