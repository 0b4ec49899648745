"""The band and its attainment, on instances that a formula decides."""

from __future__ import annotations

from fractions import Fraction

import pytest
from certified import checked, random_problem

import isoloss as il
from isoloss.proof import ExactProblem, attainment, band


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
