"""What batches and models are made of: tensors, their kinds of numbers and their bytes."""

from __future__ import annotations

import zlib
from typing import Any

from isoloss.networks.loading import load_torch

__all__ = [
    "Pair",
    "bytes_of",
    "check_finite",
    "converted",
    "kinds",
    "number_kind",
    "pair_of",
    "weights_of",
]

Pair = tuple[Any, Any]


def converted(pair: Pair, device: Any, kind: Any, loss: str) -> Pair:
    """Return inputs and targets on a device, with numbers of the model's kind.

    Whole numbers among the inputs stay whole, since they may be tokens; targets become numbers for
    the squared error, and labels for cross-entropy.
    """
    torch = load_torch()
    X, y = (part.to(device) for part in pair)
    if X.is_floating_point():
        X = X.to(kind)
    if y.is_floating_point() or loss == "mse":
        y = y.to(kind)
    elif loss == "cross_entropy":
        y = y.to(torch.int64)
    return X, y


def number_kind(model: Any) -> Any:
    """Return the kind of numbers that a model computes with; raise an error for half precision."""
    torch = load_torch()
    held = {part.dtype for part in model.parameters() if part.is_floating_point()}
    if small := [kind for kind in held if torch.finfo(kind).bits < 32]:
        raise ValueError(
            f"the model is in half precision ({small[0]}), in which small steps are lost; call "
            "model.float() in make_model"
        )
    if len(held) != 1:
        raise ValueError(
            "the model must have parameters of one kind of floating-point numbers; got "
            f"{', '.join(sorted(map(str, held))) or 'no parameters'}"
        )
    return held.pop()


def pair_of(batch: Any) -> Pair:
    """Return a batch as inputs and targets."""
    torch = load_torch()
    if (
        not isinstance(batch, tuple | list)
        or len(batch) != 2
        or not all(isinstance(part, torch.Tensor) for part in batch)
    ):
        raise TypeError(
            f"a batch must be two tensors, inputs and targets; got {kinds(batch)}; give the "
            "DataLoader a collate_fn that returns them"
        )
    return batch[0], batch[1]


def check_finite(name: str, given: Any) -> None:
    """Raise ``ValueError`` if a tensor has NaN or infinite values."""
    if given.is_floating_point() and not bool(load_torch().isfinite(given).all()):
        raise ValueError(f"{name} has values that are not finite")


def bytes_of(part: Any) -> bytes:
    """Return the bytes of a tensor of any kind."""
    flat = part.detach().cpu().contiguous().reshape(-1)
    return bytes(flat.view(load_torch().uint8).numpy())


def weights_of(model: Any) -> int:
    """Return a checksum of a model's parameters and buffers."""
    found = 0
    for name, part in sorted(
        {**dict(model.named_parameters()), **dict(model.named_buffers())}.items()
    ):
        found = zlib.crc32(name.encode() + bytes_of(part), found)
    return found


def kinds(given: Any) -> str:
    """Return the type of a value and of its parts, for messages."""
    if isinstance(given, tuple | list):
        return f"{type(given).__name__} of {', '.join(type(part).__name__ for part in given)}"
    return type(given).__name__
