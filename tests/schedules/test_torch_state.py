"""What is the user's stays as it is, and schedulers compose, pickle and restore as PyTorch's do."""

import copy
import io
import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pytorch_loops import (
    DESCENT,
    HEAVY,
    PROBLEM,
    RATES,
    SGD,
    groups,
    loop,
    parameter,
    rates_of,
    torch,
)

import isoloss as il

schedulers = torch.optim.lr_scheduler

SECOND: dict[str, Callable[[Any], Any]] = {
    "isoloss": il.Schedule(il.GradientDescent([0.1, 0.08, 0.06])).to_torch,
    "PyTorch": lambda o: schedulers.LambdaLR(o, lambda k: [1.0, 0.8, 0.6, 0.0][min(k, 3)]),
}
COMPOSED: dict[str, Callable[[Any, Any], Any]] = {
    "warm-up first": lambda o, second: schedulers.SequentialLR(
        o, [schedulers.LinearLR(o, 0.25, total_iters=3), second(o)], milestones=[3]
    ),
    "then constant": lambda o, second: schedulers.SequentialLR(
        o, [second(o), schedulers.ConstantLR(o, 0.5, total_iters=9)], milestones=[2]
    ),
    "in the middle": lambda o, second: schedulers.SequentialLR(
        o,
        [
            schedulers.LinearLR(o, 0.1, total_iters=2),
            second(o),
            schedulers.LambdaLR(o, lambda k: 0.9**k),
        ],
        milestones=[2, 4],
    ),
    "chained": lambda o, second: schedulers.ChainedScheduler(
        [second(o), schedulers.ConstantLR(o, 0.5, total_iters=2)]
    ),
}


@pytest.mark.parametrize("composed", COMPOSED)
def test_composed_with_others_it_is_as_pytorchs_own(composed: str) -> None:
    rates, initial = {}, {}
    for name, second in SECOND.items():
        optimizer = SGD([parameter()], lr=0.1)
        scheduler = COMPOSED[composed](optimizer, second)
        rates[name] = rates_of(optimizer, scheduler, 8)
        initial[name] = optimizer.param_groups[0]["initial_lr"]
    np.testing.assert_allclose(rates["isoloss"], rates["PyTorch"], rtol=1e-14)
    assert initial == {"isoloss": 0.1, "PyTorch": 0.1}


def test_a_warm_up_before_it_has_its_own_rates() -> None:
    optimizer = SGD([parameter()], lr=0.1)
    scheduler = COMPOSED["warm-up first"](optimizer, SECOND["isoloss"])
    wanted = [0.025, 0.05, 0.075, 0.1, 0.08, 0.06, 0.0]
    np.testing.assert_allclose(rates_of(optimizer, scheduler, 7), wanted, rtol=1e-14)


def dumped_by_torch(value: Any) -> Any:
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


@pytest.mark.parametrize(
    "again", [lambda v: pickle.loads(pickle.dumps(v)), dumped_by_torch, copy.deepcopy]
)
def test_its_scheduler_can_be_pickled(again: Callable[[Any], Any]) -> None:
    optimizer = SGD([parameter()], lr=1.0)
    scheduler = (DESCENT + il.GradientDescent(0.1, 2)).to_torch(optimizer)
    rates_of(optimizer, scheduler, 20)
    _, copied = again((optimizer, scheduler))
    found = rates_of(copied.optimizer, copied, 8)
    assert found == rates_of(optimizer, scheduler, 8) == [*RATES[20:].tolist(), 0.1, 0.1, 0.0, 0.0]


@pytest.mark.parametrize("done", [0, 1, 7, 24])
def test_its_state_restores(done: int) -> None:
    optimizer = SGD([parameter()], lr=1.0, momentum=0.9)
    scheduler = HEAVY.to_torch(optimizer)
    loop(optimizer, scheduler, done)
    file = io.BytesIO()
    torch.save(
        [optimizer.param_groups[0]["params"][0], optimizer.state_dict(), scheduler.state_dict()],
        file,
    )
    file.seek(0)
    weights, optimizers, schedulers_ = torch.load(file, weights_only=True)
    resumed = SGD([torch.nn.Parameter(weights.detach())], lr=7.0, momentum=0.9)
    follows = HEAVY.to_torch(resumed)
    resumed.load_state_dict(optimizers)
    follows.load_state_dict(schedulers_)
    found, used = loop(resumed, follows, HEAVY.steps - done)
    assert [rate for rate, _ in used] == RATES[done:].tolist()
    np.testing.assert_allclose(found, il.train(PROBLEM, HEAVY).coef(), rtol=1e-11)


