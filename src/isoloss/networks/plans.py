"""Turn what a user gives as a schedule into the rates of an optimizer."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss._messages.numbers import short
from isoloss.curves.rates import check_rates
from isoloss.networks.loading import load_torch
from isoloss.schedules import GradientFlow, Schedule
from isoloss.schedules.resolving import Given, in_own_units

__all__ = ["TrainingPlan", "read_plans"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TrainingPlan:
    """A number of steps, and a function that sets up their rates on an optimizer."""

    name: str
    steps: int
    attach: Callable[[Any], Any]

    def rates(self, optimizer: Any) -> Floats:
        """Return the rate of each step, of the first group of parameters, without training."""
        scheduler = self.attach(optimizer)
        found = np.empty(self.steps)
        with warnings.catch_warnings():
            # PyTorch warns that no optimizer step comes first; such a step would train parameters.
            warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step|Seems like `opt")
            for step in range(self.steps):
                if step:
                    scheduler.step()
                found[step] = float(optimizer.param_groups[0]["lr"])
        try:
            check_rates(found)
        except ValueError as error:
            raise ValueError(f"schedule '{self.name}': {error}") from None
        return found


def read_plans(schedules: Any, steps: int | None) -> tuple[TrainingPlan, ...]:
    """Return a plan for each schedule of a mapping."""
    if not isinstance(schedules, Mapping):
        raise TypeError(
            "schedules must be a mapping of names to schedules, such as {'large': "
            f"il.GradientDescent(0.1, steps=1000), …}}; got {type(schedules).__name__}"
        )
    names = [str(name) for name in schedules]
    if len(set(names)) < len(names):
        raise ValueError(f"two schedules have the same name; got {', '.join(names)}")
    if len(names) < 2:
        raise ValueError(f"a comparison needs at least two schedules; got {len(names)}")
    return tuple(
        _plan(name, each, steps) for name, each in zip(names, schedules.values(), strict=True)
    )


def _plan(name: str, given: Any, steps: int | None) -> TrainingPlan:
    if not isinstance(given, Given):
        if not callable(given):
            raise TypeError(
                f"schedule '{name}' must be a Schedule, a text with absolute rates, or a function "
                "that builds a scheduler on an optimizer, such as lambda optimizer: "
                f"CosineAnnealingLR(optimizer, 1000); got {type(given).__name__} {given!r}"
            )
        if steps is None:
            raise ValueError(
                f"schedule '{name}' builds a scheduler, which does not say how many steps to take; "
                "give steps="
            )
        return TrainingPlan(name, steps, partial(_built, name, given))
    if isinstance(given, str) and "..." in given:
        raise ValueError(
            f"schedule '{name}' leaves its number of steps open; give a number instead of '...'"
        )
    schedule = in_own_units(given)
    fault = ""
    if any(isinstance(phase, GradientFlow) for phase in schedule.phases):
        fault = "has gradient flow, which no optimizer runs; give steps at a small rate"
    elif schedule.has_minibatches:
        fault = (
            "has a batch size, but all schedules see the same batches; give batch_size to compare"
        )
    elif not schedule.steps:
        fault = "has no step"
    if fault:
        raise ValueError(f"schedule '{name}' {fault}")
    return TrainingPlan(name, schedule.steps, partial(_put_on, name, schedule))


def _put_on(name: str, schedule: Schedule, optimizer: Any) -> Any:
    rates = [float(group["lr"]) for group in optimizer.param_groups]
    if len(set(rates)) > 1:
        raise ValueError(
            f"schedule '{name}' has one rate for all parameters, but the optimizer has groups with "
            f"rates of their own, {', '.join(map(short, rates))}; give a scheduler of PyTorch, "
            "which scales each"
        )
    # plain rates suit any optimizer, whose own momentum and weight decay stay
    own_settings = not schedule.is_plain or any(np.any(each.momentum) for each in _phases(schedule))
    try:
        return schedule.to_torch(optimizer, rates_only=not own_settings)
    except ValueError as error:
        raise ValueError(f"schedule '{name}': {error} (set it by optimizer=)") from None


def _phases(schedule: Schedule) -> list[Any]:
    return [phase for phase in schedule.phases if phase.steps]


def _built(name: str, build: Callable[[Any], Any], optimizer: Any) -> Any:
    schedulers = load_torch().optim.lr_scheduler
    found = build(optimizer)
    fault = ""
    if isinstance(found, schedulers.ReduceLROnPlateau):
        fault = (
            "has rates that depend on a measured loss; give the rates that it took, as a Schedule"
        )
    elif not isinstance(found, schedulers.LRScheduler):
        fault = (
            "must return the torch.optim.lr_scheduler that it builds on the optimizer; got "
            f"{type(found).__name__}"
        )
    elif getattr(found, "optimizer", optimizer) is not optimizer:
        fault = "builds its scheduler on another optimizer than the one it was given"
    if fault:
        raise TypeError(f"schedule '{name}' {fault}")
    return found
