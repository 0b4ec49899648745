"""Equal steps with weight decay in closed form, against loops and 50-digit powers."""

import math

import mpmath as mp
import numpy as np
import pytest
from dynamics.moments.test_flow import model

from isoloss.dynamics.moments.crossings import Crossings
from isoloss.dynamics.moments.equal_steps import take_equal_steps
from isoloss.dynamics.moments.state import Moments, StepRule, move


@pytest.mark.parametrize("lr", [0.1, 0.45, 0.8, 1.1, 1.3])
def test_steps_and_stops_are_those_of_a_loop(lr: float) -> None:
    problem = model([0.7, 0.2, 0.0], [1.0, -2.0, 3.0], [-1.5, 4.0, -1.0])
    looped = Moments(problem.start)
    losses = [problem.excess(looped.mean, None)]
    for _ in range(25):
        line = move(looped, StepRule(weight_decay=0.3), problem.curvature, problem.minimum, None)
        looped = line.at(lr)
        losses.append(problem.excess(looped.mean, None))
    levels = np.array([0.9, 0.5, 0.3, 1.0001 * min(losses) / losses[0]]) * losses[0]
    crossings = Crossings(problem, levels, exact=False)
    found = take_equal_steps(crossings, Moments(problem.start), lr, 25, 0.3)
    np.testing.assert_allclose(found.mean, looped.mean, rtol=1e-13)
    first = [next((k for k, x in enumerate(losses) if x <= level), None) for level in levels]
    assert [stop and stop.steps for stop in crossings.stops] == first
    assert crossings.steps == 25


def test_a_loss_that_falls_and_rises_again_is_met_on_its_way_down() -> None:
    problem = model([1.0], [3.0], [1.0])
    crossings = Crossings(problem, np.array([0.25, 0.01, 1e-9]), exact=True)
    take_equal_steps(crossings, Moments(problem.start), 2.0**-20, 10**9, 2.0)
    with mp.workdps(50):
        # δ = 7/2 aᵏ - 1/2 with a = 1 - 4η
        a = 1 - mp.mpf(4) / 2**20
        steps = [
            math.ceil(mp.log((mp.sqrt(e) + 0.5) / 3.5) / mp.log(a)) for e in (0.25, 0.01, 1e-9)
        ]
    assert [stop.steps for stop in crossings.stops if stop] == steps
    for stop, level in zip(crossings.stops, (0.25, 0.01, 1e-9), strict=True):
        assert stop is not None
        assert problem.excess(stop.moments.mean, None) == pytest.approx(level, rel=1e-13)
        assert 0.0 < stop.last_rate <= 2.0**-20


def test_a_level_between_the_ends_of_two_steps_is_not_reached() -> None:
    # one step takes δ from 3 past the minimum to rest at -1/2, where the loss is 1/4
    problem = model([1.0], [3.0], [1.0])
    crossings = Crossings(problem, np.array([0.2]), exact=True)
    with np.errstate(all="ignore"):
        found = take_equal_steps(crossings, Moments(problem.start), 0.25, 10**9, 2.0)
    assert crossings.stops == [None]
    assert found.mean == pytest.approx(-0.5)


def test_a_billion_steps() -> None:
    problem = model([0.5, 1e-9], [1.0, 1.0], [1.0, 1.0])
    crossings = Crossings(problem, np.empty(0), exact=True)
    found = take_equal_steps(crossings, Moments(problem.start), 0.5, 10**9, 1e-9)
    with mp.workdps(50):
        for gamma, mean in zip((0.5, 1e-9), found.mean[:, 0], strict=True):
            rate = 2 * mp.mpf(gamma) + mp.mpf(1e-9)
            rest = -mp.mpf(1e-9) / rate
            wanted = rest + (1 - rate / 2) ** 10**9 * (1 - rest)
            assert mean == pytest.approx(float(wanted), rel=1e-14)
