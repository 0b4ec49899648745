"""Training with weight decay and minibatches: expected losses, stops and parameters."""

from typing import Any

import numpy as np
import pytest
from dynamics.moments.enumerated import batches, moments, sgd

import isoloss as il
from isoloss.schedules.phases.parts import part

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 2))
X_TEST, Y_TEST = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 2))
START = RNG.normal(size=(3, 2))
ULP = 2.0**-52


def problem(start: Any = None, **more: Any) -> il.Problem:
    return il.Problem.from_data(X, Y, X_TEST, Y_TEST, start=start, **more)


def loss(X: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    return float(np.mean(np.sum((X @ w - y) ** 2, axis=-1)))


@pytest.mark.parametrize("start", [None, START], ids=["from 0", "from elsewhere"])
@pytest.mark.parametrize(
    "phase",
    [
        il.GradientDescent([0.1, 0.3, 0.2], weight_decay=0.3, batch_size=2),
        il.HeavyBall(
            [0.1, 0.3, 0.2],
            [0.9, 0.0, 0.5],
            dampening=0.4,
            weight_decay=0.3,
            batch_size=2,
            sampling="without_replacement",
        ),
        il.Nesterov([0.1, 0.3, 0.2], 0.7, weight_decay=0.3, decoupled=True, batch_size=1),
    ],
)
def test_expectations_are_those_of_all_sequences_of_batches(start: Any, phase: Any) -> None:
    replacement = phase.sampling != "without_replacement"
    drawn = batches(4, phase.batch_size, replacement=replacement)
    settings = {"weight_decay": 0.3, "dampening": phase.dampening, "decoupled": phase.decoupled}
    momenta = np.broadcast_to(phase.momentum, 3).tolist()
    states = sgd(
        X,
        Y,
        np.zeros((3, 2)) if start is None else start,
        phase.lr.tolist(),
        momenta,
        drawn,
        nesterov=isinstance(phase, il.Nesterov),
        **settings,
    )
    run = il.train(problem(start), phase)
    mean, covariance = moments(states)
    np.testing.assert_allclose(run.coef(), mean, rtol=1e-12)
    assert run.train_loss == pytest.approx(sum(p * loss(X, Y, w) for w, _, p in states), rel=1e-13)
    test_loss = sum(p * loss(X_TEST, Y_TEST, w) for w, _, p in states)
    assert run.test_loss == pytest.approx(test_loss, rel=1e-12)
    assert np.trace(run.covariance()) == pytest.approx(np.trace(covariance), rel=1e-12)
    penalty = sum(p * np.sum(w**2) for w, _, p in states)
    wanted = float(run.train_loss) + 0.5 * 0.3 * penalty
    assert run.penalized_train_loss(0.3) == pytest.approx(wanted, rel=1e-12)


def test_minibatches_of_all_rows_and_of_ever_more_rows_are_full_batches() -> None:
    full = il.train(problem(), il.GradientDescent(0.2, 50))
    whole = il.GradientDescent(0.2, 50, batch_size=4, sampling="without_replacement")
    same = il.train(problem(), whole)
    assert same.train_loss == pytest.approx(full.train_loss, rel=1e-14)
    assert not same.covariance().any()
    excess = []
    for size in (10**3, 10**6):
        many = il.train(problem(), il.GradientDescent(0.2, 50, batch_size=size))
        excess.append(float(many.train_loss - full.train_loss))
    assert excess[0] / excess[1] == pytest.approx(1e3, rel=1e-2)


def test_parameters_outside_the_data_decay_too() -> None:
    # two rows of three columns: one direction has no curvature
    start = np.array([1.0, 2.0, -1.0])
    few = il.Problem.from_data(X[:2], Y[:2, 0], X_TEST, Y_TEST[:, 0], start=start)
    phases = il.GradientDescent(0.1, 7, weight_decay=0.5) + il.GradientFlow(0.4, weight_decay=2.0)
    run = il.train(few, phases)
    w = start.copy()
    for _ in range(7):
        w = w - 0.1 * (X[:2].T @ (X[:2] @ w - Y[:2, 0]) + 0.5 * w)
    slopes = X[:2].T @ X[:2] + 2.0 * np.eye(3)
    rest = np.linalg.solve(slopes, X[:2].T @ Y[:2, 0])
    gamma, basis = np.linalg.eigh(slopes)
    w = rest + basis @ (np.exp(-0.4 * gamma) * (basis.T @ (w - rest)))
    np.testing.assert_allclose(run.coef(), w, rtol=1e-13)
    assert run.test_loss == pytest.approx(np.mean((X_TEST @ w - Y_TEST[:, 0]) ** 2), rel=1e-12)
    assert run.train_loss == pytest.approx(np.mean((X[:2] @ w - Y[:2, 0]) ** 2), rel=1e-12)


def test_an_endless_flow_ends_at_ridge_regression() -> None:
    ridge = np.linalg.solve(X.T @ X + 4 * 0.15 * np.eye(3), X.T @ Y)
    run = il.train(problem(START), il.GradientFlow(weight_decay=0.3))
    np.testing.assert_allclose(run.coef(), ridge, rtol=1e-12)
    assert run.time == np.inf


@pytest.mark.parametrize("start", [None, START], ids=["from 0", "from elsewhere"])
@pytest.mark.parametrize(
    "schedule",
    [
        il.GradientDescent(0.1, 300, weight_decay=0.05) + il.GradientFlow(),
        il.HeavyBall(0.05, np.linspace(0.9, 0.5, 60), 60, dampening=0.1) + il.GradientFlow(),
        il.GradientDescent(0.05, 40, batch_size=2) + il.GradientFlow(),
        il.Nesterov(0.02, 0.9, 40, batch_size=3, sampling="gaussian") + il.GradientFlow(),
    ],
    ids=str,
)
def test_reached_levels_are_met_exactly(schedule: il.Schedule, start: Any) -> None:
    these = problem(start)
    top, floor = float(these.start_train_loss), float(these.min_train_loss)
    levels = floor + (top - floor) * np.array([0.9, 0.5, 0.2, 0.05])
    run = il.train(these, schedule, levels)
    assert run.reached.any()
    for k in np.flatnonzero(run.reached):
        again = il.train(these, il.train(these, schedule, levels[k]).stopped_schedule())
        assert again.train_loss == pytest.approx(levels[k], rel=4 * ULP)
        assert again.test_loss == pytest.approx(run.test_loss[k], rel=1e-11)
        assert again.steps == run.steps[k]
        assert again.time == pytest.approx(run.time[k], rel=1e-12)
    whole = il.train(these, schedule, levels, last_step="whole")
    assert (whole.train_loss[whole.reached] <= levels[whole.reached] * (1 + 4 * ULP)).all()
    assert whole.steps.tolist() == run.steps.tolist()


def test_splitting_a_phase_changes_nothing() -> None:
    for phase in (
        il.GradientDescent(0.1, 30, weight_decay=0.1, batch_size=2),
        il.HeavyBall(0.05, np.linspace(0.9, 0.1, 30), 30, dampening=0.3, batch_size=2),
        il.GradientFlow(3.0, weight_decay=0.1),
    ):
        whole = il.train(problem(START), phase)
        if isinstance(phase, il.GradientFlow):
            halves: Any = il.GradientFlow(1.5, weight_decay=0.1)
            parts = il.Schedule(halves, halves)
        else:
            parts = il.Schedule(part(phase, 0, 11), part(phase, 11, 30))
        split = il.train(problem(START), parts)
        np.testing.assert_allclose(split.coef(), whole.coef(), rtol=1e-12)
        assert split.train_loss == pytest.approx(whole.train_loss, rel=1e-13)


def test_batches_of_problems_equal_single_ones() -> None:
    rng = np.random.default_rng(0)
    spectra, starts = rng.uniform(0.1, 1, (2, 3, 4)), rng.normal(size=(2, 3, 4))
    many = il.Problem.from_spectra(
        spectra, np.ones(4), starts, target=starts[::-1], train_noise=0.1
    )
    schedule = il.GradientDescent(0.3, 20, weight_decay=0.1, batch_size=5) + il.GradientFlow()
    levels = [1.0, 0.5]
    run = il.train(many, schedule, levels)
    for i, j in np.ndindex(2, 3):
        one = il.Problem.from_spectra(
            spectra[i, j], np.ones(4), starts[i, j], target=starts[::-1][i, j], train_noise=0.1
        )
        single = il.train(one, schedule, levels)
        assert run.train_loss[i, j].tolist() == single.train_loss.tolist()
        assert run.test_loss[i, j].tolist() == single.test_loss.tolist()
        assert run.steps[i, j].tolist() == single.steps.tolist()
        assert run.covariance()[i, j].tolist() == single.covariance().tolist()


def test_many_schedules_of_which_some_are_plain() -> None:
    schedules = [
        il.GradientDescent(0.1, 9),
        il.GradientDescent(0.1, 9, weight_decay=0.3),
        il.GradientDescent(0.1, 9, batch_size=2),
        il.GradientDescent(0.1, 9, batch_size=2, sampling="gaussian"),
    ]
    run = il.train(problem(START), schedules, [2.0, 1e-9])
    for k, schedule in enumerate(schedules):
        single = il.train(problem(START), schedule, [2.0, 1e-9])
        for name in ("train_loss", "test_loss", "steps", "reached"):
            np.testing.assert_allclose(
                getattr(run, name)[k], getattr(single, name), rtol=1e-13, err_msg=name
            )
        np.testing.assert_allclose(run.coef()[k], single.coef(), rtol=1e-12)
        np.testing.assert_allclose(run[k].covariance(), single.covariance(), atol=1e-15)


def test_a_path_ends_at_the_stop() -> None:
    schedule = il.HeavyBall(0.05, 0.9, 20, weight_decay=0.1, batch_size=2) + il.GradientFlow()
    run = il.train(problem(START), schedule, 0.9)
    path = run.path(7)
    assert path.steps.max() == run.steps
    assert path.train_loss[0] == pytest.approx(problem(START).start_train_loss)
    assert path.train_loss[-1] == pytest.approx(0.9, rel=1e-14)
    np.testing.assert_allclose(path.coef()[-1], run.coef(), rtol=1e-12)
    assert (np.diff(path.steps) >= 0).all()
    assert (np.diff(path.time) >= 0).all()


def test_a_target_says_where_weight_decay_pulls() -> None:
    # β from 5 to the minimum at 3, and with decay to 3 · 2/(2 + 2)
    run = il.train(
        il.Problem.from_spectra([1.0], [1.0], [2.0], target=[3.0]),
        il.GradientFlow(weight_decay=2.0),
    )
    assert run.residual() == pytest.approx([1.5 - 3.0])
    plain = il.train(
        il.Problem.from_spectra([1.0], [1.0], [2.0]), il.GradientFlow(weight_decay=2.0)
    )
    assert plain.residual() == pytest.approx([1.0])  # β from 0 towards -2, to -1


def test_other_libraries_and_one_precision() -> None:
    torch = pytest.importorskip("torch", reason="the extra torch")
    schedule = il.GradientDescent(0.05, 20, weight_decay=0.1, batch_size=2) + il.GradientFlow(1.0)
    tensors = [torch.asarray(a) for a in (X, Y, X_TEST, Y_TEST)]
    run = il.train(il.Problem.from_data(*tensors), schedule, [2.0, 0.5])
    own = il.train(problem(), schedule, [2.0, 0.5])
    for name in ("train_loss", "test_loss", "steps", "reached"):
        found = getattr(run, name)
        assert isinstance(found, torch.Tensor)
        np.testing.assert_allclose(found.numpy(), getattr(own, name), rtol=1e-13)
    assert isinstance(run.covariance(), torch.Tensor)
    assert run.coef().dtype == torch.float64


def test_faults() -> None:
    schedule = il.GradientDescent(0.1, 9, batch_size=2)
    kernel = il.Problem.from_kernel([[2.0, 1.0], [1.0, 2.0]], [1.0, -1.0])
    with pytest.raises(ValueError, match=r"sampling='replacement' needs the rows .* use sampling="):
        il.train(kernel, schedule)
    many = il.GradientDescent(0.1, 9, batch_size=5, sampling="without_replacement")
    with pytest.raises(ValueError, match="batch_size=5 is more than the 4 train rows"):
        il.train(problem(), many)
    long = il.GradientDescent(0.1, 10**13, batch_size=2)
    with pytest.raises(ValueError, match=r"multiplications \(at most 1e\+13\); use sampling="):
        il.train(problem(), long)
    inputs = X.copy()
    changed = il.Problem.from_data(inputs, Y)
    inputs *= 2.0
    with pytest.raises(ValueError, match="the train data were changed after the problem"):
        il.train(changed, schedule)
    with pytest.raises(ValueError, match="weight_decay must be at least 0 and finite; got -1"):
        il.train(problem(), schedule).penalized_train_loss(-1)


@pytest.mark.parametrize(
    "phase",
    [
        il.HeavyBall(0.3, 0.5, 10**15, weight_decay=0.1),
        il.Nesterov(0.2, 0.5, 10**15, batch_size=3),
    ],
)
def test_training_that_is_at_rest_takes_no_more_steps(phase: il.HeavyBall) -> None:
    spectra = il.Problem.from_spectra([1.0, 0.5], [1.0, 1.0], [1.0, 2.0], train_noise=0.01)
    run = il.train(spectra, phase, 0.0101)
    assert not run.reached
    assert run.steps == 10**15
    long = il.train(spectra, phase.from_dict(phase.to_dict() | {"steps": 1000}))
    assert run.train_loss == pytest.approx(long.train_loss, rel=1e-14)


@pytest.mark.parametrize(
    "phase",
    [
        il.GradientDescent(50.0, 10**4, batch_size=1),
        il.GradientDescent(50.0, 10**4, weight_decay=0.1),
        il.GradientDescent(0.1, 5, weight_decay=1e300),
        il.GradientDescent([1e300, 0.1], batch_size=2, sampling="gaussian"),
        il.HeavyBall(50.0, 0.9, 10**4, weight_decay=0.1),
        il.Nesterov(50.0, [0.9, 0.5] * 5000, 10**4),
        # each phase alone stays within float64
        il.Schedule(*[il.GradientDescent(50.0, 60, batch_size=2, sampling="gaussian")] * 4),
    ],
    ids=str,
)
def test_losses_beyond_float64_are_refused(phase: Any) -> None:
    with pytest.raises(ValueError, match=r"training diverges: .* exceeds float64 by step \d+;"):
        il.train(problem(), phase)


@pytest.mark.parametrize(
    "phase",
    [
        il.GradientDescent(100.0, 10**4, batch_size=10**9),
        il.GradientDescent(np.linspace(100, 101, 10**4), batch_size=10**9),
        il.GradientDescent(100.0, 10**4, weight_decay=1e-9),
        il.HeavyBall(100.0, 0.1, 10**4, batch_size=10**9),
        il.HeavyBall(100.0, [0.1, 0.2] * 5000, 10**4),
    ],
    ids=str,
)
def test_what_would_come_after_all_levels_does_not_matter(phase: Any) -> None:
    start = [1e-4, 10.0]
    these = il.Problem.from_spectra([1.0, 1e-3], [1.0, 1.0], start, target=[1.0, 1.0])
    run = il.train(these, phase, [0.095, 0.09])
    assert run.reached.all()
    assert (run.steps == 1).all()
    assert run.train_loss.tolist() == [0.095, 0.09]
    with pytest.raises(ValueError, match="training diverges"):
        il.train(these, phase, [0.09, 1e-9])


def test_levels_that_no_loss_reaches_cost_nothing() -> None:
    for schedule in (
        il.GradientDescent(0.1, 10**9, batch_size=2, sampling="gaussian"),
        il.GradientDescent(0.1, 10**9, weight_decay=0.1),
        il.GradientFlow(weight_decay=0.1),
    ):
        run = il.train(problem(START), schedule, [-np.inf, -1.0])
        end = il.train(problem(START), schedule)
        assert not run.reached.any()
        assert run.steps.tolist() == [end.steps] * 2
        assert run.train_loss.tolist() == [end.train_loss] * 2


def test_batches_of_the_only_row_have_no_noise() -> None:
    single = il.Problem.from_data([[1.0, 2.0]], [3.0], start=[1.0, -1.0])
    for phase in (il.GradientDescent([0.09, 0.09], batch_size=1), il.Nesterov([0.09, 0.05], 0.9)):
        run = il.train(single, il.Schedule(phase).with_settings(batch_size=3))
        full = il.train(single, il.Schedule(phase).with_settings(batch_size=None))
        assert not run.covariance().any()
        assert run.train_loss == pytest.approx(full.train_loss, rel=1e-13)


def test_losses_beyond_the_users_float64_are_refused() -> None:
    targets = [1e150, -1e150, 2e150]
    large = il.Problem.from_data([[1.0, 2.0], [3.0, 4.0], [0.0, 1.0]], targets)
    phase = il.GradientDescent(5 * float(large.max_lr), 12, batch_size=2)
    with pytest.raises(ValueError, match=r"exceeds float64 in the user's units; .* rescale"):
        il.train(large, phase)


def test_covariances_at_too_many_levels_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isoloss.dynamics.expected_run._MOST_BYTES", 8 * 9 * 100)
    phase = il.GradientDescent(0.1, 1, batch_size=2)
    assert il.train(problem(), phase, np.zeros(100)).reached.shape == (100,)
    with pytest.raises(ValueError, match="covariances of 3 directions at 101 train losses take"):
        il.train(problem(), phase, np.zeros(101))


def test_flow_without_decay_stops_at_many_levels_as_the_careful_search_does() -> None:
    noisy = il.GradientDescent(0.1, 5, batch_size=2)
    levels = np.geomspace(1.3, 1.001, 5) * float(problem().min_train_loss)
    plain = il.train(problem(), noisy + il.GradientFlow(), levels)
    # a weight decay this small takes the search for losses that may rise again
    other = il.train(problem(), noisy + il.GradientFlow(weight_decay=1e-300), levels)
    np.testing.assert_allclose(plain.time, other.time, rtol=1e-12)
    np.testing.assert_array_equal(plain.train_loss, levels)
