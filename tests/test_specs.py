"""The texts for schedules: what they mean, that they round-trip, and where errors point."""

import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

import isoloss as il
from isoloss.specs import Spec, SpecError

rates = st.floats(0, 1e6, allow_subnormal=True)
descents = st.builds(il.GradientDescent, rates, st.integers(0, 2**53))
flows = st.builds(il.GradientFlow, st.floats(0, 1e6))


@pytest.mark.parametrize(
    ("text", "phases"),
    [
        ("flow", [il.GradientFlow()]),
        ("flow(2.5)", [il.GradientFlow(2.5)]),
        ("gd(0.9, 500)", [il.GradientDescent(0.9, 500)]),
        ("gd(1.0, 100) > flow", [il.GradientDescent(1.0, 100), il.GradientFlow()]),
        (" gd( .5,1e3 )>flow(1)>gd(2,0) ", [
            il.GradientDescent(0.5, 1000), il.GradientFlow(1.0), il.GradientDescent(2.0, 0),
        ]),
    ],
)  # fmt: skip
def test_a_text_means_its_phases(
    text: str, phases: list[il.GradientDescent | il.GradientFlow]
) -> None:
    assert Spec.parse(text).relative == il.Schedule(*phases)


def test_rates_and_times_are_in_units_of_the_largest_stable_rate() -> None:
    schedule = Spec.parse("gd(0.5, 3) > flow(2) > flow").at(4.0)
    phases = il.GradientDescent(2.0, 3), il.GradientFlow(8.0), il.GradientFlow()
    assert schedule == il.Schedule(*phases)


@pytest.mark.parametrize("max_lr", [0.0, -1.0, math.inf, math.nan])
def test_the_largest_stable_rate_must_be_a_positive_number(max_lr: float) -> None:
    with pytest.raises(ValueError, match="max_lr must be finite and positive"):
        Spec.parse("flow").at(max_lr)


@given(st.lists(descents | flows, max_size=4), st.booleans())
def test_every_spec_round_trips(
    phases: list[il.GradientDescent | il.GradientFlow], endless: bool
) -> None:
    if endless or not phases:
        phases = [*phases, il.GradientFlow()]
    spec = Spec(il.Schedule(*phases))
    assert Spec.parse(str(spec)) == spec


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("", 0, "expected a phase"),
        ("   ", 0, "expected a phase"),
        ("fow", 0, "expected a phase: flow, flow"),
        ("gd", 2, r"expected '\('"),
        ("gd(0.9 500)", 7, "expected ',' and the number of steps"),
        ("gd(-1, 5)", 3, "a rate must not be negative"),
        ("gd(nan, 5)", 3, "expected a rate"),
        ("gd(1e999, 5)", 3, "a rate must be finite"),
        ("gd(1.0, 2.5)", 8, "whole"),
        ("gd(1.0, 1e17)", 8, "at most 2"),
        ("gd(1.0, -3)", 8, "a number of steps must not be negative"),
        ("gd(1.0, 3", 9, r"expected '\)'"),
        ("gd(1.0, 3))", 10, "expected '>'"),
        ("gd(1.0, 3) flow", 11, "expected '>'"),
        ("gd(1.0, 3) >", 12, "expected a phase"),
        ("flow > gd(1.0, 3)", 5, "nothing can follow a flow without end"),
        ("flow(x)", 5, "expected a time"),
        ("gd(0.9x, 3)", 3, "cannot read '0.9x,'"),
        ("gd(1,\t-3)", 6, "negative"),
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


@given(st.text(alphabet="gdflow(),.> 0123456789e+-n§", max_size=20))
def test_any_other_text_is_a_spec_error(text: str) -> None:
    try:
        spec = Spec.parse(text)
    except SpecError:
        return
    assert Spec.parse(str(spec)) == spec
