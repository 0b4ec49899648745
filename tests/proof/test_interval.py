"""Interval arithmetic against exact fractions, in few bits, where rounding shows."""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath as mp
import pytest
from flint import arb, fmpq
from hypothesis import assume, given
from hypothesis import strategies as st

from isoloss.checker.flint_precision import precision
from isoloss.proof import flow_crossing
from isoloss.proof.dynamics import EnclosedProblem, follow
from isoloss.proof.exact_problem import ExactProblem
from isoloss.proof.interval import (
    IndeterminateError,
    Interval,
    UnboundedError,
    hull,
    less,
    less_equal,
    lower,
    power,
    square_root,
    upper,
)
from isoloss.proof.schedules import read_schedule

FRACTIONS = st.fractions(-20, 20, max_denominator=1000)


def number(value: Fraction) -> fmpq:
    return fmpq(value.numerator, value.denominator)


def holds(found: Any, value: Fraction) -> bool:
    """Whether an interval holds a fraction, both exactly."""
    ends = []
    for end in (lower(found), upper(found)):
        mantissa, exponent = (int(part) for part in end.man_exp())
        ends.append(mantissa * Fraction(2) ** exponent)
    return bool(ends[0] <= value <= ends[1])


@st.composite
def intervals(draw: st.DrawFn) -> tuple[Interval, Fraction]:
    """Draw an interval, some of them thin, and a number within."""
    low = draw(FRACTIONS)
    size = draw(st.fractions(0, 5, max_denominator=50)) * draw(st.integers(0, 1))
    inside = low + size * draw(st.fractions(0, 1, max_denominator=7))
    with precision(16):
        return hull(number(low), number(low + size)), inside


@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv"])
@given(intervals(), intervals())
def test_operations_hold_the_exact_results(
    name: str, a: tuple[Interval, Fraction], b: tuple[Interval, Fraction]
) -> None:
    operation: Callable[[Any, Any], Any] = getattr(operator, name)
    with precision(16):
        try:
            found = operation(a[0], b[0])
        except UnboundedError:
            assert name == "truediv"
            assert b[0].low <= 0 <= b[0].high
            return
        assume(name != "truediv" or b[1] != 0)
        assert holds(found, operation(a[1], b[1]))
        exact = number(b[1])
        if name != "truediv" or b[1] != 0:
            assert holds(operation(a[0], exact), operation(a[1], b[1]))
        if not (name == "truediv" and a[0].low <= 0 <= a[0].high):
            assume(name != "truediv" or a[1] != 0)
            assert holds(operation(exact, a[0]), operation(b[1], a[1]))


@given(intervals(), st.integers(-4, 5))
def test_whole_powers_hold_the_exact_results(a: tuple[Interval, Fraction], n: int) -> None:
    with precision(16):
        try:
            found = power(a[0], fmpq(n))
        except UnboundedError:
            assert n < 0
            return
        if n >= 0 or a[1] != 0:
            assert holds(found, a[1] ** n)
        assert holds(abs(a[0]), abs(a[1]))
        if n % 2 == 0 and n > 0:
            assert lower(found) >= 0


@given(intervals(), st.fractions(-2, 2, max_denominator=5))
def test_functions_hold_the_50_digit_results(a: tuple[Interval, Fraction], q: Fraction) -> None:
    x = mp.mpf(a[1].numerator) / a[1].denominator
    pairs: list[tuple[Callable[[], Any], Callable[[], Any]]] = [
        (a[0].exp, lambda: mp.exp(x)),
        (a[0].log, lambda: mp.log(x)),
        (a[0].sqrt, lambda: mp.sqrt(x)),
        (lambda: power(a[0], number(q)), lambda: x ** (mp.mpf(q.numerator) / q.denominator)),
    ]
    for ours, theirs in pairs:
        with precision(16), mp.workdps(50):
            try:
                found = ours()
            except UnboundedError:
                assert not a[0].low > 0
                continue
            if x == 0 and q <= 0:
                continue
            value = theirs()
            low, high = (
                mp.ldexp(int(m), int(e))
                for m, e in (lower(found).man_exp(), upper(found).man_exp())
            )
            assert low <= value <= high


@given(st.fractions(0, 20, max_denominator=1000), st.integers(0, 1))
def test_square_roots_are_exact_or_enclosed(value: Fraction, squared: int) -> None:
    square = value**2 if squared else value
    with precision(16):
        found = square_root(number(square))
    if squared:
        assert found == number(value)
    low, high = (
        int(m) * Fraction(2) ** int(e) for m, e in (lower(found).man_exp(), upper(found).man_exp())
    )
    assert low >= 0
    assert low**2 <= square <= high**2


@given(intervals(), intervals())
def test_comparisons_are_certain_or_open(
    a: tuple[Interval, Fraction], b: tuple[Interval, Fraction]
) -> None:
    with precision(16):
        assert less(a[0], b[0]) in (None, a[1] < b[1])
        assert less_equal(a[0], b[0]) in (None, a[1] <= b[1])
        assert less(number(a[1]), number(b[1])) is (a[1] < b[1])
        assert less_equal(number(a[1]), number(b[1])) is (a[1] <= b[1])


@pytest.mark.parametrize("factor", ["0.5", "0.999", "1.001", "2"])
def test_a_wrong_guess_of_a_time_is_not_believed(
    factor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the guess is not part of the proof: a fault in it must not make a wrong enclosure
    right = flow_crossing._newton
    monkeypatch.setattr(flow_crossing, "_newton", lambda *given: right(*given) * arb(factor))
    problem = ExactProblem.from_spectra([1, "1/3"], [1, 2], [3, 4])
    spectrum = EnclosedProblem(problem.train, problem.test, problem.start_squared, problem.noise)
    with precision(128), pytest.raises(IndeterminateError, match="at what time the flow reaches"):
        follow(spectrum, read_schedule("flow", problem.max_lr), fmpq(1, 10), exact=True)
