"""Minibatch steps at changing rates in chunks, against the recursion step by step."""

import numpy as np
import pytest
from dynamics.moments.test_equal_gaussian_steps import GAMMA, made

from isoloss.dynamics.moments import changing_gaussian_steps
from isoloss.dynamics.moments.changing_gaussian_steps import take_changing_gaussian_steps
from isoloss.dynamics.moments.crossings import Crossings
from isoloss.dynamics.moments.noise import GaussianNoise
from isoloss.dynamics.moments.state import Moments, StepRule, move


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("chunk", [7, 8192])
def test_moments_and_stops(monkeypatch: pytest.MonkeyPatch, decay: float, chunk: int) -> None:
    monkeypatch.setattr(changing_gaussian_steps, "_CHUNK", chunk)
    model, start = made(0)
    assert start.covariance is not None
    start = Moments(start.mean, covariance=np.diagonal(start.covariance).copy())
    noise, rates = GaussianNoise(GAMMA, 0.2, 8, is_full=False), np.linspace(0.6, 0.0, 40)
    looped, losses = start, [model.excess(start.mean, start.covariance)]
    for lr in rates:
        spread = noise.covariance(looped.mean, looped.covariance)
        looped = move(looped, StepRule(weight_decay=decay), GAMMA, model.minimum, spread).at(lr)
        losses.append(model.excess(looped.mean, looped.covariance))
    levels = model.floor + np.array([0.9, 0.5, 0.3, 0.25, 0.01]) * losses[0]
    crossings = Crossings(model, levels, exact=True)
    found = take_changing_gaussian_steps(crossings, start, rates, decay, noise)
    np.testing.assert_allclose(found.mean, looped.mean, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(found.covariance, looped.covariance, rtol=1e-12)
    passed = [next((k for k, x in enumerate(losses) if x <= lv - 0.2), None) for lv in levels]
    assert [stop and stop.steps for stop in crossings.stops] == passed
    assert passed[0] is not None
    assert passed[-1] is None
    for stop, level in zip(crossings.stops, levels, strict=True):
        if stop is not None:
            assert model.train_loss(stop.moments) == pytest.approx(level, rel=1e-15)
    assert crossings.steps == 40


def test_unstable_steps_are_refused() -> None:
    model, start = made(2)
    noise = GaussianNoise(GAMMA, 0.2, 1, is_full=False)
    crossings = Crossings(model, np.empty(0), exact=True)
    rates = np.linspace(1.5, 1.6, 10**4)
    start = Moments(start.mean)
    with pytest.raises(ValueError, match=r"training diverges: .* larger minibatches"):
        take_changing_gaussian_steps(crossings, start, rates, 0.0, noise)
