"""Gradient descent with a rate for each step on wide spectra, against sums of logarithms."""

from __future__ import annotations

import functools
import itertools

import mpmath
import numpy as np
import pytest

import isoloss as il

# against loops of whole steps; last steps that are shortened have tests of their own
train = functools.partial(il.train, last_step="whole")

RNG = np.random.default_rng(17)
LOG_SPACED, EVENLY_SPACED = np.geomspace(1e-3, 1, 300), np.linspace(1e-3, 1, 300)

RATES = {
    "warm-up": np.linspace(1e-3, 1, 6000),
    "warm-up beyond the edge": np.linspace(0.1, 1.2, 6000),
    "jump": np.concatenate([np.linspace(0.01, 0.0101, 5000), np.linspace(0.9, 1, 1000)]),
    "fall": np.linspace(1.3, 0.01, 6000),
    "small": RNG.uniform(0, 0.1, 6000),
    "cosine": 0.5 * (1 + np.cos(np.pi * np.arange(6000) / 5999)),
    "uneven": RNG.uniform(0, 1.9, 6000),
    "spikes": np.where(RNG.uniform(size=6000) < 0.01, 30.0, 0.3),
    "divergence": RNG.uniform(0, 10, 2000),
    "divergence and return": np.concatenate([np.full(30, 3.0), RNG.uniform(0, 1, 5970)]),
}


@pytest.mark.parametrize("gamma", [LOG_SPACED, EVENLY_SPACED], ids=["log", "even"])
@pytest.mark.parametrize("name", RATES)
def test_many_rates_stop_at_the_first_step_below_each_level(name: str, gamma: np.ndarray) -> None:
    rates = RATES[name]
    delta = RNG.uniform(0.5, 1.5, gamma.size)
    problem = il.Problem.from_spectra(gamma, np.ones_like(gamma), delta)
    logs = np.cumsum(np.log(np.abs(1 - 2 * rates[:, None] * gamma)), axis=0)
    paths = np.vstack([np.zeros_like(gamma), logs])
    excess = np.logaddexp.reduce(np.log(gamma * delta**2) + 2 * paths, axis=1)
    # between two losses that occur, far enough from both for rounding
    lows = np.unique(np.minimum.accumulate(excess))[::-1]
    lows = lows[lows > -600]
    pairs = [(a, b) for a, b in itertools.pairwise(lows) if a - b > 1e-9]
    chosen = [pairs[i] for i in np.linspace(0, len(pairs) - 1, 20).astype(int)] if pairs else []
    levels = np.exp([(a + b) / 2 for a, b in chosen] + [max(lows.min() - 1, -700)])
    run = train(problem, il.GradientDescent(rates), train_loss=levels)
    below = excess[:, None] <= np.log(levels)
    first = np.where(below.any(axis=0), below.argmax(axis=0), rates.size)
    np.testing.assert_array_equal(run.steps, first)
    assert run.reached.tolist() == below.any(axis=0).tolist()
    # NumPy's factors lose digits next to zero, so its logarithms do
    np.testing.assert_allclose(run.log, paths[first], rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("name", RATES)
def test_logarithms_of_many_rates_keep_their_digits(name: str) -> None:
    rates = RATES[name]
    run = train(
        il.Problem.from_spectra(LOG_SPACED, np.ones(300), np.ones(300)), il.GradientDescent(rates)
    )
    with mpmath.workdps(40):
        for i in (0, 150, 260, 280, 299):
            gamma = mpmath.mpf(LOG_SPACED[i])
            factors = [1 - 2 * mpmath.mpf(lr) * gamma for lr in rates]
            sizes = [abs(f) for f in factors if f]
            grown = mpmath.log(mpmath.fprod(f for f in sizes if f > 1))
            shrunk = mpmath.log(mpmath.fprod(f for f in sizes if f <= 1))
            exact, rise = grown + shrunk, grown - shrunk
            if all(factors):
                # interpolated from up to 40 nodes, whose sums are rounded
                assert abs(run.log[i] - exact) <= 1e-14 * rise
            else:
                assert run.log[i] == -np.inf


def test_digits_of_an_earlier_divergence_survive_many_rates() -> None:
    gamma = LOG_SPACED
    problem = il.Problem.from_spectra(gamma, np.ones_like(gamma), np.ones_like(gamma))
    rates = RATES["cosine"]
    run = train(problem, il.GradientDescent(3.0, 10**7) + il.GradientDescent(rates))
    with mpmath.workdps(40):
        exact = 10**7 * mpmath.log(5) + mpmath.fsum(
            mpmath.log(abs(1 - 2 * mpmath.mpf(lr))) for lr in rates
        )
        assert abs(run.log[-1] - exact) <= abs(exact) * 1.2e-16


@pytest.mark.parametrize("step", [1, 2, 11, 34, 41])
@pytest.mark.parametrize("place", [0, 20, 39])
def test_a_direction_that_a_step_removes_hides_no_stop(step: int, place: int) -> None:
    # rates beyond the stability edge, on a spectrum wide enough to be interpolated
    gamma = np.geomspace(1, 1e-5, 200)
    problem = il.Problem.from_spectra(gamma, np.ones(200), np.ones(200))
    rates = np.linspace(0.3, 1.05, 401)
    rates[place] = 0.5  # removes γ = 1 exactly
    h = np.cumprod(1 - 2 * rates[:, None] * gamma, axis=0)
    losses = (gamma * h**2).sum(axis=1)
    level = losses[step - 1] * (1 + 1e-9)
    run = train(problem, il.GradientDescent(rates), level)
    assert run.steps == np.argmax(losses <= level) + 1
