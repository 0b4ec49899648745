"""The texts for schedules: what they mean, that they round-trip, and where errors point."""

import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

import isoloss as il
from isoloss import families
from isoloss.schedules.grammar import SpecError
from isoloss.schedules.text import Spec

rates = st.floats(0, 1e6, allow_subnormal=True)
counts = st.integers(0, 50)
phases = st.one_of(
    st.builds("gd({!r}, {})".format, rates, st.integers(0, 2**53)),
    st.builds("flow({!r})".format, st.floats(0, 1e6)),
    st.builds("flow(1, weight_decay={!r})".format, rates),
    st.builds("gd({!r}, 3, batch_size={})".format, rates, st.integers(1, 99)),
    st.builds("heavy_ball({!r}, {!r}, {})".format, rates, st.floats(0, 0.99), counts),
    st.builds("cosine({!r}, {}, final={!r})".format, st.just(1e6), counts, rates),
    st.builds(
        "decay({!r}, {}, shape={})".format, rates, counts, st.sampled_from(["1-sqrt", "linear"])
    ),
)


@pytest.mark.parametrize(
    ("text", "phases"),
    [
        ("flow", [il.GradientFlow()]),
        ("flow(2.5)", [il.GradientFlow(2.5)]),
        ("gd(0.9, 500)", [il.GradientDescent(0.9, 500)]),
        ("gd(1.0, 100) > flow", [il.GradientDescent(1.0, 100), il.GradientFlow()]),
        ("heavy_ball(0.5, 0.9, 10)", [il.HeavyBall(0.5, 0.9, 10)]),
        (
            "nesterov(0.5, 0.9, 10) > nesterov(0.1, 0.9, steps=5, carry_velocity=True)",
            [il.Nesterov(0.5, 0.9, 10), il.Nesterov(0.1, 0.9, 5, carry_velocity=True)],
        ),
        ("annealed(1, 3)", il.anneal(1.0, 3).phases),
        (
            "warmup(1, 2) > decay(1, 4, 1-sqrt) > flow",
            (families.warmup(1.0, 2) + families.decay(1.0, 4, "1-sqrt") + il.GradientFlow()).phases,
        ),
        ("cosine(1,1e2, final = .1)", families.cosine(1.0, 100, final=0.1).phases),
        (
            "gd(0.5, 100, weight_decay=0.1, batch_size=32, sampling=gaussian) > flow(2.5, "
            "weight_decay=0.1) > flow(weight_decay=.2)",
            [
                il.GradientDescent(0.5, 100, weight_decay=0.1, batch_size=32, sampling="gaussian"),
                il.GradientFlow(2.5, weight_decay=0.1),
                il.GradientFlow(weight_decay=0.2),
            ],
        ),
        (
            "heavy_ball(0.3, 0.9, 200, dampening=0.1, decoupled=True)",
            [il.HeavyBall(0.3, 0.9, 200, dampening=0.1, decoupled=True)],
        ),
        (
            "cosine(1.0, 3, weight_decay=0.1, batch_size=32, momentum=0.9)",
            [
                il.HeavyBall(
                    families.cosine(1.0, 3).learning_rates(), 0.9, weight_decay=0.1, batch_size=32
                )
            ],
        ),
        (
            "annealed(1, 3, momentum=0.9, nesterov=True, weight_decay=0.1)",
            [il.Nesterov(1.0, 0.9, 3, weight_decay=0.1), il.GradientFlow(weight_decay=0.1)],
        ),
        (
            " gd( .5,1e3 )>flow(1)>gd(2,0) ",
            [
                il.GradientDescent(0.5, 1000),
                il.GradientFlow(1.0),
                il.GradientDescent(2.0, 0),
            ],
        ),
    ],
)
def test_a_text_means_its_phases(
    text: str, phases: list[il.GradientDescent | il.GradientFlow]
) -> None:
    assert Spec.parse(text).relative == il.Schedule(*phases)


def test_rates_and_times_are_in_units_of_the_largest_stable_rate() -> None:
    schedule = Spec.parse("gd(0.5, 3) > flow(2) > flow").at(4.0)
    phases = il.GradientDescent(2.0, 3), il.GradientFlow(8.0), il.GradientFlow()
    assert schedule == il.Schedule(*phases)
    decayed = Spec.parse("gd(0.5, 3, weight_decay=0.5)").at(4.0)  # in units of γ₁ = 1/4
    assert decayed == il.Schedule(il.GradientDescent(2.0, 3, weight_decay=0.125))


@pytest.mark.parametrize("name", ["annealed(1, 1000000000)", "nesterov(1, 0.5, 1000000000)"])
def test_one_rate_may_be_taken_any_number_of_times(name: str) -> None:
    assert Spec.parse(name).relative.steps == 10**9
    assert Spec.parse("cosine(1000000000, 3)").relative.steps == 3


@pytest.mark.parametrize("max_lr", [0.0, -1.0, math.inf, math.nan])
def test_the_largest_stable_rate_must_be_a_positive_number(max_lr: float) -> None:
    with pytest.raises(ValueError, match="max_lr must be finite and positive"):
        Spec.parse("flow").at(max_lr)


