"""Read and check the arguments of a problem: shapes, batches, noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from isoloss._arrays import context
from isoloss._arrays.columns import (
    Names,
    column_names,
    entries_in_order,
    in_order,
    rows_in_order,
    targets_in_order,
)
from isoloss._arrays.context import ArrayContext

__all__ = [
    "TrainColumns",
    "both_or_neither",
    "log_weights",
    "made_dense",
    "read_covariances",
    "read_noise",
    "read_test",
    "read_train",
]

Array = Any

_DENSEST = 50_000_000  # entries of the largest sparse matrix that is made dense


def log_weights(xp: Any, curvature: Array, residual: Array) -> Array:
    """Return log(γ ‖δ‖²); the squares do not underflow."""
    size = xp.max(xp.abs(residual), axis=-1)
    unit = residual / xp.where(size > 0, size, 1.0)[..., None]
    return xp.log(curvature) + 2.0 * xp.log(size) + xp.log(xp.sum(unit**2, axis=-1))


def made_dense(name: str, value: Any) -> Any:
    """Return one of SciPy's sparse matrices as an array, and anything else unchanged.

    Raises ``ValueError`` if the array is too large, and ``TypeError`` for operators.
    """
    advice = (
        "call il.from_operator(X, y, X_test, y_test, schedules=..., train_loss=...), which "
        "needs only products with the data, and estimates the error of its approximation"
    )
    if context.is_operator(value):
        raise TypeError(f"{name} is an operator, whose entries cannot be read; {advice}")
    if not context.is_sparse(value):
        return value
    size = math.prod(value.shape)
    if size > _DENSEST:
        raise ValueError(
            f"{name} is sparse and, made dense, would take {8e-9 * size:.1f} GB; {advice}. To "
            f"make it dense all the same, give {name}.toarray()"
        )
    return value.toarray(order="C")


def read_noise(kind: ArrayContext, name: str, noise: Any, batch: tuple[int, ...]) -> Array:
    """Return a noise variance broadcast to the batch."""
    array = kind.array(name, noise)
    context.nonnegative(kind.xp, name, array)
    try:
        return kind.xp.broadcast_to(array, batch)
    except (ValueError, RuntimeError):
        raise ValueError(
            f"{name} must be a number or have the batch shape {batch}; got {tuple(array.shape)}"
        ) from None


def read_covariances(
    kind: ArrayContext, given: dict[str, Any]
) -> tuple[dict[str, Array], tuple[int, ...], int]:
    """Return checked covariances (``…_cov``) and vectors, their batch shape and their size."""
    names = column_names(given["train_cov"])
    arrays = {
        name: kind.array(
            name,
            rows_in_order(in_order(name, value, "train_cov", names))
            if name.endswith("cov")
            else entries_in_order(name, value, "train_cov", names),
        )
        for name, value in given.items()
    }
    size = arrays["train_cov"].shape[-1] if arrays["train_cov"].ndim else 0
    for name, array in arrays.items():
        core = (size, size) if name.endswith("cov") else (size,)
        found = tuple(array.shape)
        if 0 in found:
            raise ValueError(f"{name} must not be empty; got shape {found}")
        if not size or len(found) < len(core) or found[-len(core) :] != core:
            raise ValueError(
                f"{name} must have shape (*batch, {', '.join(map(str, core))}) to fit "
                f"train_cov of shape {tuple(arrays['train_cov'].shape)}; got {found}"
            )
    shapes = {n: tuple(a.shape[: -2 if n.endswith("cov") else -1]) for n, a in arrays.items()}
    try:
        return arrays, np.broadcast_shapes(*shapes.values()), size
    except ValueError:
        raise ValueError(f"the leading (batch) axes must broadcast; got {shapes}") from None


def read_train(
    kind: ArrayContext, names: tuple[str, str], inputs: Any, targets: Any
) -> tuple[Array, Array, bool]:
    """Return train inputs, targets as columns, and whether there is a single output.

    Error messages call the inputs and the targets by ``names``.
    """
    X, y = kind.array(names[0], inputs), kind.array(names[1], targets)
    context.shape(names[0], X, ("n", "d"))
    if y.ndim not in (1, 2):
        raise ValueError(f"{names[1]} must have shape (n,) or (n, m); got {tuple(y.shape)}")
    context.shape(
        names[1], y, (X.shape[0], *y.shape[1:]), f" to fit {names[0]} of shape {tuple(X.shape)}"
    )
    return X, y[:, None] if y.ndim == 1 else y, y.ndim == 1


@dataclass(frozen=True)
class TrainColumns:
    """The number and names of the train columns, which test data must match.

    ``outputs`` is None for targets with one axis.
    """

    inputs: int
    outputs: int | None
    names: tuple[Names | None, Names | None]


def read_test(
    kind: ArrayContext,
    train: TrainColumns,
    inputs: Any,
    targets: Any,
    called: tuple[str, str, str, str],
) -> tuple[Array, Array]:
    """Return test inputs, and test targets as columns.

    Error messages call these two and the train data's by ``called``.
    """
    X_test, y_test, X, y = called
    rows = kind.array(X_test, in_order(X_test, inputs, X, train.names[0]))
    wanted = kind.array(y_test, targets_in_order(y_test, targets, y, train.names[1]))
    context.shape(X_test, rows, ("n_test", train.inputs), f" to fit {X}")
    n = rows.shape[0]
    shape = (n,) if train.outputs is None else (n, train.outputs)
    context.shape(y_test, wanted, shape, f" to fit {X_test} of shape {tuple(rows.shape)} and {y}")
    return rows, wanted[:, None] if train.outputs is None else wanted


def both_or_neither(**given: Any) -> bool:
    """Return whether test data are given; raise ``ValueError`` for inputs or targets alone."""
    missing = [name for name, value in given.items() if value is None]
    if len(missing) == 1:
        (there,) = given.keys() - set(missing)
        raise ValueError(f"{there} is given without {missing[0]}; give both or neither")
    return not missing
