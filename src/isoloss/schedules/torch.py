"""Read PyTorch schedulers as phases, and put schedules on PyTorch optimizers."""

from __future__ import annotations

import bisect
import copy
import itertools
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from isoloss._messages.extras import install_command

__all__ = ["put_on", "read_phases"]

_ONLY_RATES = "set only the rates on this one with to_torch(optimizer, rates_only=True)"
_READ_PLAIN = (
    "to read the rates as those of plain SGD, build the scheduler on the optimizer that is "
    "passed to build: lambda optimizer: StepLR(optimizer, 30)"
)


class _Step(NamedTuple):
    """What an optimizer does in a step."""

    lr: float
    momentum: float
    dampening: float
    weight_decay: float
    nesterov: bool
    maximize: bool


def read_phases(
    build: Callable[[Any], Any], steps: int, lr: float
) -> list[tuple[str, dict[str, Any]]]:
    """Return the names and the fields of a scheduler's first steps (`Schedule.from_torch`)."""
    torch = _torch()
    if not callable(build):
        raise TypeError(
            "build must be a function that takes an optimizer and returns its scheduler, such as "
            "lambda optimizer: StepLR(optimizer, 30), or lambda _: scheduler for your own; got "
            f"{type(build).__name__}"
        )
    if steps < 0:
        raise ValueError(f"steps must not be negative; got {steps}")
    made = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler = build(made)
    if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
        raise TypeError(
            "the rates of ReduceLROnPlateau depend on a measured loss; read them off while training"
        )
    if not isinstance(scheduler, torch.optim.lr_scheduler.LRScheduler):
        raise TypeError(
            "build must return the torch.optim.lr_scheduler it has built on the optimizer; "
            f"got {type(scheduler).__name__}"
        )
    optimizer = _optimizer_of(scheduler)
    _check_readable(torch, optimizer)
    if optimizer is not made:
        scheduler = _copied(torch, scheduler, optimizer)
        optimizer = _optimizer_of(scheduler)
    found: list[_Step] = []
    with warnings.catch_warnings():
        # PyTorch warns that no optimizer step comes first; such a step would train parameters.
        warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step|Seems like `optim")
        for step in range(steps):
            if step:
                scheduler.step()
            found.append(_read_step(optimizer, step))
    return _phases(found)


def _optimizer_of(scheduler: Any) -> Any:
    """Return a scheduler's optimizer, which older chained schedulers keep in their parts alone."""
    if hasattr(scheduler, "optimizer"):
        return scheduler.optimizer
    return _optimizer_of(scheduler._schedulers[0])


def _check_readable(torch: Any, optimizer: Any) -> None:
    """Raise ``ValueError`` if no schedule can describe an optimizer's next steps."""
    fault = ""
    if type(optimizer) is not torch.optim.SGD:
        fault = f"the scheduler's optimizer is {type(optimizer).__name__}, and must be SGD"
    elif _is_moving(optimizer):
        fault = "the scheduler's optimizer has a velocity from earlier steps"
    if fault:
        raise ValueError(f"{fault}; {_READ_PLAIN}")


def _read_step(optimizer: Any, step: int) -> _Step:
    """Return the settings of an optimizer's next step, which all parameters share."""
    found = [
        _Step(
            lr=float(group["lr"]),
            momentum=float(group["momentum"]),
            dampening=float(group["dampening"]),
            weight_decay=float(group["weight_decay"]),
            nesterov=bool(group["nesterov"]),
            maximize=bool(group["maximize"]),
        )
        for group in optimizer.param_groups
    ]
    first = found[0]
    for name, values in zip(_Step._fields, zip(*found, strict=True), strict=True):
        if len(set(values)) > 1:
            raise ValueError(
                f"the parameter groups differ in {name} at step {step}: {list(values)}; a schedule "
                f"has one for all parameters; {_READ_PLAIN}"
            )
    fault = "maximize=True" if first.maximize else ""
    if first.momentum and first.nesterov and first.dampening:
        fault = f"dampening={first.dampening!r} with Nesterov's momentum"
    if fault:
        raise ValueError(
            f"a schedule cannot take the optimizer's steps: it has {fault} at step {step}; "
            f"{_READ_PLAIN}"
        )
    return first


def _phases(steps: list[_Step]) -> list[tuple[str, dict[str, Any]]]:
    """Return the names and the fields of phases that take these steps."""
    is_moving = any(step.momentum for step in steps)
    # without momentum, dampening and nesterov have no effect
    phases = [
        list(same)
        for _, same in itertools.groupby(
            steps, lambda s: (s.weight_decay, is_moving and (s.dampening, s.nesterov))
        )
    ]
    found = []
    for number, own in enumerate(phases or [[]]):
        fields: dict[str, Any] = {"lr": [step.lr for step in own]}
        if own and own[0].weight_decay:
            fields["weight_decay"] = own[0].weight_decay
        if not is_moving:
            found.append(("gradient_descent", fields))
            continue
        fields |= {"momentum": [step.momentum for step in own], "carry_velocity": number > 0}
        if not own[0].nesterov:
            fields["dampening"] = own[0].dampening
        found.append(("nesterov" if own[0].nesterov else "heavy_ball", fields))
    return found


def _copied(torch: Any, scheduler: Any, optimizer: Any) -> Any:
    """Return a copy of a user's scheduler on a copy of its optimizer, without the parameters."""
    memo: dict[int, Any] = {id(optimizer.state): {}}
    for group in optimizer.param_groups:
        memo |= {id(p): torch.nn.Parameter(torch.zeros(1)) for p in group["params"]}
    try:
        return copy.deepcopy(scheduler, memo)
    except Exception as error:  # the user's own functions may hold anything
        raise ValueError(
            "the scheduler cannot be copied, and reading its rates would advance it "
            f"({type(error).__name__}: {error}); build it on the optimizer that is passed to build"
        ) from None


def put_on(optimizer: Any, phases: tuple[Any, ...], rates_only: bool) -> Any:
    """Return a scheduler that sets exactly the steps of phases (`Schedule.to_torch`)."""
    torch = _torch()
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise TypeError(
            f"optimizer must be a torch.optim.Optimizer; got {type(optimizer).__name__}"
        )
    if not rates_only:
        _check_same_steps(torch, optimizer, [phase for phase in phases if phase.steps], phases)
    ends = tuple(itertools.accumulate(phase.steps for phase in phases))
    # Multiplying a rate by 1 is exact. The optimizer's own initial rate is kept, since other
    # schedulers, such as a warm-up in a SequentialLR, start from it.
    groups = optimizer.param_groups
    initial = [copy.deepcopy(group.get("initial_lr", group["lr"])) for group in groups]
    for group in groups:
        group["initial_lr"] = 1.0
    rule = partial(_rate, None if rates_only else optimizer, phases, ends)
    try:
        return torch.optim.lr_scheduler.LambdaLR(optimizer, rule)
    finally:
        for group, value in zip(groups, initial, strict=True):
            group["initial_lr"] = value


def _rate(optimizer: Any, phases: tuple[Any, ...], ends: tuple[int, ...], step: int) -> float:
    """Return the rate of a step, 0 after the last, and set the optimizer's other settings for it.

    OneCycleLR also sets momentum where it computes rates. Unlike a lambda, this can be pickled, and
    it leaves nothing in a LambdaLR's ``state_dict``.
    """
    place = bisect.bisect_right(ends, step)
    if place == len(ends):
        return 0.0
    phase = phases[place]
    step += phase.steps - ends[place]
    for group in () if optimizer is None else optimizer.param_groups:
        group.update(_settings(phase, step))
    return float(phase.rate(step))


def _settings(phase: Any, step: int) -> dict[str, Any]:
    """Return what a phase's step needs of the optimizer, beside the rate."""
    momentum = phase.momentum
    found = {
        "momentum": momentum if isinstance(momentum, float) else float(momentum[step]),
        "weight_decay": phase.weight_decay,
    }
    if found["momentum"]:
        found |= {"dampening": phase.dampening, "nesterov": phase.nesterov}
    return found


def _check_same_steps(
    torch: Any, optimizer: Any, phases: list[Any], with_empty: tuple[Any, ...]
) -> None:
    """Raise ``ValueError`` unless an optimizer can take the steps of the phases."""
    if unknown := [type(phase).__name__ for phase in phases if not hasattr(phase, "momentum")]:
        raise ValueError(f"torch.optim.SGD cannot take the steps of {unknown[0]}; {_ONLY_RATES}")
    moving = [phase for phase in phases if np.any(phase.momentum)]
    if any(phase.decoupled and phase.weight_decay for phase in moving):
        raise ValueError(
            "torch.optim.SGD has no decoupled weight decay beside momentum; leave out decoupled, "
            f"or {_ONLY_RATES}"
        )
    if not _keeps_velocity(with_empty):
        raise ValueError(
            "PyTorch's optimizer keeps its velocity: give every momentum phase but the first "
            "carry_velocity=True, or use an optimizer for each phase"
        )
    found = {
        "dampening": {phase.dampening for phase in moving},
        "weight_decay": {phase.weight_decay for phase in phases},
        "maximize": {False},
        "momentum": {float(each) for phase in phases for each in np.unique(phase.momentum)},
        "nesterov": {phase.nesterov for phase in moving},
    }
    # what changes is set step by step, as the rate is
    wanted = {name: next(iter(values)) for name, values in found.items() if len(values) == 1}
    # PyTorch makes no optimizer with Nesterov's momentum 0
    built = {"momentum": max(found["momentum"])} | wanted if wanted.get("nesterov") else wanted
    shown = "".join(f", {name}={value!r}" for name, value in sorted(built.items()) if value)
    fix = f"build torch.optim.SGD(params{shown}), or {_ONLY_RATES}"
    if type(optimizer) is not torch.optim.SGD:
        name = type(optimizer).__name__
        raise ValueError(f"{name} would not take the schedule's steps; {fix}")
    if faults := _faults(optimizer.param_groups, wanted):
        raise ValueError(f"the optimizer would not take the schedule's steps: {faults}; {fix}")
    if moving and _is_moving(optimizer):
        raise ValueError(
            "the optimizer has a velocity from earlier steps, but the schedule starts at rest; "
            f"{fix} (to go on from a checkpoint, call to_torch before you load its state)"
        )
    for number, group in enumerate(optimizer.param_groups):
        rate = group["lr"]
        if isinstance(rate, torch.Tensor) and rate.dtype != torch.float64:
            raise ValueError(
                f"parameter group {number} has an lr in {rate.dtype}, which would round the "
                "schedule's rates; give lr as a number"
            )


def _faults(groups: list[dict[str, Any]], wanted: dict[str, Any]) -> str:
    """Say which settings of which parameter groups are not those wanted."""
    faults = []
    for number, group in enumerate(groups):
        found = {name: type(value)(group[name]) for name, value in wanted.items()}
        wrong = [
            f"{name}={found[name]!r}, not {value!r}"
            for name, value in wanted.items()
            if found[name] != value
        ]
        if wrong:
            faults.append(f"parameter group {number} has {', '.join(wrong)}")
    return "; ".join(faults)


def _is_moving(optimizer: Any) -> bool:
    return any(state.get("momentum_buffer") is not None for state in optimizer.state.values())


def _keeps_velocity(phases: tuple[Any, ...]) -> bool:
    """Return whether no phase, not even an empty one, resets a velocity built by earlier steps."""
    moving = dropped = False
    for phase in phases:
        dropped |= moving and not getattr(phase, "carry_velocity", False)
        if phase.steps and np.any(phase.momentum):
            if dropped:
                return False
            moving = True
    return True


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise ImportError(f"this needs PyTorch: {install_command('torch')}") from None
    return torch
