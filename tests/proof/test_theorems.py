"""Lemma 2, the band, its attainment and identities, on instances that a formula decides."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import mpmath as mp
import numpy as np
import pytest

import isoloss as il
from isoloss import paper
from isoloss.checker import check
from isoloss.proof import (
    Certificate,
    ExactProblem,
    attainment,
    band,
    certify,
    identity,
    lemma2,
    lemma2_literal,
    theorem,
)


def checked(proof: Certificate) -> Certificate:
    assert check(json.loads(proof.to_json())).verdict == proof.verdict
    return proof


def random_problem(seed: int) -> tuple[list[Fraction], list[Fraction], list[Fraction]]:
    rng = np.random.default_rng(seed)
    d = int(rng.integers(2, 5))
    train = sorted({Fraction(int(n), 12) for n in rng.integers(1, 60, d)}, reverse=True)
    test, start = ([Fraction(int(n), 7) for n in rng.integers(1, 60, len(train))] for _ in range(2))
    return train, test, start


@pytest.mark.parametrize("seed", range(8))
def test_lemma2_holds_where_its_conditions_do(seed: int) -> None:
    train, test, start = random_problem(seed)
    assert len(train) > 1  # so that there is a block and a complement
    problem = ExactProblem.from_spectra(train, test, [100 * s for s in start])
    block = range(1, len(train))
    floats = il.Problem.from_spectra(*([float(v) for v in part] for part in (train, test)),
                                     [float(100 * s) for s in start])  # fmt: skip
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


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("end", ["lowest", "highest"])
def test_the_band_and_schedules_that_attain_it(seed: int, end: str) -> None:
    train, test, start = random_problem(seed)
    extreme = (min if end == "lowest" else max)(b / a for a, b in zip(train, test, strict=True))
    proof = checked(band(train, test, end))
    assert proof.verdict == "proved"
    assert f"the {end} test loss is {extreme}·ε" in proof.claim
    problem = ExactProblem.from_spectra(train, test, start)
    level = Fraction(str(problem.start_train_loss)) / 7
    schedule, reached = attainment(problem, level, end)
    assert checked(reached).verdict == "proved"
    # by the library, and its own band
    floats = il.Problem.from_spectra(*([float(v) for v in part] for part in (train, test, start)))
    computed = il.level_band(floats, float(level))
    wanted = computed.lowest if end == "lowest" else computed.highest
    assert float(extreme * level) == pytest.approx(float(wanted), rel=1e-12)
    assert schedule.endswith("flow")


def test_what_the_band_and_its_attainment_refuse() -> None:
    with pytest.raises(ValueError, match="end must be 'lowest' or 'highest'; got 'x'"):
        band([1], [1], "x")
    with pytest.raises(ValueError, match="the band needs positive train curvatures"):
        band([1, 0], [1, 1])
    equal = ExactProblem.from_spectra([1, 1], [1, 2], [1, 1])
    with pytest.raises(ValueError, match="no schedule separates equal eigenvalues"):
        attainment(equal, "1/2")
    for level in (0, 2, 3):
        with pytest.raises(
            ValueError, match="level must be between 0 and the start's train loss 2"
        ):
            attainment(equal, level)


def test_a_direction_without_curvature_stays_in_the_test_loss() -> None:
    problem = ExactProblem.from_spectra([1, "1/3", 0], [1, 1, 5], [2, 2, 1], noise="1/4")
    schedule, proof = attainment(problem, "1/10", "highest")
    assert checked(proof).verdict == "proved"
    assert proof.claim == "reached and test_loss == 3 * level + 21/4"
    assert schedule == "gd(1/2, 1) > flow"


@pytest.mark.parametrize(
    ("left", "right", "verdict"),
    [
        ("(a + b)**3", "a**3 + 3*a**2*b + 3*a*b**2 + b**3", "proved"),
        ("0.1*x + 0.2*x", "0.3*x", "proved"),
        ("-(x - y)", "y - x", "proved"),
        ("x**2 / 4", "(x/2)**2", "proved"),
        ("(a + b)**2", "a**2 + b**2 + 2*a*b + 1/1000000", "disproved"),
    ],
)
def test_identities(left: str, right: str, verdict: str) -> None:
    proof = identity(left, right)
    assert proof.verdict == verdict
    if verdict == "proved":
        checked(proof)


@pytest.mark.parametrize(
    "side",
    ["exp(x)", "x**y", "1/x", "x**0.5", "x < y", "x**-1", "x/0", "x**51", "2**10000000000 * x"],
)
def test_what_is_no_polynomial_is_refused(side: str) -> None:
    with pytest.raises(ValueError, match=r"is no polynomial|has a higher degree than 50"):
        identity(side, "1")


def test_a_theorem_needs_all_parts_before_its_last() -> None:
    good = identity("a", "a")
    problem = ExactProblem.from_spectra([1], [1], [1])
    bad = certify(problem, "flow", "1/2", "test_loss > 1")
    assert theorem("t", "a statement", [], [good, bad]).verdict == "disproved"
    found = theorem("t", "a statement", [], [bad, good])
    assert found.verdict == "undecided"
    assert found.reason == "a part is disproved: test_loss > 1"
    for parts in ([], [3], good):
        with pytest.raises(TypeError, match="the parts of a theorem are certificates"):
            theorem("t", "a statement", "words", parts)  # type: ignore[arg-type]  # wrong on purpose
    assert theorem("t", "a statement", "words", [good]).content["argument"] == ["words"]
    assert repr(found) == "Certificate(undecided: a statement (a part is disproved: test_loss > 1))"
