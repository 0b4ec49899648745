"""ScheduledClassifier: one-hot least squares, trained by a schedule."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from isoloss._arrays import conversion
from isoloss.estimators.base import FLOATS, Scheduled

__all__ = ["ScheduledClassifier"]

Floats = npt.NDArray[np.float64]


class ScheduledClassifier(ClassifierMixin, Scheduled):
    """Least squares on one-hot classes, trained by a schedule and stopped at a train loss.

    Each class has an output, whose target is 1 for rows of the class and 0 for others; the model
    predicts the class of the largest output. The train loss is the mean squared error, summed over
    the classes. Least squares gives no probabilities, so there is no ``predict_proba``;
    `sklearn.calibration.CalibratedClassifierCV` computes them from ``decision_function``.

    Parameters
    ----------
    schedule, train_loss, train_loss_unit, last_step, fit_intercept
        As for `ScheduledRegressor`.
    kernel, gamma, degree, coef0, kernel_params
        As for `ScheduledRegressor`.

    Attributes
    ----------
    classes_ : array, shape (m,)
        The classes.
    coef_ : array, shape (m, d), or (1, d) for two classes
        Coefficients of linear models; for two classes, the second's less the first's.
    dual_coef_ : array, shape (n, m), or (n, 1) for two classes
        In kernel models, the weights of the kernel with each train row.
    intercept_ : array, shape (m,), or (1,) for two classes
        Intercepts.
    train_loss_, start_train_loss_, min_train_loss_, rank_, n_steps_, flow_time_, max_lr_, schedule_
        As for `ScheduledRegressor`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = ScheduledClassifier("flow", 0.6, train_loss_unit="start").fit(X, y)
    >>> print(f"{model.train_loss_ / model.start_train_loss_:.6f}", model.predict(X[:2]))
    0.600000 [0 0]
    """

    def decision_function(self, X: Any) -> Floats:
        """Return the output of each class.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n, d)
            Rows; for a precomputed kernel, the kernel with the train rows.

        Returns
        -------
        array, shape (n, m), or (n,) for two classes
            The outputs; for two classes, the second's output less the first's.
        """
        outputs = self._outputs(X)
        return outputs[:, 0] if len(self.classes_) == 2 else outputs

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Predict the class of each row.

        Parameters
        ----------
        X : array_like or sparse matrix
            As for `decision_function`.

        Returns
        -------
        array, shape (n,)
            The predicted classes.
        """
        scores = self.decision_function(X)
        chosen = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
        return np.asarray(self.classes_[chosen])

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy of the predictions.

        Parameters
        ----------
        X : array_like
            As for `fit`; for a precomputed kernel, X is the kernel with the train rows.
        y : array_like, shape (n,)
            The classes.
        sample_weight : array_like, optional
            As for `fit`.

        Returns
        -------
        float
            The weighted share of rows whose class is predicted correctly.
        """
        return super().score(X, conversion.plain("y", y), sample_weight)

    def _read(self, X: Any, y: Any) -> tuple[Any, Floats]:
        X, y = validate_data(self, X, y, accept_sparse=("csr", "csc"), dtype=FLOATS)
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} needs at least two classes; y has one class, "
                f"{self.classes_.tolist()[0]!r}"
            )
        return X, self._encode(y)

    def _encode(self, y: Any) -> Floats:
        y = np.asarray(conversion.plain("y", y))
        place = np.minimum(np.searchsorted(self.classes_, y), len(self.classes_) - 1)
        # for a class without train rows, which cannot be predicted, all outputs should be 0
        return np.eye(len(self.classes_))[place] * (self.classes_[place] == y)[:, None]

    def _shaped(self, weights: Floats, intercept: Floats) -> tuple[Floats, Any]:
        if len(self.classes_) == 2:
            return weights[:, 1:] - weights[:, :1], intercept[1:] - intercept[:1]
        return weights, intercept
