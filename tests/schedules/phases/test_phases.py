"""The optimizer settings of phases: weight decay, minibatches, momentum and dampening."""

import pickle
from typing import Any

import numpy as np
import pytest

import isoloss as il
from isoloss.schedules.phases.parts import part, with_last_rate
from isoloss.schedules.schedule import Phase

SET = {
    "descent": il.GradientDescent(0.5, 9, weight_decay=0.1, batch_size=32),
    "rates": il.GradientDescent([0.5, 0.25], batch_size=1, sampling="without_replacement"),
    "heavy": il.HeavyBall(0.5, [0.0, 0.9, 0.5], 3, dampening=0.25, weight_decay=0.1),
    "nesterov": il.Nesterov(0.5, 0.9, 3, carry_velocity=True, decoupled=True, weight_decay=0.1),
    "flow": il.GradientFlow(2.5, weight_decay=0.1),
    "endless": il.GradientFlow(weight_decay=0.1),
}


@pytest.mark.parametrize("name", SET)
def test_phases_print_pickle_and_compare_by_their_settings(name: str) -> None:
    phase = SET[name]
    assert eval(repr(phase), vars(il)) == phase
    assert pickle.loads(pickle.dumps(phase)) == phase
    schedule = il.Schedule(phase)
    assert il.Schedule.from_json(schedule.to_json()) == schedule
    assert hash(il.Schedule.from_json(schedule.to_json())) == hash(schedule)
    fields = phase.to_dict()
    for setting in ("weight_decay", "batch_size", "dampening", "sampling", "momentum"):
        if setting not in fields:
            continue
        other: dict[str, Any] = fields | {setting: 0.125}
        if setting == "batch_size":
            other[setting] = 7
        elif setting == "sampling":
            other[setting] = "gaussian"
        assert phase.from_dict(other) != phase
    assert not phase.is_plain
    assert not schedule.is_plain


def test_defaults_are_neither_printed_nor_written() -> None:
    phases = il.GradientDescent(0.5, 9), il.HeavyBall(0.5, 0.9, 3), il.GradientFlow(2.5)
    shown = [repr(phase) for phase in phases]
    assert shown == [
        "GradientDescent(0.5, steps=9)",
        "HeavyBall(0.5, momentum=0.9, steps=3)",
        "GradientFlow(time=2.5)",
    ]
    assert [sorted(phase.to_dict()) for phase in phases] == [
        ["lr", "steps"],
        ["carry_velocity", "lr", "momentum", "steps"],
        ["time"],
    ]
    assert il.Schedule(*phases).is_plain


def test_momentum_for_each_step() -> None:
    phase = il.Nesterov(0.1, lambda step: 0.5 + 0.1 * step, 3)
    assert phase.momentum.tolist() == [0.5, 0.6, 0.7]
    assert not phase.momentum.flags.writeable
    # one momentum for all steps is one momentum, which is solved in closed form
    assert il.HeavyBall(0.1, [0.9, 0.9], 2) == il.HeavyBall(0.1, 0.9, 2)
    assert il.HeavyBall(0.1, [0.9, 0.9], 2).is_plain
    assert il.HeavyBall([], []).momentum == 0.0


def test_another_unit_divides_weight_decay() -> None:
    # η and λ matter through ηλ and 2γ + λ, so λ has the unit of γ, and η that of 1/γ
    schedule = il.Schedule(*SET.values()).scaled(4.0)
    assert [phase.weight_decay for phase in schedule.phases] == [
        0.025,
        0,
        0.025,
        0.025,
        0.025,
        0.025,
    ]
    assert schedule.phases[0] == il.GradientDescent(2.0, 9, weight_decay=0.025, batch_size=32)
    assert il.GradientFlow(2.0).scaled(0.0) == il.GradientFlow(0.0)
    # nothing moves, whatever the decay
    assert il.Schedule(SET["descent"]).scaled(0.0) == il.Schedule(
        il.GradientDescent(0.0, 9, weight_decay=0.1, batch_size=32)
    )


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"weight_decay": -0.1}, ValueError, "weight_decay must be .* at least 0; got -0.1"),
        ({"weight_decay": [0.1, 0.2]}, ValueError, "weight_decay must be a finite number"),
        ({"batch_size": 0}, ValueError, r"batch_size must be between 1 and 2\*\*53; got 0"),
        ({"batch_size": 3.5}, TypeError, "batch_size must be an integer; got float 3.5"),
        ({"sampling": "gaussian"}, ValueError, "give batch_size too"),
        (
            {"batch_size": 2, "sampling": "rows"},
            ValueError,
            "one of replacement, without_replacement, gaussian; got 'rows'",
        ),
        ({"dampening": 1.5}, ValueError, "dampening must be at most 1; got 1.5"),
        ({"momentum": [0.9, 0.8]}, ValueError, r"each of the 3 steps; got shape \(2,\)"),
        ({"momentum": [0.9, 0.1, 1.0]}, ValueError, "at least 0 and below 1; got 1.0"),
        ({"decoupled": 1}, TypeError, "decoupled must be True or False; got 1"),
    ],
    ids=str,
)
def test_faults(settings: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        il.HeavyBall(**{"lr": 1.0, "momentum": 0.9, "steps": 3, **settings})


def test_what_other_phases_refuse() -> None:
    with pytest.raises(ValueError, match=r"weight_decay must be a finite .* 0; got inf"):
        il.GradientFlow(weight_decay=np.inf)
    with pytest.raises(TypeError, match="dampening"):  # as PyTorch does
        il.Nesterov(1.0, 0.9, 2, dampening=0.1)  # type: ignore[call-arg]  # wrong on purpose


def test_parts() -> None:
    heavy = SET["heavy"]
    assert part(heavy, 0, 3) == heavy
    later = part(heavy, 1, 3)
    assert later.momentum.tolist() == [0.9, 0.5]
    assert later.carry_velocity
    assert (later.dampening, later.weight_decay, later.steps) == (0.25, 0.1, 2)
    assert with_last_rate(SET["rates"], 2, 0.125)[0].lr.tolist() == [0.5, 0.125]
    first, last = with_last_rate(SET["descent"], 5, 0.125)
    assert first == il.GradientDescent(0.5, 4, weight_decay=0.1, batch_size=32)
    assert last == il.GradientDescent(0.125, 1, weight_decay=0.1, batch_size=32)

    class Masked(Phase):  # without a name, it is no kind of its own
        steps = 3

        def rate(self, step: int) -> float:
            return 0.1

        learning_rates = scaled = to_dict = None  # type: ignore[assignment]  # only its name is asked

    with pytest.raises(ValueError, match="stops within Masked, of which nothing is known"):
        part(Masked(), 0, 2)
