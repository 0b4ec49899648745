"""Losses and their derivatives in the rates: against 40-digit differences and the engine."""

from typing import Any

import mpmath as mp
import numpy as np
import pytest

import isoloss as il
from isoloss.optimize.losses import Losses

RATES, COUNTS = np.array([0.21, 0.55, 0.3]), np.array([1.0, 2.0, 3.0])
mp.mp.dps = 60


def data_problem(outputs: int = 2) -> il.Problem:
    rng = np.random.default_rng(3)
    X, X_test = rng.normal(size=(2, 20, 5)) * [1, 0.8, 0.6, 0.4, 0.2]
    y, y_test = rng.normal(size=(2, 20, outputs))
    return il.Problem.from_data(X, y, X_test, y_test)


PROBLEMS = [
    il.Problem(problem._reduced.own_unit())  # what the objective is given
    for problem in (
        data_problem(),
        il.Problem.from_spectra([1, 0.5, 0.2], [0.3, 0.9, 1], [1, 2, -3]),
    )
]


def exact(problem: il.Problem, rates: list[Any], time: Any, level: Any = None) -> Any:
    """Return the test loss in 40 digits; with a level, the time is where the flow meets it."""
    losses = Losses(problem._reduced)
    gamma = [mp.mpf(float(g)) for g in losses.gamma]
    with mp.workdps(40):
        before = [
            mp.fprod((1 - 2 * eta * g) ** int(c) for eta, c in zip(rates, COUNTS, strict=True))
            for g in gamma
        ]
        if level is not None:
            weights = [mp.mpf(float(w)) for w in losses.weights]

            def excess(t: Any) -> Any:
                terms = zip(weights, before, gamma, strict=True)
                return mp.log(mp.fsum(w * (b * mp.exp(-2 * g * t)) ** 2 for w, b, g in terms))

            time = mp.findroot(lambda t: excess(t) - level, mp.mpf(time))
        h = mp.matrix([b * mp.exp(-2 * g * time) for b, g in zip(before, gamma, strict=True)])
        form = np.diag(losses.form) if losses.diagonal else losses.form
        form, linear = mp.matrix(form.tolist()), mp.matrix(losses.linear.tolist())
        return (h.T * form * h)[0] + 2 * (h.T * linear)[0] + mp.mpf(losses.constant)


def derivatives(function: Any) -> list[float]:
    """Return derivatives in each rate by central differences with 40 digits."""
    step, found = mp.mpf(10) ** -15, []
    with mp.workdps(40):
        for i in range(RATES.size):
            ends = []
            for side in (-step, step):
                rates = [mp.mpf(float(eta)) for eta in RATES]
                rates[i] += side
                ends.append(function(rates))
            found.append(float((ends[1] - ends[0]) / (2 * step)))
    return found


@pytest.mark.parametrize("problem", PROBLEMS)
def test_derivatives_before_a_flow_of_fixed_time(problem: il.Problem) -> None:
    value = Losses(problem._reduced).value(RATES, COUNTS, 0.7)
    assert value.loss == pytest.approx(float(exact(problem, list(RATES), mp.mpf(0.7))), rel=1e-12)
    by_hand = derivatives(lambda rates: exact(problem, rates, mp.mpf(0.7)))
    np.testing.assert_allclose(value.by_rates, by_hand, rtol=1e-11)
    step = mp.mpf(10) ** -15
    ends = [exact(problem, list(RATES), mp.mpf(0.7) + side) for side in (-step, step)]
    assert value.by_time == pytest.approx(float((ends[1] - ends[0]) / (2 * step)), rel=1e-9)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_derivatives_where_the_flow_meets_a_level(problem: il.Problem) -> None:
    losses = Losses(problem._reduced)
    level = losses.path(RATES, COUNTS)[0][-1] - 2.0
    value = losses.value_at(RATES, COUNTS, level)
    by_hand = derivatives(lambda rates: exact(problem, rates, value.time, mp.mpf(level)))
    np.testing.assert_allclose(value.by_rates, by_hand, rtol=1e-9)
    train_loss = float(problem._reduced.floor) + np.exp(level + losses.log_start)
    schedule = il.GradientDescent(np.repeat(RATES, COUNTS.astype(int))) + il.GradientFlow()
    run = il.train(problem, schedule, train_loss)
    assert value.time == pytest.approx(float(run.time), rel=1e-11)
    assert value.loss * losses.scale == pytest.approx(float(run.test_loss), rel=1e-11)


