import numpy as np
import pytest
from scipy.integrate import solve_ivp

from isoloss.curves.filtered_runs import FilteredRuns
from isoloss.curves.spectrum import CURVATURES, kernel, weights

REFERENCE, DECAY, GROWTH, EXPONENT = 1e-3, 0.1, 0.6, 1.4


def cosine(steps):
    return REFERENCE * 0.5 * (1 + np.cos(np.pi * (np.arange(steps) + 0.5) / steps))


def test_norm_time_and_noise_solve_their_differential_equations():
    steps = np.arange(250, 20_001, 250)
    rates = cosine(20_000)
    runs = FilteredRuns([(rates, steps)], REFERENCE, np.array([DECAY]))
    time, noise = runs.at(GROWTH, EXPONENT)
    chosen = np.array([5, 12, 20])

    def slope(t, state):
        x = 0.5 * (1 + np.cos(np.pi * t / 20))
        norm = state[0]
        y = x * norm ** (-EXPONENT / 2)
        grown = -2000 * DECAY * REFERENCE * x * norm + GROWTH * x**2
        return [grown, y, *(CURVATURES[chosen] * y * (y - state[2:]))]

    exact = solve_ivp(
        slope, (0, 20), [1, 0, 0, 0, 0], t_eval=steps / 1000, rtol=1e-9, atol=1e-12, method="LSODA"
    )
    np.testing.assert_allclose(time, exact.y[1], rtol=3e-5)
    np.testing.assert_allclose(noise[:, chosen], exact.y[2:].T, atol=3e-4)


def test_constant_rates_are_exact():
    rates = np.full(5000, REFERENCE)
    runs = FilteredRuns([(rates, np.array([1000, 5000]))], REFERENCE, np.array([DECAY]))
    time, noise = runs.at(0.0, 1.0)
    np.testing.assert_allclose(time, [1, 5], rtol=1e-13)
    np.testing.assert_allclose(noise, -np.expm1(-np.outer([1, 5], CURVATURES)), rtol=1e-12)


def test_noise_equals_its_closed_form():
    rates = np.where(np.arange(3000) < 2000, REFERENCE, REFERENCE / 4)
    runs = FilteredRuns([(rates, np.array([1000, 2000, 3000]))], REFERENCE, np.array([0.0]))
    _, noise = runs.at(0.0, 1.0)
    found = noise[-1] @ weights(300.0, 0.5)
    late, end = kernel(0.25, 300.0, 0.5), kernel(2.25, 300.0, 0.5)
    exact = 1 * (late - end) + 0.25 * (1 - late)
    assert found == pytest.approx(exact, abs=1e-6)


@pytest.mark.parametrize("decay", [0.0, 1e-12, 0.1, 100.0])
def test_norm_without_and_with_strong_decay_stays_finite(decay):
    rates = np.full(100_000, REFERENCE)
    runs = FilteredRuns([(rates, np.array([1000, 100_000]))], REFERENCE, np.array([decay]))
    time, noise = runs.at(GROWTH, EXPONENT)
    assert np.isfinite(time).all()
    assert np.isfinite(noise).all()
    if decay == 0:  # ρ² = 1 + ct, whose power has an integral in closed form
        ends = (1 + GROWTH * np.array([1.0, 100.0])) ** (1 - EXPONENT / 2) - 1
        np.testing.assert_allclose(time, ends / (1 - EXPONENT / 2) / GROWTH, rtol=2e-3)


def test_runs_side_by_side_equal_single_runs():
    first = (cosine(2000), np.array([500, 1200, 2000]))
    second = (np.full(700, REFERENCE / 3), np.array([300, 700]))
    decays = np.array([0.1, 0.02])
    both = FilteredRuns([first, second], REFERENCE, decays).at(GROWTH, EXPONENT)
    for part, run, decay in zip(([0, 1, 2], [3, 4]), (first, second), decays, strict=True):
        alone = FilteredRuns([run], REFERENCE, np.array([decay])).at(GROWTH, EXPONENT)
        for together, single in zip(both, alone, strict=True):
            np.testing.assert_allclose(together[part], single, rtol=1e-12)
