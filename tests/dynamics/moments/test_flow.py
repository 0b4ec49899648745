"""Flow with weight decay and a covariance, against SciPy's solver of differential equations."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from isoloss.dynamics.moments.crossings import Crossings
from isoloss.dynamics.moments.flow import flow_on
from isoloss.dynamics.moments.model import Model
from isoloss.dynamics.moments.state import Moments


def model(gamma: list[float], start: list[float], minimum: list[float]) -> Model:
    curvature = np.array(gamma)
    ones = np.ones((curvature.size, 1))
    columns = np.array(start)[:, None], np.array(minimum)[:, None]
    return Model(curvature, curvature, *columns, ones, 0.0, 0, is_filter=False)


def test_mean_and_covariance_solve_the_differential_equation() -> None:
    problem = model([1.0, 0.2, 0.0], [1.0, -2.0, 3.0], [0.5, 4.0, -1.0])
    covariance = np.array([[2.0, 0.3, 0.1], [0.3, 1.0, -0.2], [0.1, -0.2, 0.5]])
    crossings = Crossings(problem, np.empty(0), exact=True)
    start = Moments(problem.start, np.ones((3, 1)), covariance)
    found = flow_on(crossings, start, 1.5, 0.3)
    rates = 2.0 * problem.curvature + 0.3

    def slope(_: float, state: np.ndarray) -> np.ndarray:
        mean, spread = state[:3], state[3:].reshape(3, 3)
        spread = -(rates[:, None] + rates) * spread
        return np.concatenate([-rates * mean - 0.3 * problem.minimum[:, 0], spread.ravel()])

    begin = np.concatenate([problem.start[:, 0], covariance.ravel()])
    end = solve_ivp(slope, (0.0, 1.5), begin, rtol=1e-12, atol=1e-13, method="DOP853").y[:, -1]
    assert found.covariance is not None
    np.testing.assert_allclose(found.mean[:, 0], end[:3], rtol=1e-10)
    np.testing.assert_allclose(found.covariance.ravel(), end[3:], rtol=1e-10)
    assert found.velocity is None
    assert crossings.time == 1.5


def test_a_train_loss_that_falls_and_rises_again_is_met_on_its_way_down() -> None:
    # the parameter goes from 4 through the minimum at 1 to rest at 1/2
    problem = model([1.0], [3.0], [1.0])
    crossings = Crossings(problem, np.array([0.25, 1e-8, -0.1]), exact=True)
    flow_on(crossings, Moments(problem.start), math.inf, 2.0)
    half, bottom, below = crossings.stops
    assert half is not None
    assert bottom is not None
    assert below is None
    # δ = 7/2 exp(-4t) - 1/2 with δ = 1/2, and with δ = 1e-4
    assert half.time == pytest.approx(math.log(3.5) / 4.0, rel=1e-14)
    assert bottom.time == pytest.approx(math.log(3.5 / 0.5001) / 4.0, rel=1e-13)


def test_what_weight_decay_and_curvature_leave_alone_stays() -> None:
    problem = model([1.0, 0.0], [1.0, 5.0], [7.0, 7.0])
    crossings = Crossings(problem, np.array([0.25]), exact=True)
    found = flow_on(crossings, Moments(problem.start, covariance=np.ones(2)), math.inf, 0.0)
    assert found.mean.tolist() == [[0.0], [5.0]]
    assert found.covariance is not None
    assert found.covariance.tolist() == [0.0, 1.0]
    (stop,) = crossings.stops
    assert stop is not None
    assert stop.time == pytest.approx(math.log(8.0) / 4.0, rel=1e-14)  # 2 exp(-4t) = 1/4
