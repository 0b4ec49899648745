"""Phases and schedules as values: how they compare, join, print, travel as JSON and refuse."""

import copy
import json
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import isoloss as il

MOMENTUM = [il.HeavyBall, il.Nesterov]
FIRST, SECOND = il.GradientDescent([0.5, 0.25]), il.HeavyBall(0.1, 0.9, 3)
FLOW = il.GradientFlow(2.0)


def test_phases_are_values() -> None:
    assert il.GradientDescent(0.5, 10) == il.GradientDescent(np.float32(0.5), steps=np.int64(10))
    assert il.GradientDescent([0.5, 0.25]) == il.GradientDescent(np.array([0.5, 0.25]), steps=2)
    assert il.GradientDescent(0.5, 2) != il.GradientDescent([0.5, 0.5])
    assert il.GradientFlow() == il.GradientFlow(math.inf)
    assert il.GradientFlow(1) != il.GradientFlow(2)
    phases = [il.GradientDescent([0.5, 0.25]), il.GradientDescent(0.5, 3), il.GradientFlow(2)]
    same = [il.GradientDescent([0.5, 0.25]), il.GradientDescent(0.5, 3), il.GradientFlow(2)]
    assert {*phases} == {*same}
    assert len({*phases, *same}) == 3
    assert hash(il.Schedule(*phases)) == hash(il.Schedule(*same))


def test_schedules_flatten() -> None:
    inner = il.anneal(0.5, 3)
    assert inner == il.Schedule(il.GradientDescent(0.5, 3), il.GradientFlow())
    assert il.Schedule(il.GradientFlow(1.0), inner).phases == (il.GradientFlow(1.0), *inner.phases)
    assert il.Schedule().phases == ()


@pytest.mark.parametrize(
    "text",
    [
        "GradientDescent(0.5, steps=10)",
        "GradientDescent([0.5, 0.25])",
        "GradientDescent([])",
        "GradientFlow()",
        "GradientFlow(time=2.5)",
        "HeavyBall(0.1, momentum=0.9, steps=100)",
        "HeavyBall([0.5, 0.25], momentum=0.0)",
        "HeavyBall([], momentum=0.5, carry_velocity=True)",
        "Nesterov(1e-05, momentum=0.9, carry_velocity=True, steps=3)",
        "Nesterov([0.5, 0.25], momentum=0.9, carry_velocity=True)",
        "Schedule(GradientDescent(1e-05, steps=3), GradientFlow())",
        "Schedule()",
    ],
)
def test_they_print_as_one_would_write_them(text: str) -> None:
    assert repr(eval(text, vars(il))) == text


def test_long_arrays_of_rates_print_short() -> None:
    assert len(repr(il.GradientDescent(np.linspace(1, 0, 20000)))) < 90
    text = "Nesterov([4.0, 3.0, 2.0, ..., -0.0], momentum=0.9, carry_velocity=True, steps=9)"
    rates = np.array([4.0, 3.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, -0.0])
    assert repr(il.Nesterov(rates, 0.9, carry_velocity=True)) == text
    assert repr(il.HeavyBall(rates[:8], 0.9)) == (
        "HeavyBall([4.0, 3.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0], momentum=0.9)"
    )


