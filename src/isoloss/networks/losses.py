"""The loss of a model's outputs: isoloss's squared error, cross-entropy, or the user's own."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from isoloss._messages.near_misses import suggest
from isoloss.networks.loading import load_torch

__all__ = ["LossRule", "read_loss"]


@dataclass(frozen=True)
class LossRule:
    """A loss: its name, and a function of outputs and targets that returns their mean over rows."""

    name: str
    of: Callable[[Any, Any], Any]
    is_own: bool = False
    """Whether the user wrote it."""


def read_loss(given: Any) -> LossRule:
    """Return the loss that a user names or gives as a function."""
    known = {"mse": _squared_error, "cross_entropy": _cross_entropy}
    if isinstance(given, str):
        if given not in known:
            raise ValueError(
                f"loss must be 'mse', 'cross_entropy' or a function; got {given!r}"
                f"{suggest(given, known)}"
            )
        return LossRule(given, known[given])
    if not callable(given) or isinstance(given, type):
        raise TypeError(
            "loss must be 'mse', 'cross_entropy', or a function of outputs and targets that "
            "returns their mean loss, such as torch.nn.HuberLoss(); got "
            f"{given.__name__ if isinstance(given, type) else type(given).__name__}"
        )
    # an address differs from process to process, and a folder's settings must not
    name = getattr(given, "__qualname__", re.sub(r" at 0x[0-9a-fA-F]+", "", repr(given)))
    return LossRule(f"{getattr(given, '__module__', '')}.{name}", _checked(given), is_own=True)


def _squared_error(outputs: Any, y: Any) -> Any:
    """Return the mean over rows of the squared error, summed over outputs."""
    torch = load_torch()
    if outputs.shape != y.shape:
        # (n,) minus (n, 1) would silently become (n, n)
        if _without_ones(outputs.shape) != _without_ones(y.shape):
            hint = "; for class labels, give loss='cross_entropy' or one-hot targets"
            raise ValueError(
                f"the model's outputs have the shape {tuple(outputs.shape)}, and the targets "
                f"{tuple(y.shape)}; 'mse' needs a number for each output{hint * (y.ndim == 1)}"
            )
        y = y.reshape(outputs.shape)
    return torch.square(outputs - y).sum() / outputs.shape[0]


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    while len(shape) > 1 and shape[-1] == 1:
        shape = shape[:-1]
    return tuple(shape)


def _cross_entropy(outputs: Any, y: Any) -> Any:
    torch = load_torch()
    if outputs.ndim < 2:
        raise ValueError(
            "'cross_entropy' needs a score for each class, shape (rows, classes); the model's "
            f"outputs have the shape {tuple(outputs.shape)}"
        )
    if y.is_floating_point():
        if y.shape != outputs.shape:
            raise ValueError(
                "'cross_entropy' needs whole numbers as labels, or a probability for each class; "
                f"got {y.dtype} of shape {tuple(y.shape)} for outputs {tuple(outputs.shape)}"
            )
    elif y.shape != outputs.shape[:1] + outputs.shape[2:]:
        raise ValueError(
            f"'cross_entropy' needs a label for each row, shape {tuple(outputs.shape[:1])}; got "
            f"{tuple(y.shape)}"
        )
    elif y.device.type == "cpu" and y.numel():  # on CUDA, each step would wait for it
        low, high = int(y.min()), int(y.max())
        if low < 0 or high >= outputs.shape[1]:
            raise ValueError(
                f"labels go from {low} to {high}, but the model has scores for {outputs.shape[1]} "
                f"classes: labels must be 0 to {outputs.shape[1] - 1}"
            )
    return torch.nn.functional.cross_entropy(outputs, y)


def _checked(given: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    torch = load_torch()

    def loss(outputs: Any, y: Any) -> Any:
        found = given(outputs, y)
        if not isinstance(found, torch.Tensor) or math.prod(found.shape) != 1:
            shape = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
            raise ValueError(
                "loss must return one number as a tensor, the mean over rows (reduction='mean'); "
                f"got {shape}"
            )
        if not found.is_floating_point():
            raise ValueError(f"loss must return a real number; got {found.dtype}")
        if torch.is_grad_enabled() and not found.requires_grad:
            raise ValueError(
                "loss must return a tensor that depends on the outputs: it has no gradient; leave "
                "out detach, no_grad and conversions to numbers"
            )
        return found

    return loss
