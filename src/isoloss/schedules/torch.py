"""Read PyTorch schedulers as phases, and put schedules on PyTorch optimizers."""

from __future__ import annotations

import bisect
import copy
import itertools
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

from isoloss._messages.extras import install_command

__all__ = ["put_on", "read_phase"]

_ONLY_RATES = "set only the rates on this one with to_torch(optimizer, rates_only=True)"
_READ_PLAIN = (
    "to read the rates as those of plain SGD, build the scheduler on the optimizer that is "
    "passed to build: lambda optimizer: StepLR(optimizer, 30)"
)


def read_phase(build: Callable[[Any], Any], steps: int, lr: float) -> tuple[str, dict[str, Any]]:
    """Return the name and the fields of a scheduler's first steps (`Schedule.from_torch`)."""
    torch = _torch()
    if not callable(build):
        raise TypeError(
            "build must be a function that takes an optimizer and returns its scheduler, such as "
            f"lambda optimizer: StepLR(optimizer, 30); got {type(build).__name__}"
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
    # some chained schedulers keep no optimizer of their own
    optimizer = getattr(scheduler, "optimizer", made)
    _check_readable(torch, optimizer)
    if optimizer is not made:
        scheduler = _copied(torch, scheduler, optimizer)
        optimizer = scheduler.optimizer
    rates: list[float] = []
    first: tuple[float, bool] | None = None
    with warnings.catch_warnings():
        # PyTorch warns that no optimizer step comes first; such a step would train parameters.
        warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step|Seems like `optim")
        for step in range(steps):
            if step:
                scheduler.step()
            rate, kind = _read_step(optimizer, step)
            first = first or kind
            if kind != first:
                raise ValueError(_changing_momentum(step, first, kind))
            rates.append(rate)
    momentum, nesterov = first or (0.0, False)
    if not momentum:
        return "gradient_descent", {"lr": rates}
    return "nesterov" if nesterov else "heavy_ball", {"lr": rates, "momentum": momentum}


def _check_readable(torch: Any, optimizer: Any) -> None:
    """Raise ``ValueError`` if no schedule can describe an optimizer's next steps."""
    fault = ""
    if type(optimizer) is not torch.optim.SGD:
        fault = f"the scheduler's optimizer is {type(optimizer).__name__}, and must be SGD"
    elif _is_moving(optimizer):
        fault = "the scheduler's optimizer has a velocity from earlier steps"
    if fault:
        raise ValueError(f"{fault}; {_READ_PLAIN}")


def _read_step(optimizer: Any, step: int) -> tuple[float, tuple[float, bool]]:
    """Return the rate and momentum of an optimizer's next step, which all parameters share."""
    groups = optimizer.param_groups
    rates = [float(group["lr"]) for group in groups]
    if len(set(rates)) > 1:
        raise ValueError(
            f"the parameter groups differ in their rates at step {step}: {rates}; "
            "a schedule has one rate for all parameters"
        )
    kinds = [_kind(group) for group in groups]
    if len(set(kinds)) > 1:
        raise ValueError(
            f"the parameter groups differ in their momentum at step {step}: "
            f"{', '.join(map(_described, kinds))}; a schedule has one for all parameters"
        )
    if faults := _faults(groups, {}):
        raise ValueError(
            f"a schedule cannot take the optimizer's steps: {faults} (at step {step}); "
            f"{_READ_PLAIN}"
        )
    return rates[0], kinds[0]


def _changing_momentum(step: int, first: tuple[float, bool], kind: tuple[float, bool]) -> str:
    name = "Nesterov" if first[1] or kind[1] else "HeavyBall"
    return (
        f"the scheduler changes the momentum at step {step}, from {first[0]!r} to {kind[0]!r}, but "
        "a phase has one momentum. Build the scheduler with cycle_momentum=False, or make each "
        f"step a phase of its own: Schedule(*({name}([lr], momentum, carry_velocity=True) for "
        "lr, momentum in …)), with the lr and momentum that the optimizer has at each step"
    )


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
    """Return a scheduler that sets exactly the rates of phases (`Schedule.to_torch`)."""
    torch = _torch()
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise TypeError(
            f"optimizer must be a torch.optim.Optimizer; got {type(optimizer).__name__}"
        )
    if not rates_only:
        fields = [{"phase": p.name, **p.to_dict(), "steps": p.steps} for p in phases]
        _check_same_steps(torch, optimizer, fields)
    ends = tuple(itertools.accumulate(phase.steps for phase in phases))
    # Multiplying a rate by 1 is exact. The optimizer's own initial rate is kept, since other
    # schedulers, such as a warm-up in a SequentialLR, start from it.
    groups = optimizer.param_groups
    initial = [copy.deepcopy(group.get("initial_lr", group["lr"])) for group in groups]
    for group in groups:
        group["initial_lr"] = 1.0
    try:
        return torch.optim.lr_scheduler.LambdaLR(optimizer, partial(_rate, phases, ends))
    finally:
        for group, value in zip(groups, initial, strict=True):
            group["initial_lr"] = value


def _rate(phases: tuple[Any, ...], ends: tuple[int, ...], step: int) -> float:
    """Return the rate of a step, 0 after the last; unlike a lambda, this can be pickled."""
    place = bisect.bisect_right(ends, step)
    if place == len(ends):
        return 0.0
    phase = phases[place]
    return float(phase.rate(step - ends[place] + phase.steps))


def _check_same_steps(torch: Any, optimizer: Any, phases: list[dict[str, Any]]) -> None:
    """Raise ``ValueError`` unless an optimizer takes the steps of the phases."""
    kinds = sorted({_kind(phase) for phase in phases if phase["steps"]})
    if len(kinds) > 1:
        raise ValueError(
            f"the schedule has {' and '.join(map(_described, kinds))}, but an optimizer has one "
            "for all phases; use an optimizer for each phase"
        )
    if not _keeps_velocity(phases):
        raise ValueError(
            "PyTorch's optimizer keeps its velocity: give every momentum phase but the first "
            "carry_velocity=True, or use an optimizer for each phase"
        )
    wanted: dict[str, Any] = {}
    if kinds:
        wanted = {"momentum": kinds[0][0], "nesterov": kinds[0][1]}
    shown = "".join(f", {name}={value!r}" for name, value in wanted.items() if value)
    fix = f"build torch.optim.SGD(params{shown}), or {_ONLY_RATES}"
    if type(optimizer) is not torch.optim.SGD:
        name = type(optimizer).__name__
        raise ValueError(f"{name} would not take the schedule's steps; {fix}")
    if faults := _faults(optimizer.param_groups, wanted):
        raise ValueError(f"the optimizer would not take the schedule's steps: {faults}; {fix}")
    if wanted.get("momentum") and _is_moving(optimizer):
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
    """Say which settings of which parameter groups do not fit a schedule's steps."""
    faults = []
    for number, group in enumerate(groups):
        momentum, nesterov = _kind(group)
        found = {
            "momentum": momentum,
            "nesterov": nesterov,
            # dampening has no effect without momentum
            "dampening": float(group["dampening"]) if momentum else 0.0,
            "weight_decay": float(group["weight_decay"]),
            "maximize": bool(group["maximize"]),
        }
        needed = {"dampening": 0.0, "weight_decay": 0.0, "maximize": False, **wanted}
        wrong = [
            f"{name}={found[name]!r}, not {value!r}"
            for name, value in needed.items()
            if found[name] != value
        ]
        if wrong:
            faults.append(f"parameter group {number} has {', '.join(wrong)}")
    return "; ".join(faults)


def _kind(settings: dict[str, Any]) -> tuple[float, bool]:
    """Return the momentum of a parameter group or a phase, and whether it is Nesterov's."""
    momentum = float(settings.get("momentum", 0.0))
    nesterov = settings.get("nesterov", settings.get("phase") == "nesterov")
    return momentum, bool(nesterov) and momentum > 0


def _is_moving(optimizer: Any) -> bool:
    return any(state.get("momentum_buffer") is not None for state in optimizer.state.values())


def _keeps_velocity(phases: list[dict[str, Any]]) -> bool:
    """Return whether no phase, not even an empty one, resets a velocity built by earlier steps."""
    moving = dropped = False
    for phase in phases:
        dropped |= moving and not phase.get("carry_velocity", False)
        if phase["steps"] and phase.get("momentum"):
            if dropped:
                return False
            moving = True
    return True


def _described(kind: tuple[float, bool]) -> str:
    return f"{'Nesterov ' if kind[1] else ''}momentum {kind[0]!r}"


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise ImportError(f"this needs PyTorch: {install_command('torch')}") from None
    return torch
