"""Equal minibatch steps at once, against the recursion step by step."""

import numpy as np
import pytest

from isoloss.dynamics.moments.crossings import Crossings
from isoloss.dynamics.moments.equal_gaussian_steps import take_equal_gaussian_steps
from isoloss.dynamics.moments.model import Model
from isoloss.dynamics.moments.noise import GaussianNoise
from isoloss.dynamics.moments.state import Moments, StepRule, move

GAMMA = np.array([1.0, 0.6, 0.6, 0.05, 0.0])


def made(seed: int) -> tuple[Model, Moments]:
    rng = np.random.default_rng(seed)
    start, minimum, root = (rng.normal(size=(5, k)) for k in (2, 2, 5))
    model = Model(GAMMA, GAMMA, start, minimum, np.ones((5, 1)), 0.2, 0, is_filter=False)
    return model, Moments(start, covariance=0.01 * root @ root.T)


@pytest.mark.parametrize("is_full", [False, True])
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("lr", [0.05, 0.3, 0.7])
@pytest.mark.parametrize("steps", [1, 2, 9, 40])
def test_moments_and_stops(is_full: bool, decay: float, lr: float, steps: int) -> None:
    model, start = made(0)
    if not is_full:
        assert start.covariance is not None
        start = Moments(start.mean, covariance=np.diagonal(start.covariance).copy())
    noise = GaussianNoise(GAMMA, 0.2, 8, is_full)
    looped, losses = start, [model.excess(start.mean, start.covariance)]
    for _ in range(steps):
        spread = noise.covariance(looped.mean, looped.covariance)
        looped = move(looped, StepRule(weight_decay=decay), GAMMA, model.minimum, spread).at(lr)
        losses.append(model.excess(looped.mean, looped.covariance))
    levels = model.floor + np.array([0.9, 0.6, 0.3, 0.1]) * losses[0]
    crossings = Crossings(model, levels, exact=False)
    with np.errstate(all="ignore"):
        found = take_equal_gaussian_steps(crossings, start, lr, steps, decay, noise)
    np.testing.assert_allclose(found.mean, looped.mean, rtol=1e-13, atol=1e-15)
    assert found.covariance is not None
    np.testing.assert_allclose(found.covariance, looped.covariance, rtol=1e-12, atol=1e-14)
    passed = [next((k for k, x in enumerate(losses) if x <= lv - 0.2), None) for lv in levels]
    assert [stop and stop.steps for stop in crossings.stops] == passed
    assert crossings.steps == steps


def test_a_billion_steps_come_to_the_limit_of_the_theory() -> None:
    # the expected loss tends to floor/(1 - q) with q = Σ ηγ/(B - (B + 1)ηγ)
    model, start = made(1)
    noise, lr = GaussianNoise(GAMMA, 0.2, 8, is_full=True), 0.3
    crossings = Crossings(model, np.empty(0), exact=True)
    with np.errstate(all="ignore"):
        found = take_equal_gaussian_steps(crossings, start, lr, 10**9, 0.0, noise)
    q = float(np.sum(lr * GAMMA / (8 - 9 * lr * GAMMA)))
    assert found.covariance is not None
    spread = float(GAMMA @ np.diagonal(found.covariance))
    assert model.floor + spread == pytest.approx(0.2 / (1.0 - q), rel=1e-13)
    np.testing.assert_allclose(found.mean[:4], 0.0, atol=1e-300)


def test_unstable_steps_are_refused() -> None:
    model, start = made(2)
    noise = GaussianNoise(GAMMA, 0.2, 1, is_full=True)
    crossings = Crossings(model, np.empty(0), exact=True)
    with pytest.raises(ValueError, match=r"training diverges: .* larger minibatches"):
        take_equal_gaussian_steps(crossings, start, 1.5, 10**6, 0.0, noise)