def shortened(problem: il.Problem, rates: list[Any], level: Any) -> Any:
    """Return the test loss in 40 digits where the last of the steps, shortened, meets a level."""
    losses = Losses(problem._reduced)
    with mp.workdps(40):
        gamma = [mp.mpf(float(g)) for g in losses.gamma]
        counts = [*COUNTS[:-1], COUNTS[-1] - 1]
        before = [
            mp.fprod((1 - 2 * eta * g) ** int(c) for eta, c in zip(rates, counts, strict=True))
            for g in gamma
        ]
        parts = [mp.mpf(float(w)) * b**2 for w, b in zip(losses.weights, before, strict=True)]
        terms = list(zip(parts, gamma, strict=True))
        last = mp.mpf(0)
        for _ in range(100):  # the excess is convex in the rate: Newton from 0 comes from the left
            over = mp.fsum(w * (1 - 2 * last * g) ** 2 for w, g in terms) - mp.exp(level)
            last += over / mp.fsum(4 * g * w * (1 - 2 * last * g) for w, g in terms)
        h = mp.matrix([b * (1 - 2 * last * g) for b, g in zip(before, gamma, strict=True)])
        form = np.diag(losses.form) if losses.diagonal else losses.form
        form, linear = mp.matrix(form.tolist()), mp.matrix(losses.linear.tolist())
        return (h.T * form * h)[0] + 2 * (h.T * linear)[0] + mp.mpf(losses.constant)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_derivatives_where_the_last_step_meets_a_level(problem: il.Problem) -> None:
    losses = Losses(problem._reduced)
    logs = losses.path(RATES, COUNTS - [0, 0, 1])[0][-1], losses.path(RATES, COUNTS)[0][-1]
    level = 0.5 * sum(logs)
    value = losses.value_within(RATES, COUNTS, level)
    assert value.loss == pytest.approx(
        float(shortened(problem, list(RATES), mp.mpf(level))), rel=1e-12
    )
    by_hand = derivatives(lambda rates: shortened(problem, rates, mp.mpf(level)))
    np.testing.assert_allclose(value.by_rates, by_hand, rtol=1e-9)
    train_loss = float(problem._reduced.floor) + np.exp(level + losses.log_start)
    run = il.train(problem, il.GradientDescent(np.repeat(RATES, COUNTS.astype(int))), train_loss)
    assert run.steps == 6
    assert value.loss * losses.scale == pytest.approx(float(run.test_loss), rel=1e-11)
    # below all that a step can reach, the one that comes nearest: its derivative is 0
    before = losses.filter(RATES, COUNTS - [0, 0, 1], 0.0)
    nearest = losses.last_rate(before, -1e3)
    shares = losses.weights * before**2 * losses.gamma
    assert shares @ (1 - 2 * nearest * losses.gamma) == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_train_losses_on_the_way(problem: il.Problem) -> None:
    losses = Losses(problem._reduced)
    logs, by_rates = losses.path(RATES, COUNTS)
    ends = np.cumsum(COUNTS).astype(int)
    rates = np.repeat(RATES, COUNTS.astype(int))
    for k, log in zip(ends, logs, strict=True):
        run = il.train(problem, il.GradientDescent(rates[:k]))
        excess = float(run.train_loss) - float(problem._reduced.floor)
        assert np.exp(log + losses.log_start) == pytest.approx(excess, rel=1e-10)
    step = 1e-6
    for i in range(3):
        ends = [losses.path(RATES + side * np.eye(3)[i], COUNTS)[0] for side in (-step, step)]
        np.testing.assert_allclose(by_rates[:, i], (ends[1] - ends[0]) / 2e-6, atol=1e-7)


def test_a_factor_of_zero_keeps_its_derivative() -> None:
    problem = PROBLEMS[1]
    losses = Losses(problem._reduced)
    removing = np.array([0.5])  # 1 - 2ηγ = 0 at γ = 1
    value = losses.value(removing, np.ones(1), 0.0)
    # by hand: Σ λδ²·2(1 - 2ηγ)(-2γ), to which γ = 1 adds nothing
    gamma = np.array([1, 0.5, 0.2])
    weights = np.array([0.3, 3.6, 9]) / 4  # a start of 3 is 3/2 in the problem's own unit
    by_hand = (weights * 2 * (1 - gamma) * (-2 * gamma)).sum()
    assert value.by_rates[0] * losses.scale == pytest.approx(by_hand, rel=1e-14)


@pytest.mark.parametrize("problem", PROBLEMS[:1])
def test_few_nodes_give_polynomials_exactly(problem: il.Problem) -> None:
    losses, ones = Losses(problem._reduced), np.ones(3)
    small = losses.compressed(3)
    assert small.gamma.size == 4
    full, short = losses.value(RATES, ones, 0.0), small.value(RATES, ones, 0.0)
    assert short.loss == pytest.approx(full.loss, rel=1e-12)
    np.testing.assert_allclose(short.by_rates, full.by_rates, rtol=1e-11)
    assert losses.compressed(10) is losses


def test_a_level_below_the_steps_end_takes_no_flow() -> None:
    losses = Losses(PROBLEMS[1]._reduced)
    value = losses.value_at(np.array([0.1]), np.ones(1), 0.5)
    assert value.time == 0.0
