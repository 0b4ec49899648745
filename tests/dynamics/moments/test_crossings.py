"""Stops at levels: the shortened step, against 50-digit roots."""

import mpmath as mp
import numpy as np
import pytest
from dynamics.moments.test_flow import model

from isoloss.dynamics.moments.crossings import Crossings, shortened
from isoloss.dynamics.moments.noise import GaussianNoise
from isoloss.dynamics.moments.state import Moments, Move, StepRule, move


def a_step(seed: int) -> tuple[Move, float, float, float]:
    """Return a noisy step, its rate, and the excess before and after it."""
    rng = np.random.default_rng(seed)
    gamma = np.geomspace(1.0, 0.01, 5)
    problem = model(gamma.tolist(), rng.normal(size=5).tolist(), rng.normal(size=5).tolist())
    noise = GaussianNoise(gamma, 0.1, 4, is_full=False)
    now = Moments(problem.start, covariance=rng.uniform(0, 1, 5))
    spread = noise.covariance(now.mean, now.covariance)
    line = move(now, StepRule(weight_decay=0.1), gamma, problem.minimum, spread)
    after = line.at(0.2)
    return (
        line,
        0.2,
        problem.excess(now.mean, now.covariance),
        problem.excess(after.mean, after.covariance),
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share", [0.0, 1e-9, 0.3, 1.0 - 1e-9])
def test_a_shortened_step_ends_at_the_level(seed: int, share: float) -> None:
    line, lr, before, after = a_step(seed)
    level = after + share * (before - after)
    gamma = np.geomspace(1.0, 0.01, 5)
    problem = model(gamma.tolist(), [0.0] * 5, [0.0] * 5)
    rate, there = shortened(problem, line, lr, level)
    assert line.covariances is not None
    assert line.before.covariance is not None
    with mp.workdps(50):
        p, q = ([mp.mpf(float(x)) for x in part] for part in line.covariances)
        d, u, v = (
            [mp.mpf(float(x)) for x in np.ravel(part)]
            for part in (line.before.mean, line.direction, line.before.covariance)
        )
        g = [mp.mpf(float(x)) for x in gamma]
        rows = range(5)
        a = mp.fsum(g[i] * (u[i] ** 2 + q[i]) for i in rows)
        b = 2 * mp.fsum(g[i] * (d[i] * u[i] + p[i]) for i in rows)
        c = mp.fsum(g[i] * (d[i] ** 2 + v[i]) for i in rows) - mp.mpf(level)
        root = 2 * c / (b + mp.sqrt(b * b - 4 * a * c))
    assert rate == pytest.approx(float(root), rel=1e-10, abs=1e-15)
    assert problem.excess(there.mean, there.covariance) == pytest.approx(level, rel=4e-16)


def test_whole_steps_and_levels_at_or_above_the_start() -> None:
    problem = model([1.0], [2.0], [0.0])
    crossings = Crossings(problem, np.array([5.0, 4.0, 3.0, np.nan, 1.0]), exact=False)
    start = Moments(problem.start)
    crossings.start(start)
    line = move(start, StepRule(), problem.curvature, problem.minimum, None)
    after = line.at(0.25)
    crossings.passed(1, line, 0.25, after, problem.excess(after.mean, None))
    steps = [None if stop is None else stop.steps for stop in crossings.stops]
    assert steps == [0, 0, 1, None, 1]
    assert crossings.any_open is False


def test_a_stop_that_is_off_its_level_is_refused() -> None:
    problem = model([1.0], [2.0], [0.0])
    crossings = Crossings(problem, np.array([1.0]), exact=True)
    with pytest.raises(ArithmeticError, match="misses it by more than 1e-10 of its size"):
        crossings.flowed(0.1, Moments(np.array([[1.1]])))


def test_levels_whose_squares_underflow() -> None:
    gamma = [1.0, 0.5]
    problem = model(gamma, [1e-100, 2e-100], [0.0, 0.0])
    start = Moments(problem.start, covariance=np.array([1e-200, 0.0]))
    line = move(start, StepRule(), problem.curvature, problem.minimum, np.zeros(2))
    _, there = shortened(problem, line, 0.4, 2e-200)
    assert problem.excess(there.mean, there.covariance) == pytest.approx(2e-200, rel=1e-14)
