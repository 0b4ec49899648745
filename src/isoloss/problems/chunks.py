"""Dask arrays of chunked rows, never in memory as a whole, on any of Dask's schedulers."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import array_api_compat as compat
import numpy as np
import numpy.typing as npt

from isoloss._arrays import conversion
from isoloss._parallel.cluster import computed
from isoloss.problems.rows import check_columns, check_real

__all__ = ["ChunkedRows", "fewer_rows", "is_chunked"]

Floats = npt.NDArray[np.float64]

_WIDEST = 10_000  # columns of the largest triangle held in memory
_TOGETHER = 8  # partial results that one task combines


def is_chunked(*arrays: Any) -> bool:
    """Return whether any of the arrays is a Dask array."""
    return any(compat.is_dask_array(array) for array in arrays)


@dataclass(frozen=True, eq=False)
class ChunkedRows:
    """Row chunks of X (n, d) with their targets (·, m); each method of `Rows` reads X once."""

    name: str
    blocks: list[tuple[Any, Any]]
    sizes: tuple[int, ...]
    shape: tuple[int, int, int]

    @classmethod
    def read(cls, name: str, X: Any, y: Any) -> ChunkedRows:
        """Take rows and targets, at least one of them a Dask array, without computing them.

        Unknown chunk sizes are computed, which reads the data once more.
        """
        da = _dask("dask.array")
        if compat.is_dask_array(X):
            check_real(name, X)
        else:
            X = da.asarray(conversion.floats(name, X), chunks=("auto", -1))
        if compat.is_dask_array(y):
            check_real(f"the targets of {name}", y)
        else:
            y = da.asarray(conversion.floats(f"the targets of {name}", y))
        X, y = (_sized(array) for array in (X, y))
        if X.ndim != 2 or 0 in X.shape:
            raise ValueError(f"{name} must be rows × columns, not empty; got shape {X.shape}")
        if y.ndim not in (1, 2) or y.shape[0] != X.shape[0]:
            raise ValueError(
                f"{name} has {X.shape[0]} rows, so its targets need shape ({X.shape[0]},) or "
                f"({X.shape[0]}, m); got {y.shape}"
            )
        X = X.rechunk({1: -1})
        y = (y[:, None] if y.ndim == 1 else y).rechunk({0: X.chunks[0], 1: -1})
        blocks = list(zip(X.to_delayed()[:, 0], y.to_delayed()[:, 0], strict=True))
        return cls(name, blocks, X.chunks[0], (X.shape[0], X.shape[1], y.shape[1]))

    def residual(self, parameters: Floats) -> Floats:
        """Return Xβ - y."""
        return np.concatenate(_computed(self._each(_left, parameters)))

    def forward(self, directions: Floats) -> Floats:
        """Return XV."""
        return np.concatenate(_computed(self._each(_forward, directions)))

    def backward(self, images: Floats) -> Floats:
        """Return XᵀU."""
        edges = np.cumsum([0, *self.sizes])
        parts = [images[a:b] for a, b in itertools.pairwise(edges)]
        tasks = [self._task(i, _backward, part) for i, part in enumerate(parts)]
        return _one(tasks, _sum)

    def compressed(self, *, intercept: bool) -> Floats:
        """Return R with RᵀR = [X 1 y]ᵀ[X 1 y]; the column of ones is there for an intercept."""
        return _one(self._each(_triangle, intercept), _stacked)

    def _each(self, function: Callable[..., Any], argument: Any) -> list[Any]:
        shared = _dask().delayed(argument)  # sent once instead of with each task
        return [self._task(i, function, shared) for i in range(len(self.blocks))]

    def _task(self, i: int, function: Callable[..., Any], argument: Any) -> Any:
        x, y = self.blocks[i]
        where = f"{self.name}, chunk {i}"
        wanted = (self.sizes[i], *self.shape[1:])
        return _dask().delayed(_checked)(function, where, wanted, x, y, argument)


def fewer_rows(X: Any, y: Any, X_test: Any, y_test: Any, *, intercept: bool) -> tuple[Floats, ...]:
    """Return X, y, X_test and y_test with few rows that have the same losses as the chunked ones.

    Without test data, return only X and y. With an intercept, X and X_test end in a column of ones.
    An orthogonal transformation does not change the loss ‖Xβ - y‖²/n, so the rows are the
    triangular factor of [X y], computed chunk by chunk (J. Demmel et al. (2012), SIAM J. Sci.
    Comput. 34(1)) and rescaled to the new number of rows.
    """
    read = [ChunkedRows.read("X", X, y)]
    n, d, _ = read[0].shape
    if d > min(n, _WIDEST):
        raise ValueError(
            f"from_data of a Dask array needs more rows than columns, and at most {_WIDEST} "
            f"columns; got {n} × {d}: use il.from_operator"
        )
    if X_test is not None:
        read.append(ChunkedRows.read("X_test", X_test, y_test))
        check_columns(read[0].shape, read[1].shape)
    parts: list[Floats] = []
    for each in read:
        triangle = each.compressed(intercept=intercept)
        scaled = triangle * (len(triangle) / each.shape[0]) ** 0.5
        targets = scaled[:, d + intercept :]
        parts += [scaled[:, : d + intercept], targets[:, 0] if np.ndim(y) == 1 else targets]
    return tuple(parts)


def _checked(
    function: Callable[..., Any],
    where: str,
    wanted: tuple[int, int, int],
    x: Any,
    y: Any,
    argument: Any,
) -> Any:
    """Apply a function to a chunk after checking its shape and values."""
    shapes = (wanted[0], wanted[1]), (wanted[0], wanted[2])
    if (x.shape, y.shape) != shapes:
        raise ValueError(
            f"{where} must have shape {shapes[0]}, its targets {shapes[1]}; got {x.shape} and "
            f"{y.shape}"
        )
    for what, array in (("", x), (" has targets that", y)):
        if np.ma.is_masked(array):
            raise ValueError(
                f"{where}{what} must not be masked; drop such rows, or fill in values, as "
                "da.ma.filled does"
            )
        if not np.isfinite(array.data if hasattr(array, "tocsr") else array).all():
            raise ValueError(f"{where}{what} must be finite; got NaN or infinity")
    if isinstance(x, np.ma.MaskedArray):  # products of masked arrays fail
        x = x.data
    return function(x, np.asarray(y, dtype=np.float64), argument)


def _left(x: Any, y: Floats, parameters: Floats) -> Floats:
    return np.asarray(x @ parameters - y)


def _forward(x: Any, _: Floats, directions: Floats) -> Floats:
    return np.asarray(x @ directions)


def _backward(x: Any, _: Floats, images: Floats) -> Floats:
    return np.asarray(x.T @ images)


def _triangle(x: Any, y: Floats, intercept: bool) -> Floats:
    dense = np.asarray(x.toarray() if hasattr(x, "toarray") else x, dtype=np.float64)
    columns = [dense, *[np.ones((len(y), 1))] * intercept, y]
    return np.asarray(np.linalg.qr(np.hstack(columns), mode="r"))


def _sum(*parts: Floats) -> Floats:
    return np.asarray(sum(parts[1:], parts[0]))


def _stacked(*parts: Floats) -> Floats:
    return np.asarray(np.linalg.qr(np.vstack(parts), mode="r"))


def _one(tasks: list[Any], combine: Callable[..., Floats]) -> Floats:
    """Combine results a few at a time, so that they are never all in memory."""
    while len(tasks) > 1:
        groups = [tasks[i : i + _TOGETHER] for i in range(0, len(tasks), _TOGETHER)]
        tasks = [_dask().delayed(combine)(*group) for group in groups]
    return np.asarray(_computed(tasks)[0])


def _sized(array: Any) -> Any:
    """Return an array whose chunks have known sizes, without changing the user's array."""
    if not any(np.isnan(size) for size in array.shape):
        return array
    blocks = array.to_delayed()
    shapes = _computed([_dask().delayed(np.shape)(block) for block in blocks.ravel()])
    grid = np.array(shapes, dtype=object).reshape(*blocks.shape, array.ndim)
    chunks = []
    for axis in range(array.ndim):
        along = np.moveaxis(grid, axis, 0).reshape(blocks.shape[axis], -1, array.ndim)
        chunks.append(tuple(int(size) for size in along[:, 0, axis]))
    made: Any = _dask("dask.array").Array
    return made(array.dask, array.name, tuple(chunks), dtype=array.dtype, meta=array._meta)


def _computed(tasks: list[Any]) -> Any:
    return computed(tasks, "restart it, or close its client to compute in this process")


def _dask(module: str = "dask") -> Any:
    """Return Dask, which is installed because it made the arrays. It has no type hints."""
    return importlib.import_module(module)
