"""One step of the moments, against minibatch SGD over every sequence of batches."""

from typing import Any

import numpy as np
import pytest
from dynamics.moments.enumerated import batches, moments, sgd

from isoloss.dynamics.moments.noise import GaussianNoise, RowNoise
from isoloss.dynamics.moments.state import Moments, StepRule, move

RULES = [
    {},
    {"weight_decay": 0.3},
    {"dampening": 0.4},
    {"dampening": 0.4, "weight_decay": 0.3},
    {"nesterov": True, "weight_decay": 0.3},
    {"weight_decay": 0.3, "decoupled": True},
    {"nesterov": True, "weight_decay": 0.3, "decoupled": True},
]
MOMENTA = [(0.0, 0.0, 0.0), (0.9, 0.8, 0.7), (0.9, 0.0, 0.5)]


@pytest.fixture
def data() -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(3, 2)), rng.normal(size=(3, 2))
    minimum = np.linalg.lstsq(X, y)[0]
    gamma, basis = np.linalg.eigh(X.T @ X / 3)
    return X, y, minimum, gamma, basis


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("momenta", MOMENTA)
@pytest.mark.parametrize("replacement", [True, False])
def test_steps_give_the_moments_of_all_sequences_of_batches(
    data: tuple[Any, ...], rule: dict[str, Any], momenta: tuple[float, ...], replacement: bool
) -> None:
    X, y, minimum, gamma, basis = data
    rates, start = (0.1, 0.3, 0.2), np.array([[1.0, -2.0], [0.5, 3.0]])
    noise = RowNoise(X @ basis, y - X @ minimum, gamma, 2, replacement)
    now = Moments(basis.T @ (start - minimum))
    for lr, momentum in zip(rates, momenta, strict=True):
        spread = noise.covariance(now.mean, now.covariance)
        now = move(now, StepRule(momentum, **rule), gamma, basis.T @ minimum, spread).at(lr)
    drawn = batches(3, 2, replacement=replacement)
    mean, covariance = moments(sgd(X, y, start, rates, momenta, drawn, **rule))
    assert now.covariance is not None
    np.testing.assert_allclose(minimum + basis @ now.mean, mean, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(basis @ now.covariance @ basis.T, covariance, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_diagonals_of_fresh_gaussian_rows_need_no_other_entries(rule: dict[str, Any]) -> None:
    rng = np.random.default_rng(1)
    gamma, start, minimum = rng.uniform(0.1, 1, 4), rng.normal(size=(4, 1)), rng.normal(size=(4, 1))
    found = []
    for is_full in (False, True):
        noise, now = GaussianNoise(gamma, 0.3, 5, is_full), Moments(start)
        for lr, momentum in zip((0.1, 0.3, 0.2), MOMENTA[2], strict=True):
            spread = noise.covariance(now.mean, now.covariance)
            now = move(now, StepRule(momentum, **rule), gamma, minimum, spread).at(lr)
        assert now.covariance is not None
        found.append(np.diag(now.covariance) if is_full else now.covariance)
    np.testing.assert_allclose(*found, rtol=1e-14)


def test_covariances_go_on_without_noise() -> None:
    # a full-batch step multiplies deviations from the mean like the mean itself
    gamma = np.array([1.0, 0.25])
    before = Moments(np.ones((2, 1)), covariance=np.array([0.5, 2.0]))
    after = move(before, StepRule(weight_decay=0.5), gamma, np.zeros((2, 1)), None).at(0.25)
    assert after.covariance is not None
    np.testing.assert_allclose(after.covariance, [0.5 * 0.375**2, 2.0 * 0.75**2], rtol=1e-15)
