"""Simulated runs against exact enumeration, recursions, plain loops and each run's own stops."""

import itertools
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

from isoloss.dynamics.moments import simulation
from isoloss.dynamics.moments.batches import GaussianBatches, RowBatches
from isoloss.dynamics.moments.gaussian_changing import changing_rates
from isoloss.dynamics.moments.gaussian_constant import MeanSquares
from isoloss.dynamics.moments.simulation import SimulatedFlow, SimulatedSteps, simulate_runs
from isoloss.dynamics.moments.state import Moments, StepRule, move

RNG = np.random.default_rng(0)
GAMMA = np.array([1.0, 0.4, 0.05])
START = np.array([[1.0], [-0.8], [2.0]])
MINIMUM = np.array([[0.3], [1.0], [-1.0]])


def flat(residual: np.ndarray) -> np.ndarray:
    return residual.reshape(residual.shape[0], -1)


def steps(rates: Any, momenta: Any = 0.0, **settings: Any) -> SimulatedSteps:
    rates = np.atleast_1d(np.asarray(rates, dtype=float))
    return SimulatedSteps(rates, np.broadcast_to(momenta, rates.shape), **settings)


def rows_of(n: int, r: int) -> tuple[np.ndarray, np.ndarray]:
    rows = RNG.standard_normal((n, r))
    rows = rows @ np.linalg.eigh(rows.T @ rows)[1]
    errors = RNG.standard_normal((n, 1))
    return rows, errors - rows @ np.linalg.lstsq(rows, errors)[0]


@pytest.mark.parametrize(("size", "replacement"), [(1, True), (2, True), (2, False)])
def test_means_are_those_of_all_batches(size: int, replacement: bool) -> None:
    n, runs = 3, 6000
    rows, errors = rows_of(n, 2)
    gamma, start = np.mean(rows**2, axis=0), np.array([[0.5], [1.0]])
    rate, momentum, decay = 0.3 / gamma.max(), 0.5, 0.1
    if replacement:
        every = [list(each) for each in itertools.product(range(n), repeat=size)]
    else:
        every = [list(each) for each in itertools.permutations(range(n), size)]
    # PyTorch's heavy ball with weight decay, through every sequence of three batches
    losses = np.zeros(3)
    for sequence in itertools.product(every, repeat=3):
        delta, velocity = start[:, 0].copy(), np.zeros(2)
        for k, batch in enumerate(sequence):
            x, e = rows[batch], errors[batch, 0]
            gradient = (2 / size) * x.T @ (x @ delta - e) + decay * (delta + MINIMUM[:2, 0])
            velocity = momentum * velocity + gradient
            delta = delta - rate * velocity
            losses[k] += np.sum(gamma * delta**2) / len(every) ** 3
    phase = steps(
        np.full(3, rate),
        momentum,
        rule=StepRule(weight_decay=decay),
        batches=RowBatches(rows, errors, size, replacement),
    )
    found = simulate_runs(
        gamma, start, MINIMUM[:2], [phase], runs, 1, flat, floor=0.7, marks=(0, 1, 2, 3)
    )
    assert found.train_loss.shape == (runs, 4)
    np.testing.assert_allclose(found.train_loss[:, 0], 0.7 + np.sum(gamma[:, None] * start**2))
    excess = found.train_loss[:, 1:] - 0.7
    spread = excess.std(axis=0) / np.sqrt(runs)
    assert np.all(np.abs(excess.mean(axis=0) - losses) < 4 * spread)
    np.testing.assert_allclose(
        excess, np.einsum("i,kpi->kp", gamma, found.measured[:, 1:] ** 2), rtol=1e-13
    )


