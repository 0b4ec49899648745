"""Filters on a problem's train spectrum, and the resulting parameters and losses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, ClassVar, Self

from isoloss._arrays.context import quiet
from isoloss.problems.parameters import filtered_parameters, filtered_residual
from isoloss.problems.problem import Problem

__all__ = ["Filtered"]

Array = Any


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

    _POINTS: ClassVar[tuple[str, ...]] = ("train_loss", "sign", "log")
    """The arrays that have one entry for each point."""

    problem: Problem
    train_loss: Array
    sign: Array
    log: Array

    @cached_property
    @quiet
    def test_loss(self) -> Array:
        """The test losses, shape points; ``ValueError`` if the problem has no test data."""
        return self._at_points(self._test_loss)

    @quiet
    def residual(self) -> Array:
        """Return the residual in the eigenbasis, shape points × r (× outputs)."""
        return self._at_points(partial(filtered_residual, self.problem._reduced))

    @quiet
    def coef(self) -> Array:
        """Return the parameters in the user's coordinates, shape points × d (× outputs).

        Raises
        ------
        ValueError
            If the problem has no coordinates because it was given by its spectra.
        """
        return self._parameters(0)

    @quiet
    def intercept(self) -> Array:
        """Return the intercept, shape points (× outputs); zeros without ``fit_intercept``.

        Raises
        ------
        ValueError
            If the problem has no coordinates because it was given by its spectra.
        """
        return self._parameters(1)

    def at(self, index: Any, **changes: Any) -> Self:
        """Return the same object at some of the points.

        Parameters
        ----------
        index : int, slice or array
            An index into the first axis of points.
        **changes
            New values for fields that are not arrays.
        """
        arrays = {name: getattr(self, name)[index, ...] for name in self._POINTS}
        found = dataclasses.replace(self, **arrays, **changes)
        if "test_loss" in vars(self):  # already computed
            vars(found)["test_loss"] = self.test_loss[index, ...]
        return found

    def _test_loss(self, sign: Array, log: Array) -> Array:
        reduced = self.problem._reduced
        return reduced.kind.result(reduced.test_loss(sign, log))

    def _parameters(self, part: int) -> Array:
        reduced = self.problem._reduced
        return self._at_points(lambda *h: filtered_parameters(reduced, *h)[part])

    def _at_points(self, result: Callable[[Array, Array], Array]) -> Array:
        return result(self.sign, self.log)