@given(st.lists(phases, min_size=1, max_size=4), st.booleans())
def test_every_spec_round_trips(parts: list[str], endless: bool) -> None:
    spec = Spec.parse(" > ".join(parts + ["flow"] * endless))
    again = Spec.parse(str(spec))
    assert again == spec
    assert str(again) == str(spec)


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("", 0, "expected a phase"),
        ("   ", 0, "expected a phase"),
        ("fow", 0, r"expected a phase \(did you mean 'flow'\?\): flow, flow"),
        ("gd", 2, r"expected '\('"),
        ("gd(0.9 500)", 7, "expected ',' and the number of steps"),
        ("gd(-1, 5)", 3, "a rate must not be negative"),
        ("gd(nan, 5)", 3, "expected a rate"),
        ("gd(1e999, 5)", 3, "a rate must be finite"),
        ("gd(1.0, 2.5)", 8, "whole"),
        ("gd(1.0, 1e17)", 8, "at most 2"),
        ("gd(1.0, -3)", 8, "a number of steps must not be negative"),
        ("gd(1.0, 3", 9, r"expected ',' or '\)'"),
        ("gd(1.0, 3))", 10, "expected '>'"),
        ("gd(1.0, 3) flow", 11, "expected '>'"),
        ("gd(1.0, 3) >", 12, "expected a phase"),
        ("flow > gd(1.0, 3)", 5, "nothing can follow a flow without end"),
        ("flow(x)", 5, "expected a time"),
        ("gd(0.9x, 3)", 3, "cannot read '0.9x,'"),
        ("gd(1,\t-3)", 6, "negative"),
        ("cosine", 6, r"expected '\('"),
        ("cosine(1)", 8, "cosine needs the number of steps; '...' stands for as many steps"),
        ("step_decay(1)", 12, "step_decay needs the number of steps and every; '...' stands for"),
        ("warmup_stable_decay(1, 100)", 26, "warmup_stable_decay needs warmup and decay\n"),
        ("cyclic()", 7, "cyclic needs low, high, the number of steps and half_cycle; '...'"),
        ("linear(1, 3)", 0, r"expected a phase \(did you mean 'decay'\?\)"),
        ("step(1, 3)", 0, r"expected a phase \(did you mean 'step_decay'\?\)"),
        ("gdd(1, 3)", 0, r"expected a phase \(did you mean 'gd'\?\)"),
        ("flow(1) > cosin(1, 3)", 10, r"expected a phase \(did you mean 'cosine'\?\)"),
        ("flow(1) > cosine(1, 10, bend=2)", 24, "cosine has no argument 'bend'; it takes lr, st"),
        ("cosine(1, 10, finl=0)", 14, r"no argument 'finl' \(did you mean 'final'\?\)"),
        ("cosine(1, 2.5)", 10, "steps must be an integer.*2.5"),
        ("cosine(1, -2)", 10, "steps must be at least 0; got -2"),
        ("cosine(lr=1, 30)", 13, "must be named"),
        ("cosine(1, final=)", 16, "expected a value"),
        ("cosine(1 30)", 9, r"expected ',' or '\)'"),
        ("cosine(1, 30", 12, r"expected ',' or '\)'"),
        ("decay(1, 9, round)", 12, "shape must be one of 'linear'"),
        ("flow(1) > cosine(1, 1000000000)", 10, "cosine: at most 100000000 steps of changing"),
        ("decay(lr=1, steps=200000000)", 0, "decay: at most 100000000 steps of changing rates"),
        ("gd(1, 3, weight_decay=-0.1)", 22, "gd: weight_decay must be .* at least 0; got -0.1"),
        ("gd(1, 3, weight_decay=x)", 22, "weight_decay must be a finite real number"),
        ("flow(1) > gd(1, 3, batch_size=2.5)", 30, "batch_size must be an integer; got float"),
        ("gd(1, 3, batch_size=2, sampling=rows)", 32, "sampling must be one of .*; got 'rows'"),
        ("gd(1, 3, sampling=gaussian)", 18, "give batch_size too"),
        ("gd(1, 3, momentum=0.9)", 9, "gd has no argument 'momentum'; it takes lr, steps, wei"),
        ("flow(1, batch_size=3)", 8, "flow has no argument 'batch_size'; it takes time, weight"),
        ("cosine(1, 3, momentum=1.5)", 22, "momentum must be at least 0 and below 1; got 1.5"),
        ("cosine(1, 3, dampening=.1)", 23, "dampening would have no effect without momentum"),
        ("cosine(1, 3, momentm=.1)", 13, r"no argument 'momentm' \(did you mean 'momentum'\?\)"),
        ("heavy_ball(1, .9, 3, dampening=2)", 31, "dampening must be at most 1; got 2"),
        ("flow(weight_decay=0.1) > flow", 23, "nothing can follow a flow without end"),
        ("annealed(1, 3) > flow", 15, "nothing can follow a flow without end"),
    ],
)
def test_an_error_points_at_the_place(text: str, position: int, message: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        Spec.parse(text)
    assert caught.value.position == position
    _, shown, caret = str(caught.value).splitlines()
    assert len(shown) == len(text) + 2
    assert caret.index("^") == position + 2
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@given(st.text(alphabet="gdflow(),.>= 0123456789e+-n§", max_size=20))
def test_any_other_text_is_a_spec_error(text: str) -> None:
    try:
        spec = Spec.parse(text)
    except SpecError:
        return
    assert Spec.parse(str(spec)) == spec