def test_means_of_fresh_gaussian_rows_are_the_recursions() -> None:
    runs, rates, noise = 20_000, np.array([0.3, 0.2, 0.25, 0.1, 0.3]), 0.2
    phase = steps(rates, batches=GaussianBatches(GAMMA, np.array([noise]), 1))
    found = simulate_runs(GAMMA, START, MINIMUM, [phase], runs, 5, flat, marks=range(1, 6))
    means, zero = MeanSquares(START[:, 0] ** 2, np.zeros(3), np.zeros(3)), np.zeros(3)
    wanted = changing_rates(GAMMA, rates, 1, zero, means, noise)[0]
    error = found.train_loss.mean(axis=0) - wanted
    spread = found.train_loss.std(axis=0) / np.sqrt(runs)
    assert np.all(np.abs(error) < 4 * spread)
    # what a recursion without the rows' fourth moments, ΓMΓ, would say is told apart
    second, without = START[:, 0] ** 2, []
    for lr in rates:
        second = (1 - 2 * lr * GAMMA) ** 2 * second + 4 * lr**2 * GAMMA * (GAMMA @ second + noise)
        without.append(GAMMA @ second)
    assert abs(without[-1] - wanted[-1]) > 8 * spread[-1]


RULES = {
    "plain": (0.0, StepRule()),
    "heavy ball": (0.6, StepRule(dampening=0.3)),
    "nesterov": (0.6, StepRule(nesterov=True, weight_decay=0.2)),
    "momentum in between": (np.array([0.0, 0.5, 0.0, 0.7, 0.0, 0.9]), StepRule(weight_decay=0.1)),
    "decoupled": (0.6, StepRule(weight_decay=0.2, decoupled=True)),
}


@pytest.mark.parametrize("name", RULES)
def test_full_batches_take_the_mean_steps(name: str) -> None:
    momenta, rule = RULES[name]
    rates = np.linspace(0.3, 0.1, 6)
    phase = steps(rates, momenta, rule=rule)
    found = simulate_runs(GAMMA, START, MINIMUM, [phase, phase], 2, 0, flat, marks=range(13))
    moments = Moments(START)
    for k in range(12):
        if k == 6:
            moments = Moments(moments.mean)  # the second phase does not carry the velocity
        rate, momentum = float(rates[k % 6]), float(np.broadcast_to(momenta, 6)[k % 6])
        moments = move(moments, rule._replace(momentum=momentum), GAMMA, MINIMUM, None).at(rate)
        np.testing.assert_allclose(found.measured[:, k + 1], [moments.mean[:, 0]] * 2, rtol=1e-13)
    np.testing.assert_array_equal(found.stop_measured[:, 0], found.measured[:, -1])
    assert found.stop_steps.tolist() == [[12], [12]]
    assert not found.reached.any()
    carried = phase._replace(carry_velocity=True)
    again = simulate_runs(GAMMA, START, MINIMUM, [phase, carried], 1, 0, flat).stop_measured
    moved = not np.allclose(again[0, 0], found.stop_measured[0, 0], rtol=1e-6)
    assert moved == (name != "plain")


def test_all_rows_without_replacement_are_full_batches() -> None:
    rows, errors = rows_of(5, 3)
    gamma, rates = np.mean(rows**2, axis=0), np.full(4, 0.2)
    drawn = steps(rates, batches=RowBatches(rows, errors, 5, replacement=False))
    both = [
        simulate_runs(gamma, START, MINIMUM, [phase], 3, 0, flat).stop_measured
        for phase in (drawn, steps(rates))
    ]
    np.testing.assert_allclose(*both, rtol=1e-14)


@pytest.mark.parametrize("exact", [True, False])
def test_each_run_stops_at_its_own_level(exact: bool) -> None:
    levels, floor, runs = [1.0, 0.75, 0.5, 1e-9], 0.1, 40
    batch = GaussianBatches(GAMMA, np.array([0.05]), 2)
    phase = steps(np.full(30, 0.35), 0.3, rule=StepRule(nesterov=True), batches=batch)
    found = simulate_runs(
        GAMMA,
        START,
        MINIMUM,
        [phase],
        runs,
        3,
        flat,
        floor=floor,
        levels=levels,
        exact=exact,
        marks=range(31),
    )
    losses, seen = found.train_loss, found.measured
    assert found.reached[:, :2].any()
    assert not found.reached[:, 3].any()
    for run, (j, level) in itertools.product(range(runs), enumerate(levels)):
        hits = np.flatnonzero(losses[run] <= level)
        assert found.reached[run, j] == (hits.size > 0)
        k = int(hits[0]) if hits.size else 30
        assert found.stop_steps[run, j] == k
        if not hits.size or not exact or k == 0:
            assert np.isnan(found.last_rate[run, j])
            assert found.stop_train_loss[run, j] == pytest.approx(losses[run, k], rel=1e-13)
            continue
        before, after = seen[run, k - 1], seen[run, k]

        def above(share: float, ends: Any = (before, after), level: float = level) -> float:
            at = ends[0] + share * (ends[1] - ends[0])
            return float(floor + GAMMA @ at**2 - level)

        share = brentq(above, 0.0, 1.0, xtol=1e-15)
        assert found.last_rate[run, j] == pytest.approx(0.35 * share, rel=1e-9)
        assert found.stop_train_loss[run, j] == pytest.approx(level, rel=1e-14)
        at = before + share * (after - before)
        np.testing.assert_allclose(found.stop_measured[run, j], at, rtol=1e-8, atol=1e-9)


