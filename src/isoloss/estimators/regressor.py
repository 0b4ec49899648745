"""ScheduledRegressor: least squares, trained by a schedule and stopped at a train loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin
from sklearn.utils.validation import validate_data

from isoloss._arrays import conversion
from isoloss.estimators.base import FLOATS, Scheduled

__all__ = ["ScheduledRegressor"]

Floats = npt.NDArray[np.float64]


class ScheduledRegressor(RegressorMixin, Scheduled):
    """Least squares, linear or kernel, trained by a schedule and stopped at a train loss.

    The result equals a training loop's but is computed without a loop. Training starts at zero; the
    train loss is the mean squared error, weighted by ``sample_weight``, summed over outputs, with
    no factor ½. The intercept is solved for exactly, as in `sklearn.linear_model.Ridge`; to train
    it like the other parameters, add a column of ones and set ``fit_intercept=False``.

    Parameters
    ----------
    schedule : str, Spec, Schedule or phase, default: "flow"
        A text, such as ``"gd(1.0, 100) > flow"``, has rates in units of the largest stable rate
        (see `isoloss.schedules.Spec`); a `Schedule` has absolute rates. The default without a
        ``train_loss`` gives least squares (of smallest norm). With minibatches, which draw the
        weighted, centred rows uniformly, the model has the mean parameters of such runs, and its
        train loss is the expected one.
    train_loss : float, optional
        The train loss to stop at; by default the schedule runs to its end.
    train_loss_unit : {"absolute", "start", "excess"}, default: "absolute"
        Whether ``train_loss`` is a train loss, a fraction of the loss at the start (with an
        intercept and one output: 1 - R² on the train rows), or of its excess over the smallest.
    last_step : ``"exact"`` or ``"whole"``
        Whether the step that reaches ``train_loss`` is shortened to end at it, as in
        `isoloss.train`, or taken whole.
    fit_intercept : bool, default: True
        Whether there is an intercept. With a kernel, it belongs to the centred feature space.
    kernel : str or callable, optional
        None for a linear model; else "precomputed", a kernel's name in
        `sklearn.metrics.pairwise.pairwise_kernels`, or a function of two rows.
    gamma, degree, coef0 : float
        Parameters of named kernels, as for `sklearn.kernel_ridge.KernelRidge`.
    kernel_params : mapping, optional
        Further arguments of a callable kernel.

    Attributes
    ----------
    coef_ : array, shape (d,) or (m, d)
        Coefficients of linear models.
    dual_coef_ : array, shape (n,) or (n, m)
        In kernel models, the weights of the kernel with each train row.
    intercept_ : float or array, shape (m,)
        The intercept.
    train_loss_, start_train_loss_, min_train_loss_ : float
        The train loss at the stop and at the start, and the smallest possible train loss.
    rank_ : int
        The number of directions in which training moves.
    n_steps_ : int
        The number of GD steps taken.
    flow_time_ : float
        The time spent in gradient flow; divide it by ``max_lr_`` for the units of texts.
    max_lr_ : float
        The largest stable constant rate 1/γ₁.
    schedule_ : Schedule
        The schedule in absolute rates.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = ScheduledRegressor("gd(1.0, 10) > flow", 0.5, train_loss_unit="start").fit(X, y)
    >>> model.n_steps_, round(model.score(X, y), 6)
    (10, 0.5)
    """

    def predict(self, X: Any) -> Floats:
        """Predict targets.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n, d)
            Rows; for a precomputed kernel, the kernel with the train rows.

        Returns
        -------
        array, shape (n,) or (n, m)
            The predictions.
        """
        return self._outputs(X)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R² of the predictions.

        Parameters
        ----------
        X : array_like
            As for `fit`; for a precomputed kernel, X is the kernel with the train rows.
        y : array_like, shape (n,) or (n, m)
            The targets.
        sample_weight : array_like, optional
            As for `fit`.

        Returns
        -------
        float
            R².
        """
        return super().score(X, conversion.plain("y", y), sample_weight)

    def _read(self, X: Any, y: Any) -> tuple[Any, Floats]:
        options = {"accept_sparse": ("csr", "csc"), "dtype": FLOATS}
        X, y = validate_data(self, X, y, multi_output=True, y_numeric=True, **options)
        y = np.asarray(y, dtype=float)
        self._single_output = y.ndim == 1
        return X, y[:, None] if self._single_output else y

    def _encode(self, y: Any) -> Floats:
        y = conversion.plain("y", y)
        if np.iscomplexobj(y):
            raise TypeError("y must hold real numbers; got complex ones")
        y = np.asarray(y, dtype=float)
        return y[:, None] if y.ndim == 1 else y

    def _shaped(self, weights: Floats, intercept: Floats) -> tuple[Floats, Any]:
        return (weights[:, 0], intercept[0]) if self._single_output else (weights, intercept)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
