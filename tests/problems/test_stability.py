"""Largest stable rates: known ones, 50 digits, and the map of the covariance on both sides."""

from typing import Any

import mpmath as mp
import numpy as np
import pytest

from isoloss.problems.stability import largest_gaussian_rate, largest_row_rate

RNG = np.random.default_rng(0)
GAMMAS = {
    "one": np.array([0.7]),
    "ties": np.array([0.5, 0.5, 0.0, 0.1]),
    "graded": np.geomspace(1e-12, 3, 30),
    "flat tail": np.r_[1.0, np.full(50, 1e-3)],
}


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("batch", [1, 7, 10**6])
@pytest.mark.parametrize("name", GAMMAS)
def test_gaussian_rates_solve_their_equation(name: str, batch: int, decay: float) -> None:
    rate = largest_gaussian_rate(GAMMAS[name], batch, decay)
    with mp.workdps(50):
        gamma = [mp.mpf(float(g)) for g in GAMMAS[name]]

        def q(lr: mp.mpf) -> mp.mpf:
            u = [lr * (2 * g + mp.mpf(decay)) for g in gamma]
            z = [4 * (lr * g) ** 2 / batch for g in gamma]
            kept = [(a * (2 - a) - b, b) for a, b in zip(u, z, strict=True) if a > 0]
            assert all(a > 0 for a, _ in kept)
            return mp.fsum(b / a for a, b in kept)

        below, above = mp.mpf(rate) * (1 - mp.mpf(10) ** -13), mp.mpf(rate)
        assert q(below) < 1
        step = (1 - q(below)) / mp.diff(q, below)  # q is convex, so that the root is nearer
        assert below + step >= above * (1 - mp.mpf(10) ** -13)
        assert abs((below + step) / above - 1) < mp.mpf(10) ** -12


def test_gaussian_rates_with_one_curvature_are_known() -> None:
    # E of the factor's square: 1 - 4ηγ + 4η²γ²(1 + 2/B) = 1
    for batch in (1, 2, 50):
        assert largest_gaussian_rate(np.array([0.4]), batch) == pytest.approx(
            batch / (0.4 * (batch + 2)), rel=1e-15
        )
    assert largest_gaussian_rate(np.zeros(2), 3) == np.inf
    assert largest_gaussian_rate(np.zeros(2), 3, 0.5) == pytest.approx(4.0, rel=1e-15)
    assert largest_gaussian_rate(np.array([0.4, 0.2]), 10**14) == pytest.approx(2.5, rel=1e-12)


@pytest.mark.parametrize("batch", [1, 2, 3, 10])
def test_the_papers_example_is_stable_below_3b_over_2b_plus_1(batch: int) -> None:
    rows = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert largest_row_rate(rows, batch) == pytest.approx(3 * batch / (2 * batch + 1), rel=1e-14)


def data(n: int, r: int) -> np.ndarray:
    """Return rows with heavy tails in the basis of their covariance."""
    x = RNG.standard_normal((n, r)) * np.geomspace(1, 0.1, r) * RNG.exponential(size=(n, 1))
    return x @ np.linalg.eigh(x.T @ x)[1]


def radius(rows: Any, lr: float, batch: int, factor: float, decay: float) -> float:
    """Return the spectral radius of a step's map, each row's part written out."""
    n, r = rows.shape
    gamma = rows.T @ rows / n
    mean = np.eye(r) - lr * (2 * gamma + decay * np.eye(r))
    step = np.kron(mean, mean)
    each = sum(np.kron(np.outer(x, x), np.outer(x, x)) for x in rows) / n
    step += 4 * lr**2 * factor / batch * (each - np.kron(gamma, gamma))
    return float(max(abs(np.linalg.eigvals(step))))


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("decay", [0.0, 0.4])
@pytest.mark.parametrize(("n", "r", "batch"), [(3, 2, 1), (9, 4, 3), (30, 13, 5), (6, 6, 6)])
def test_the_map_of_the_covariance_has_radius_1(
    n: int, r: int, batch: int, decay: float, replacement: bool
) -> None:
    rows = data(n, r)
    factor = 1.0 if replacement else (n - batch) / (n - 1)
    rate = largest_row_rate(rows, batch, replacement=replacement, weight_decay=decay)
    assert radius(rows, rate * (1 - 1e-8), batch, factor, decay) < 1
    assert radius(rows, rate * (1 + 1e-8), batch, factor, decay) > 1


def test_all_rows_at_once_are_full_batches() -> None:
    rows = data(20, 14)
    top = np.mean(rows**2, axis=0).max()
    assert largest_row_rate(rows, 20, replacement=False) == pytest.approx(1 / top, rel=1e-12)
    one = np.array([[2.0, 0.0]])
    assert largest_row_rate(one, 1, replacement=False) == pytest.approx(0.25, rel=1e-15)
    assert largest_row_rate(np.zeros((3, 2)), 1) == np.inf
    assert largest_row_rate(np.zeros((3, 2)), 1, weight_decay=0.5) == 4.0


def test_gaussian_rates_approximate_those_of_gaussian_rows() -> None:
    rows = RNG.standard_normal((4000, 15)) * np.geomspace(1, 0.3, 15)
    rows = rows @ np.linalg.eigh(rows.T @ rows)[1]
    rate = largest_row_rate(rows, 4)
    assert rate == pytest.approx(largest_gaussian_rate(np.mean(rows**2, axis=0), 4), rel=0.02)
