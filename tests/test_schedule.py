"""Phases and schedules as values: how they compare, print and refuse."""

import math
import pickle
from typing import Any

import numpy as np
import pytest

import isoloss as il


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
        "Schedule(GradientDescent(1e-05, steps=3), GradientFlow())",
        "Schedule()",
    ],
)
def test_they_print_as_one_would_write_them(text: str) -> None:
    assert repr(eval(text, vars(il))) == text


def test_long_arrays_of_rates_print_short() -> None:
    assert len(repr(il.GradientDescent(np.linspace(1, 0, 20000)))) < 90


def test_phases_do_not_change() -> None:
    rates = np.array([0.5, 0.25])
    phase = il.GradientDescent(rates)
    rates[0] = 9.0
    assert phase.lr[0] == 0.5
    with pytest.raises(ValueError, match="read-only"):
        phase.lr[0] = 9.0
    with pytest.raises(AttributeError, match="immutable"):
        phase.steps = 3  # type: ignore[misc]
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
        (lambda: il.GradientDescent(0.1, 2.5), TypeError, "integer.*2.5"),  # type: ignore[arg-type]
        (lambda: il.GradientDescent(0.1, True), TypeError, "integer.*bool"),
        (lambda: il.GradientDescent(0.1, -1), ValueError, "between 0.*-1"),
        (lambda: il.GradientDescent(0.1, 2**60), ValueError, r"2\*\*53"),
        (lambda: il.GradientFlow(-1.0), ValueError, "at least 0.*-1.0"),
        (lambda: il.GradientFlow(math.nan), ValueError, "at least 0.*nan"),
        (lambda: il.Schedule(0.1), TypeError, "float"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_is_refused(build: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build()
