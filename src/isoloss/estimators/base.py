"""The base class of the two estimators: parameters, training, predictions."""

from __future__ import annotations

import math
import warnings
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import PAIRWISE_KERNEL_FUNCTIONS, pairwise_kernels
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from isoloss._arrays import conversion
from isoloss._messages.near_misses import suggest
from isoloss.comparison import family_names
from isoloss.dynamics.stop_rule import LastStep, stops_exactly
from isoloss.dynamics.training import train
from isoloss.estimators.rows import KernelRows, LinearRows, TrainRows, check_kernel, check_square
from isoloss.levels.grid import check_unit, measure
from isoloss.problems.decomposition import RTOL
from isoloss.problems.problem import Problem
from isoloss.schedules.resolving import Given, resolve

__all__ = ["FLOATS", "ROOM", "Scheduled", "losses_and_moment"]

Floats = npt.NDArray[np.float64]

FLOATS = (np.float64, np.float32)
"""The sparse formats that rows may have; other formats are converted to the first."""
ROOM = 1.0 + 2.0**-47
"""The factor above a level that counts as reaching it: 32 rounding units, as in a model's loss."""
_ROUNDING = 1e-12
_BLOWN_UP = 1e-6  # designed schedules may enlarge a residual, but not a million times
_KERNELS = (*sorted(PAIRWISE_KERNEL_FUNCTIONS), "precomputed")


def losses_and_moment(
    problem: Problem, train_loss: float, steps: int, time: float
) -> dict[str, Any]:
    """Return the fitted attributes that describe where training ended."""
    return {
        "train_loss_": train_loss,
        "n_steps_": steps,
        "flow_time_": time,
        "max_lr_": problem.max_lr,
        "start_train_loss_": problem.start_train_loss,
        "min_train_loss_": problem.min_train_loss,
    }


