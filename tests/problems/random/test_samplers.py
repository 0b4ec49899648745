"""Samplers: their moments, their losses by hand, and that they are reproducible."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import isoloss as il
from isoloss.problems.random import (
    directions,
    enumerated,
    gaussian,
    power_law,
    resampled,
    spiked,
    two_level,
)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_papers_draws_are_enumerated_with_their_probabilities() -> None:
    found = list(enumerated())
    assert sum(probability for _, probability in found) == 1
    gap = Fraction(0)
    for problem, probability in found:
        flow, annealed = (
            il.train(problem, schedule, 0.01).test_loss
            for schedule in (il.GradientFlow(), il.anneal(float(problem.max_lr), 5))
        )
        gap += probability * (annealed < 0.75 * flow)
    assert gap == Fraction(3, 4)


def test_sampled_directions_have_the_enumerated_frequencies() -> None:
    sample, generator = directions(n=3, probabilities=["1/3", "2/3"]), rng()
    tops = [float(sample(generator).curvature[0]) for _ in range(4000)]
    for count, probability in ((0, 8 / 27), (1, 12 / 27), (2, 6 / 27), (3, 1 / 27)):
        share = np.mean(np.isclose(tops, count / 3))
        assert abs(share - probability) < 4 * (probability / 4000) ** 0.5


def test_gaussian_losses_are_the_populations() -> None:
    spectrum, noise, target = power_law(6, 1.0), 0.5, np.arange(1.0, 7.0)
    problem = gaussian(40, spectrum, noise, target)(rng(1))
    assert float(problem.start_test_loss) == pytest.approx(float(spectrum @ target**2) + noise)
    run = il.train(problem, il.GradientFlow(1.5))
    error = run.coef() - target
    assert float(run.test_loss) == pytest.approx(float(spectrum @ error**2) + noise, rel=1e-12)
    # by Monte Carlo: new rows of the same kind
    generator = rng(2)
    rows = generator.normal(size=(200_000, 6)) * np.sqrt(spectrum)
    labels = rows @ target + noise**0.5 * generator.normal(size=len(rows))
    assert float(run.test_loss) == pytest.approx(
        np.mean((rows @ run.coef() - labels) ** 2), rel=0.02
    )


def test_gaussian_train_rows_have_the_spectrum() -> None:
    problem = gaussian(50_000, [4.0, 1.0, 0.25])(rng())
    np.testing.assert_allclose(problem.curvature, [4.0, 1.0, 0.25], rtol=0.05)
    few = gaussian(5, np.ones(20), noise=1.0)(rng())
    assert few.curvature.shape == (5,)
    assert float(few.min_train_loss) == pytest.approx(0.0, abs=1e-20)


def test_resampled_rows_come_from_the_data() -> None:
    X = np.diag(np.arange(1.0, 6.0))
    y = np.ones(5)
    problem = resampled(X, y, X, y, 3, replace=False)(rng())
    kept = np.sort(3 * np.asarray(problem.curvature))
    assert set(np.round(kept, 9)) <= {1.0, 4.0, 9.0, 16.0, 25.0}
    assert len(kept) == 3
    bootstrap = resampled(X, y, X, y)(rng())
    assert float(np.sum(bootstrap.curvature)) <= 25.0
    assert float(bootstrap.start_test_loss) == pytest.approx(1.0, rel=1e-14)


@pytest.mark.parametrize("sampler", [directions(), gaussian(9, [1.0, 0.5], 0.1)])
def test_draws_are_reproducible(sampler: Any) -> None:
    a, b, c = (sampler(rng(seed)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(np.asarray(a.curvature), np.asarray(b.curvature))
    assert c.curvature.shape == a.curvature.shape


def test_spectra() -> None:
    np.testing.assert_allclose(power_law(4, 2.0), [1, 1 / 4, 1 / 9, 1 / 16])
    np.testing.assert_allclose(power_law(3, 0.0), 1.0)
    np.testing.assert_allclose(spiked(3, 1, 9.0), [9, 1, 1])
    np.testing.assert_allclose(two_level(3, 3, 2.0, 1.0), 2.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: power_law(0, 1.0), "d must be at least 1; got 0"),
        (lambda: two_level(3, 4, 1, 1), "of d=3 directions, from 0 to 3 may be high; got 4"),
        (lambda: two_level(3, 1, -1, 1), "variances must not be negative; got -1 and 1"),
        (lambda: gaussian(0, [1.0]), "n must be at least 1; got 0"),
        (lambda: gaussian(2, [-1.0]), "spectrum must be variances along one axis"),
        (lambda: gaussian(2, [1.0], noise=-1), "noise must not be negative; got -1"),
        (lambda: gaussian(2, [1.0], target=[1, 2]), r"target must have shape \(1,\)"),
        (lambda: directions(0), "n must be at least 1; got 0"),
        (lambda: directions(3, ["1/2", "1/3"]), "add up to 1; got 1/2, 1/3"),
        (
            lambda: resampled(np.eye(3), np.ones(3), np.eye(3), np.ones(3), 4, replace=False),
            "n must be from 1 to the 3 rows without replacement; got 4",
        ),
    ],
)
def test_errors_say_what_was_wrong(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
