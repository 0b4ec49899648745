"""Settings of the optimizer, given to whole schedules and to families."""

from typing import Any

import pytest

import isoloss as il
from isoloss import families

STEPS = il.GradientDescent([0.5, 0.25])


def test_steps_take_all_settings_and_flows_take_weight_decay() -> None:
    schedule = STEPS + il.Nesterov(0.1, 0.5, 3, carry_velocity=True) + il.GradientFlow(2.0)
    settings: Any = {"weight_decay": 0.1, "batch_size": 32, "sampling": "replacement"}
    assert schedule.with_settings(**settings) == il.Schedule(
        il.GradientDescent([0.5, 0.25], **settings),
        il.Nesterov(0.1, 0.5, 3, carry_velocity=True, **settings),
        il.GradientFlow(2.0, weight_decay=0.1),
    )
    assert schedule.with_settings(momentum=0.9) == il.Schedule(
        il.HeavyBall([0.5, 0.25], 0.9),
        il.Nesterov(0.1, 0.9, 3, carry_velocity=True),
        il.GradientFlow(2.0),
    )
    # what is not given stays, and defaults take settings away again
    decayed = schedule.with_settings(**settings)
    assert decayed.with_settings(weight_decay=0.0, batch_size=None, sampling=None) == schedule
    assert decayed.with_settings() is decayed


def test_the_kind_of_momentum_is_a_setting() -> None:
    heavy = il.Schedule(il.HeavyBall(0.1, [0.5, 0.9], 2, decoupled=True))
    nesterov = il.Schedule(il.Nesterov(0.1, [0.5, 0.9], 2, decoupled=True))
    assert heavy.with_settings(nesterov=True) == nesterov
    assert nesterov.with_settings(nesterov=False) == heavy
    steps = il.Schedule(STEPS)
    assert steps.with_settings(momentum=[0.5, 0.9], dampening=0.1) == il.Schedule(
        il.HeavyBall([0.5, 0.25], [0.5, 0.9], dampening=0.1)
    )
    assert steps.with_settings(momentum=lambda k: 0.5 - 0.1 * k, nesterov=True) == il.Schedule(
        il.Nesterov([0.5, 0.25], [0.5, 0.4])
    )
    assert steps.with_settings(nesterov=False, dampening=0.0) == steps


ARGUMENTS: dict[str, dict[str, Any]] = {
    "cyclic": {"low": 0.1, "high": 0.5, "half_cycle": 2},
    "exponential": {"lr": 0.5, "factor": 0.5},
    "inverse_time": {"lr": 0.5, "rate": 0.5},
    "step_decay": {"lr": 0.5, "every": 2},
    "warmup_stable_decay": {"lr": 0.5, "warmup": 1, "decay": 2},
}


@pytest.mark.parametrize("name", families.__all__)
def test_every_family_takes_them(name: str) -> None:
    make, arguments = getattr(families, name), {"steps": 6, **ARGUMENTS.get(name, {"lr": 0.5})}
    settings: dict[str, Any] = {"weight_decay": 0.1, "batch_size": 32, "momentum": 0.9}
    found = make(**arguments, **settings)
    assert found == make(**arguments).with_settings(**settings)
    assert found.phases[0] == il.HeavyBall(
        make(**arguments).phases[0].lr, steps=6, momentum=0.9, weight_decay=0.1, batch_size=32
    )
    text = ", ".join(f"{key}={value}" for key, value in (arguments | settings).items())
    assert il.schedules.Spec.parse(f"{name}({text})").relative == found
    with pytest.raises(TypeError, match=r"'momentm' is not a setting .*mean 'momentum'.*; the se"):
        make(**arguments, momentm=0.9)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dampening": 0.1, "decoupled": True}, "dampening and decoupled would have no effect wi"),
        ({"nesterov": True}, "nesterov would have no effect without momentum: .*momentum=0.9"),
        ({"momentum": 0.9, "nesterov": True, "dampening": 0.1}, "Nesterov's .* has no dampening"),
        ({"batch_size": 0}, "batch_size must be between 1"),
    ],
)
def test_what_cannot_be_is_refused(settings: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        il.Schedule(STEPS).with_settings(**settings)


def test_nesterov_is_no_text() -> None:
    # "false" would be taken for true
    message = "nesterov must be True or False; got 'false'"
    schedule = il.Schedule(STEPS)
    with pytest.raises(TypeError, match=message):
        schedule.with_settings(momentum=0.9, nesterov="false")  # type: ignore[typeddict-item]  # wrong on purpose
    problem = il.Problem.from_spectra([1.0], [1.0], [1.0])
    with pytest.raises(ValueError, match=message):
        il.train(problem, "cosine(1, 5, momentum=0.9, nesterov=false)")


def test_phases_of_another_kind_are_refused() -> None:
    class Own(il.GradientDescent):
        __slots__ = ()

    with pytest.raises(ValueError, match="Own takes steps of its own, whose settings cannot be"):
        il.Schedule(Own(0.1, 3)).with_settings(weight_decay=0.1)