def test_phases_do_not_change() -> None:
    rates = np.array([0.5, 0.25])
    phase = il.GradientDescent(rates)
    rates[0] = 9.0
    assert phase.lr[0] == 0.5
    with pytest.raises(ValueError, match="read-only"):
        phase.lr[0] = 9.0
    with pytest.raises(AttributeError, match="immutable"):
        phase.steps = 3  # type: ignore[misc]  # wrong on purpose
    assert pickle.loads(pickle.dumps(phase)) == phase
    assert phase.lr.dtype == np.float64


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: il.GradientDescent(-0.1, 3), ValueError, "negative.*-0.1"),
        (lambda: il.GradientDescent([0.1, -0.2]), ValueError, "negative.*-0.2"),
        (lambda: il.GradientDescent(math.nan, 3), ValueError, "finite"),
        (lambda: il.GradientDescent([0.1, math.inf]), ValueError, "finite"),
        (lambda: il.GradientDescent(0.1), ValueError, "steps=K"),
        (lambda: il.GradientDescent([[0.1]]), ValueError, r"1-D.*\(1, 1\)"),
        (lambda: il.GradientDescent([0.1, 0.2], steps=3), ValueError, "2 rates but steps=3"),
        (lambda: il.GradientDescent(0.1, 2.5), TypeError, "integer.*2.5"),  # type: ignore[arg-type]  # wrong on purpose
        (lambda: il.GradientDescent(0.1, True), TypeError, "integer.*bool"),
        (lambda: il.GradientDescent(0.1, -1), ValueError, "between 0.*-1"),
        (lambda: il.GradientDescent(0.1, 2**60), ValueError, r"2\*\*53"),
        (lambda: il.GradientFlow(-1.0), ValueError, "at least 0.*-1.0"),
        (lambda: il.GradientFlow(math.nan), ValueError, "at least 0.*nan"),
        (lambda: il.Schedule(0.1), TypeError, "float"),  # type: ignore[arg-type]  # wrong on purpose
        (lambda: il.HeavyBall(0.1, 1.0, 3), ValueError, "at least 0 and below 1; got 1.0"),
        (lambda: il.HeavyBall(0.1, -0.1, 3), ValueError, "at least 0 and below 1; got -0.1"),
        (lambda: il.Nesterov(0.1, math.nan, 3), ValueError, "at least 0 and below 1; got nan"),
        (lambda: il.Nesterov(0.1, math.inf, 3), ValueError, "at least 0 and below 1; got inf"),
        (lambda: il.Nesterov(-0.1, 0.9, 3), ValueError, "negative.*-0.1"),
        (lambda: il.Nesterov(0.1, 0.9), ValueError, r"steps: Nesterov\(0.1, steps=K\)"),
        (lambda: il.HeavyBall([0.1], 0.9, 2), ValueError, "1 rates but steps=2"),
        (
            lambda: il.HeavyBall(0.1, 0.9, 3, carry_velocity=1),  # type: ignore[arg-type]  # wrong on purpose
            TypeError,
            "carry_velocity must be True or False; got 1",
        ),
        (
            lambda: il.HeavyBall(lambda step: 0.1, 0.9),
            ValueError,
            r"a function of the step needs steps=K: HeavyBall\(lr, steps=K\)",
        ),
        (lambda: il.GradientDescent(lambda step: -1.0, 2), ValueError, "negative.*-1"),
        (lambda: il.GradientDescent(lambda step: 0.1), ValueError, "needs steps=K"),
    ],
)
def test_what_cannot_be_is_refused(build: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build()


@pytest.mark.parametrize("kind", MOMENTUM)
def test_momentum_phases_are_values(kind: Any) -> None:
    phase = kind(0.5, 0.9, 10)
    assert phase == kind(np.float32(0.5), momentum=0.9, steps=np.int64(10), carry_velocity=False)
    assert hash(phase) == hash(kind(0.5, 0.9, 10))
    others = [
        kind(0.5, 0.8, 10),
        kind(0.25, 0.9, 10),
        kind(0.5, 0.9, 11),
        kind([0.5] * 10, 0.9),
        kind(0.5, 0.9, 10, carry_velocity=True),
        next(other for other in MOMENTUM if other is not kind)(0.5, 0.9, 10),
        il.GradientDescent(0.5, 10),
    ]
    assert all(phase != other for other in others)
    assert len({phase, *others}) == 8
    assert kind(0.5, 0.0, 10) != il.GradientDescent(0.5, 10)


@pytest.mark.parametrize("kind", MOMENTUM)
def test_momentum_phases_do_not_change(kind: Any) -> None:
    for phase in (kind(0.5, 0.9, 10), kind([0.5, 0.25], 0.9, carry_velocity=True)):
        for same in (pickle.loads(pickle.dumps(phase)), copy.copy(phase), copy.deepcopy(phase)):
            assert same == phase
            assert repr(same) == repr(phase)
        with pytest.raises(AttributeError, match=f"{kind.__name__} is immutable.*'momentum'"):
            phase.momentum = 0.5
    schedule = il.Schedule(kind(0.5, 0.9, 10), FLOW)
    assert pickle.loads(pickle.dumps(schedule)) == schedule


def test_phases_and_schedules_join() -> None:
    whole = il.Schedule(FIRST, SECOND, FLOW)
    rest = il.Schedule(SECOND, FLOW)
    joined = [
        FIRST + SECOND + FLOW,
        FIRST + (SECOND + FLOW),
        il.Schedule(FIRST) + rest,
        il.Schedule() + FIRST + rest,
    ]
    assert joined == [whole] * len(joined)
    assert il.Schedule() + il.Schedule() == il.Schedule()


@pytest.mark.parametrize("wrong", [0.1, None, [0.1], "flow"])
@pytest.mark.parametrize("left", [FIRST, SECOND, FLOW, il.Schedule(FIRST)], ids=repr)
def test_nothing_else_joins(left: Any, wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"unsupported operand|can only concatenate"):
        left + wrong
    with pytest.raises(TypeError, match=r"unsupported operand|can only concatenate"):
        wrong + left
    with pytest.raises(TypeError, match="not supported between"):
        _ = left > FLOW  # only texts join by it


def test_schedules_tell_their_steps_and_rates() -> None:
    assert il.Schedule().steps == 0
    assert il.Schedule().learning_rates().shape == (0,)
    schedule = FIRST + SECOND + il.GradientFlow(0.0) + il.Nesterov([], 0.9)
    assert schedule.steps == 5
    assert schedule.learning_rates().tolist() == [0.5, 0.25, 0.1, 0.1, 0.1]
    assert schedule.learning_rates().dtype == np.float64
    assert (FIRST + FLOW).steps == 2
    assert (il.GradientDescent(0.1, 2**53) + il.GradientDescent(0.1, 2**53)).steps == 2**54
    with pytest.raises(ValueError, match="gradient flow has no learning rates; replace it by K"):
        (FIRST + FLOW).learning_rates()
    rates = FIRST.learning_rates()
    rates[0] = 9.0
    assert FIRST.learning_rates().tolist() == [0.5, 0.25]
    assert [SECOND.rate(2), FIRST.rate(1)] == [0.1, 0.25]
    with pytest.raises(ValueError, match="no learning rate, asked for step 3"):
        FLOW.rate(3)


def test_schedules_scale() -> None:
    carried = il.Nesterov([0.5, 0.25], 0.9, carry_velocity=True)
    schedule = il.Schedule(FIRST, SECOND, carried, FLOW, il.GradientFlow())
    assert schedule.scaled(np.float32(2)) == il.Schedule(
        il.GradientDescent([1.0, 0.5]),
        il.HeavyBall(0.2, 0.9, 3),
        il.Nesterov([1.0, 0.5], 0.9, carry_velocity=True),
        il.GradientFlow(4.0),
        il.GradientFlow(),
    )
    assert schedule.scaled(1.0) == schedule
    with pytest.raises(ValueError, match="negative"):
        FIRST.scaled(-1.0)


@pytest.mark.parametrize("kind", [il.GradientDescent, *MOMENTUM])
def test_a_rate_may_be_a_function_of_the_step(kind: Any) -> None:
    more = {} if kind is il.GradientDescent else {"momentum": 0.9}
    asked = []

    def rate(step: int) -> np.float32:
        asked.append(step)
        return np.float32(1 / 2**step)

    phase = kind(rate, steps=4, **more)
    assert phase == kind([1.0, 0.5, 0.25, 0.125], **more)
    assert asked == [0, 1, 2, 3]
    assert kind(rate, steps=0, **more) == kind([], **more)
    assert pickle.loads(pickle.dumps(phase)) == phase


def test_a_schedule_is_plain_if_a_filter_follows_it() -> None:
    still, moving = il.HeavyBall(0.1, 0.0, 3), il.HeavyBall(0.1, 0.9, 3, carry_velocity=True)
    plain = [il.anneal(0.1, 3), FIRST + moving, moving + still + SECOND, still + moving]
    assert all(schedule.is_plain for schedule in plain)
    others = [
        FIRST + il.HeavyBall(0.1, [0.1, 0.2], 2),
        FIRST + il.GradientFlow(weight_decay=0.1),
        il.GradientDescent(0.1, 3, batch_size=2) + SECOND,
    ]
    assert not any(schedule.is_plain for schedule in others)


def any_phase() -> st.SearchStrategy[Any]:
    rates = st.floats(0, 1e308)
    steps = st.integers(0, 2**53)
    some = st.lists(rates, max_size=12)
    decays = {"weight_decay": st.floats(0, 1e308)}
    batches = decays | {"batch_size": st.none() | st.integers(1, 2**53)}
    share = st.floats(0, 1, exclude_max=True)
    flags = {"carry_velocity": st.booleans(), "decoupled": st.booleans()}
    moving = {"momentum": share} | flags | batches
    pairs = st.lists(st.tuples(rates, share), max_size=12)
    cycled = st.builds(
        lambda pairs, dampening: il.HeavyBall(
            [rate for rate, _ in pairs], [share for _, share in pairs], dampening=dampening
        ),
        pairs,
        share,
    )
    return st.one_of(
        st.builds(il.GradientDescent, rates, steps, **batches),
        st.builds(il.GradientDescent, some, **batches),
        st.builds(il.GradientFlow, st.floats(0, math.inf), **decays),
        *(st.builds(kind, rates, steps=steps, **moving) for kind in MOMENTUM),
        *(st.builds(kind, some, **moving) for kind in MOMENTUM),
        cycled,
    )


@given(st.lists(any_phase(), max_size=5))
def test_a_schedule_survives_json(phases: list[Any]) -> None:
    schedule = il.Schedule(*phases)
    text = schedule.to_json()
    again = il.Schedule.from_json(text)
    assert again == schedule
    assert repr(again) == repr(schedule)
    assert [type(phase) for phase in again.phases] == [type(phase) for phase in phases]
    assert again.to_json() == text
    json.loads(text, parse_constant=pytest.fail)  # no Infinity, which is not JSON


def test_the_json_of_a_schedule_says_what_it_means() -> None:
    schedule = FIRST + SECOND + il.Nesterov([0.1], 0.5, carry_velocity=True) + il.GradientFlow()
    assert json.loads(schedule.to_json()) == {
        "format": "isoloss schedule",
        "version": 1,
        "phases": [
            {"phase": "gradient_descent", "lr": [0.5, 0.25]},
            {
                "phase": "heavy_ball",
                "lr": 0.1,
                "steps": 3,
                "momentum": 0.9,
                "carry_velocity": False,
            },
            {"phase": "nesterov", "lr": [0.1], "momentum": 0.5, "carry_velocity": True},
            {"phase": "gradient_flow", "time": None},
        ],
    }
    assert (schedule + FLOW).to_json().endswith("}\n")


def test_a_plain_list_of_rates_is_a_schedule() -> None:
    read = il.Schedule.from_json
    assert read("[0.5, 0.25]") == il.Schedule(FIRST)
    assert read(" [1]\n") == il.Schedule(il.GradientDescent([1.0]))
    assert read("[]") == il.Schedule(il.GradientDescent([]))


def of_phases(*phases: Any, **more: Any) -> str:
    return json.dumps({"format": "isoloss schedule", "version": 1, "phases": phases} | more)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON: Expecting value"),
        ("[0.1, ]", "not JSON: "),
        ("0.1", "is a list of rates, or an object with .*isoloss schedule"),
        ('"0.1"', "is a list of rates"),
        ("{}", "is a list of rates"),
        ('{"format": "other", "version": 1, "phases": []}', "is a list of rates"),
        (of_phases(version=2), 'has "version": 1 .*got version 2 with .*phases'),
        (of_phases(phases=5), 'a list of "phases"; got version 1'),
        ('{"format": "isoloss schedule", "version": 1}', r"with \['format', 'version'\]"),
        (of_phases({"phase": "adam"}), "phase 0 of the schedule needs .*one of gradient_descent"),
        (of_phases({"lr": 0.1}), "phase 0 .*gradient_flow, heavy_ball, nesterov"),
        (of_phases({"phase": "gradient_flow"}, 0.1), 'phase 1 of the schedule needs "phase"'),
        (of_phases({"phase": ["nesterov"]}), "phase 0 of the schedule needs"),
        (of_phases({"phase": "gradient_descent"}), r"phase 0 .*\(gradient_descent\).*'lr'"),
        (of_phases({"phase": "gradient_descent", "lr": 0.1}), "needs a number of steps"),
        (of_phases({"phase": "gradient_descent", "lr": -0.1, "steps": 2}), "negative; got -0.1"),
        (of_phases({"phase": "gradient_descent", "lr": 0.1, "steps": 2.5}), "integer.*2.5"),
        (of_phases({"phase": "gradient_descent", "lr": [0.1], "steps": 2}), "1 rates but steps=2"),
        (of_phases({"phase": "gradient_descent", "lr": [0.1], "rate": 2}), "'rate'"),
        (of_phases({"phase": "gradient_descent", "lr": {}, "steps": 2}), "gradient_descent"),
        (of_phases({"phase": "heavy_ball", "lr": [0.1]}), r"\(heavy_ball\).*'momentum'"),
        (of_phases({"phase": "heavy_ball", "lr": [0.1], "momentum": 1}), "below 1; got 1.0"),
        (
            of_phases({"phase": "nesterov", "lr": [0.1], "momentum": 0, "carry_velocity": 1}),
            r"\(nesterov\): carry_velocity must be True or False; got 1",
        ),
        (of_phases({"phase": "gradient_flow", "time": -1}), r"\(gradient_flow\): time.*-1"),
        (of_phases({"phase": "gradient_flow", "span": 1}), "'span'"),
        ("[0.1, -0.2]", "phase 0 .*negative; got -0.2"),
        ("[NaN]", "finite"),
        ("[1e999]", "finite"),
        ("[[0.1]]", "1-D"),
        ('["fast"]', r"real number.*\['fast'\]"),
        (f"[1{'0' * 400}]", "phase 0 of the schedule"),
        (
            of_phases({"phase": "nesterov", "lr": [0.1], "momentum": 10**400}),
            "phase 0 of the schedule",
        ),
    ],
)
def test_json_that_is_no_schedule_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        il.Schedule.from_json(text)


RATES = st.lists(st.sampled_from([0.0, -0.0, 0.5, 1.0, math.nextafter(1.0, 2.0)]), max_size=12)


@given(RATES, RATES, st.sampled_from([0.0, -0.0, 0.5]), st.sampled_from([0.0, -0.0, 0.5]))
def test_equality_hash_and_json_tell_schedules_apart_alike(
    one: list[float], other: list[float], first: float, second: float
) -> None:
    def built(rates: list[float], number: float) -> il.Schedule:
        return il.Schedule(
            il.GradientDescent(rates),
            il.HeavyBall(rates, number),
            il.Nesterov(number, 0.5, steps=2),
            il.GradientFlow(number),
        )

    a, b = built(one, first), built(other, second)
    same = one == other and first == second
    assert (a == b) is same
    assert (a.to_json() == b.to_json()) is same
    assert (hash(a) == hash(b)) is same
