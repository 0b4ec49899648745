"""Closed forms of many minibatch steps against the recursion, at 50 digits."""

from collections.abc import Sequence
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from scipy.optimize import brentq

from isoloss.dynamics.moments.gaussian_constant import ConstantRate, MeanSquares
from isoloss.dynamics.moments.signed_exponentials import first_below

RNG = np.random.default_rng(0)
ZERO = np.zeros(6)
GAMMA = np.array([1.0, 0.61, 0.5, 0.24, 0.03, 0.002])
GRADED = np.geomspace(1e-12, 1, 6)
BIASED = MeanSquares(RNG.random(6), RNG.standard_normal(6), RNG.random(6))
CENTRED = MeanSquares(RNG.random(6), ZERO, ZERO)
STEPS = (1, 2, 3, 10, 200)


def exact(x: Any) -> list[mp.mpf]:
    return [mp.mpf(float(each)) for each in x]


def walked(
    gamma: Any,
    lr: float,
    batch: float,
    decay: float,
    variance: Any,
    means: Any,
    noise: float,
    steps: Sequence[int],
) -> dict[int, tuple[list[mp.mpf], mp.mpf]]:
    """Return variances and excess after the steps, by the recursion as the theory states it."""
    gamma, variance = exact(gamma), exact(variance)
    squares, cross, constants = (exact(part) for part in means)
    lr, batch, decay, noise = exact((lr, batch, decay, noise))
    c, found, power = 4 * lr**2 / batch, {}, [mp.mpf(1)] * len(gamma)
    a = [1 - 2 * lr * g - lr * decay for g in gamma]
    for k in range(max(steps) + 1):
        parts = zip(power, squares, cross, constants, strict=True)
        m = [s * p**2 + x * p + f for p, s, x, f in parts]
        total = mp.fsum(g * (v + w) for g, v, w in zip(gamma, variance, m, strict=True))
        found[k] = variance, total
        variance = [
            a_i**2 * v + c * g**2 * (v + w) + c * g * (total + noise)
            for a_i, v, g, w in zip(a, variance, gamma, m, strict=True)
        ]
        power = [p * a_i for p, a_i in zip(power, a, strict=True)]
    return found


def far(
    gamma: Any, lr: float, batch: float, decay: float, means: Any, noise: float, steps: int
) -> tuple[list[mp.mpf], mp.mpf]:
    """Return the same from zero variance by a power of the map's matrix."""
    n, size = len(gamma), 3 * len(gamma) + 1
    gamma, (lr, batch, decay, noise) = exact(gamma), exact((lr, batch, decay, noise))
    squares, cross, constants = (exact(part) for part in means)
    a, c = [1 - 2 * lr * g - lr * decay for g in gamma], 4 * lr**2 / batch
    matrix, state = mp.zeros(size), mp.zeros(size, 1)
    for i, g in enumerate(gamma):
        for part in range(3):
            matrix[i, part * n + i] += c * g**2
            for j, other in enumerate(gamma):
                matrix[i, part * n + j] += c * g * other
        level = mp.fsum(x * y for x, y in zip(gamma, constants, strict=True))
        matrix[i, size - 1] = c * g * (noise + level + g * constants[i])
        for part, factor in enumerate((a[i] ** 2, a[i] ** 2, a[i])):
            matrix[part * n + i, part * n + i] += factor
        state[n + i], state[2 * n + i] = squares[i], cross[i]
    matrix[size - 1, size - 1] = state[size - 1] = 1
    end = matrix**steps * state
    means = [end[n + i] + end[2 * n + i] + constants[i] for i in range(n)]
    return list(end[:n]), mp.fsum(g * (end[i] + means[i]) for i, g in enumerate(gamma))


def excess_at(terms: Any, steps: int) -> float:
    """Return the excess that the terms say."""
    with np.errstate(over="ignore", invalid="ignore"):
        signs = np.where(terms.negative & (steps % 2 == 1), -1.0, 1.0)
        rates = np.where(terms.slopes == 0, 1.0, terms.log_rates)
        started = np.where(rates == 0, steps, np.expm1(rates * steps) / np.where(rates, rates, 1))
        powers = signs * terms.coefficients * np.exp(terms.log_rates * steps)
        return float(powers.sum() + (terms.slopes * np.where(terms.slopes, started, 0)).sum())


