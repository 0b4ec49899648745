"""Flow after minibatch steps: each run's own stop against a fine grid and Brent's method."""

import itertools
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

from isoloss.dynamics.moments.batches import GaussianBatches
from isoloss.dynamics.moments.simulation import SimulatedFlow, SimulatedSteps, simulate_runs

GAMMA = np.array([1.0, 0.4, 0.05])
START = np.array([[1.0], [-0.8], [2.0]])
MINIMUM = np.array([[0.3], [1.0], [-1.0]])


def flat(residual: np.ndarray) -> np.ndarray:
    return residual.reshape(residual.shape[0], -1)


@pytest.mark.parametrize("decay", [0.0, 0.5])
@pytest.mark.parametrize("time", [3.0, np.inf])
def test_flow_stops_each_run_when_it_reaches_its_level(decay: float, time: float) -> None:
    batch = GaussianBatches(GAMMA, np.array([0.05]), 2)
    phases = [
        SimulatedSteps(np.full(4, 0.3), np.zeros(4), batches=batch),
        SimulatedFlow(time, decay),
    ]
    levels, runs = [0.9, 0.2, 1e-3, 0.0], 25
    found = simulate_runs(GAMMA, START, MINIMUM, phases, runs, 3, flat, levels=levels, marks=[4])
    rates = 2 * GAMMA + decay
    rest = -decay / rates * MINIMUM[:, 0]
    assert not found.reached[:, 3].any()
    ends = []
    for run, (j, level) in itertools.product(range(runs), enumerate(levels)):
        start = found.measured[run, 0]

        def above(t: Any, start: Any = start, level: float = level) -> Any:
            shrink = np.exp(-np.multiply.outer(t, rates))
            return (rest + shrink * (start - rest)) ** 2 @ GAMMA - level

        if found.stop_steps[run, j] < 4 or found.train_loss[run, 0] <= level:
            assert found.stop_time[run, j] == 0
            continue
        grid = np.linspace(0, min(time, 200.0), 4001)
        below = np.flatnonzero(above(grid) <= 0)
        assert found.reached[run, j] == (below.size > 0 and level > 0)
        if found.reached[run, j]:
            wanted = brentq(above, grid[below[0] - 1], grid[below[0]], xtol=1e-14)
            assert found.stop_time[run, j] == pytest.approx(wanted, rel=1e-9)
            assert found.stop_train_loss[run, j] == pytest.approx(level, rel=1e-12)
        else:
            assert found.stop_time[run, j] == time
            end = rest + np.exp(-rates * min(time, 1e9)) * (start - rest)
            np.testing.assert_allclose(found.stop_measured[run, j], end, rtol=1e-12, atol=1e-300)
            ends.append(run)
    assert ends


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_levels_at_the_very_end_of_a_flow_are_reached(decay: float) -> None:
    for time in np.linspace(0.1, 1.0, 20):
        flow = [SimulatedFlow(float(time), decay)]
        end = simulate_runs(GAMMA, START, MINIMUM, flow, 1, 0, flat).stop_train_loss[0, 0]
        found = simulate_runs(GAMMA, START, MINIMUM, flow, 1, 0, flat, levels=[end])
        assert found.reached.all()
        assert found.stop_time[0, 0] == pytest.approx(time, rel=1e-12)
        assert found.stop_time[0, 0] <= time
