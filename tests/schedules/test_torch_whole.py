"""Whole optimizers of PyTorch, under each of its schedulers: read, trained, and put back."""

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pytorch_loops import PROBLEM, SGD, groups, loop, parameter, torch

import isoloss as il

schedulers = torch.optim.lr_scheduler
STEPS = 24
LR = 0.3 * float(PROBLEM.max_lr)
KEYS = ("lr", "momentum", "dampening", "weight_decay", "nesterov")


class Switching(schedulers.LRScheduler):
    """Sets the momentum and the weight decay of each step, as a user's own scheduler may."""

    def get_lr(self) -> list[float]:
        for group in self.optimizer.param_groups:
            group["momentum"] = [0.0, 0.9, 0.9, 0.0, 0.0, 0.7][self.last_epoch % 6]
            group["weight_decay"] = [0.2, 0.05][self.last_epoch // 7 % 2]
        return [base / (1 + self.last_epoch) for base in self.base_lrs]


EVERY: dict[str, Callable[[Any], Any]] = {
    "LambdaLR": lambda o: schedulers.LambdaLR(o, lambda k: 1 / (1 + k)),
    "MultiplicativeLR": lambda o: schedulers.MultiplicativeLR(o, lambda k: 1 - k / 50),
    "StepLR": lambda o: schedulers.StepLR(o, 7, 0.3),
    "MultiStepLR": lambda o: schedulers.MultiStepLR(o, [3, 11], 0.5),
    "ConstantLR": lambda o: schedulers.ConstantLR(o, 0.5, 5),
    "LinearLR": lambda o: schedulers.LinearLR(o, 0.1, total_iters=9),
    "ExponentialLR": lambda o: schedulers.ExponentialLR(o, 0.9),
    "PolynomialLR": lambda o: schedulers.PolynomialLR(o, 30, 2.0),
    "CosineAnnealingLR": lambda o: schedulers.CosineAnnealingLR(o, STEPS, 0.01 * LR),
    "CosineAnnealingWarmRestarts": lambda o: schedulers.CosineAnnealingWarmRestarts(o, 4, 2),
    "CyclicLR": lambda o: schedulers.CyclicLR(o, 0.1 * LR, LR, 5),
    "OneCycleLR": lambda o: schedulers.OneCycleLR(o, LR, total_steps=STEPS + 1),
    "SequentialLR": lambda o: schedulers.SequentialLR(
        o,
        [schedulers.LinearLR(o, 0.1, total_iters=5), schedulers.OneCycleLR(o, LR, total_steps=30)],
        [6],
    ),
    "ChainedScheduler": lambda o: schedulers.ChainedScheduler(
        [schedulers.ConstantLR(o, 0.1, 4), schedulers.ExponentialLR(o, 0.9)]
    ),
    "SWALR": lambda o: torch.optim.swa_utils.SWALR(o, 0.05, anneal_epochs=6),
    "of one's own": Switching,
}
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "momentum": {"momentum": 0.9},
    "Nesterov and decay": {"momentum": 0.8, "nesterov": True, "weight_decay": 0.1},
    "dampening and decay": {"momentum": 0.8, "dampening": 0.3, "weight_decay": 0.1},
    "decay": {"weight_decay": 0.1},
}


def made(settings: dict[str, Any]) -> Any:
    return SGD([parameter()], lr=LR, **settings)


def seen(optimizer: Any, scheduler: Any, steps: int) -> list[dict[str, Any]]:
    """Return the settings with which the optimizer takes each step."""
    found = []
    for _ in range(steps):
        group = optimizer.param_groups[0]
        found.append({key: group[key] for key in KEYS})
        optimizer.step()
        scheduler.step()
    return found


