"""Read a user's inputs and targets for a model."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss._arrays import conversion
from isoloss.networks.frozen_model import FrozenModel
from isoloss.networks.jacobian import ROWS
from isoloss.networks.loading import load_torch

__all__ = ["read_batch_size", "read_inputs", "read_targets_for"]

Floats = npt.NDArray[np.float64]


def read_batch_size(given: Any) -> int:
    """Return how many rows go through the model at once."""
    try:
        found = ROWS if given is None else operator.index(given)
    except TypeError:
        found = 0
    if isinstance(given, bool) or found < 1:
        raise ValueError(f"batch_size must be a whole number of at least 1; got {given!r}")
    return found


def read_inputs(name: str, value: Any, model: FrozenModel) -> Any:
    """Return inputs, a tensor on the model's device: whole numbers stay so, others turn float64."""
    torch = load_torch()
    if isinstance(value, torch.utils.data.DataLoader | torch.utils.data.Dataset):
        raise TypeError(
            f"{name} must be an array or a tensor with a row for each example; got "
            f"{type(value).__name__}: stack its examples first, such as by X, y = "
            "(torch.stack(each) for each in zip(*dataset)) for a data set of tensors"
        )
    if isinstance(value, torch.Tensor) and value.dtype == torch.bfloat16:
        value = value.float()  # NumPy has no such numbers
    array = conversion.numbers(name, value)
    if array.ndim < 1 or 0 in array.shape:
        raise ValueError(
            f"{name} must have a row for each example, and not be empty; got shape {array.shape}"
        )
    if array.dtype.kind == "f":
        array = array.astype(np.float64)
        if not np.isfinite(array).all():
            raise ValueError(f"{name} must be finite; got NaN or infinity")
    elif array.dtype.kind != "b":
        array = array.astype(np.int64)
    return torch.as_tensor(array, device=model.device)


def read_targets_for(name: str, value: Any, inputs_name: str, outputs: Any) -> Floats:
    """Return targets as numbers of the shape of a model's outputs for its inputs."""
    given, wanted = conversion.numbers(name, value), tuple(outputs.shape)
    if given.shape != wanted:
        advice = ""
        if given.shape == wanted[:-1] and wanted[-1] == 1:
            advice = (
                f"; give {name}[:, None] (with these shapes, torch.nn.MSELoss would subtract every "
                "target from every output)"
            )
        elif given.shape[:1] == wanted[:1] and given.size == wanted[0] and given.dtype.kind in "iu":
            advice = (
                "; are these class labels? give a target for each output, such as "
                f"torch.nn.functional.one_hot({name}, {wanted[-1]})"
            )
        elif given.shape == (*wanted, 1):
            advice = f"; give {name}[:, 0]"
        raise ValueError(
            f"{name} must have the shape of the model's outputs for {inputs_name}, {wanted}; got "
            f"{given.shape}{advice}"
        )
    numbers = given.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name} must be finite; got NaN or infinity")
    return numbers
