"""From residuals in the eigenbasis back to the user's parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Coordinates"]

Array = Any


@dataclass(frozen=True, eq=False)
class Coordinates:
    """Parameters in the user's coordinates: ``limit + basis @ residual``.

    ``start`` and ``limit`` (*batch, d, m) are where training begins and where gradient flow ends;
    with an intercept their last row is that.
    """

    basis: Array
    start: Array
    limit: Array
    intercept: bool = False

    def parameters(
        self, xp: Any, residual: Array, move: Array | None, log_scale: Array | None
    ) -> tuple[Array, Array]:
        """Return coefficients (..., d, m) and intercepts (..., m) for residuals (..., r, m).

        The residuals are multiplied by exp(``log_scale``), shape (...), where that is given.
        """
        levels = (None,) * (residual.ndim - self.limit.ndim)
        extra = (..., *levels, slice(None), slice(None))
        moved = self.basis[extra] @ residual
        if log_scale is not None:  # beyond float64 this is ±inf, but never 0 · inf
            scaled = xp.exp(xp.log(xp.abs(moved)) + log_scale[..., None, None])
            moved = xp.where((log_scale == 0)[..., None, None], moved, xp.sign(moved) * scaled)
        moved = self.limit[extra] + moved
        if move is not None:
            moved = moved + move
        if self.intercept:
            return moved[..., :-1, :], moved[..., -1, :]
        return moved, xp.zeros_like(moved[..., 0, :])
