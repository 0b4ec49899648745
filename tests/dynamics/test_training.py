"""Training against loops, an ODE solver and itself told a longer way."""

import math
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import isoloss as il

RNG = np.random.default_rng(3)
X, Y = RNG.standard_normal((30, 6)), RNG.standard_normal((30, 2))
X_TEST, Y_TEST = RNG.standard_normal((20, 6)), RNG.standard_normal((20, 2))
PROBLEM = il.Problem.from_data(X, Y, X_TEST, Y_TEST, fit_intercept=True)
LR = 0.9 * float(PROBLEM.max_lr)
EXCESS = float(PROBLEM.start_train_loss - PROBLEM.min_train_loss)
LEVELS = float(PROBLEM.min_train_loss) + EXCESS * np.array([2.0, 0.5, 0.1, 0.01])


def with_ones(rows: np.ndarray) -> np.ndarray:
    return np.hstack([rows, np.ones((len(rows), 1))])


def loss(coef: np.ndarray, rows: np.ndarray, targets: np.ndarray) -> float:
    return float(((with_ones(rows) @ coef - targets) ** 2).sum() / len(rows))


def loop(rates: np.ndarray, level: float) -> tuple[int, np.ndarray]:
    coef, inputs = np.zeros((7, 2)), with_ones(X)
    for step, lr in enumerate(rates):
        if loss(coef, X, Y) <= level:
            return step, coef
        coef = coef - lr * 2.0 * inputs.T @ (inputs @ coef - Y) / len(X)
    return len(rates), coef