USERS: dict[str, Callable[[Any], Any]] = {
    "StepLR": lambda o: schedulers.StepLR(o, 2, 0.5),
    "MultiStepLR": lambda o: schedulers.MultiStepLR(o, [1, 1, 3]),
    "LambdaLR": lambda o: schedulers.LambdaLR(o, lambda k: 1 / (1 + k)),
    "CyclicLR": lambda o: schedulers.CyclicLR(o, 0.1, 0.5, 3, cycle_momentum=False),
    "exp_range": lambda o: schedulers.CyclicLR(
        o, 0.1, 0.5, 3, mode="exp_range", gamma=0.9, cycle_momentum=False
    ),
    "WarmRestarts": lambda o: schedulers.CosineAnnealingWarmRestarts(o, 3, 2),
    "isoloss": DESCENT.to_torch,
    "SequentialLR": lambda o: schedulers.SequentialLR(
        o,
        [schedulers.LinearLR(o, 0.1, total_iters=3), schedulers.ExponentialLR(o, 0.9)],
        milestones=[3],
    ),
    "ChainedScheduler": lambda o: schedulers.ChainedScheduler(
        [schedulers.ConstantLR(o, 0.1, total_iters=4), schedulers.ExponentialLR(o, 0.9)]
    ),
}


@pytest.mark.parametrize("name", USERS)
def test_a_users_own_scheduler_stays_as_it_is(name: str) -> None:
    optimizer = SGD(groups({}, {}), lr=0.4)
    scheduler = USERS[name](optimizer)
    rates_of(optimizer, scheduler, 1)
    before = copy.deepcopy((optimizer.state_dict(), scheduler.state_dict()))
    identity = [id(group["params"][0]) for group in optimizer.param_groups]
    read = il.Schedule.from_torch(lambda _: scheduler, steps=6)
    after = (optimizer.state_dict(), scheduler.state_dict())
    assert repr(after) == repr(before)
    assert [id(group["params"][0]) for group in optimizer.param_groups] == identity
    assert read.learning_rates().tolist() == rates_of(optimizer, scheduler, 6)


def test_a_users_own_scheduler_stays_as_it_is_when_it_fails() -> None:
    optimizer = SGD([parameter()], lr=0.4)
    factors = [1.0, 0.5, 0.25]
    scheduler = schedulers.LambdaLR(optimizer, lambda k: factors[k])
    with pytest.raises(IndexError):
        il.Schedule.from_torch(lambda _: scheduler, 4)
    assert rates_of(optimizer, scheduler, 2) == [0.4, 0.2]


def test_a_scheduler_that_cannot_be_copied_is_not_moved() -> None:
    class Locked:
        lock = None

        def __call__(self, step: int) -> float:
            return 0.5**step

    rule = Locked()
    rule.lock = threading.Lock()
    optimizer = SGD([parameter()], lr=0.4)
    scheduler = schedulers.LambdaLR(optimizer, rule)
    with pytest.raises(ValueError, match=r"cannot be copied, .*lock.*; build it on the optimizer"):
        il.Schedule.from_torch(lambda _: scheduler, 3)
    assert scheduler.last_epoch == 0
    read = il.Schedule.from_torch(lambda o: schedulers.LambdaLR(o, rule), 3)
    assert read.learning_rates().tolist() == [1.0, 0.5, 0.25]


def test_no_step_too_many_is_taken() -> None:
    factors = [1.0, 0.5, 0.25]
    read = il.Schedule.from_torch(lambda o: schedulers.LambdaLR(o, lambda k: factors[k]), 3)
    assert read.learning_rates().tolist() == factors
    one = il.Schedule.from_torch(
        lambda o: schedulers.OneCycleLR(o, 0.5, total_steps=9, cycle_momentum=False), 9
    )
    assert one.steps == 9
