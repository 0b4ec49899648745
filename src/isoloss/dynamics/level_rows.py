"""Gather some of the levels of many problems in rows, so that only these are computed."""

from __future__ import annotations

from typing import Any

import array_api_compat as compat

from isoloss.dynamics.filters import Filter, placed

__all__ = ["LevelRows"]

Array = Any


class LevelRows:
    """N of the levels of B problems, marked in ``mask`` (B, L), as rows: (N, r) and (N,)."""

    def __init__(self, xp: Any, mask: Array) -> None:
        self.xp, self.mask, self.shape = xp, mask, tuple(mask.shape)
        self.device = compat.device(mask)
        self.problem, _ = xp.nonzero(mask)

    def of(self, array: Array) -> Array:
        """Return the rows (N, ...) of an array (B, L, ...), or of problems' values (B, 1, ...)."""
        if array.shape[1] == self.shape[1]:
            return array[self.mask]
        return self.xp.take(array[:, 0, ...], self.problem, axis=0)

    def filters(self, filters: Filter) -> Filter:
        """Return the filters of the rows."""
        return Filter(*(None if part is None else self.of(part) for part in filters))

    def among(self, some: Array) -> Array:
        """Return the mask (B, L) of some of the rows, marked in ``some`` (N,)."""
        return placed(self.xp, self.xp.zeros_like(self.mask), self.mask, some)

    def given(self, values: Array, filters: Filter) -> tuple[Array, Filter]:
        """Return rows as (B, L): values, which are infinite if not marked, and filters."""
        xp, mask = self.xp, self.mask

        def back(rows: Array, fill: float) -> Array:
            empty = xp.zeros((*self.shape, *rows.shape[1:]), dtype=rows.dtype, device=self.device)
            return placed(xp, fill + empty, mask, rows)

        there = Filter(*(None if part is None else back(part, 0.0) for part in filters))
        return back(values, xp.inf), there