def test_a_start_below_the_level_takes_no_step() -> None:
    phases = [steps([0.1, 0.1]), SimulatedFlow(1.0)]
    found = simulate_runs(GAMMA, START, MINIMUM, phases, 2, 0, flat, levels=[5.0, 0.3])
    assert found.stop_steps.tolist() == [[0, 2], [0, 2]]
    np.testing.assert_array_equal(found.stop_measured[:, 0], [START[:, 0]] * 2)


def test_levels_count_as_reached_up_to_rounding() -> None:
    at_start = float(GAMMA @ START[:, 0] ** 2)
    levels = [at_start * (1 - 2e-16), at_start * (1 - 1e-12)]
    found = simulate_runs(GAMMA, START, MINIMUM, [steps([0.1])], 1, 0, flat, levels=levels)
    assert found.stop_steps.tolist() == [[0, 1]]


def test_a_step_down_to_a_tiny_loss_is_shortened_exactly() -> None:
    one, start, level = np.ones(1), np.array([[1e6]]), 0.05
    found = simulate_runs(
        one, start, start, [steps([0.5 - 1e-7])], 1, 0, flat, levels=[level]
    )  # from 1e12 to 0.04
    assert found.stop_train_loss[0, 0] == pytest.approx(level, rel=1e-8)
    assert abs(found.stop_measured[0, 0, 0]) == pytest.approx(level**0.5, rel=1e-8)


def test_runs_end_when_all_is_seen() -> None:
    growing = steps(np.r_[0.2, 0.2, np.full(3000, 9.0)])
    found = simulate_runs(GAMMA, START, MINIMUM, [growing], 2, 0, flat, levels=[1.0], marks=[0])
    assert found.reached.all()
    more = steps(np.full(5, 0.2)), steps(np.full(5, 0.2))
    found = simulate_runs(GAMMA, START, MINIMUM, more, 2, 0, flat, levels=[1.0], marks=[1, 10])
    assert found.stop_steps.max() < 5
    assert found.train_loss.shape == (2, 2)


def test_flow_leaves_no_velocity() -> None:
    phase = steps(np.full(3, 0.1), 0.9)
    both = [
        simulate_runs(GAMMA, START, MINIMUM, [phase, SimulatedFlow(0.5), last], 1, 0, flat)
        for last in (phase, phase._replace(carry_velocity=True))
    ]
    np.testing.assert_array_equal(both[0].stop_measured, both[1].stop_measured)
    assert both[0].stop_time.tolist() == [[0.5]]


def test_seeds_and_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    phase = steps(np.full(3, 0.2), batches=GaussianBatches(GAMMA, np.array([0.3]), 2))

    def ends(seed: int) -> np.ndarray:
        return simulate_runs(GAMMA, START, MINIMUM, [phase], 50, seed, flat).stop_measured

    first = ends(1)
    np.testing.assert_array_equal(ends(1), first)
    assert not np.any(ends(2) == first)
    assert np.unique(first).size == first.size
    monkeypatch.setattr(simulation, "_GROUP", 300)
    grouped = ends(1)
    assert grouped.shape == first.shape
    assert np.unique(grouped).size == first.size


def test_divergence_is_refused() -> None:
    phase = steps(np.full(2000, 5.0), batches=GaussianBatches(GAMMA, np.array([0.3]), 2))
    with pytest.raises(ValueError, match=r"a simulated run diverges: .* at step \d+; take smaller"):
        simulate_runs(GAMMA, START, MINIMUM, [phase], 3, 0, flat)
