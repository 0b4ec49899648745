"""From residuals in the eigenbasis back to the user's parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from isoloss._arrays.columns import Names
from isoloss.problems.basis import Basis
from isoloss.problems.units import scaled, sum_of_exponentials

__all__ = ["Coordinates", "Parameters"]

Array = Any


@dataclass(frozen=True, eq=False)
class Coordinates:
    """Map residuals to the user's coordinates: ``limit + basis @ residual``, or from the start.

    ``start`` and ``limit`` (*batch, d, m) are where training begins and where gradient flow ends;
    with an intercept, it is their last row. Both are in the user's units; residuals are not.
    ``names`` are the column names of train data and targets that came in frames. ``null_space``
    says whether the basis lacks directions of the parameters that do not affect train predictions.
    """

    basis: Basis
    start: Array
    limit: Array
    intercept: bool = False
    names: tuple[Names | None, Names | None] = (None, None)
    null_space: bool = False

    @classmethod
    def build(
        cls,
        basis: Basis,
        start: Array,
        residual: Array,
        exponent: int,
        *,
        intercept: bool = False,
        names: tuple[Names | None, Names | None] = (None, None),
        null_space: bool = False,
    ) -> Coordinates:
        """Find the limit from the start and its residual, which is given over 2^exponent."""
        limit = start - scaled(basis.combine(residual), exponent)
        return cls(basis, start, limit, intercept, names, null_space)

    def from_minimum(
        self, xp: Any, residual: Array, move: Array | None, exponent: int
    ) -> Parameters:
        """Return coefficients (..., d, m) and intercepts (..., m) for residuals (..., r, m).

        ``move`` is an additional change of the parameters, shape (..., d, m).
        """
        moved = self.basis.combine(residual)
        moved = moved if move is None else moved + move
        return self._parts(xp, self.limit, moved, scaled(moved, exponent))

    def from_start(self, xp: Any, change: Array, log_scale: Array, exponent: int) -> Parameters:
        """Return parameters for the residual's change from the start, times exp(``log_scale``)."""
        moved = self.basis.combine(change)
        # beyond float64 the result is ±inf, but never 0 · inf
        logs = xp.log(xp.abs(moved)) + log_scale[..., None, None]
        large = sum_of_exponentials(xp, logs[..., None]).times(xp, exponent)
        tame = (log_scale == 0)[..., None, None]
        there = xp.where(tame, scaled(moved, exponent), xp.sign(moved) * large)
        return self._parts(xp, self.start, moved, there)

    def _parts(self, xp: Any, origin: Array, own: Array, moved: Array) -> Parameters:
        vanished = not bool(xp.any(moved != 0) | xp.any(origin != 0)) and bool(xp.any(own != 0))
        levels = (None,) * (moved.ndim - self.limit.ndim)
        there = origin[(..., *levels, slice(None), slice(None))] + moved
        if self.intercept:
            return Parameters(there[..., :-1, :], there[..., -1, :], vanished)
        return Parameters(there, xp.zeros_like(there[..., 0, :]), vanished)


class Parameters(NamedTuple):
    """Coefficients and intercepts, and whether they underflow float64 to 0."""

    coef: Array
    intercept: Array
    vanished: bool
