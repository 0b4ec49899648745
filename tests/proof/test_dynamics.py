"""Enclosures against 60-digit arithmetic on the grid of the accuracy tests; their precision."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import Any, Literal

import mpmath as mp
import numpy as np
import pytest
import reference
from cases import spectra_cases
from flint import arb, fmpq

import isoloss as il
from isoloss.checker import check
from isoloss.checker.flint_precision import precision
from isoloss.proof import ExactProblem, certify
from isoloss.proof.dynamics import EnclosedProblem, follow, possible_stops
from isoloss.proof.exact_problem import exact
from isoloss.proof.interval import Interval
from isoloss.proof.schedules import read_schedule

CASES = list(spectra_cases())
NAMES = sorted({case[0] for case in CASES})


def schedule(phases: list[Any]) -> il.Schedule:
    made = {
        "gd": il.GradientDescent,
        "rates": lambda rates: il.GradientDescent(np.array(rates)),
        "flow": il.GradientFlow,
    }
    return il.Schedule(*(made[kind](*rest) for kind, *rest in phases))


def number(text: str) -> mp.mpf:
    """Read an end of an enclosure; huge ones do not fit into fractions."""
    mantissa, mark, exponent = text.partition("p")
    if mark:
        return mp.ldexp(mp.mpf(int(mantissa)), int(exponent))
    fraction = Fraction(text)
    return mp.mpf(fraction.numerator) / fraction.denominator


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_enclosures_hold_the_60_digit_results_and_pass_the_checker(name: str) -> None:
    for case, gamma, lam, delta, phases, level in CASES:
        if case == name:
            spectra = gamma, lam, delta
            run = certified(spectra, phases, level, "exact")
            if run["last_rate"] is not None:  # else both rules are one
                assert certified(spectra, phases, level, "whole")["last_rate"] is None


def certified(
    spectra: Any, phases: Any, level: Any, last_step: Literal["exact", "whole"]
) -> dict[str, Any]:
    """Return a certificate's run, once it holds what 60-digit arithmetic gives."""
    claim = "test_loss >= 0 and (reached or not reached)"
    problem = ExactProblem.from_spectra(*spectra)
    proof = certify(problem, schedule(phases), level, claim, last_step=last_step)
    assert proof.verdict == "proved"
    run: dict[str, Any] = proof.content["runs"][""]
    wanted = reference.from_spectra(*spectra).run(phases, level, last_step)
    assert (run["reached"], run["steps"]) == (wanted.reached, wanted.steps)
    # the reference's own rounding, where it stops within a flow's last digits, or takes a root
    close = mp.mpf(10) ** (-45 if run["last_rate"] is None else -40)
    for key in ("train_loss", "test_loss"):
        low, high = map(number, run[key])
        slack = close * abs(getattr(wanted, key))
        assert low - slack <= getattr(wanted, key) <= high + slack
    if run["time"] is None:
        assert math.isinf(wanted.time)
    else:
        low, high = map(number, run["time"])
        assert low * (1 - mp.mpf(10) ** -45) <= wanted.time <= high * (1 + mp.mpf(10) ** -45)
    assert check(json.loads(proof.to_json())).verdict == "proved"
    return run


@pytest.mark.parametrize(
    "text", ["flow", "gd(0.3, 4) > flow", "gd(1.2, 30) > flow(1) > flow", "gd(0.3, 90)"]
)
def test_enclosures_shrink_as_precision_grows(text: str) -> None:
    problem = ExactProblem.from_spectra([1, "0.5", "0.1"], [1, 2, 3], [3, -2, 1])
    spectrum = EnclosedProblem(problem.train, problem.test, problem.start_squared, problem.noise)
    before = None
    for bits in (64, 128, 512, 2048):
        with precision(bits):
            level = exact("level", "1/100")
            stop = follow(spectrum, read_schedule(text, problem.max_lr), level, exact=True)
            found = stop.test_loss
            assert isinstance(found, Interval)
            assert found.high - found.low < found.high * arb(2) ** (40 - bits)
            if before is not None:
                assert before.low <= found.low
                assert found.high <= before.high
        before = found


@pytest.mark.parametrize("exact_step", [True, False])
def test_every_step_at_which_a_problem_of_a_box_may_stop_is_followed(exact_step: bool) -> None:
    # a step at rate 1/2 divides the loss δ²/2 by 4; δ² is 0.9 to 1.1, and the level 1/8
    box = Interval(arb(0.9), arb(1.1))
    steps = read_schedule(il.GradientDescent(0.5, 3), None)
    half, level = fmpq(1, 2), fmpq(1, 8)

    def stops_at(square: Any) -> set[int]:
        problem = EnclosedProblem([half], [half], [square], fmpq(0))
        return {stop.steps for stop in possible_stops(problem, steps, level, exact=exact_step)}

    assert stops_at(fmpq(9, 10)) == stops_at(fmpq(1)) == {1}
    assert stops_at(fmpq(11, 10)) == {2}
    assert stops_at(box) == {1, 2}
