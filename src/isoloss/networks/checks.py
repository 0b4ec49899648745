"""Checks of what a user gives, before any training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss.curves.numbers import count
from isoloss.networks.loading import load_torch
from isoloss.networks.losses import LossRule
from isoloss.networks.plans import TrainingPlan
from isoloss.networks.tensors import Pair

__all__ = [
    "check_modes",
    "check_outputs",
    "planned_rates",
    "read_device",
    "read_seeds",
    "weight_decay_of",
]

Floats = npt.NDArray[np.float64]


def read_device(given: Any) -> Any:
    """Return the device; raise ``ValueError`` if it is not there."""
    torch = load_torch()
    try:
        found = torch.device(given)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"device must be 'cpu' or 'cuda'; got {given!r} ({error})") from None
    if found.type not in ("cpu", "cuda"):
        raise ValueError(f"device must be 'cpu' or 'cuda'; got {given!r}")
    if found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device {given!r} is asked for, but PyTorch finds {torch.cuda.device_count()} CUDA "
            "devices; give device='cpu', or install PyTorch with CUDA"
        )
    return found


def read_seeds(given: Any) -> list[int]:
    """Return the seeds, given by their number or one by one."""
    if isinstance(given, int | np.integer) and not isinstance(given, bool):
        return list(range(count("seeds", given, 1)))
    try:
        found = [count("each of seeds", each, 0) for each in given]
    except TypeError:
        raise TypeError(
            f"seeds must be their number or a sequence of whole numbers; got {given!r}"
        ) from None
    if any(each >= 2**64 for each in found):
        raise ValueError(f"each of seeds must be below 2**64, as for PyTorch; got {max(found)}")
    if not found or len(set(found)) < len(found):
        raise ValueError(f"seeds must be one or more different whole numbers; got {given!r}")
    return found


def check_modes(device: Any) -> None:
    """Raise ``ValueError`` where PyTorch is in a mode in which nothing would train."""
    torch = load_torch()
    if not torch.is_grad_enabled() or torch.is_inference_mode_enabled():
        raise ValueError(
            "compare trains models, which needs gradients; call it outside of "
            "torch.no_grad() and torch.inference_mode()"
        )
    if torch.is_autocast_enabled(device.type):  # it keeps copies of weights until its end
        raise ValueError(
            "autocast around all of compare would train with the weights of the first step; put it "
            "into the model's forward"
        )


def planned_rates(
    model: Any, plans: Sequence[TrainingPlan], made: Callable[[Any], Any]
) -> tuple[str, dict[str, Floats]]:
    """Return the optimizer's settings as a text, and the rates of each schedule."""
    optimizers = load_torch().optim
    optimizer = made(model.parameters()) if callable(made) else made
    if not callable(made) or not isinstance(optimizer, optimizers.Optimizer):
        raise TypeError(
            "optimizer must be a function that makes a torch.optim.Optimizer from parameters, such "
            "as lambda parameters: torch.optim.SGD(parameters, lr=1.0, momentum=0.9); got "
            f"{type(optimizer).__name__}"
        )
    if isinstance(optimizer, optimizers.LBFGS):
        raise TypeError("LBFGS evaluates a batch several times in a step; give another optimizer")
    own = {id(each) for each in model.parameters()}
    if any(id(each) not in own for group in optimizer.param_groups for each in group["params"]):
        raise ValueError(
            "optimizer made an optimizer of other parameters than the ones it was given, so "
            "the model would not be trained"
        )
    shown = repr(optimizer)
    return shown, {plan.name: plan.rates(made(model.parameters())) for plan in plans}


def weight_decay_of(optimizer: Any) -> float | None:
    """Return the decoupled weight decay, or None if it acts through the gradient."""
    group = optimizer.param_groups[0]
    decay = float(group.get("weight_decay", 0.0))
    is_decoupled = group.get("decoupled_weight_decay") or type(optimizer).__name__ == "AdamW"
    return decay if is_decoupled or not decay else None


def check_outputs(model: Any, pairs: Sequence[Pair], rule: LossRule) -> None:
    """Raise ``ValueError`` unless the model takes the inputs, and the loss all targets."""
    training = [each for each in model.modules() if each.training]
    model.eval()
    for X, y in pairs:
        with load_torch().no_grad():
            try:
                outputs = model(X[:2].clone())
            except RuntimeError as error:
                first = str(error).partition("\n")[0]
                raise ValueError(
                    f"the model cannot take inputs of shape {tuple(X.shape)} and type {X.dtype}: "
                    f"{first}"
                ) from error
            if not isinstance(outputs, load_torch().Tensor) or not outputs.ndim:
                if not rule.is_own:
                    raise TypeError(
                        "the model must return one tensor with a row for each row of inputs; got "
                        f"{getattr(outputs, 'shape', type(outputs).__name__)}; wrap it in a module "
                        "that does, or give a loss of your own"
                    )
                rule.of(outputs, y[:2].clone())
                continue
            # on the CPU, where a label out of range raises a readable error
            outputs = outputs[:1].cpu()
            rule.of(outputs.expand(len(y), *outputs.shape[1:]), y.cpu().clone())
    for each in training:
        each.training = True
