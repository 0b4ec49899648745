"""Learning rates from PyTorch's schedulers, and back to its optimizers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss._extras import install_command

__all__ = ["put_on", "scheduler_rates"]


def scheduler_rates(build: Callable[[Any], Any], steps: int, lr: float) -> npt.NDArray[np.float64]:
    """Return the rates of a scheduler's first steps (`Schedule.from_torch`)."""
    torch = _torch()
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler = build(optimizer)
    if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
        raise TypeError(
            "the rates of ReduceLROnPlateau depend on a measured loss; read them off while training"
        )
    if not isinstance(scheduler, torch.optim.lr_scheduler.LRScheduler):
        raise TypeError(
            "build must return the torch.optim.lr_scheduler it has built on the optimizer; "
            f"got {type(scheduler).__name__}"
        )
    # some chained schedulers keep no optimizer of their own
    optimizer = getattr(scheduler, "optimizer", optimizer)
    rates = np.empty(steps)
    for step in range(steps):
        groups = optimizer.param_groups
        found = [float(group["lr"]) for group in groups]
        if len(set(found)) > 1:
            raise ValueError(
                f"the parameter groups differ in their rates at step {step}: {found}; "
                "a schedule has one rate for all parameters"
            )
        if any(group.get("momentum", 0.0) for group in groups):
            raise ValueError(
                "the scheduler works with momentum, which its rates alone do not tell; pass "
                "cycle_momentum=False, or use its rates in HeavyBall or Nesterov"
            )
        rates[step] = found[0]
        # a step of the optimizer, which PyTorch expects here, would train what it belongs to
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step")
            scheduler.step()
    return rates


def put_on(optimizer: Any, rate: Callable[[int], float], phases: list[dict[str, Any]]) -> Any:
    """Return a scheduler that sets ``rate(step)`` exactly (`Schedule.to_torch`)."""
    torch = _torch()
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise TypeError(
            f"optimizer must be a torch.optim.Optimizer; got {type(optimizer).__name__}"
        )
    wanted = {
        (phase.get("momentum", 0.0), phase["phase"] == "nesterov")
        for phase in phases
        if phase["steps"]
    }
    wanted = {(momentum, nesterov and momentum > 0) for momentum, nesterov in wanted}
    for group in optimizer.param_groups:
        found = group.get("momentum", 0.0), bool(group.get("nesterov", False))
        if wanted - {found}:
            raise ValueError(
                f"the optimizer has {_described(found)}, the schedule "
                f"{' and '.join(map(_described, sorted(wanted)))}; build it with the schedule's "
                "momentum, one for all phases"
            )
    if not _keeps_velocity(phases):
        raise ValueError(
            "PyTorch's optimizer keeps its velocity: give every momentum phase but the first "
            "carry_velocity=True, or use an optimizer for each phase"
        )
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] = 1.0  # times a rate is that rate, to the last bit
    return torch.optim.lr_scheduler.LambdaLR(optimizer, rate)


def _keeps_velocity(phases: list[dict[str, Any]]) -> bool:
    """Whether no phase, not even one without steps, drops a velocity that steps have built."""
    moving = dropped = False
    for phase in phases:
        dropped |= moving and not phase.get("carry_velocity", False)
        if phase["steps"] and phase.get("momentum"):
            if dropped:
                return False
            moving = True
    return True


def _described(kind: tuple[float, bool]) -> str:
    return f"{'Nesterov ' if kind[1] else ''}momentum {kind[0]:g}"


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise ImportError(f"this needs PyTorch: {install_command('torch')}") from None
    return torch
