"""Gather some of the levels of many problems in rows, so that only these are computed."""

from __future__ import annotations

from typing import Any

from isoloss.dynamics.filters import Filter

__all__ = ["LevelRows"]

Array = Any


class LevelRows:
    """N of the levels of B problems, marked in ``mask`` (B, L), as rows: (N, r) and (N,)."""

    def __init__(self, xp: Any, mask: Array) -> None:
        self.xp, self.mask, self.shape = xp, mask, tuple(mask.shape)
        self.problem, _ = xp.nonzero(mask)
        # the row of each level; levels that are not marked may have any row
        count = xp.cumulative_sum(xp.astype(xp.reshape(mask, (-1,)), xp.int64))
        self.row = xp.where(count > 0, count - 1, count)

    def of(self, array: Array) -> Array:
        """Return the rows (N, ...) of an array (B, L, ...), or of problems' values (B, 1, ...)."""
        if array.shape[1] == self.shape[1]:
            return array[self.mask]
        return self.xp.take(array[:, 0, ...], self.problem, axis=0)

    def filters(self, filters: Filter) -> Filter:
        """Return the filters of the rows."""
        return Filter(*(None if part is None else self.of(part) for part in filters))

    def given(self, values: Array, filters: Filter) -> tuple[Array, Filter]:
        """Return rows as (B, L): values, which are infinite if not marked, and filters."""

        def back(rows: Array) -> Array:
            return self.xp.reshape(
                self.xp.take(rows, self.row, axis=0), (*self.shape, *rows.shape[1:])
            )

        there = Filter(*(None if part is None else back(part) for part in filters))
        found = back(values)
        return self.xp.where(self.mask, found, self.xp.inf + self.xp.zeros_like(found)), there