def effective(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out what has no effect, as a step has no momentum."""
    ignored = {"dampening": None, "nesterov": None}
    return [step if step["momentum"] else step | ignored for step in steps]


def test_every_scheduler_of_pytorch_is_here() -> None:
    assert set(schedulers.__all__) - {"LRScheduler", "ReduceLROnPlateau"} < set(EVERY)


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=list(SETTINGS))
@pytest.mark.parametrize("name", EVERY)
def test_read_and_put_back_every_step_has_the_same_settings(
    name: str, settings: dict[str, Any]
) -> None:
    optimizer = made(settings)
    scheduler = EVERY[name](optimizer)
    read = il.Schedule.from_torch(lambda _: scheduler, STEPS)
    wanted = seen(optimizer, scheduler, STEPS)
    # on an optimizer as the user's script makes it, before its scheduler
    other = SGD([parameter()], **first_settings(read))
    found = seen(other, read.to_torch(other), STEPS)
    assert effective(found) == effective(wanted)
    assert other.param_groups[0]["lr"] == 0.0
    # and what is put on is read again
    third = SGD([parameter()], **first_settings(read))
    assert il.Schedule.from_torch(lambda _: read.to_torch(third), STEPS) == read


def first_settings(schedule: il.Schedule) -> dict[str, Any]:
    """Return what an optimizer needs for a schedule: its settings where they do not change."""
    first: Any = schedule.phases[0]
    found = {"weight_decay": first.weight_decay, "dampening": first.dampening}
    if isinstance(first.momentum, float):
        found["momentum"] = first.momentum
    if first.nesterov:
        found |= {"nesterov": True, "momentum": float(np.max(first.momentum))}
    return found


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=list(SETTINGS))
@pytest.mark.parametrize("name", ["StepLR", "CyclicLR", "OneCycleLR", "of one's own"])
def test_what_is_read_trains_as_pytorch_does(name: str, settings: dict[str, Any]) -> None:
    optimizer = made(settings)
    scheduler = EVERY[name](optimizer)
    read = il.Schedule.from_torch(lambda _: scheduler, STEPS)
    weights, _ = loop(optimizer, scheduler, STEPS)
    np.testing.assert_allclose(il.train(PROBLEM, read).coef(), weights, rtol=1e-11, atol=1e-13)


def test_what_changes_makes_phases_that_carry_the_velocity() -> None:
    optimizer = made({"momentum": 0.9})
    read = il.Schedule.from_torch(lambda _: Switching(optimizer), 16)
    first, second, third = read.phases
    assert [phase.steps for phase in read.phases] == [7, 7, 2]
    assert [phase.weight_decay for phase in read.phases] == [0.2, 0.05, 0.2]
    assert isinstance(first, il.HeavyBall)
    assert isinstance(second, il.HeavyBall)
    assert isinstance(third, il.HeavyBall)
    assert first.momentum.tolist() == [0.0, 0.9, 0.9, 0.0, 0.0, 0.7, 0.0]
    assert [first.carry_velocity, second.carry_velocity, third.carry_velocity] == [
        False,
        True,
        True,
    ]
    plain = il.Schedule.from_torch(lambda _: EVERY["StepLR"](made({"weight_decay": 0.1})), 3)
    assert plain == il.Schedule(il.GradientDescent([LR] * 3, weight_decay=0.1))


def test_a_chained_scheduler_of_older_pytorch_is_read() -> None:
    chained = EVERY["ChainedScheduler"](made({"momentum": 0.9}))
    wanted = il.Schedule.from_torch(lambda _: chained, STEPS)
    del chained.optimizer
    assert il.Schedule.from_torch(lambda _: chained, STEPS) == wanted


CYCLED = il.Schedule(
    il.HeavyBall([0.1, 0.2, 0.3], [0.9, 0.0, 0.5], weight_decay=0.1),
    il.HeavyBall([0.2, 0.1], 0.25, carry_velocity=True),
)
SET = [(0.1, 0.9, 0.1), (0.2, 0.0, 0.1), (0.3, 0.5, 0.1), (0.2, 0.25, 0.0), (0.1, 0.25, 0.0)]


def triples(optimizer: Any, scheduler: Any, steps: int) -> list[tuple[float, ...]]:
    found = seen(optimizer, scheduler, steps)
    return [(step["lr"], step["momentum"], step["weight_decay"]) for step in found]


def test_momentum_and_decay_are_set_step_by_step_on_every_group() -> None:
    optimizer = SGD(groups({"momentum": 0.3}, {"weight_decay": 7.0}), lr=1.0)
    scheduler = CYCLED.to_torch(optimizer)
    assert isinstance(scheduler, schedulers.LambdaLR)
    for wanted in SET:
        for group in optimizer.param_groups:
            assert (group["lr"], group["momentum"], group["weight_decay"]) == wanted
        optimizer.step()
        scheduler.step()
    kept = SGD([parameter()], momentum=0.3, weight_decay=7.0)
    rates = CYCLED.to_torch(kept, rates_only=True)
    assert triples(kept, rates, 5) == [(lr, 0.3, 7.0) for lr, _, _ in SET]


@pytest.mark.parametrize(
    "again", [lambda pair: pickle.loads(pickle.dumps(pair)), copy.deepcopy], ids=["pickle", "copy"]
)
def test_a_pickled_scheduler_sets_momentum_on_its_own_optimizer(again: Any) -> None:
    optimizer = SGD([parameter()], lr=1.0)
    scheduler = CYCLED.to_torch(optimizer)
    triples(optimizer, scheduler, 2)
    other, copied = again((optimizer, scheduler))
    assert copied.optimizer is other
    assert triples(other, copied, 3) == SET[2:]
    assert optimizer.param_groups[0]["momentum"] == 0.5  # it has not moved with the copy
    assert triples(optimizer, scheduler, 3) == SET[2:]


def test_it_sets_momentum_inside_sequential_lr() -> None:
    optimizer = SGD([parameter()], lr=0.4)
    warm_up = schedulers.LinearLR(optimizer, 0.25, total_iters=3)
    scheduler = schedulers.SequentialLR(optimizer, [warm_up, CYCLED.to_torch(optimizer)], [2])
    found = triples(optimizer, scheduler, 7)
    np.testing.assert_allclose([lr for lr, _, _ in found[:2]], [0.1, 0.2], rtol=1e-14)
    assert found[2:] == SET
    # before one of PyTorch's that cycles the momentum, and after it
    mixed = SGD([parameter()], lr=0.4)
    ours = CYCLED.to_torch(mixed)
    cycle = schedulers.CyclicLR(mixed, 0.1, 0.3, 4, base_momentum=0.6, max_momentum=0.8)
    both = schedulers.SequentialLR(mixed, [ours, cycle], [5])
    assert triples(mixed, both, 5) == SET
    assert math.isclose(mixed.param_groups[0]["momentum"], 0.8)


@pytest.mark.parametrize("done", [0, 2, 4])
def test_its_state_restores_momentum(done: int) -> None:
    optimizer = SGD([parameter()], lr=1.0)
    scheduler = CYCLED.to_torch(optimizer)
    triples(optimizer, scheduler, done)
    resumed = SGD([parameter()], lr=7.0, momentum=0.5)
    follows = CYCLED.to_torch(resumed)
    resumed.load_state_dict(optimizer.state_dict())
    follows.load_state_dict(scheduler.state_dict())
    assert triples(resumed, follows, 5 - done) == SET[done:]


def test_descent_before_momentum_starts_at_rest_as_pytorch_does() -> None:
    schedule = il.GradientDescent(LR, 5) + il.HeavyBall(LR, 0.9, 5, carry_velocity=True)
    schedules = [schedule, il.HeavyBall(LR, 0.0, 5) + schedule.phases[1]]
    waiting = il.HeavyBall(LR, 0.0, 3, carry_velocity=True)
    schedules.append(il.HeavyBall(LR, 0.5, 4) + waiting + schedule.phases[1])
    for each in schedules:
        optimizer = SGD([parameter()])
        weights, _ = loop(optimizer, each.to_torch(optimizer), each.steps)
        np.testing.assert_allclose(il.train(PROBLEM, each).coef(), weights, rtol=1e-11)


def test_phases_that_sgd_cannot_take_are_refused() -> None:
    class Other(il.schedules.Phase):
        """Steps that are not those of any optimizer."""

        steps = 3

        def rate(self, step: int) -> float:
            return 0.1 * step

        learning_rates = scaled = to_dict = None  # type: ignore[assignment]  # only its steps are asked

    with pytest.raises(ValueError, match=r"SGD cannot take the steps of Other; set only"):
        il.Schedule(Other()).to_torch(SGD([parameter()]))
    optimizer = SGD([parameter()])
    scheduler = il.Schedule(Other()).to_torch(optimizer, rates_only=True)
    assert [lr for lr, _, _ in triples(optimizer, scheduler, 3)] == [0.0, 0.1, 0.2]
