"""Simulated minibatch runs, against expectations, loops over batches, and full-batch training."""

import numpy as np
import pytest

import isoloss as il

RNG = np.random.default_rng(2)
X, Y = RNG.normal(size=(8, 3)), RNG.normal(size=(8, 2))
X_TEST, Y_TEST = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 2))
PROBLEM = il.Problem.from_data(X, Y, X_TEST, Y_TEST, start=RNG.normal(size=(3, 2)))


@pytest.mark.parametrize(
    "phase",
    [
        il.GradientDescent(0.1, 12, batch_size=1, weight_decay=0.3),
        il.HeavyBall(0.05, 0.8, 12, batch_size=3, dampening=0.2, sampling="without_replacement"),
        il.Nesterov(0.03, 0.8, 12, batch_size=2, sampling="gaussian"),
    ],
)
def test_means_of_runs_are_the_expectations(phase: il.GradientDescent) -> None:
    schedule = phase + il.GradientFlow(0.2)
    runs = 4000
    found = il.simulate(PROBLEM, schedule, runs, seed=0)
    run = il.train(PROBLEM, schedule)
    for name in ("train_loss", "test_loss"):
        losses = getattr(found, name)
        error = losses.std(ddof=1) / runs**0.5
        assert abs(losses.mean() - getattr(run, name)) < 4 * error
        assert error < 0.03 * losses.mean()
    coef = found.coef()
    assert coef.shape == (runs, 3, 2)
    errors = coef.std(axis=0, ddof=1) / runs**0.5
    assert (np.abs(coef.mean(axis=0) - run.coef()) < 4.5 * errors).all()
    # losses are those of the parameters
    np.testing.assert_allclose(
        found.train_loss[:50], np.mean(np.sum((X @ coef[:50] - Y) ** 2, axis=2), axis=1), rtol=1e-11
    )
    np.testing.assert_allclose(
        found.test_loss[:50],
        np.mean(np.sum((X_TEST @ coef[:50] - Y_TEST) ** 2, axis=2), axis=1),
        rtol=1e-11,
    )


def test_every_run_stops_at_its_own_train_loss() -> None:
    start = float(PROBLEM.start_train_loss)
    levels = np.array([0.8, 0.4]) * start
    schedule = il.GradientDescent(0.1, 60, batch_size=2) + il.GradientFlow()
    found = il.simulate(PROBLEM, schedule, 50, seed=1, train_loss=levels)
    assert found.reached.all()
    np.testing.assert_allclose(found.train_loss, np.broadcast_to(levels, (50, 2)), rtol=1e-14)
    assert len(set(found.steps[:, 1].tolist())) > 3
    whole = il.simulate(PROBLEM, schedule, 50, 1, train_loss=levels, last_step="whole")
    assert whole.steps.tolist() == found.steps.tolist()
    in_steps = whole.time == 0
    assert (whole.train_loss[in_steps] <= np.broadcast_to(levels, (50, 2))[in_steps]).all()


def test_full_batches_are_training() -> None:
    schedule = il.HeavyBall(0.05, 0.5, 20, weight_decay=0.1) + il.GradientFlow()
    level = 0.5 * float(PROBLEM.start_train_loss)
    found = il.simulate(PROBLEM, schedule, 3, 0, train_loss=level)
    run = il.train(PROBLEM, schedule, level)
    assert found.steps.tolist() == [int(run.steps)] * 3
    np.testing.assert_allclose(found.test_loss, float(run.test_loss), rtol=1e-12)
    np.testing.assert_allclose(found.last_rate, float(run.last_rate), rtol=1e-10)


def test_runs_on_their_way() -> None:
    phase = il.GradientDescent(0.1, 12, batch_size=2)
    found = il.simulate(PROBLEM, phase, 20, 3, at_steps=[0, 5, 12])
    assert found.passed is not None
    assert found.passed.train_loss.shape == (20, 3)
    np.testing.assert_allclose(found.passed.train_loss[:, 0], float(PROBLEM.start_train_loss))
    np.testing.assert_allclose(found.passed.train_loss[:, 2], found.train_loss, rtol=1e-14)
    np.testing.assert_allclose(found.passed.coef()[:, 2], found.coef(), rtol=1e-13)
    assert repr(found.passed) == "SimulatedPoints(20 runs after [0, 5, 12] steps)"
    again = il.simulate(PROBLEM, phase, 20, 3)
    mean = float(again.train_loss.mean())
    assert repr(again) == f"Simulation(20 runs of the whole schedule, mean train_loss={mean:.6g})"
    assert again.train_loss.tolist() == found.train_loss.tolist()
    assert il.simulate(PROBLEM, phase, 20, 4).train_loss.tolist() != found.train_loss.tolist()


def test_scales_and_spectra() -> None:
    # the same problem in other units: losses are multiplied by 4, whatever the batches
    phase = il.GradientDescent(0.1, 12, batch_size=2)
    scaled = il.Problem.from_data(2.0**200 * X, 2.0 * Y)
    start = il.simulate(il.Problem.from_data(X, Y), phase, 9, 0)
    other = il.simulate(scaled, phase.scaled(2.0**-400), 9, 0)
    np.testing.assert_allclose(other.train_loss, 4.0 * start.train_loss, rtol=1e-12)
    spectra = il.Problem.from_spectra([1.0, 0.2], [1.0, 1.0], [1.0, 2.0], train_noise=0.5)
    many = il.simulate(spectra, phase, 4000, 0).train_loss
    expected = float(il.train(spectra, phase).train_loss)
    assert abs(many.mean() - expected) < 4 * many.std(ddof=1) / 4000**0.5


def test_faults() -> None:
    phase = il.GradientDescent(0.1, 12, batch_size=2)
    with pytest.raises(ValueError, match="runs must be a whole number from 1 to 10000000; got 0"):
        il.simulate(PROBLEM, phase, 0, 0)
    with pytest.raises(ValueError, match=r"seed must be a whole number from 0 to .*; got 1\.5"):
        il.simulate(PROBLEM, phase, 9, 1.5)  # type: ignore[arg-type]  # this is tested
    with pytest.raises(ValueError, match=r"at_steps must be rising numbers .*; got \[3, 2\]"):
        il.simulate(PROBLEM, phase, 9, 0, at_steps=[3, 2])
    with pytest.raises(ValueError, match="at_steps asks for step 13, but the schedule has 12"):
        il.simulate(PROBLEM, phase, 9, 0, at_steps=[13])
    with pytest.raises(ValueError, match=r"a simulated run diverges: .* at step"):
        il.simulate(PROBLEM, il.GradientDescent(50.0, 999, batch_size=1), 9, 0)
    batch = il.Problem.from_spectra(np.ones((2, 3)), np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match="simulate needs one problem; this one is a batch"):
        il.simulate(batch, phase, 9, 0)
    kernel = il.Problem.from_kernel([[2.0, 1.0], [1.0, 2.0]], [1.0, -1.0])
    with pytest.raises(ValueError, match="needs the rows of the train data"):
        il.simulate(kernel, phase, 9, 0)
    two = il.Problem.from_kernel([[2.0, 1.0], [1.0, 2.0]], [[1.0, 2.0], [-1.0, 0.5]])
    with pytest.raises(ValueError, match="Gaussian rows for 2 outputs need the label noise of"):
        il.simulate(two, phase.from_dict(phase.to_dict() | {"sampling": "gaussian"}), 9, 0)
