"""Runs, their residuals and their paths."""

import numpy as np
import pytest

import isoloss as il

RNG = np.random.default_rng(8)
X, Y = RNG.standard_normal((20, 4)), RNG.standard_normal(20)
X_TEST, Y_TEST = RNG.standard_normal((15, 4)), RNG.standard_normal(15)
PROBLEM = il.Problem.from_data(X, Y, X_TEST, Y_TEST, start=np.ones(4))
LR = 0.95 * float(PROBLEM.max_lr)


def test_a_path_passes_every_step_and_ends_at_the_stop() -> None:
    level = float(PROBLEM.min_train_loss) * 1.01
    run = il.train(PROBLEM, il.anneal(LR, 5), train_loss=level)
    path = run.path(points=50)
    assert path.steps[:6].tolist() == [0, 1, 2, 3, 4, 5]
    coef = np.ones(4)
    for step in range(6):
        np.testing.assert_allclose(path.coef()[step], coef, rtol=1e-10)
        coef = coef - LR * 2 * X.T @ (X @ coef - Y) / 20
    assert path.train_loss[-1] == pytest.approx(level, rel=1e-12)
    assert path.time[-1] == pytest.approx(float(run.time), rel=1e-12)
    assert np.all(np.diff(path.train_loss[5:]) < 0)
    for point, train, test in zip(path.coef(), path.train_loss, path.test_loss, strict=True):
        assert train == pytest.approx(np.mean((X @ point - Y) ** 2), rel=1e-11)
        assert test == pytest.approx(np.mean((X_TEST @ point - Y_TEST) ** 2), rel=1e-11)


@pytest.mark.parametrize(
    ("schedule", "count"),
    [
        (il.GradientDescent(LR, 1000), 21),
        (il.GradientDescent(np.linspace(LR, 0, 1000)), 21),
        (il.GradientFlow(3.0), 21),
        (il.GradientFlow(), 21),
        (il.Schedule(), 1),
        (il.GradientFlow(0.0), 1),
    ],
    ids=repr,
)
def test_a_path_has_no_more_points_than_asked(schedule: il.Schedule, count: int) -> None:
    run = il.train(PROBLEM, schedule)
    path = run.path(points=20)
    assert path.steps.shape == path.test_loss.shape == (count,)
    assert int(path.steps[-1]) == int(run.steps)
    if np.isfinite(run.time):
        np.testing.assert_allclose(path.residual()[-1], run.residual(), rtol=1e-12, atol=1e-300)
    else:  # followed until the excess fell by 10^12
        excess = path.train_loss - float(PROBLEM.min_train_loss)
        assert 0 <= excess[-1] < 2e-12 * excess[0]


def test_a_path_needs_one_problem_and_one_level() -> None:
    with pytest.raises(ValueError, match=r"one level.*\(2,\)"):
        il.train(PROBLEM, il.GradientFlow(), train_loss=[1.0, 2.0]).path()
    with pytest.raises(ValueError, match="at least 1; got 0"):
        il.train(PROBLEM, il.GradientFlow()).path(points=0)


def test_spectra_have_no_coordinates() -> None:
    problem = il.Problem.from_spectra([1.0], [1.0], [1.0])
    with pytest.raises(ValueError, match="eigenbasis"):
        il.train(problem, il.GradientFlow()).coef()


def test_a_residual_survives_where_only_its_product_fits() -> None:
    problem = il.Problem.from_spectra([1e-10], [1.0], [1e150])
    run = il.train(problem, il.GradientFlow(), train_loss=1e-300)
    assert float(run.residual()[0]) == pytest.approx(1e-145, rel=1e-12)


def test_results_print_well() -> None:
    run = il.train(PROBLEM, il.GradientFlow(), train_loss=float(PROBLEM.start_train_loss) / 2)
    assert repr(run).startswith("Run(reached, steps=0, time=")
    both = il.train(PROBLEM, il.GradientFlow(), [float(PROBLEM.start_train_loss) / 2, -1.0])
    assert repr(both) == "Run(shape (2,), 1 of 2 reached)"
    assert repr(run.path(points=10)) == "Path(11 points)"
    assert "4 curvatures" in repr(PROBLEM)
    assert "batch (3,)" in repr(il.Problem.from_spectra(np.ones((3, 2)), [1, 1], [1, 1]))


@pytest.mark.parametrize(
    "schedule", [il.GradientDescent(0.1, 3), il.GradientDescent(0.1, 3, batch_size=2)]
)
def test_without_a_level_the_whole_schedule_is_told(schedule: il.GradientDescent) -> None:
    run = il.train(PROBLEM, schedule)
    assert repr(run).startswith("Run(whole schedule, steps=3, time=0, ")
    assert not run.reached
    assert repr(il.train(PROBLEM, [schedule, schedule])) == "Run(shape (2,), whole schedules)"
    level = float(run.train_loss) / 2
    assert repr(il.train(PROBLEM, schedule, level)).startswith("Run(not reached, steps=3")


