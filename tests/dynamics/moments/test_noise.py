"""The covariance of minibatch gradients, against sums over all batches and Gaussian quadrature."""

import itertools

import numpy as np
import pytest
from dynamics.moments.enumerated import batches

from isoloss.dynamics.moments.noise import GaussianNoise, RowNoise


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_train_rows(size: int, replacement: bool) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    minimum = np.linalg.lstsq(X, y)[0]
    gamma, basis = np.linalg.eigh(X.T @ X / 4)
    rows, errors, mean = X @ basis, y - X @ minimum, rng.normal(size=(3, 2))
    root = rng.normal(size=(3, 3))
    # a random residual that takes four values, with the covariance root rootᵀ
    moves = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) @ root.T
    gradients = []
    for move, batch in itertools.product(moves, batches(4, size, replacement=replacement)):
        residual = mean + move[:, None] / np.sqrt(2.0)  # in both outputs
        x, e = rows[batch], errors[batch]
        full = 2.0 * gamma[:, None] * residual
        gradients.append(2.0 * x.T @ (x @ residual - e) / size - full)
    wanted = np.mean([g @ g.T for g in gradients], axis=0)
    noise = RowNoise(rows, errors, gamma, size, replacement)
    found = noise.covariance(mean, root @ root.T)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-14)


def test_the_whole_train_set_has_no_noise() -> None:
    rows, errors = np.array([[1.0, 0.0], [0.0, 2.0]]), np.zeros((2, 1))
    whole = RowNoise(rows, errors, np.array([0.5, 2.0]), 2, replacement=False)
    assert not whole.covariance(np.ones((2, 1)), np.eye(2)).any()
    single = RowNoise(np.array([[3.0]]), np.zeros((1, 1)), np.array([9.0]), 1, replacement=False)
    assert not single.covariance(np.ones((1, 1)), np.eye(1)).any()


def test_fresh_gaussian_rows() -> None:
    gamma, sigma, size = np.array([1.5, 0.5]), 0.7, 3
    mean = np.array([[1.0, -0.5], [2.0, 0.25]])
    # four nodes are exact for the fourth moments of rows and labels
    nodes, weights = np.polynomial.hermite_e.hermegauss(4)
    weights = weights / weights.sum()
    wanted = np.zeros((2, 2))
    for place in itertools.product(range(4), repeat=3):
        x = np.sqrt(gamma) * nodes[list(place[:2])]
        label = sigma * nodes[place[2]] * np.array([1.0, 0.0])  # noise in one output
        g = 2.0 * np.outer(x, x @ mean - label) - 2.0 * gamma[:, None] * mean
        wanted += np.prod(weights[list(place)]) * (g @ g.T) / size
    found = GaussianNoise(gamma, sigma**2, size, is_full=True).covariance(mean, None)
    np.testing.assert_allclose(found, wanted, rtol=1e-13)
    diagonal = GaussianNoise(gamma, sigma**2, size, is_full=False).covariance(mean, None)
    np.testing.assert_allclose(diagonal, np.diag(wanted), rtol=1e-13)
