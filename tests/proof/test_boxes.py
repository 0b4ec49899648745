"""for_all: proofs over boxes, counterexamples, and honest leftovers."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from typing import Any

import matplotlib.pyplot as plt
import pytest
from hypothesis import given
from hypothesis import strategies as st

import isoloss as il
from isoloss.checker import check
from isoloss.proof import Certificate, draw_boxes, for_all, leaves
from isoloss.proof.statement import Statement

FAMILY: dict[str, Any] = {
    "train": ["1", "g"],
    "test": ["1", "l"],
    "start_squared": ["1", "2"],
    "level": "1/10",
    "schedules": {"flow": "flow", "annealed": "gd(1, 20) > flow"},
}


def checked(proof: Certificate) -> Certificate:
    assert check(json.loads(proof.to_json())).verdict == proof.verdict
    return proof


def test_a_family_of_spectra_and_what_depends_on_it() -> None:
    # with λ ∝ γ on the edge l = g, where both losses are the same
    box = {"g": ("1/10", "9/10"), "l": ("19/20", 2)}
    proof = checked(for_all(box, "flow.test_loss > annealed.test_loss", **FAMILY))
    assert proof.verdict == "proved"
    assert proof.boxes > 10
    # the library's floating point agrees on a grid
    for g in (0.1, 0.5, 0.9):
        problem = il.Problem.from_spectra([1, g], [1, 1], [1, 2**0.5])
        ends = [il.train(problem, s, 0.1).test_loss for s in (il.GradientFlow(), il.anneal(1, 20))]
        assert ends[0] > ends[1]


def test_a_counterexample_is_a_point_at_which_the_claim_is_certainly_false() -> None:
    proof = checked(
        for_all(
            {"g": ("1/10", "9/10"), "l": (0, 2)}, "flow.test_loss > annealed.test_loss", **FAMILY
        )
    )
    assert proof.verdict == "disproved"
    g, lam = map(Fraction, proof.content["counterexample"])
    assert lam < g  # test curvature falls faster: annealing hurts
    problem = il.Problem.from_spectra([1, float(g)], [1, float(lam)], [1, 2**0.5])
    flow, annealed = (
        il.train(problem, schedule, 0.1).test_loss
        for schedule in (il.GradientFlow(), il.anneal(1, 20))
    )
    assert flow < annealed
    assert f"it fails at g = {g}, l = {lam}" in proof.reason


def test_what_is_left_over_is_where_both_sides_meet() -> None:
    proof = for_all({"x": (0, 1), "y": (0, 1)}, "2*x*y <= x**2 + y**2", max_boxes=500)
    assert proof.verdict == "undecided"
    marked = list(leaves(proof))
    left = [box for mark, box in marked if mark == "?"]
    assert proof.reason == f"{len(left)} boxes are left over after 500 were looked at"
    assert len(marked) == proof.boxes
    # the diagonal is covered by them, and the leaves fill the square
    for k in range(33):
        at = Fraction(k, 32)
        assert any(
            Fraction(str(low)) <= at <= Fraction(str(high))
            for (low, high), (bottom, top) in left
            if Fraction(str(bottom)) <= at <= Fraction(str(top))
        )
    areas = [(right - low) * (top - bottom) for _, ((low, right), (bottom, top)) in marked]
    assert sum(areas) == 1
    ax = draw_boxes(proof)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == [f"proved ({len(marked) - len(left)})", f"left over ({len(left)})"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x", "y")
    plt.close(ax.figure)


@pytest.mark.parametrize(
    ("box", "claim", "verdict"),
    [
        ({}, "2**0.5 < 1.4143 and sqrt(2) > 1.4142", "proved"),
        ({}, "1/3 + 1/3 + 1/3 == 1 and 0.1 + 0.2 == 0.3", "proved"),
        ({}, "exp(1) < 2.718", "disproved"),
        ({}, f"exp(1) > 2.{'7182818284590452353602874713526624977572470936999'}", "proved"),
        ({}, "(1 + 10**-300)**(1/2) < 1 + 10**-300 / 2", "proved"),
        ({"x": ("1/2", "1/2")}, "(1 + x**900)**x < 1 + x**901", "proved"),
        ({"x": (0, 1)}, "(1 + x**900)**(1/2) * 2 > 2 + x**900", "disproved"),
        ({}, "exp(log(2)) == 2", "undecided"),
        ({"x": (1, 1)}, "x == 1 and log(x) == 0 and exp(x - 1) == 1", "proved"),
        ({"x": (0, 10)}, "exp(x) >= 0.99 + x/2", "proved"),
        ({"x": (-2, 2)}, "x**2 >= 0 and abs(x) >= 0 and x**4 <= 16 and x**3 <= 8", "proved"),
        ({"x": (-1, 1)}, "1/x > 0", "disproved"),
        ({"x": (0, 1)}, "log(x) <= 0", "undecided"),  # nothing is defined at 0
        ({"x": (0, 1)}, "x**(1/2) <= 1 and max(x, 1/2) >= 1/2 and min(x, 0) == 0", "proved"),
        ({"x": (0, 1), "y": (0, 1)}, "x <= 1 or y > 2", "proved"),
        ({"x": (0, 1)}, "not x > 2 and 0 <= x <= 1", "proved"),
        ({"x": ("1/10", 5)}, "x * exp(-x) <= 0.37", "proved"),
        ({"x": ("1/10", 5)}, "x * exp(-x) <= 0.36", "disproved"),
    ],
)
def test_claims_of_parameters_alone(box: Any, claim: str, verdict: str) -> None:
    proof = for_all(box, claim, max_boxes=4000)
    assert proof.verdict == verdict
    if verdict != "undecided":
        checked(proof)


@given(
    st.fractions(-3, 3, max_denominator=9),
    st.fractions(0, 3, max_denominator=9),
    st.fractions(-3, 3, max_denominator=9),
    st.fractions(-3, 3, max_denominator=9),
)
def test_verdicts_on_parabolas_are_those_of_their_least_value(
    low: Fraction, size: Fraction, b: Fraction, c: Fraction
) -> None:
    high = low + size
    vertex = min(max(-b / 2, low), high)
    least = vertex**2 + b * vertex + c
    proof = for_all({"x": (low, high)}, f"x**2 + ({b})*x + ({c}) > 0", max_boxes=3000)
    if proof.verdict == "undecided":
        assert abs(least) < Fraction(1, 100)
    else:
        assert checked(proof).verdict == ("proved" if least > 0 else "disproved")


def test_where_a_run_stops_may_change_within_the_box() -> None:
    # gradient descent reaches the level after 1, 2, 3, … steps, or not at all
    box = {"g": ("1/10", "9/10"), "s": (1, 4)}
    family = {"train": [1, "g"], "test": [1, 1], "start_squared": [1, "s"], "level": 0.1}
    claim = "test_loss > 0 and reached and steps <= 5 and train_loss <= 0.11"
    proof = for_all(box, claim, **family, schedules="gd(1/2, 5) > flow")
    assert checked(proof).verdict == "proved"
    found = {
        int(
            il.train(
                il.Problem.from_spectra([1, g], [1, 1], [1, s**0.5]), il.anneal(0.5, 5), 0.1
            ).steps
        )
        for g in (0.1, 0.5, 0.9)
        for s in (1, 4)
    }
    assert len(found) > 2
    late = for_all(box, "steps <= 4", **family, schedules="gd(1/2, 5) > flow")
    assert checked(late).verdict == "disproved"
    # a flow that ends before the level, at it, or after it
    times = for_all(box, "reached and time <= 60", **family, schedules="flow(g) > flow")
    assert checked(times).verdict == "proved"


@pytest.mark.parametrize("claim", ["steps <= 1", "steps >= 2"])
def test_a_claim_true_at_one_stop_and_false_at_another_is_open(claim: str) -> None:
    # a step at rate 1/2 divides the loss s/2 by 4: it is at the level 1/8 if s is at most 1
    box = {"s": ("9/10", "11/10")}
    spectrum = ["1/2"], ["1"], ["s"]
    statement = Statement.read(box, claim, *spectrum, 0, "1/8", "gd(1/4, 3)", "whole")
    below, above = statement.box[0]
    assert statement.holds([(below, below)]) is (claim == "steps <= 1")
    assert statement.holds([(above, above)]) is (claim == "steps >= 2")
    assert statement.holds(statement.box) is None


def test_curvatures_that_may_be_0() -> None:
    # a direction of which it is open whether the train loss sees it
    box = {"g": (0, "1/16")}
    family = {"train": [1, "g"], "test": [1, 0], "start_squared": [1, 1]}
    flow = {"level": "1/10", "schedules": "flow"}
    assert for_all(box, "test_loss == level", **family, **flow, max_boxes=200).verdict != "proved"
    steps = {"level": None, "schedules": "gd(1/4, 3)"}
    proof = for_all(box, "test_loss <= 1/64 and train_loss <= 1/8", **family, **steps)
    assert checked(proof).verdict == "proved"
    rest = {"train": [1, "g"], "test": [1, 1], "start_squared": [1, 0]}
    proof = for_all(box, "test_loss <= 1", **rest, level=None, schedules="flow")
    assert checked(proof).verdict == "proved"


def test_many_steps_are_bisected() -> None:
    family = {"train": [1, "g"], "test": [1, 1], "start_squared": [1, 1], "level": "1/10"}
    proof = for_all(
        {"g": ("1/2", "3/4")},
        "steps == 100000000 and reached",
        **family,
        schedules="gd(1e-20, 100000000) > flow",
    )
    assert checked(proof).verdict == "proved"


def test_a_schedule_that_does_not_reach_the_level_makes_a_claim_false() -> None:
    family = {"train": [1, "g"], "test": [1, 1], "start_squared": [1, 1], "level": "1/10"}
    box = {"g": ("1/10", "9/10")}
    proof = for_all(box, "test_loss >= 0", **family, schedules="flow(1/10)")
    assert checked(proof).verdict == "disproved"
    freely = for_all(box, "not reached and test_loss >= 0", **family, schedules="flow(1/10)")
    assert checked(freely).verdict == "proved"
    to_the_end = for_all(box, "test_loss >= 0", **{**family, "level": None}, schedules="flow(1/10)")
    assert checked(to_the_end).verdict == "proved"


def test_rates_times_and_levels_may_be_expressions() -> None:
    proof = for_all(
        {"r": ("1/4", "3/8"), "e": ("1/100", "1/50")},
        "reached and train_loss <= 2 * level and test_loss <= 3 * level",
        train=["1", "1/2"],
        test=["1", "1"],
        start_squared=["1", "1"],
        noise="0 * r",
        level="e",
        schedules={"": "gd(r, 1) > flow(r / 100) > flow"},
    )
    assert checked(proof).verdict == "proved"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"box": {"g": (1, 0)}}, ValueError, "the range of g is empty: 1 is above 0"),
        ({"box": {"g": 3}}, TypeError, r"the range of g must be \(low, high\); got 3"),
        ({"box": {"g": ("a", 1)}}, ValueError, "low end of g must be a number"),
        ({"box": {"2": (0, 1)}}, ValueError, "the name of a parameter must be a word"),
        ({"box": {f"p{i}": (0, 1) for i in range(27)}}, ValueError, "up to 26 parameters; got 27"),
        ({"box": {"g": (0, 1), "level": (0, 1)}}, ValueError, "may not be called 'level'"),
        ({"train": ["1"]}, ValueError, "one expression for each direction; got 1, 2 and 2"),
        ({"train": ["1", "h"]}, ValueError, "train 'h' has the unknown name 'h'"),
        ({"train": ["1", "g - 2"]}, ValueError, "train must not be negative, as 'g - 2' is"),
        ({"schedules": {}}, ValueError, "a problem needs schedules, such as"),
        ({"schedules": 3}, ValueError, "a problem needs schedules, such as"),
        ({"schedules": {"a": il.GradientFlow()}}, TypeError, "'a' is GradientFlow"),
        ({"schedules": {"train1": "flow"}}, ValueError, "may not be called 'train1'"),
        ({"level": ...}, ValueError, "needs a level to stop at; level=None trains to the end"),
        ({"level": "-g - 1"}, ValueError, "level must not be negative, as '-g - 1' is"),
        ({"level": "h"}, ValueError, "level 'h' has the unknown name 'h'"),
        ({"train": "1,g"}, TypeError, "train must be a sequence of expressions; got '1,g'"),
        ({"test": None}, ValueError, "a problem needs train, test and start_squared"),
        ({"box": 3}, TypeError, "box must be a mapping of names to ranges; got int"),
        ({"schedules": {"a": "gd(q, 2)"}}, ValueError, "unknown name 'q'"),
        ({"claim": "flow.tst_loss > 0"}, ValueError, "did you mean 'flow.test_loss'"),
        (
            {"schedules": {"flow": "flow(-g - 1)"}},
            ValueError,
            "a rate or time must not be negative",
        ),
        ({"box": {1: (0, 1)}}, ValueError, "the name of a parameter must be a word; got 1"),
        ({"box": {"time": (0, 1)}}, ValueError, "may not be called 'time'"),
        ({"box": {"part3": (0, 1)}}, ValueError, "may not be called 'part3'"),
        ({"box": {"\u0433": (0, 1)}}, ValueError, "ASCII letters only, of which no two look alike"),
        ({"box": {"not": (0, 1)}}, ValueError, "must be a word; got 'not'"),
        ({"max_boxes": 0}, ValueError, "max_boxes must be at least 1; got 0"),
        ({"bits": 5}, ValueError, "bits must be from 32 to 8192; got 5"),
    ],
)
def test_errors_say_what_was_wrong(change: Any, error: type[Exception], message: str) -> None:
    given: dict[str, Any] = {"box": {"g": (0, 1)}, "claim": "flow.test_loss >= 0"} | FAMILY
    given["test"] = ["1", "1"]
    given |= change
    with pytest.raises(error, match=message):
        for_all(**given)


def test_schedules_without_a_problem_are_refused() -> None:
    with pytest.raises(ValueError, match="schedules and a level need a problem"):
        for_all({"x": (0, 1)}, "x >= 0", level="1")


def test_only_boxes_of_two_parameters_are_drawn() -> None:
    with pytest.raises(ValueError, match="this certificate has 1 parameter"):
        draw_boxes(for_all({"x": (0, 1)}, "x >= 0"))


def test_the_bar_is_silent_in_a_pipe() -> None:
    code = "from isoloss.proof import for_all; for_all({'x': (0, 1)}, 'x*(1-x) <= 1/4 + 1/1000')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("", "")
