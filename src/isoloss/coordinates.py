"""From residuals in the eigenbasis back to the user's parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from isoloss._columns import Names
from isoloss.basis import Basis

__all__ = ["Coordinates"]

Array = Any


@dataclass(frozen=True, eq=False)
class Coordinates:
    """Parameters in the user's coordinates: ``limit + basis @ residual``, or from the start on.

    ``start`` and ``limit`` (*batch, d, m) are where training begins and where gradient flow ends;
    with an intercept their last row is that. ``columns`` and ``outputs`` are the names of the train
    data's columns, where it came in frames.
    """

    basis: Basis
    start: Array
    limit: Array
    intercept: bool = False
    columns: Names | None = None
    outputs: Names | None = None

    def from_minimum(self, residual: Array, move: Array | None) -> tuple[Array, Array]:
        """Return coefficients (..., d, m) and intercepts (..., m) for residuals (..., r, m).

        ``move`` is a further movement of the parameters, shape (..., d, m).
        """
        moved = self.basis.combine(residual)
        return self._parts(self.limit, residual, moved if move is None else moved + move)

    def from_start(self, xp: Any, change: Array, log_scale: Array) -> tuple[Array, Array]:
        """Return them for changes of the residual since the start, times exp(``log_scale``)."""
        moved = self.basis.combine(change)
        # beyond float64 this is ±inf, but never 0 · inf
        scaled = xp.exp(xp.log(xp.abs(moved)) + log_scale[..., None, None])
        moved = xp.where((log_scale == 0)[..., None, None], moved, xp.sign(moved) * scaled)
        return self._parts(self.start, change, moved)

    def _parts(self, origin: Array, residual: Array, moved: Array) -> tuple[Array, Array]:
        levels = (None,) * (residual.ndim - self.limit.ndim)
        there = origin[(..., *levels, slice(None), slice(None))] + moved
        if self.intercept:
            return there[..., :-1, :], there[..., -1, :]
        return there, 0.0 * there[..., 0, :]
