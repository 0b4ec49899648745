"""PyTorch's steps are isoloss's, or refused by name."""

import copy
from typing import Any

import numpy as np
import pytest
from pytorch_loops import (
    DESCENT,
    HEAVY,
    NESTEROV,
    PROBLEM,
    RATES,
    SGD,
    groups,
    loop,
    parameter,
    torch,
)

import isoloss as il

schedulers = torch.optim.lr_scheduler


@pytest.mark.parametrize(
    ("schedule", "settings"),
    [
        (DESCENT, {}),
        (DESCENT, {"dampening": 0.9}),  # of no velocity
        (DESCENT, {"lr": torch.tensor(0.5, dtype=torch.float64)}),
        (DESCENT, {"foreach": True}),
        (DESCENT, {"fused": True}),
        (HEAVY, {"momentum": 0.9}),
        (NESTEROV, {"momentum": 0.9, "nesterov": True}),
    ],
)
def test_what_is_accepted_takes_the_schedules_steps(
    schedule: il.Schedule, settings: dict[str, Any]
) -> None:
    optimizer = SGD([parameter()], **settings)
    found, _ = loop(optimizer, schedule.to_torch(optimizer), schedule.steps)
    np.testing.assert_allclose(found, il.train(PROBLEM, schedule).coef(), rtol=1e-11)


FIX = r"build torch.optim.SGD\(params.*\), or set only the rates on this one with .*rates_only=True"


@pytest.mark.parametrize(
    ("schedule", "settings", "message"),
    [
        (DESCENT, [{"weight_decay": 0.5}], r"group 0 has weight_decay=0.5, not 0.0;"),
        (DESCENT, [{}, {"weight_decay": 0.5}], r": parameter group 1 has weight_decay=0.5, not 0"),
        (DESCENT, [{"maximize": True}], r"group 0 has maximize=True, not False;"),
        (DESCENT, [{"momentum": 0.5}, {}], r"group 0 has momentum=0.5, not 0.0;"),
        (HEAVY, [{"momentum": 0.9, "dampening": 0.9}], r"group 0 has dampening=0.9, not 0.0;"),
        (
            HEAVY,
            [{"momentum": 0.9, "nesterov": True, "maximize": True}, {"weight_decay": 1e-4}],
            r"group 0 has maximize=True, not False, nesterov=True, not False; parameter group 1 "
            r"has weight_decay=0.0001, not 0.0, momentum=0.0, not 0.9;",
        ),
    ],
)
def test_settings_that_change_the_steps_are_refused(
    schedule: il.Schedule, settings: list[dict[str, Any]], message: str
) -> None:
    optimizer = SGD(groups(*settings))
    before = copy.deepcopy(optimizer.state_dict())
    with pytest.raises(ValueError, match=message) as refused:
        schedule.to_torch(optimizer)
    assert refused.match(FIX)
    assert optimizer.state_dict() == before


def test_every_setting_of_sgd_is_known() -> None:
    # of these, foreach, fused and differentiable choose an implementation of the same steps
    assert set(SGD([parameter()]).defaults) == {
        *("lr", "momentum", "dampening", "weight_decay", "nesterov", "maximize"),
        *("foreach", "differentiable", "fused"),
    }


class Own(SGD):
    """Whose steps may be anything."""


OTHERS = [
    *(torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop, torch.optim.Adagrad),
    *(torch.optim.ASGD, torch.optim.LBFGS, torch.optim.NAdam, torch.optim.Rprop, Own),
]


@pytest.mark.parametrize("kind", OTHERS)
def test_other_optimizers_are_refused_by_name(kind: Any) -> None:
    with pytest.raises(ValueError, match=f"{kind.__name__} would not take the .*; {FIX}"):
        DESCENT.to_torch(kind([parameter()]))
    with pytest.raises(ValueError, match=f"optimizer is {kind.__name__}, and must be SGD; to"):
        il.Schedule.from_torch(lambda _: schedulers.StepLR(kind([parameter()]), 2), 3)


@pytest.mark.parametrize("kind", OTHERS)
def test_rates_only_puts_the_rates_on_any_optimizer(kind: Any) -> None:
    optimizer = kind([parameter()])
    scheduler = HEAVY.to_torch(optimizer, rates_only=True)
    rates = []
    for _ in range(HEAVY.steps + 1):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step(lambda: torch.tensor(0.0))
        scheduler.step()
    assert rates == [*RATES.tolist(), 0.0]
    with pytest.raises(ValueError, match="flow has no learning rates"):
        il.anneal(0.1, 3).to_torch(kind([parameter()]), rates_only=True)


