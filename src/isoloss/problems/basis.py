"""The eigenbasis of the train covariance in the user's coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

__all__ = ["Basis"]

Array = Any


@dataclass(frozen=True, eq=False)
class Basis:
    """Directions (*batch, d, r): ``core``, or ``rows.T @ core`` of train rows (n, d).

    With fewer rows than columns, forming the product is a large part of the decomposition's cost,
    and callers mostly need few vectors, so it is formed only where that pays off.
    """

    core: Array
    rows: Array | None = None

    @cached_property
    def full(self) -> Array:
        """The directions, as one array."""
        return self.core if self.rows is None else self.rows.T @ self.core

    @property
    def coordinates(self) -> int:
        """The number d of coordinates."""
        return int(self.core.shape[-2] if self.rows is None else self.rows.shape[1])

    def project(self, vectors: Array) -> Array:
        """Return ``vectors @ basis`` for vectors (q, d)."""
        if self.rows is None or vectors.shape[0] >= self.coordinates:
            return vectors @ self.full
        return (vectors @ self.rows.T) @ self.core

    def combine(self, amounts: Array) -> Array:
        """Return ``basis @ amounts`` for amounts (*batch, *levels, r, m)."""
        levels = (None,) * (amounts.ndim - self.core.ndim)
        moved = self.core[(..., *levels, slice(None), slice(None))] @ amounts
        return moved if self.rows is None else self.rows.T @ moved
