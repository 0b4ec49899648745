"""Many equal steps at once, against a loop over them."""

import numpy as np
import pytest

from isoloss.dynamics.moments.repeated_step import repeated
from isoloss.dynamics.moments.state import Moments, StepRule, move


@pytest.mark.parametrize(
    "rule",
    [
        StepRule(0.9),
        StepRule(0.9, 0.5, weight_decay=0.1),
        StepRule(0.5, nesterov=True, weight_decay=0.1),
        StepRule(0.9, weight_decay=0.2, decoupled=True),
    ],
)
@pytest.mark.parametrize("count", [0, 1, 2, 7, 100])
def test_steps(rule: StepRule, count: int) -> None:
    rng = np.random.default_rng(0)
    gamma = np.array([1.0, 0.3, 0.0])
    minimum = rng.normal(size=(3, 2))
    start = looped = Moments(rng.normal(size=(3, 2)), rng.normal(size=(3, 2)))
    for _ in range(count):
        looped = move(looped, rule, gamma, minimum, None).at(0.2)
    found = repeated(start, rule, 0.2, count, gamma, minimum)
    assert found.velocity is not None
    assert looped.velocity is not None
    np.testing.assert_allclose(found.mean, looped.mean, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(found.velocity, looped.velocity, rtol=1e-12, atol=1e-13)


def test_a_billion_steps_come_to_rest_at_the_penalised_minimum() -> None:
    gamma, minimum = np.array([1.0, 0.3]), np.array([[2.0], [-1.0]])
    start = Moments(np.ones((2, 1)), np.zeros((2, 1)))
    found = repeated(start, StepRule(0.9, weight_decay=0.5), 0.2, 10**9, gamma, minimum)
    rest = -0.5 * minimum[:, 0] / (2.0 * gamma + 0.5)
    np.testing.assert_allclose(found.mean[:, 0], rest, rtol=1e-13)
