"""Gradients of drawn minibatches against plain loops and against their exact moments."""

import itertools
from typing import Any

import numpy as np
import pytest

from isoloss.dynamics.moments import batches
from isoloss.dynamics.moments.batches import GaussianBatches, RowBatches

RNG = np.random.default_rng(0)


def row_data(n: int, r: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows in their eigenbasis, and errors that the rows do not explain."""
    rows = RNG.standard_normal((n, r))
    rows = rows @ np.linalg.eigh(rows.T @ rows)[1]
    errors = RNG.standard_normal((n, m))
    return rows, errors - rows @ np.linalg.lstsq(rows, errors)[0]


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("dense", [0, 10**6])
def test_gradients_are_those_of_the_drawn_rows(
    monkeypatch: pytest.MonkeyPatch, dense: int, replacement: bool
) -> None:
    rows, errors = row_data(20, 3, 2)
    drawing = RowBatches(rows, errors, 4, replacement)
    residual = RNG.standard_normal((5, 3, 2))
    monkeypatch.setattr(batches, "_DENSE", dense)
    found = drawing.gradients(np.random.default_rng(1), residual)
    drawn = drawing._drawn(np.random.default_rng(1), 5)
    for run in range(5):
        wanted = np.zeros((3, 2))
        for k in drawn[run]:
            wanted += np.outer(rows[k], rows[k] @ residual[run] - errors[k]) * 2 / 4
        np.testing.assert_allclose(found[run], wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("n", "size", "replacement"), [(4, 2, False), (4, 3, False), (6, 5, False), (3, 2, True)]
)
def test_every_batch_is_equally_likely(n: int, size: int, replacement: bool) -> None:
    rows, errors = row_data(n, 2, 1)
    drawn = RowBatches(rows, errors, size, replacement)._drawn(np.random.default_rng(0), 40_000)
    if replacement:
        every = list(itertools.product(range(n), repeat=size))
    else:
        every = list(itertools.combinations(range(n), size))
        drawn = np.sort(drawn, axis=1)
    counts = np.array([np.sum(np.all(drawn == one, axis=1)) for one in every])
    assert counts.sum() == 40_000
    share = 1 / len(every)
    spread = np.sqrt(40_000 * share * (1 - share))
    assert np.all(np.abs(counts - 40_000 * share) < 4 * spread)


def test_all_rows_at_once_are_the_full_gradient() -> None:
    rows, errors = row_data(6, 3, 2)
    residual = RNG.standard_normal((4, 3, 2))
    found = RowBatches(rows, errors, 6, replacement=False).gradients(RNG, residual)
    np.testing.assert_array_equal(found, 2 * np.mean(rows**2, axis=0)[:, None] * residual)


def fresh(size: int, gamma: Any, noise: Any, residual: Any, runs: int) -> np.ndarray:
    """Return the gradients of rows that are all drawn."""
    rng = np.random.default_rng(7)
    x = rng.standard_normal((runs, size, gamma.size)) * np.sqrt(gamma)
    labels = rng.standard_normal((runs, size, noise.size)) * np.sqrt(noise)
    return (2 / size) * (x.transpose(0, 2, 1) @ (x @ residual - labels))


@pytest.mark.parametrize("m", [1, 2])
@pytest.mark.parametrize("size", [1, 2, 3, 40])
def test_fresh_gaussian_rows_have_their_moments(size: int, m: int) -> None:
    runs, gamma, noise = 25_000, np.array([1.0, 0.3, 0.1]), np.array([0.5, 0.2])[:m]
    residual = np.array([[1.0, -0.4], [0.5, 0.1], [-2.0, 0.7]])[:, :m]
    drawing = GaussianBatches(gamma, noise, size)
    found = drawing.gradients(np.random.default_rng(0), np.repeat(residual[None], runs, axis=0))
    centred = found - 2 * gamma[:, None] * residual
    errors = np.std(found, axis=0) / np.sqrt(runs)
    assert np.all(np.abs(centred.mean(axis=0)) < 4 * errors)
    losses = residual.T @ (gamma[:, None] * residual) + np.diag(noise)
    for a, b in itertools.combinations_with_replacement(range(m), 2):
        # Isserlis: Γ δ_b δ_aᵀ Γ + Γ (δ_aᵀ Γ δ_b + noise)
        wanted = np.outer(gamma * residual[:, b], gamma * residual[:, a])
        wanted = (4 / size) * (wanted + np.diag(gamma) * losses[a, b])
        products = centred[:, :, None, a] * centred[:, None, :, b]
        spread = np.std(products, axis=0) / np.sqrt(runs)
        assert np.all(np.abs(products.mean(axis=0) - wanted) < 4 * spread)
    # the fourth moments, too, are those of rows that are all drawn
    plain = fresh(size, gamma, noise, residual, runs)
    fourth = [np.sum(g**2, axis=(1, 2)) ** 2 for g in (found, plain)]
    spread = np.hypot(*(np.std(x) for x in fourth)) / np.sqrt(runs)
    assert abs(fourth[0].mean() - fourth[1].mean()) < 4 * spread


def test_more_outputs_than_directions_are_drawn() -> None:
    gamma, noise = np.array([0.5]), np.array([0.1, 0.2, 0.3])
    residual = np.repeat(np.array([[[1.0, 0.0, -1.0]]]), 50_000, axis=0)
    found = GaussianBatches(gamma, noise, 5).gradients(np.random.default_rng(0), residual)
    second = np.mean(np.sum((found - 2 * 0.5 * residual) ** 2, axis=1), axis=0)
    wanted = (4 / 5) * (0.25 * residual[0, 0] ** 2 + 0.5 * (0.5 * residual[0, 0] ** 2 + noise))
    np.testing.assert_allclose(second, wanted, rtol=0.03)
    still = GaussianBatches(gamma, np.zeros(1), 3).gradients(RNG, np.zeros((2, 1, 1)))
    np.testing.assert_array_equal(still, 0.0)
