"""From residuals in the eigenbasis back to the user's parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Coordinates"]

Array = Any


@dataclass(frozen=True, eq=False)
class Coordinates:
    """Parameters in the user's coordinates: ``limit + basis @ residual``.

    ``limit`` (*batch, d, m) is where gradient flow ends; with an intercept its last row is that.
    """

    basis: Array
    limit: Array
    intercept: bool = False

    def parameters(self, xp: Any, residual: Array, move: Array | None) -> tuple[Array, Array]:
        """Return coefficients (..., d, m) and intercepts (..., m) for residuals (..., r, m)."""
        levels = (None,) * (residual.ndim - self.limit.ndim)
        extra = (..., *levels, slice(None), slice(None))
        moved = self.limit[extra] + self.basis[extra] @ residual
        if move is not None:
            moved = moved + move
        if self.intercept:
            return moved[..., :-1, :], moved[..., -1, :]
        return moved, xp.zeros_like(moved[..., 0, :])
