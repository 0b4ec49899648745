"""Filters on a problem's train spectrum, and the resulting parameters and losses."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from isoloss._arrays.context import quiet
from isoloss._arrays.conversion import to_numpy
from isoloss.problems.expected import (
    added_test_loss,
    mean_parameters,
    mean_residual,
    mean_test_loss,
    squared_norm,
)
from isoloss.problems.parameters import filtered_parameters, filtered_residual
from isoloss.problems.problem import Problem
from isoloss.problems.quadratic_forms import DiagonalTest
from isoloss.problems.units import scaled

__all__ = ["Filtered"]

Array = Any
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Filtered:
    """Filters h = sign·exp(log), which multiply the residual along each direction.

    Runs, paths, ridge regression and the best filter share this class.

    Attributes
    ----------
    problem : Problem
        The problem.
    train_loss : array, shape points
        The train losses.
    sign, log : array, shape points × r
        The sign of each filter h, and log |h|.
    """

    _POINTS: ClassVar[tuple[str, ...]] = ("train_loss", "sign", "log", "_mean", "_covariance")
    """The arrays that have one entry for each point, or are None."""

    problem: Problem
    train_loss: Array
    sign: Array
    log: Array
    _mean: Floats | None = None
    """The mean residual, shape points × (r + 1) × outputs, where it is not a filter's.

    Its last row is the factor of the parameters outside the directions.
    """
    _covariance: Floats | None = None
    """The covariance of the residual, shape points × r × r, or its diagonal, points × r."""

    @cached_property
    @quiet
    def test_loss(self) -> Array:
        """The test losses, shape points; ``ValueError`` if the problem has no test data."""
        return self._at_points(Filtered._test_loss)

    @quiet
    def residual(self) -> Array:
        """Return the residual in the eigenbasis, shape points × r (× outputs)."""
        return self._at_points(Filtered._residual)

    @quiet
    def coef(self) -> Array:
        """Return the parameters in the user's coordinates, shape points × d (× outputs).

        Raises
        ------
        ValueError
            If the problem has no coordinates because it was given by its spectra.
        """
        return self._at_points(lambda points: points._parameters()[0])

    @quiet
    def intercept(self) -> Array:
        """Return the intercept, shape points (× outputs); zeros without ``fit_intercept``.

        Raises
        ------
        ValueError
            If the problem has no coordinates because it was given by its spectra.
        """
        return self._at_points(lambda points: points._parameters()[1])

    @quiet
    def covariance(self) -> Array:
        """Return the covariance of the residual in the eigenbasis, shape points × r × r.

        The residual of minibatch training is random; `residual` is its mean. With several outputs,
        the covariances are summed over them. For a problem given by its spectra, losses depend only
        on the variances, and only those are returned, shape points × r. Without minibatches,
        everything is 0.
        """
        return self._at_points(Filtered._user_covariance)

    @quiet
    def penalized_train_loss(self, weight_decay: float) -> Array:
        """Return the train losses plus λ/2 times the mean squared norm of the parameters.

        This is what training with weight decay λ minimises: PyTorch adds λβ to the gradient, and
        the losses have no factor ½. The parameters include the intercept.

        Parameters
        ----------
        weight_decay : float
            The weight decay λ, at least 0.

        Returns
        -------
        array, shape points
            The penalised train losses.

        Raises
        ------
        ValueError
            If ``weight_decay`` is negative or not finite.

        Examples
        --------
        >>> import isoloss as il
        >>> problem = il.Problem.from_data([[1.0], [1.0]], [1.0, 3.0])
        >>> run = il.train(problem, il.GradientFlow(weight_decay=2.0))
        >>> print(run.coef(), run.train_loss, run.penalized_train_loss(2.0))
        [1.] 2.0 3.0
        """
        if not 0 <= weight_decay < math.inf:
            raise ValueError(f"weight_decay must be at least 0 and finite; got {weight_decay!r}")
        return self._at_points(lambda points: points._penalized(weight_decay))

    def at(self, index: Any, **changes: Any) -> Self:
        """Return the same object at some of the points.

        Parameters
        ----------
        index : int, slice or array
            An index into the first axis of points.
        **changes
            New values for fields that are not arrays.
        """
        for name in self._POINTS:
            array = getattr(self, name)
            changes[name] = None if array is None else array[index, ...]
        found = dataclasses.replace(self, **changes)
        if "test_loss" in vars(self):  # already computed
            vars(found)["test_loss"] = self.test_loss[index, ...]
        return found

    def _test_loss(self) -> Array:
        reduced = self.problem._reduced
        kind = reduced.kind
        if self._mean is None:
            found = reduced.test_loss(self.sign, self.log)
        else:
            found = kind.constant(mean_test_loss(reduced, self._mean))
        if self._covariance is not None:
            is_full = self._covariance.ndim > self.sign.ndim
            found = found + kind.constant(
                added_test_loss(reduced, self._covariance, is_full=is_full)
            )
        return kind.result(found)

    def _user_covariance(self) -> Array:
        reduced = self.problem._reduced
        own = self._covariance
        if own is None:
            is_full = not isinstance(reduced.test_form, DiagonalTest)
            shape = tuple(self.sign.shape)
            own = np.zeros((*shape, *shape[-1:]) if is_full else shape)
        units = reduced.units
        return reduced.kind.result(
            reduced.kind.constant(scaled(own, units.train - units.curvature))
        )

    def _penalized(self, weight_decay: float) -> Array:
        reduced = self.problem._reduced
        units = reduced.units
        mean = self._own_mean() if self._mean is None else self._mean
        square = squared_norm(reduced, mean)
        if self._covariance is not None:
            is_full = self._covariance.ndim > self.sign.ndim
            spread = np.einsum("...ii->...i", self._covariance) if is_full else self._covariance
            square = square + scaled(np.sum(spread, axis=-1), units.train - units.curvature)
        penalty = 0.5 * weight_decay * reduced.kind.constant(square)
        return reduced.kind.result(self.train_loss + penalty)

    def _own_mean(self) -> Floats:
        """Return the mean residual where it is a filter times the start's."""
        start = np.asarray(to_numpy(self.problem._reduced.start_residual))
        levels = (None,) * (self.sign.ndim + 1 - start.ndim)
        filters = to_numpy(self.sign) * np.exp(to_numpy(self.log))
        inside = filters[..., None] * start[(..., *levels, slice(None), slice(None))]
        return np.concatenate([inside, np.ones_like(inside[..., :1, :])], axis=-2)

    def _residual(self) -> Array:
        if self._mean is not None:
            return mean_residual(self.problem._reduced, self._mean)
        return filtered_residual(self.problem._reduced, self.sign, self.log)

    def _parameters(self) -> tuple[Array, Array]:
        if self._mean is not None:
            return mean_parameters(self.problem._reduced, self._mean)
        return filtered_parameters(self.problem._reduced, self.sign, self.log)

    def _at_points(self, result: Callable[[Filtered], Array]) -> Array:
        return result(self)
