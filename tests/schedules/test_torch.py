"""Schedules from PyTorch's schedulers, on its optimizers, and both optimizers' steps."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import isoloss as il

torch = pytest.importorskip("torch", reason="the extra torch")
schedulers = torch.optim.lr_scheduler

RNG = np.random.default_rng(50)
X, Y = RNG.standard_normal((30, 5)), RNG.standard_normal(30)
X_TEST, Y_TEST = RNG.standard_normal((20, 5)), RNG.standard_normal(20)
START = RNG.standard_normal(5)
PROBLEM = il.Problem.from_data(X, Y, X_TEST, Y_TEST, start=START)
LR = float(PROBLEM.max_lr)
RATES = LR * RNG.uniform(0, 1.2, 80)


def sgd(**options: Any) -> Any:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], **options)


def rates_on(optimizer: Any, scheduler: Any, steps: int) -> list[float]:
    """Return the rates with which the optimizer steps."""
    rates = []
    for _ in range(steps):
        (rate,) = {group["lr"] for group in optimizer.param_groups}
        rates.append(rate)
        optimizer.step()
        scheduler.step()
    return rates


def trained(schedule: il.Schedule, **options: Any) -> list[np.ndarray]:
    """Return the coefficients of a model trained by PyTorch, before and after every step."""
    x, y = torch.tensor(X), torch.tensor(Y)
    coef = torch.nn.Parameter(torch.tensor(START))
    optimizer = torch.optim.SGD([coef], lr=99.0, **options)
    scheduler = schedule.to_torch(optimizer)
    found = [coef.detach().numpy().copy()]
    for _ in range(schedule.steps):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(x @ coef, y).backward()
        optimizer.step()
        scheduler.step()
        found.append(coef.detach().numpy().copy())
    return found


@pytest.mark.parametrize(
    ("schedule", "options"),
    [
        (il.Schedule(il.GradientDescent(RATES)), {}),
        (il.Schedule(il.HeavyBall(RATES, 0.9)), {"momentum": 0.9}),
        (il.Schedule(il.HeavyBall(0.3 * LR, 0.5, 80)), {"momentum": 0.5}),
        (il.Schedule(il.Nesterov(0.5 * RATES, 0.9)), {"momentum": 0.9, "nesterov": True}),
        (il.Schedule(il.Nesterov(0.3 * LR, 0.5, 80)), {"momentum": 0.5, "nesterov": True}),
        (
            il.Nesterov(0.2 * LR, 0.9, 30)
            + il.Nesterov(0.5 * RATES, 0.9, carry_velocity=True)
            + il.Nesterov(0.1 * LR, 0.9, 30, carry_velocity=True),
            {"momentum": 0.9, "nesterov": True},
        ),
        (il.HeavyBall(RATES, 0.0) + il.GradientDescent(RATES) + il.Nesterov(RATES, 0.0), {}),
    ],
    ids=[
        "descent",
        "heavy ball",
        "heavy ball, one rate",
        "Nesterov",
        "Nesterov, one rate",
        "a velocity through three phases",
        "momentum 0",
    ],
)
def test_every_step_is_pytorchs(schedule: il.Schedule, options: dict[str, Any]) -> None:
    wanted = trained(schedule, **options)
    path = il.train(PROBLEM, schedule).path(points=1000)
    assert path.steps.tolist() == list(range(schedule.steps + 1))
    np.testing.assert_allclose(path.coef(), wanted, rtol=1e-11, atol=1e-13)
    end = il.train(PROBLEM, schedule).coef()
    np.testing.assert_allclose(end, wanted[-1], rtol=1e-11, atol=1e-13)


BUILDS: dict[str, Callable[[Any], Any]] = {
    "StepLR": lambda o: schedulers.StepLR(o, 7, gamma=0.3),
    "CosineAnnealingLR": lambda o: schedulers.CosineAnnealingLR(o, 20, eta_min=0.01),
    "OneCycleLR": lambda o: schedulers.OneCycleLR(
        o, max_lr=0.7, total_steps=40, cycle_momentum=False
    ),
    "LambdaLR": lambda o: schedulers.LambdaLR(o, lambda step: 1 / (1 + step)),
    "SequentialLR": lambda o: schedulers.SequentialLR(
        o,
        [schedulers.LinearLR(o, 0.1, total_iters=5), schedulers.ExponentialLR(o, 0.9)],
        milestones=[6],
    ),
    "ChainedScheduler": lambda o: schedulers.ChainedScheduler(
        [schedulers.ConstantLR(o, 0.1, total_iters=4), schedulers.ExponentialLR(o, 0.9)]
    ),
}


@pytest.mark.parametrize("name", BUILDS)
def test_a_schedulers_rates_are_read(name: str) -> None:
    optimizer = sgd(lr=0.35)
    wanted = rates_on(optimizer, BUILDS[name](optimizer), 40)
    schedule = il.Schedule.from_torch(BUILDS[name], steps=40, lr=0.35)
    assert schedule == il.Schedule(il.GradientDescent(wanted))
    assert len(set(wanted)) > 2


def test_the_rates_are_those_of_the_formulas() -> None:
    read = il.Schedule.from_torch
    step = np.arange(12)
    stepped = read(lambda o: schedulers.StepLR(o, 5, gamma=0.5), steps=12, lr=0.8)
    assert stepped.learning_rates().tolist() == (0.8 * 0.5 ** (step // 5)).tolist()
    inverse = read(lambda o: schedulers.LambdaLR(o, lambda k: 1 / (1 + k)), steps=12)
    assert inverse.learning_rates().tolist() == (1 / (1 + step)).tolist()
    cosine = read(lambda o: schedulers.CosineAnnealingLR(o, 12), steps=12)
    np.testing.assert_allclose(
        cosine.learning_rates(), 0.5 * (1 + np.cos(np.pi * step / 12)), rtol=1e-13
    )
    assert read(BUILDS["StepLR"], steps=0) == il.Schedule(il.GradientDescent([]))


def test_a_scheduler_on_the_users_own_optimizer() -> None:
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.25)
    schedule = il.Schedule.from_torch(lambda _: schedulers.StepLR(optimizer, 2, 0.5), steps=5)
    assert schedule == il.Schedule(il.GradientDescent([0.25, 0.25, 0.125, 0.125, 0.0625]))
    groups = [{"params": [p]} for p in model.parameters()]
    grouped = torch.optim.SGD(groups, lr=0.25)
    same = il.Schedule.from_torch(lambda _: schedulers.StepLR(grouped, 2, 0.5), steps=5)
    assert same == schedule


def test_reading_rates_does_not_train_the_users_model() -> None:
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.grad = torch.ones(2)
    optimizer = torch.optim.SGD([parameter], lr=0.25)
    il.Schedule.from_torch(lambda _: schedulers.StepLR(optimizer, 2), steps=3)
    assert parameter.tolist() == [1.0, 1.0]


def test_rates_are_set_to_the_last_bit() -> None:
    rng = np.random.default_rng(51)
    rates = np.concatenate([10.0 ** rng.uniform(-320, 308, 300), rng.uniform(0, 1, 300)])
    rates = np.append(rates, [0.0, 5e-324, np.finfo(float).max, 1 / 3, np.pi])
    schedule = il.Schedule(
        il.GradientDescent(rates), il.GradientDescent([]), il.GradientDescent(0.1, 3)
    )
    optimizer = sgd(lr=0.7)
    found = rates_on(optimizer, schedule.to_torch(optimizer), len(rates) + 6)
    assert found == [*rates.tolist(), 0.1, 0.1, 0.1, 0.0, 0.0, 0.0]


def test_rates_go_there_and_back() -> None:
    schedule = il.Schedule(il.GradientDescent(RATES))
    assert il.Schedule.from_torch(schedule.to_torch, steps=RATES.size, lr=0.3) == schedule
    late = il.Schedule.from_torch(schedule.to_torch, steps=RATES.size + 2)
    assert late.learning_rates().tolist() == [*RATES.tolist(), 0.0, 0.0]


def test_a_used_optimizer_with_groups_takes_the_rates() -> None:
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in (0.1, 0.2)]
    optimizer = torch.optim.SGD(groups, lr=0.3)
    rates_before = schedulers.StepLR(optimizer, 1)
    optimizer.step()
    rates_before.step()
    scheduler = il.Schedule(il.GradientDescent([0.5, 0.25])).to_torch(optimizer)
    assert isinstance(scheduler, schedulers.LambdaLR)
    assert scheduler.get_last_lr() == [0.5, 0.5]
    assert rates_on(optimizer, scheduler, 3) == [0.5, 0.25, 0.0]


def test_an_empty_schedule_has_rate_zero() -> None:
    optimizer = sgd(lr=0.7)
    schedule = il.Schedule(il.GradientFlow(0.0), il.HeavyBall([], 0.9))
    assert rates_on(optimizer, schedule.to_torch(optimizer), 2) == [0.0, 0.0]


def test_a_billion_steps_take_no_memory() -> None:
    optimizer = sgd(lr=0.7)
    # a float64 of each would be 72 PB
    schedule = il.GradientDescent([0.5]) + il.GradientDescent(0.1, 9 * 10**15)
    assert rates_on(optimizer, schedule.to_torch(optimizer), 3) == [0.5, 0.1, 0.1]


def two_rates(_: Any) -> Any:
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in (0.1, 0.2)]
    return schedulers.StepLR(torch.optim.SGD(groups, lr=0.3), 2)


def parting_rates(_: Any) -> Any:
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))]} for _ in range(2)]
    rules = [lambda step: 1.0, lambda step: 1.0 if step < 2 else 0.5]
    return schedulers.LambdaLR(torch.optim.SGD(groups, lr=0.3), rules)


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (two_rates, ValueError, r"differ in lr at step 0: \[0.1, 0.2\]; a schedule has one"),
        (parting_rates, ValueError, r"differ in lr at step 2: \[0.3, 0.15\]"),
        (schedulers.ReduceLROnPlateau, TypeError, "ReduceLROnPlateau depend on a measured loss"),
        (lambda o: o, TypeError, "build must return the .*lr_scheduler.*got SGD"),
        (lambda o: None, TypeError, "build must return the .*lr_scheduler.*got NoneType"),
    ],
)
def test_what_cannot_be_read_is_refused(build: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        il.Schedule.from_torch(build, steps=5)


HEAVY, NESTEROV = il.HeavyBall(0.1, 0.9, 5), il.Nesterov(0.1, 0.9, 5)
CARRIED = il.HeavyBall(0.1, 0.9, 5, carry_velocity=True)


@pytest.mark.parametrize(
    ("schedule", "optimizer", "error", "message"),
    [
        (il.anneal(0.1, 5), lambda: sgd(lr=0.1), ValueError, "gradient flow has no learning rates"),
        (il.GradientFlow(2.0), lambda: sgd(lr=0.1), ValueError, "flow has no learning rates"),
        (HEAVY, lambda: "SGD", TypeError, "must be a torch.optim.Optimizer; got str"),
        (
            HEAVY,
            lambda: sgd(lr=0.1),
            ValueError,
            r"group 0 has momentum=0.0, not 0.9; build torch.optim.SGD\(params, momentum=0.9\), or",
        ),
        (
            HEAVY,
            lambda: sgd(lr=0.1, momentum=0.5),
            ValueError,
            "group 0 has momentum=0.5, not 0.9",
        ),
        (
            il.GradientDescent(0.1, 5),
            lambda: sgd(lr=0.1, momentum=0.5),
            ValueError,
            r"group 0 has momentum=0.5, not 0.0; build torch.optim.SGD\(params\), or",
        ),
        (
            HEAVY,
            lambda: sgd(lr=0.1, momentum=0.9, nesterov=True),
            ValueError,
            "group 0 has nesterov=True, not False; build",
        ),
        (
            NESTEROV,
            lambda: sgd(lr=0.1, momentum=0.9),
            ValueError,
            r"group 0 has nesterov=False, not True; build .*, momentum=0.9, nesterov=True\)",
        ),
        (
            il.GradientDescent(0.1, 5, weight_decay=0.1, batch_size=2),
            lambda: sgd(lr=0.1),
            ValueError,
            r"group 0 has weight_decay=0.0, not 0.1; build .*SGD\(params, weight_decay=0.1\), or",
        ),
        (
            il.HeavyBall(0.1, [0.5, 0.9], 2, dampening=0.5),
            lambda: sgd(lr=0.1),
            ValueError,
            r"group 0 has dampening=0.0, not 0.5; build .*SGD\(params, dampening=0.5\), or",
        ),
        (
            il.Nesterov(0.1, [0.5, 0.9], 2),
            lambda: sgd(lr=0.1),
            ValueError,
            r"nesterov=False, not True; build .*SGD\(params, momentum=0.9, nesterov=True\), or",
        ),
        (
            il.Nesterov(0.1, 0.9, 2, decoupled=True, weight_decay=0.1),
            lambda: sgd(lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
            ValueError,
            "torch.optim.SGD has no decoupled weight decay beside momentum; leave out decoupled, o",
        ),
        (
            HEAVY + il.HeavyBall(0.1, 0.9, 5),
            lambda: sgd(lr=0.1, momentum=0.9),
            ValueError,
            "keeps its velocity: .*carry_velocity=True",
        ),
        # what drops the velocity without taking a step
        (
            HEAVY + il.GradientFlow(0.0) + CARRIED,
            lambda: sgd(lr=0.1, momentum=0.9),
            ValueError,
            "keeps its velocity",
        ),
        (
            HEAVY + il.GradientDescent([]) + CARRIED,
            lambda: sgd(lr=0.1, momentum=0.9),
            ValueError,
            "keeps its velocity",
        ),
        (
            HEAVY + il.HeavyBall([], 0.9) + CARRIED,
            lambda: sgd(lr=0.1, momentum=0.9),
            ValueError,
            "keeps its velocity",
        ),
    ],
)
def test_what_cannot_be_put_on_is_refused(
    schedule: Any, optimizer: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        il.Schedule(schedule).to_torch(optimizer())