def test_rates_only_leaves_every_other_setting() -> None:
    found = torch.optim.AdamW([parameter()], weight_decay=0.3)
    ours, _ = loop(found, DESCENT.to_torch(found, rates_only=True), DESCENT.steps)
    wanted = torch.optim.AdamW([parameter()], lr=1.0, weight_decay=0.3)
    theirs, _ = loop(
        wanted,
        schedulers.LambdaLR(wanted, lambda k: [*RATES.tolist(), 0.0][k]),
        DESCENT.steps,
    )
    assert ours.tolist() == theirs.tolist()
    kept = SGD(groups({"weight_decay": 0.1}, {"momentum": 0.5, "maximize": True}))
    DESCENT.to_torch(kept, rates_only=True)
    assert [g["weight_decay"] for g in kept.param_groups] == [0.1, 0.0]
    assert [g["momentum"] for g in kept.param_groups] == [0.0, 0.5]


def test_a_velocity_from_earlier_steps_is_refused() -> None:
    optimizer = SGD([parameter()], lr=0.01, momentum=0.9)
    scheduler = schedulers.StepLR(optimizer, 2)
    loop(optimizer, scheduler, 2)
    with pytest.raises(ValueError, match=r"a velocity from earlier steps, .*starts at rest; bu"):
        HEAVY.to_torch(optimizer)
    with pytest.raises(ValueError, match="has a velocity from earlier steps; to read"):
        il.Schedule.from_torch(lambda _: scheduler, 3)
    HEAVY.to_torch(optimizer, rates_only=True)


def test_a_rate_that_would_be_rounded_is_refused() -> None:
    optimizer = SGD([parameter()], lr=torch.tensor(0.5))
    with pytest.raises(ValueError, match=r"group 0 has an lr in torch.float32, .*lr as a number"):
        DESCENT.to_torch(optimizer)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_of_the_users_optimizer_is_read(nesterov: bool) -> None:
    optimizer = SGD([parameter()], lr=0.3, momentum=0.8, nesterov=nesterov)
    scheduler = schedulers.CosineAnnealingLR(optimizer, 24)
    read = il.Schedule.from_torch(lambda _: scheduler, 24)
    kind = il.Nesterov if nesterov else il.HeavyBall
    assert read == il.Schedule(kind(read.learning_rates(), 0.8))
    found, _ = loop(optimizer, scheduler, 24)
    np.testing.assert_allclose(found, il.train(PROBLEM, read).coef(), rtol=1e-11)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"maximize": True}, r"cannot take .* it has maximize=True at step 0"),
        (
            {"momentum": 0.9, "nesterov": True, "dampening": 0.5},
            "it has dampening=0.5 with Nesterov's momentum at step 0",
        ),
    ],
)
def test_steps_that_cannot_be_computed_are_refused(settings: Any, message: str) -> None:
    optimizer = SGD([parameter()], lr=0.1)
    optimizer.param_groups[0].update(settings)  # PyTorch itself refuses the second
    with pytest.raises(ValueError, match=f"{message}; to read the rates as those of plain SGD"):
        il.Schedule.from_torch(lambda _: schedulers.StepLR(optimizer, 2), 3)


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("momentum", 0.9, 0.5),
        ("weight_decay", 0.1, 0.0),
        ("dampening", 0.1, 0.0),
        ("maximize", True, False),
    ],
)
def test_groups_that_differ_are_refused(name: str, one: Any, other: Any) -> None:
    optimizer = SGD(groups({name: one}, {name: other}), lr=0.1)
    message = rf"differ in {name} at step 0: \[{one}, {other}\]; a schedule has one .*; to read"
    with pytest.raises(ValueError, match=message):
        il.Schedule.from_torch(lambda _: schedulers.StepLR(optimizer, 2), 3)


def test_what_is_no_builder_is_refused() -> None:
    scheduler = schedulers.StepLR(SGD([parameter()], lr=0.1), 2)
    with pytest.raises(TypeError, match=r"build must be a function .*lambda .*; got StepLR"):
        il.Schedule.from_torch(scheduler, 3)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(ValueError, match="steps must not be negative; got -1"):
        il.Schedule.from_torch(lambda o: schedulers.StepLR(o, 2), -1)