def test_parameters_keep_their_digits_where_the_minimum_is_far_away() -> None:
    # after few steps the second coefficient is tiny, and its minimum is at 1e10
    X, y = np.array([[1.0, 0.0], [0.0, 1e-10]]), np.array([0.5, 1.0])
    problem = il.Problem.from_data(X, y, X, y)
    steps, lr = 3, 0.5
    coef = np.zeros(2)
    for _ in range(steps):
        coef -= lr * X.T @ (X @ coef - y)  # 2/n is 1
    run = il.train(problem, il.GradientDescent(lr, steps))
    np.testing.assert_allclose(run.coef(), coef, rtol=1e-14)
    np.testing.assert_allclose(run.path().coef()[-1], coef, rtol=1e-14)
    np.testing.assert_array_equal(il.train(problem, il.GradientFlow(0.0)).coef(), 0.0)


@pytest.mark.parametrize("steps", [30, 10**9])
def test_path_ends_at_the_stop_also_after_a_divergence(steps: int) -> None:
    level = 1.01 * float(PROBLEM.min_train_loss)
    run = il.train(PROBLEM, il.anneal(1.4 * float(PROBLEM.max_lr), steps), train_loss=level)
    path = run.path(points=40)
    assert path.steps[-1] == run.steps
    assert path.time[-1] == run.time
    np.testing.assert_allclose(path.train_loss[-1], level, rtol=1e-12)
    np.testing.assert_array_equal(path.residual()[-1], run.residual())


@pytest.mark.parametrize("schedule", [il.GradientDescent(1e6, 400), il.HeavyBall(1e6, 0.5, 400)])
def test_there_is_no_intercept_also_after_a_divergence(schedule: il.Schedule) -> None:
    run = il.train(PROBLEM, schedule)
    assert np.isinf(run.coef()).any()
    assert run.intercept() == 0.0


def test_a_start_below_the_level_is_told() -> None:
    problem = il.Problem.from_spectra([1.0, 0.5], [1.0, 1.0], [1.0, 1.0])  # starts at 1.5
    steps = il.GradientDescent(0.1, 50)
    below, above = (il.train(problem, steps, train_loss=level) for level in (2.0, 1.0))
    assert repr(below).startswith("Run(reached by the start, steps=0, time=0, train_loss=1.5,")
    assert repr(above).startswith("Run(reached, steps=")
    many = il.train(problem, [steps, il.GradientFlow()], train_loss=[2.0, 1.6, 1.0, -1.0])
    assert repr(many) == "Run(shape (2, 4), 6 of 8 reached, 4 of them by the start)"


def test_one_point_each_of_many_schedules() -> None:
    # they are computed in one go
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 4)), rng.normal(size=(12, 2))
    problem = il.Problem.from_data(X, y, X[::-1] + 0.1, y, fit_intercept=True)
    schedules = [il.anneal(0.05, 3), il.Schedule(il.GradientDescent([0.1, 0.05, 0.02])), "flow(2)"]
    for level in (None, 0.5 * problem.start_train_loss):
        together = il.train(problem, schedules, level)
        for i, schedule in enumerate(schedules):
            alone = il.train(problem, schedule, level)
            assert together.test_loss[i] == pytest.approx(float(alone.test_loss), rel=1e-13)
            np.testing.assert_allclose(together.coef()[i], alone.coef(), rtol=1e-12)
            np.testing.assert_allclose(together.intercept()[i], alone.intercept(), rtol=1e-12)
            np.testing.assert_allclose(together.residual()[i], alone.residual(), rtol=1e-12)
            np.testing.assert_array_equal(together[i].log, alone.log)


def test_flow_after_changing_rates_passes_the_points_of_its_own_stops() -> None:
    # Changing rates hand on a filter without the digits that equal steps keep.
    problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
    schedule = il.GradientDescent([0.5, 0.4]) + il.GradientFlow()
    path = il.train(problem, schedule, 0.01).path(6)
    flows = np.asarray(path.time) > 0
    assert flows.sum() == 6
    for time, loss in zip(path.time[flows], path.train_loss[flows], strict=True):
        stopped = il.GradientDescent([0.5, 0.4]) + il.GradientFlow(time)
        assert il.train(problem, stopped).train_loss == pytest.approx(loss, rel=1e-12)
    assert path.train_loss[-1] == pytest.approx(0.01, rel=1e-12)