class Scheduled(BaseEstimator):
    """A least-squares model trained by a schedule."""

    def __init__(
        self,
        schedule: Given = "flow",
        train_loss: float | None = None,
        *,
        train_loss_unit: str = "absolute",
        last_step: LastStep = "exact",
        fit_intercept: bool = True,
        kernel: str | Callable[..., Any] | None = None,
        gamma: float | None = None,
        degree: float = 3,
        coef0: float = 1,
        kernel_params: Mapping[str, Any] | None = None,
    ) -> None:
        self.schedule = schedule
        self.train_loss = train_loss
        self.train_loss_unit = train_loss_unit
        self.last_step = last_step
        self.fit_intercept = fit_intercept
        self.kernel = kernel
        self.gamma = gamma
        self.degree = degree
        self.coef0 = coef0
        self.kernel_params = kernel_params

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({"last_step": "whole"} | state)  # older models do not say it

    @abstractmethod
    def _read(self, X: Any, y: Any) -> tuple[Any, Floats]:
        """Return checked rows and targets (n, m); store what predictions need from ``y``."""

    @abstractmethod
    def _encode(self, y: Any) -> Floats:
        """Encode the targets (n, m) of rows that the model was not trained on."""

    @abstractmethod
    def _shaped(self, weights: Floats, intercept: Floats) -> tuple[Floats, Any]:
        """Return weights (p, m) and intercepts (m,) in the shapes that users expect."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train the model.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n, d) or (n, n) for a precomputed kernel
            Train rows. A linear model makes sparse rows dense; ``kernel="linear"`` does not, which
            suits data with more columns than rows.
        y : array_like, shape (n,), or (n, m) for regression
            Targets, or at least two classes.
        sample_weight : array_like, shape (n,), optional
            Weights of the rows, at least 0.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If a parameter has the wrong type.
        ValueError
            If an input or a parameter is invalid, or the schedule diverges beyond float64.

        Warns
        -----
        ConvergenceWarning
            If the schedule ends above the requested train loss or, without one, a million times
            above the loss at the start.
        UserWarning
            If the requested train loss is above the loss at the start, so that nothing is trained,
            or if directions are left out because a kernel is rounded, say to float32.
        """
        rows = self._decompose(X, y, sample_weight)
        problem = rows.problem
        self.rank_ = int(np.count_nonzero(problem._reduced.gamma))
        if problem.left_out is not None:
            warnings.warn(
                f"the kernel is rounded: {problem.left_out.directions} directions, with curvatures "
                f"below {problem.left_out.curvature:.3g}, cannot be told from rounding errors and "
                f"are left out; {self.rank_} are kept. Compute the kernel in float64 to keep more",
                UserWarning,
                stacklevel=2,
            )
        if isinstance(self.schedule, str) and self.schedule.removesuffix("+flow") in family_names():
            raise ValueError(
                f"{self.schedule!r} is a family of schedules; ScheduleSearchCV finds its best one"
            )
        self.schedule_ = resolve(self.schedule, problem)
        level = None
        if self.train_loss is not None:
            scale, offset = measure(problem, self.train_loss_unit)
            level = offset + conversion.number("train_loss", self.train_loss) * ROOM * scale
        run = train(problem, self.schedule_, level, last_step=self.last_step)
        self._adopt(rows, np.asarray(run.coef()))
        self.__dict__.update(losses_and_moment(problem, run.train_loss, int(run.steps), run.time))
        self._warn_of_end(level)
        return self

    def _warn_of_end(self, level: float | None) -> None:
        """Warn if training ended above the level, or far above the loss at the start."""
        end, start = self.train_loss_, self.start_train_loss_
        message, kind = "", ConvergenceWarning
        if level is None:
            if end * _BLOWN_UP > start:
                message = (
                    f"the schedule {self.schedule!r} ends at train loss {end:.6g}, far above that "
                    f"at the start, {start:.6g}; lower its rates"
                )
        elif end > level + _ROUNDING * start:
            message = (
                f"the schedule {self.schedule!r} ends at train loss {end:.6g}, above the level "
                f"{level:.6g} (the smallest is {self.min_train_loss_:.6g}); the model is the one "
                "at its end"
            )
        elif level > start + _ROUNDING * start:
            kind = UserWarning
            message = (
                f"the level {level:.6g} is above the train loss at the start, {start:.6g}: the "
                f"model is untrained; train_loss_unit is {self.train_loss_unit!r}"
            )
        if message:
            warnings.warn(message, kind, stacklevel=3)

    def _decompose(self, X: Any, y: Any, sample_weight: Any, rtol: float = RTOL) -> TrainRows:
        """Check parameters and train rows, decompose the rows, and store what predictions need."""
        for name in ("coef_", "dual_coef_", "X_fit_"):
            self.__dict__.pop(name, None)  # from an earlier fit
        self._check_parameters()
        unit = conversion.precision(X)  # before scikit-learn turns float16 into float64
        X, targets = self._read(conversion.plain("X", X), conversion.plain("y", y))
        weight = None
        if sample_weight is not None:
            weight = conversion.plain("sample_weight", sample_weight)
            weight = _check_sample_weight(weight, X, dtype=np.float64, ensure_non_negative=True)
        design = self._design(X, X)
        rounding = self._rounding(design, X, weight, unit)
        if self.kernel is not None and self.kernel != "precomputed":
            self.X_fit_ = X
        intercept = bool(self.fit_intercept)
        if self.kernel is None:
            return LinearRows.reduce(design, targets, weight, intercept=intercept, rtol=rtol)
        return KernelRows.reduce(design, targets, weight, intercept=intercept, rounding=rounding)

    def _adopt(self, rows: TrainRows, coef: Floats) -> None:
        """Set the model's parameters from those of the rows' problem."""
        with np.errstate(over="ignore", invalid="ignore"):
            weights, intercept = rows.parameters(coef)
        if not (np.isfinite(weights).all() and np.isfinite(intercept).all()):
            raise ValueError(
                f"training by the schedule {self.schedule!r} diverges beyond float64; "
                "lower its rates: the largest stable constant one is "
                f"{rows.problem.max_lr:.6g}, written 1.0 in a text"
            )
        weights, self.intercept_ = self._shaped(weights, intercept)
        if self.kernel is None:
            self.coef_ = weights.T
        else:
            self.dual_coef_ = weights

    def _design(self, X: Any, X_fit: Any) -> Floats:
        """Return the rows as a dense array, or their kernel with the train rows."""
        if self.kernel is None or self.kernel == "precomputed":
            return np.asarray(X.toarray() if hasattr(X, "toarray") else X, dtype=float)
        X, X_fit = X.astype(np.float64), X_fit.astype(np.float64)
        own = callable(self.kernel)  # a function of two rows as arrays
        options = {"gamma": self.gamma, "degree": self.degree, "coef0": self.coef0}
        if own:
            X, X_fit = (rows.toarray() if hasattr(rows, "toarray") else rows for rows in (X, X_fit))
            options = dict(self.kernel_params or {})
        with np.errstate(over="ignore", invalid="ignore"):
            K = pairwise_kernels(X, X_fit, metric=self.kernel, filter_params=not own, **options)
        return np.asarray(K, dtype=float)

    def _rounding(self, design: Floats, X: Any, weight: Floats | None, unit: float) -> float:
        """Check a kernel between train rows of positive weight; return its rounding's size."""
        if self.kernel is None:
            return 0.0
        if weight is not None:
            check_square(design)
            design = design[np.ix_(weight > 0, weight > 0)]
        if self.kernel != "precomputed":
            return check_kernel(design)
        return check_kernel(design, max(unit, float(np.finfo(X.dtype).eps)))

    def _check_parameters(self) -> None:
        for name, given in (("train_loss", self.train_loss), ("gamma", self.gamma)):
            if given is not None and not 0 <= conversion.number(name, given) < math.inf:
                raise ValueError(f"{name} must be finite and not negative; got {given!r}")
        if isinstance(self.kernel, str) and self.kernel not in _KERNELS:
            raise ValueError(
                f"there is no kernel {self.kernel!r}{suggest(self.kernel, _KERNELS)}; "
                f"choose from {', '.join(_KERNELS)}"
            )
        check_unit("train_loss_unit", self.train_loss_unit)
        stops_exactly(self.last_step)

    def _rows(self, X: Any) -> Any:
        """Return checked rows to predict for."""
        X = conversion.plain("X", X)
        return validate_data(self, X, accept_sparse=("csr", "csc"), dtype=FLOATS, reset=False)

    def _test_design(self, X: Any) -> Floats:
        """Check rows to predict for, and return them as `_design` does."""
        return self._design(self._rows(X), getattr(self, "X_fit_", None))

    def _outputs(self, X: Any) -> Floats:
        """Return predictions, shape (n, m) or (n,)."""
        check_is_fitted(self, ("coef_", "dual_coef_"), all_or_any=any)
        if self.kernel is None:
            X = self._rows(X)
            return np.asarray(safe_sparse_dot(X, self.coef_.T, dense_output=True) + self.intercept_)
        return np.asarray(self._test_design(X) @ self.dual_coef_ + self.intercept_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.pairwise = self.kernel == "precomputed"
        return tags