CASES = {
    "stable": (GAMMA, 0.3, 5, 0.0, ZERO, CENTRED, 0.7),
    "without noise": (GAMMA, 0.3, 5, 0.0, ZERO, CENTRED, 0.0),
    "from a variance": (GAMMA, 0.3, 5, 0.0, RNG.random(6), CENTRED, 0.7),
    "small curvatures": (GRADED, 0.3, 5, 0.0, ZERO, MeanSquares(1 / GRADED, ZERO, ZERO), 0.7),
    "large batches": (GRADED, 0.3, 1e9, 0.0, ZERO, MeanSquares(1 / GRADED, ZERO, ZERO), 0.7),
    "ties": (np.array([0.5, 0.5, 0.2, 0.2, 0.2, 0.0]), 0.4, 3, 0.0, RNG.random(6), CENTRED, 0.7),
    "all equal": (0.5 * np.ones(6), 0.4, 12, 0.0, RNG.random(6), CENTRED, 0.7),
    "factor 0": (0.5 * np.ones(6), 1.0, 7, 0.0, RNG.random(6), CENTRED, 0.7),
    "factor almost 0": (0.5 * np.ones(6), 1.0, 1e20, 0.0, RNG.random(6), CENTRED, 0.7),
    "no curvature": (ZERO, 1.0, 3, 0.1, RNG.random(6), BIASED, 0.7),
    "decay": (GAMMA, 0.3, 5, 0.1, ZERO, BIASED, 0.7),
    "decay and alternation": (GAMMA, 0.9, 50, 0.2, RNG.random(6), BIASED, 0.7),
    "decay and ties": (
        np.array([0.5, 0.5, 0.2, 0.2, 0.2, 0.0]),
        0.4,
        3,
        0.1,
        RNG.random(6),
        BIASED,
        0.7,
    ),
    "unstable": (GAMMA, 0.8, 1, 0.0, ZERO, CENTRED, 0.7),
    "unstable in all": (GAMMA, 900.0, 1, 0.0, ZERO, CENTRED, 0.7),
    "unstable with decay": (GAMMA, 2.5, 1, 0.3, RNG.random(6), BIASED, 0.7),
}


@pytest.mark.parametrize("name", CASES)
def test_every_variance_is_the_recursions(name: str) -> None:
    gamma, lr, batch, decay, variance, means, noise = CASES[name]
    rate = ConstantRate(gamma, lr, batch, decay)
    terms = rate.excess(variance, means, noise)
    with mp.workdps(50):
        wanted = walked(gamma, lr, batch, decay, variance, means, noise, STEPS)
        for steps in STEPS:
            found, log_scale = rate.variances(steps, variance, means, noise)
            scaled = [float(v * mp.exp(-log_scale)) for v in wanted[steps][0]]
            # the log of a growth by e^x is known to x ulps
            spread = 1e-14 + 1e-15 * max(0.0, float(mp.log(1 + max(wanted[steps][0]))))
            np.testing.assert_allclose(found, scaled, rtol=spread)
            total = excess_at(terms, steps)
            if np.isfinite(total) and log_scale == 0:
                assert total == pytest.approx(float(wanted[steps][1]), rel=10 * spread)
    at_start, _ = rate.variances(0, variance, means, noise)
    np.testing.assert_allclose(at_start, variance, rtol=1e-14)


@pytest.mark.parametrize("decay", [0.0, 1e-3])
@pytest.mark.parametrize("steps", [10**6, 10**9])
def test_a_billion_steps_cost_no_digits(steps: int, decay: float) -> None:
    gamma, zero = np.geomspace(1e-9, 1, 4), np.zeros(4)
    means = MeanSquares(1 / gamma, *((-1 / gamma, 0.5 / gamma) if decay else (zero, zero)))
    rate = ConstantRate(gamma, 0.3, 4, decay)
    found, _ = rate.variances(steps, zero, means, 0.7)
    total = excess_at(rate.excess(zero, means, 0.7), steps)
    with mp.workdps(50):
        variances, excess = far(gamma, 0.3, 4, decay, means, 0.7, steps)
        np.testing.assert_allclose(found, [float(v) for v in variances], rtol=3e-15)
        assert total == pytest.approx(float(excess), rel=3e-15)


