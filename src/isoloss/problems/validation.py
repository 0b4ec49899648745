"""Reading what a problem is built from: shapes that fit, batches, noise."""

from __future__ import annotations

import math
from typing import Any

from isoloss._arrays import context
from isoloss._arrays.columns import (
    column_names,
    entries_in_order,
    in_order,
    rows_in_order,
    targets_in_order,
)
from isoloss._arrays.context import Kind

__all__ = ["log_weights", "made_dense", "read_covariances", "read_data", "read_noise", "read_test"]

Array = Any

_DENSEST = 50_000_000  # numbers of a sparse matrix that is made dense


def log_weights(xp: Any, curvature: Array, residual: Array) -> Array:
    """Return log(γ ‖δ‖²) without underflow in the squares."""
    size = xp.max(xp.abs(residual), axis=-1)
    unit = residual / xp.where(size > 0, size, xp.ones_like(size))[..., None]
    return xp.log(curvature) + 2.0 * xp.log(size) + xp.log(xp.sum(unit**2, axis=-1))


def made_dense(name: str, value: Any) -> Any:
    """Return one of SciPy's sparse matrices as an array; anything else as it is.

    Raises ``ValueError`` if that is too large, and ``TypeError`` for operators.
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
            "make it "
            f"dense all the same, give {name}.toarray()"
        )
    return value.toarray(order="C")


def read_noise(kind: Kind, noise: Any, batch: tuple[int, ...]) -> Array:
    """Return the noise variance broadcast to the batch."""
    array = kind.array("noise", noise)
    context.nonnegative(kind.xp, "noise", array)
    try:
        return kind.xp.broadcast_to(array, batch)
    except (ValueError, RuntimeError):
        raise ValueError(
            f"noise must be a number or have the batch shape {batch}; got {tuple(array.shape)}"
        ) from None


def _batch_shape(shapes: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
    """Return the shape to which named batch shapes broadcast."""
    longest = max(len(found) for found in shapes.values())
    batch = [1] * longest
    for found in shapes.values():
        for axis, length in enumerate(found, start=longest - len(found)):
            if length not in (1, batch[axis]) and batch[axis] != 1:
                raise ValueError(f"the leading (batch) axes must broadcast; got {shapes}")
            batch[axis] = max(batch[axis], length)
    return tuple(batch)


def read_covariances(
    kind: Kind, given: dict[str, Any]
) -> tuple[dict[str, Array], tuple[int, ...], int]:
    """Return covariances (``…_cov``) and vectors checked, their batch shape and their size."""
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
    batch = _batch_shape(
        {n: tuple(a.shape[: -2 if n.endswith("cov") else -1]) for n, a in arrays.items()}
    )
    return arrays, batch, size


def read_data(kind: Kind, given: dict[str, Any]) -> tuple[Array, Array, Array, Array, bool]:
    """Return inputs and targets of train and test set, and whether there is a single output.

    Targets come as columns; ``given`` holds the four arrays under the names that messages use.
    """
    names = list(given)
    first, second, third, last = names
    given = given | {
        third: in_order(third, given[third], first, column_names(given[first])),
        last: targets_in_order(last, given[last], second, column_names(given[second])),
    }
    inputs, targets, test_inputs, test_targets = (kind.array(n, v) for n, v in given.items())
    context.shape(names[0], inputs, ("n", "d"))
    n, d = inputs.shape
    if targets.ndim not in (1, 2):
        raise ValueError(f"{names[1]} must have shape (n,) or (n, m); got {tuple(targets.shape)}")
    single = targets.ndim == 1
    outputs: tuple[int, ...] = () if single else (targets.shape[1],)
    context.shape(names[1], targets, (n, *outputs), f" to fit {names[0]} of shape ({n}, {d})")
    context.shape(names[2], test_inputs, ("n_test", d), f" to fit {names[0]} of shape ({n}, {d})")
    rows = test_inputs.shape[0]
    context.shape(
        names[3],
        test_targets,
        (rows, *outputs),
        f" to fit {names[2]} of shape ({rows}, {d}) and {names[1]} of shape {tuple(targets.shape)}",
    )
    if single:
        targets, test_targets = targets[:, None], test_targets[:, None]
    return inputs, targets, test_inputs, test_targets, single


def read_test(
    kind: Kind, inputs: Any, targets: Any, columns: int, outputs: int | None
) -> tuple[Array, Array]:
    """Return test inputs and, as columns, targets; ``outputs`` is None for targets of one axis."""
    rows, wanted = kind.array("X", inputs), kind.array("y", targets)
    context.shape("X", rows, ("n_test", columns), " to fit the train inputs")
    shape = (rows.shape[0],) if outputs is None else (rows.shape[0], outputs)
    context.shape("y", wanted, shape, f" to fit X of shape {tuple(rows.shape)}")
    return rows, wanted[:, None] if outputs is None else wanted
