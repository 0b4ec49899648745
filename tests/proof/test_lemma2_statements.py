"""Lemma 2 on instances that a formula decides, and the counterexample to one reading."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from certified import checked, random_problem

import isoloss as il
from isoloss import paper
from isoloss.proof import ExactProblem, lemma2, lemma2_literal


@pytest.mark.parametrize("seed", range(8))
def test_lemma2_holds_where_its_conditions_do(seed: int) -> None:
    train, test, start = random_problem(seed)
    assert len(train) > 1  # so that there is a block and a complement
    problem = ExactProblem.from_spectra(train, test, [100 * s for s in start])
    block = range(1, len(train))
    floats = il.Problem.from_spectra(
        *([float(v) for v in part] for part in (train, test)), [float(100 * s) for s in start]
    )
    computed = paper.lemma2(floats, list(block), 0.5, 3)
    if not bool(computed.applies):
        with pytest.raises(ValueError, match="condition 2 holds for no alpha below 1"):
            lemma2(problem, block, "1/2", 3)
        return
    proof = checked(lemma2(problem, block, "1/2", 3))
    assert proof.verdict == "proved"
    # the default α is the least that condition 2 allows, up to two digits
    alpha = Fraction(proof.claim.partition("α = ")[2].partition(",")[0])
    assert float(computed.alpha_sum) <= float(alpha) <= max(1.2 * float(computed.alpha_sum), 0.011)


@pytest.mark.parametrize("third", [100, 1000, 10**4, 10**5])
@pytest.mark.parametrize("level", [1, "1/10", "1/100", 5])
def test_round_numbers_have_a_least_alpha(third: int, level: Any) -> None:
    problem = ExactProblem.from_squares([1, "1/2", "1/10"], [1, 1, 1], [10, 10, third])
    assert checked(lemma2(problem, [2], level, np.int64(10))).verdict == "proved"


def test_lemma2_on_the_edge_of_its_conditions() -> None:
    # condition 1 with equality: γ_1δ_1(0)² = ε; condition 2 with equality: 1·(1/4)² = α·1
    edge = ExactProblem.from_squares([1, "1/2"], [1, 1], [1, 8])
    assert checked(lemma2(edge, [1], 1, 2, "1/16")).verdict == "proved"
    beyond = lemma2(edge, [1], 1, 2, "1/17")
    assert beyond.verdict == "undecided"
    assert "a part is disproved" in beyond.reason
    small = ExactProblem.from_squares([1, "1/2"], [1, 1], ["99/100", 8])
    assert (
        "a part is disproved: train1 * square1 >= level" in lemma2(small, [1], 1, 2, "1/2").reason
    )
    no_gap = ExactProblem.from_squares([1, 1], [1, 1], [1, 8])
    assert "a part is disproved: (1) > 1" in lemma2(no_gap, [1], 1, 2, "1/2").reason


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"block": []}, ValueError, "different directions from 0 to 1; got"),
        ({"block": [2]}, ValueError, "different directions from 0 to 1"),
        ({"block": 3}, TypeError, "block must be a list of directions"),
        ({"level": 0}, ValueError, "level must be positive; got 0"),
        ({"steps": 0}, ValueError, "steps must be a whole number of at least 1; got 0"),
        ({"alpha": 1}, ValueError, "alpha must be between 0 and 1; got 1"),
        ({"alpha": 0}, ValueError, "alpha must be between 0 and 1; got 0"),
        (
            {"problem": ExactProblem.from_spectra([1, 0], [1, 1], [1, 1])},
            ValueError,
            "without train curvature",
        ),
        (
            {"problem": ExactProblem.from_spectra([1, "1/2"], [1, 1], [1, 0])},
            ValueError,
            "starts at rest",
        ),
        (
            {"problem": ExactProblem.from_spectra([1, "1/2"], [1, 1], [1, 1], noise=1)},
            ValueError,
            "without label noise",
        ),
    ],
)
def test_bad_arguments_of_lemma2(change: Any, error: type[Exception], message: str) -> None:
    problem = ExactProblem.from_spectra([1, "1/2"], [1, 1], [1, 4])
    given = {"problem": problem, "block": [1], "level": "1/2", "steps": 1, "alpha": "1/2"} | change
    with pytest.raises(error, match=message):
        lemma2(**given)


def test_the_counterexample_to_the_literal_reading() -> None:
    proof = checked(lemma2_literal())
    assert proof.verdict == "disproved"
    # by hand: y⁴ + y = 1/2 at the stop, test loss y⁴ + 4y
    y = mp.findroot(lambda y: y**4 + y - mp.mpf(1) / 2, 0.46)
    low, high = (
        mp.ldexp(int(end.partition("p")[0]), int(end.partition("p")[2]))
        for end in proof.content["parts"][-1]["runs"]["annealed"]["test_loss"]
    )
    assert low < y**4 + 4 * y < high
    assert low > 1.8
    problem = il.Problem.from_spectra([1, 0.25], [1, 1], [1, 4])
    assert il.train(problem, il.anneal(1, 1), 0.5).test_loss > 0.5 + 0.5