@pytest.mark.parametrize("off", [0.0, 1e-15, 1e-12, 1e-9, -1e-9])
def test_the_stability_edge_costs_no_digits(off: float) -> None:
    gamma, zero = np.array([0.05, 0.1, 0.3]), np.zeros(3)

    def above(lr: float) -> float:
        return float(np.sum(lr * gamma / (1 - 2 * lr * gamma))) - 1

    lr = brentq(above, 0.01, 1 / 0.6 - 1e-9, xtol=1e-16, rtol=1e-15) * (1 - off)
    rate, means = ConstantRate(gamma, lr, 1), MeanSquares(np.ones(3), zero, zero)
    terms = rate.excess(zero, means, 0.7)
    for steps in (1, 10, 10**6, 10**9):
        found, _ = rate.variances(steps, zero, means, 0.7)
        with mp.workdps(60):
            variances, excess = far(gamma, lr, 1, 0.0, means, 0.7, steps)
            np.testing.assert_allclose(found, [float(v) for v in variances], rtol=3e-15)
            assert excess_at(terms, steps) == pytest.approx(float(excess), rel=3e-15)


@pytest.mark.parametrize("off", [0.0, 1e-9, 1e-6, 9e-5, 1e-3])
def test_a_source_that_decays_like_a_mode_costs_no_digits(off: float) -> None:
    def apart(x: float) -> float:
        rate = ConstantRate(np.array([0.2, x]), 0.3, 4, 0.01)
        return float(rate.modes.values[0] - rate.u[0])

    gamma = np.array([0.2, brentq(apart, 0.05, 0.15, xtol=1e-18, rtol=1e-15) * (1 + off)])
    means = MeanSquares(np.ones(2), np.array([1.0, -0.5]), np.ones(2))
    rate = ConstantRate(gamma, 0.3, 4, 0.01)
    terms = rate.excess(np.zeros(2), means, 0.7)
    with mp.workdps(50):
        wanted = walked(gamma, 0.3, 4, 0.01, np.zeros(2), means, 0.7, STEPS)
        for steps in STEPS:
            found, _ = rate.variances(steps, np.zeros(2), means, 0.7)
            np.testing.assert_allclose(found, [float(v) for v in wanted[steps][0]], rtol=3e-15)
            assert excess_at(terms, steps) == pytest.approx(float(wanted[steps][1]), rel=1e-13)


def test_growth_beyond_float64_is_scaled() -> None:
    rate = ConstantRate(GAMMA, 0.8, 1)
    found, log_scale = rate.variances(10**6, ZERO, CENTRED, 0.0)
    assert log_scale > 1e5
    assert np.all(np.isfinite(found))
    assert found.max() > 1e-3


def test_a_loss_that_rises_first_is_stopped_where_the_recursion_says() -> None:
    gamma, zero = np.array([1.0, 0.05]), np.zeros(2)
    means, lr = MeanSquares(np.array([0.5, 10.0]), zero, zero), 0.32
    with mp.workdps(30):
        wanted = walked(gamma, lr, 1, 0.0, zero, means, 0.0, [600])
    losses = np.array([float(wanted[k][1]) for k in range(601)])
    assert losses[1:].max() > 1.2 * losses[0]
    terms = ConstantRate(gamma, lr, 1).excess(zero, means, 0.0)
    for bar in (losses[0], 0.5, 0.1):
        k = first_below(
            terms.coefficients,
            terms.log_rates,
            bar,
            10**9,
            slopes=terms.slopes,
            negative=terms.negative,
        )
        assert k == 1 + int(np.flatnonzero(losses[1:] <= bar)[0])