@pytest.mark.parametrize(
    "rates",
    [np.full(200, LR), LR * np.linspace(1, 0, 150), LR * RNG.uniform(0, 1.3, 300)],
    ids=["constant", "linear", "random, above the edge"],
)
def test_gradient_descent_is_a_plain_loop(rates: np.ndarray) -> None:
    run = il.train(PROBLEM, il.GradientDescent(rates), train_loss=LEVELS, last_step="whole")
    for i, level in enumerate(LEVELS):
        steps, coef = loop(rates, level)
        assert int(run.steps[i]) == steps
        np.testing.assert_allclose(run.coef()[i], coef[:-1], rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(run.intercept()[i], coef[-1], rtol=1e-10, atol=1e-12)
        assert float(run.train_loss[i]) == pytest.approx(loss(coef, X, Y), rel=1e-12)
        assert float(run.test_loss[i]) == pytest.approx(loss(coef, X_TEST, Y_TEST), rel=1e-12)


def test_gradient_flow_is_the_ode() -> None:
    inputs, level = with_ones(X), LEVELS[2]

    def slope(_: float, flat: np.ndarray) -> np.ndarray:
        rest = inputs @ flat.reshape(7, 2) - Y
        return np.ravel(-2.0 * inputs.T @ rest / len(X))

    def event(_: float, flat: np.ndarray) -> float:
        return loss(flat.reshape(7, 2), X, Y) - level

    event.terminal = True  # type: ignore[attr-defined]  # how SciPy is told to stop
    path = solve_ivp(slope, (0, 50), np.zeros(14), "DOP853", events=event, rtol=1e-12, atol=1e-14)
    run = il.train(PROBLEM, il.GradientFlow(), train_loss=level)
    assert float(run.time) == pytest.approx(path.t[-1], rel=1e-9)
    np.testing.assert_allclose(run.coef(), path.y[:, -1].reshape(7, 2)[:-1], rtol=1e-8)


def test_pytorch_trains_the_same() -> None:
    torch = pytest.importorskip("torch", reason="the extra torch")
    x, y = (torch.tensor(a[:, :k]) for a, k in ((X, 6), (Y, 1)))
    model = torch.nn.Linear(6, 1).double()
    torch.nn.init.zeros_(model.weight)
    torch.nn.init.zeros_(model.bias)
    problem = il.Problem.from_data(X, Y[:, 0], X_TEST, Y_TEST[:, 0], fit_intercept=True)
    lr = 0.7 * float(problem.max_lr)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for _ in range(50):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()
    run = il.train(problem, il.GradientDescent(lr, 50))
    np.testing.assert_allclose(run.coef(), model.weight.detach()[0], rtol=1e-11)
    assert float(run.intercept()) == pytest.approx(float(model.bias.detach()), rel=1e-11)


def test_levels_around_the_start_and_the_floor() -> None:
    problem = il.Problem.from_spectra([1.0, 0.5], [1, 1], [1, 1])
    run = il.train(problem, il.GradientFlow(), train_loss=[math.inf, 1.5, 1.0, 0.0, -1.0])
    assert run.reached.tolist() == [True, True, True, False, False]
    assert run.time[:2].tolist() == [0.0, 0.0]
    assert run.time[3:].tolist() == [math.inf, math.inf]
    # the minimum itself, met exactly after two steps
    exact = il.train(problem, il.GradientDescent([0.5, 1.0]), train_loss=0.0)
    assert bool(exact.reached)
    assert int(exact.steps) == 2
    done = il.train(il.Problem.from_spectra([1.0], [1.0], [0.0]), il.GradientFlow(), train_loss=0.0)
    assert bool(done.reached)


def test_a_loss_that_rises_before_the_next_step_is_not_reached() -> None:
    # The first direction dies at once, the second doubles: the real-valued minimum lies at k < 1.
    problem = il.Problem.from_spectra([0.3, 1.0], [1, 1], [1.0, 0.5])
    lr = 1.4
    steps = np.arange(60)
    losses = 0.3 * (1 - 0.6 * lr) ** (2.0 * steps) + 0.25 * (1 - 2 * lr) ** (2.0 * steps)
    level = 0.999 * losses.min()
    real = np.linspace(0, 3, 4001)
    curve = 0.3 * abs(1 - 0.6 * lr) ** (2 * real) + 0.25 * abs(1 - 2 * lr) ** (2 * real)
    assert curve.min() < level
    assert not bool(il.train(problem, il.GradientDescent(lr, 60), train_loss=level).reached)
    assert int(il.train(problem, il.GradientDescent(lr, 60), train_loss=losses.min()).steps) == int(
        losses.argmin()
    )


def test_finite_flows_just_reach_or_not() -> None:
    problem = il.Problem.from_spectra([1.0, 0.5], [1, 1], [1, 1])
    time = float(il.train(problem, il.GradientFlow(), train_loss=0.3).time)
    assert bool(il.train(problem, il.GradientFlow(time * (1 + 1e-12)), train_loss=0.3).reached)
    assert not bool(il.train(problem, il.GradientFlow(time * (1 - 1e-12)), train_loss=0.3).reached)


def test_without_levels_the_schedule_runs_to_its_end() -> None:
    run = il.train(PROBLEM, il.Schedule(il.GradientDescent(LR, 3), il.GradientFlow(0.5)))
    assert (int(run.steps), float(run.time)) == (3, 0.5)
    assert run.test_loss.shape == ()
    ends = il.train(PROBLEM, il.GradientFlow())
    assert float(ends.train_loss) == pytest.approx(float(PROBLEM.min_train_loss), rel=1e-14)
    same = il.train(PROBLEM, il.Schedule())
    assert float(same.train_loss) == pytest.approx(float(PROBLEM.start_train_loss), rel=1e-14)


def test_batches_and_levels_have_their_shapes() -> None:
    train = RNG.uniform(0.1, 1, (4, 3, 5))
    problem = il.Problem.from_spectra(train, np.ones(5), np.ones(5), noise=np.ones(3))
    levels = np.full((2, 6), 0.3)
    rates = il.GradientDescent(RNG.uniform(0, 1, 40))
    for schedule in (il.anneal(0.4, 3), rates, il.Schedule(rates, il.GradientFlow())):
        run = il.train(problem, schedule, train_loss=levels)
        assert run.test_loss.shape == run.reached.shape == (4, 3, 2, 6)
        assert run.residual().shape == (4, 3, 2, 6, 5)
        one = il.Problem.from_spectra(train[1, 2], np.ones(5), np.ones(5), noise=1.0)
        alone = il.train(one, schedule, train_loss=0.3)
        assert float(alone.test_loss) == pytest.approx(float(run.test_loss[1, 2, 0, 0]), rel=1e-14)
    assert il.train(problem, il.GradientFlow()).test_loss.shape == (4, 3)


def test_smooth_and_stepwise_scans_agree() -> None:
    # 800 curvatures go through the interpolated filter, 20 of them alone step by step.
    gamma = np.geomspace(1e-4, 1.0, 800)
    rates = 0.5 * (1 + np.cos(np.pi * np.arange(3000) / 3000))
    levels = gamma.sum() * np.geomspace(0.9, 1e-2, 9)
    whole = il.Problem.from_spectra(gamma, gamma[::-1], np.ones(800))
    run = il.train(whole, il.GradientDescent(rates), train_loss=levels, last_step="whole")
    factors = np.cumprod(1 - 2 * np.outer(rates, gamma), axis=0)
    losses = factors**2 @ gamma
    for i, level in enumerate(levels):
        below = np.flatnonzero(losses <= level)
        assert bool(run.reached[i]) == bool(below.size)
        step = below[0] if below.size else len(rates) - 1
        assert int(run.steps[i]) == step + 1
        assert float(run.train_loss[i]) == pytest.approx(losses[step], rel=1e-12)
        wanted = factors[step] ** 2 @ gamma[::-1]
        assert float(run.test_loss[i]) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: il.train(PROBLEM, il.GradientFlow(), train_loss=math.nan), ValueError, "NaN"),
        (lambda: il.train(PROBLEM, 0.1), TypeError, "float"),  # type: ignore[arg-type]  # wrong on purpose
        (
            lambda: il.train(PROBLEM, "fow"),
            il.schedules.SpecError,
            r"did you mean 'flow'.*\n  fow\n  \^",
        ),
        (lambda: il.train(X, il.GradientFlow()), TypeError, "ndarray"),  # type: ignore[arg-type]  # wrong on purpose
        (lambda: il.train(PROBLEM, il.GradientFlow(), "low"), TypeError, "train_loss.*str 'low'"),
    ],
)
def test_what_cannot_be_trained_is_refused(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_divergence_beyond_float64_is_infinite_and_never_nan() -> None:
    run = il.train(PROBLEM, il.GradientDescent(1e6, 400))
    assert math.isinf(run.train_loss)
    assert math.isinf(run.test_loss)
    assert np.isinf(run.coef()).all()
    assert np.isinf(run.intercept()).all()
    # the sign is that of the steepest direction
    few = il.train(PROBLEM, il.GradientDescent(1e6, 40)).coef()
    np.testing.assert_array_equal(np.sign(run.coef()), np.sign(few))


@pytest.mark.parametrize("rates", [[1e308, 1e308], [1e300, 2e300], [1e120, 0.2]])
@pytest.mark.parametrize("curvature", [1.0, 1e-200, 1e307])
def test_huge_rates_come_back_under_the_flow(rates: list[float], curvature: float) -> None:
    start = curvature**-0.5
    problem = il.Problem.from_spectra([curvature], [curvature], [start])
    run = il.train(problem, il.Schedule(il.GradientDescent(rates), il.GradientFlow()), 0.1)
    assert bool(run.reached)
    assert float(run.train_loss) == pytest.approx(0.1, rel=1e-12)
    assert float(run.test_loss) == pytest.approx(0.1, rel=1e-12)
    grown = sum(float(np.log(abs(1 - 2 * np.longdouble(lr) * curvature))) for lr in rates)
    if grown > 0:  # h e^(-2γt) falls to sqrt(0.1)
        wanted = (grown - 0.5 * math.log(0.1)) / 2 / curvature
        assert float(run.time) == pytest.approx(wanted, rel=1e-12)


def test_steps_are_counted_exactly_as_far_as_an_int64_goes() -> None:
    problem = il.Problem.from_spectra([1.0], [1.0], [1.0])
    still = [il.GradientDescent(0.0, 2**53)] * 3
    few = [il.GradientDescent(0.1, 1)] * 9
    assert int(il.train(problem, il.Schedule(*still, *few)).steps) == 3 * 2**53 + 9
    run = il.train(problem, il.Schedule(*still, *few), train_loss=0.1)
    assert (bool(run.reached), int(run.steps)) == (True, 3 * 2**53 + 6)
    most = il.Schedule(*[il.GradientDescent(0.0, 2**53)] * 1023)
    assert int(il.train(problem, most).steps) == 1023 * 2**53
    with pytest.raises(ValueError, match=r"2\*\*63 - 1 steps in all.*got 9223372036854775808"):
        il.train(problem, most + il.GradientDescent(0.0, 2**53))
