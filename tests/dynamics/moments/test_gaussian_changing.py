"""Minibatch steps at changing rates against the recursion at 50 digits, and against equal rates."""

import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from isoloss.dynamics.moments.gaussian_changing import changing_rates
from isoloss.dynamics.moments.gaussian_constant import ConstantRate, MeanSquares

RNG = np.random.default_rng(0)
ZERO = np.zeros(5)
GAMMA = np.array([1.0, 0.6, 0.2, 1e-3, 0.0])
CENTRED = MeanSquares(RNG.random(5), ZERO, ZERO)
BIASED = MeanSquares(RNG.random(5), RNG.standard_normal(5), 2 * np.ones(5))


def exact(x: Any) -> list[mp.mpf]:
    return [mp.mpf(float(each)) for each in x]


def walked(
    gamma: Any, rates: Any, batch: float, variance: Any, means: Any, noise: float, decay: float
) -> tuple[list[mp.mpf], list[mp.mpf]]:
    """Return the excess after every step and the last variances, as the theory states them."""
    gamma, variance, rates = exact(gamma), exact(variance), exact(rates)
    squares, cross, constants = (exact(part) for part in means)
    batch, noise, decay = exact((batch, noise, decay))
    n, power, excess = range(len(gamma)), [mp.mpf(1)] * len(gamma), []
    for k, lr in enumerate([*rates, None]):
        m = [squares[i] * power[i] ** 2 + cross[i] * power[i] + constants[i] for i in n]
        total = mp.fsum(gamma[i] * (variance[i] + m[i]) for i in n)
        if k:
            excess.append(total)
        if lr is None:
            break
        a, c = [1 - 2 * lr * g - lr * decay for g in gamma], 4 * lr**2 / batch
        variance = [
            a[i] ** 2 * variance[i]
            + c * gamma[i] ** 2 * (variance[i] + m[i])
            + c * gamma[i] * (total + noise)
            for i in n
        ]
        power = [power[i] * a[i] for i in n]
    return excess, variance


CASES = {
    "a cosine": (0.4 * (1 + np.cos(np.linspace(0, np.pi, 200))) / 2, 4, ZERO, CENTRED, 0.7, 0.0),
    "rates of 0": (np.array([0.3, 0.0, 0.5, 0.0]), 4, RNG.random(5), CENTRED, 0.7, 0.0),
    "factors of 0": (np.array([0.3, 0.5, 0.5, 0.1]), 1e6, ZERO, CENTRED, 0.0, 0.0),
    "decay": (RNG.random(200) / 3, 3, RNG.random(5), BIASED, 0.3, 0.2),
    "a level": (RNG.random(200) / 3, 3, ZERO, MeanSquares(ZERO, ZERO, np.ones(5)), 0.3, 0.2),
    "growth and decay": (
        np.r_[1.5 * np.ones(900), 0.01 * np.ones(60)],
        1,
        RNG.random(5),
        CENTRED,
        0.3,
        0.0,
    ),
    "growth with decay": (1 + RNG.random(700), 1, RNG.random(5), BIASED, 0.3, 0.2),
    "one huge rate": (np.array([0.1, 1e40, 0.1]), 2, RNG.random(5), CENTRED, 0.3, 0.0),
}


@pytest.mark.parametrize("name", CASES)
def test_every_excess_is_the_recursions(name: str) -> None:
    rates, batch, variance, means, noise, decay = CASES[name]
    excess, ends, log_scale, _ = changing_rates(GAMMA, rates, batch, variance, means, noise, decay)
    with mp.workdps(50):
        wanted, last = walked(GAMMA, rates, batch, variance, means, noise, decay)
        for got, true in zip(excess, wanted, strict=True):
            # each step adds a few ulps
            wide = 1e-14 + 1e-15 * math.sqrt(rates.size)
            if abs(true) < 1e300:
                assert got == pytest.approx(float(true), rel=wide)
            else:
                assert got > 1e299
        scaled = [float(v * mp.exp(-log_scale)) for v in last]
        np.testing.assert_allclose(ends, scaled, rtol=wide + 1e-15 * log_scale, atol=1e-300)


@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize(("rate", "steps", "batch"), [(0.4, 600, 10), (0.5, 28, 1e14)])
def test_growth_by_e_900_is_undone(rate: float, steps: int, batch: float, noise: float) -> None:
    gamma, zero = np.array([1.0, 0.8]) if batch < 1e9 else np.ones(2), np.zeros(2)
    rates, means = np.r_[np.full(204, 5.0), np.full(steps, rate)], MeanSquares(zero + 1, zero, zero)
    excess, ends, log_scale, _ = changing_rates(gamma, rates, batch, zero, means, noise)
    assert excess.max() == np.inf
    assert log_scale == 0
    with mp.workdps(50):
        wanted, last = walked(gamma, rates, batch, zero, means, noise, 0.0)
        assert excess[-1] == pytest.approx(float(wanted[-1]), rel=1e-12)
        np.testing.assert_allclose(ends, [float(v) for v in last], rtol=1e-12)


def test_curvatures_whose_squares_underflow_have_variances_too() -> None:
    gamma, rates = np.array([1.0, 1e-100, 1e-170]), np.linspace(0.4, 0.1, 50)
    means = MeanSquares(1 / gamma, np.zeros(3), np.zeros(3))
    excess, ends, _, _ = changing_rates(gamma, rates, 4, np.zeros(3), means, 0.3)
    with mp.workdps(400):
        wanted, last = walked(gamma, rates, 4, np.zeros(3), means, 0.3, 0.0)
        np.testing.assert_allclose(excess, [float(each) for each in wanted], rtol=1e-14)
        np.testing.assert_allclose(ends, [float(v) for v in last], rtol=1e-14)


def test_equal_rates_agree_with_their_closed_form() -> None:
    gamma = np.geomspace(1e-6, 1, 40)
    means, zero = MeanSquares(1 / gamma, np.zeros(40), np.zeros(40)), np.zeros(40)
    excess, ends, _, _ = changing_rates(gamma, np.full(3000, 0.2), 16, zero, means, 0.5)
    rate = ConstantRate(gamma, 0.2, 16)
    np.testing.assert_allclose(ends, rate.variances(3000, zero, means, 0.5)[0], rtol=1e-12)
    terms = rate.excess(zero, means, 0.5)
    powers = np.exp(terms.log_rates * 3000)
    total = terms.coefficients @ powers + terms.slopes @ ((powers - 1) / terms.log_rates)
    assert excess[-1] == pytest.approx(total, rel=1e-12)


def test_a_phase_in_two_parts_is_the_whole() -> None:
    rates, means = 0.3 + 0.2 * RNG.random(50), CENTRED
    excess, ends, _, _ = changing_rates(GAMMA, rates, 5, ZERO, means, 0.4)
    first, between, _, product = changing_rates(GAMMA, rates[:20], 5, ZERO, means, 0.4)
    left = np.prod(1 - 2 * np.multiply.outer(rates[:20], GAMMA), axis=0)
    np.testing.assert_allclose(product, left, rtol=1e-14)
    moved = means._replace(squares=means.squares * left**2)
    second, again, _, _ = changing_rates(GAMMA, rates[20:], 5, between, moved, 0.4)
    np.testing.assert_allclose(np.r_[first, second], excess, rtol=1e-14)
    np.testing.assert_allclose(again, ends, rtol=1e-14)
    same, no_steps, _, _ = changing_rates(GAMMA, rates[:0], 5, ends, means, 0.4)
    assert same.size == 0
    np.testing.assert_allclose(no_steps, ends, rtol=1e-15)
