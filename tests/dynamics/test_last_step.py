"""Last steps that end at the level exactly, against loops in 60-digit arithmetic."""

import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import isoloss as il

mp.mp.dps = 60
ULP = 2.0**-52
KINDS = ("gd", "heavy ball", "Nesterov")


def looped(
    problem: il.Problem, rates: np.ndarray, level: float, momentum: float = 0.0, kind: str = "gd"
) -> tuple[int, Any, list[Any]]:
    """Take the steps one by one; return how many, the last one's rate, and the filter."""
    reduced = problem._reduced
    unit = mp.mpf(2) ** reduced.units.curvature
    gamma = [mp.mpf(float(g)) * unit for g in np.ravel(reduced.gamma)]
    delta = np.reshape(reduced.start_residual, (len(gamma), -1))
    size = mp.mpf(2) ** (reduced.units.train - reduced.units.curvature)
    weights = [
        g * size * mp.fsum(mp.mpf(float(d)) ** 2 for d in row)
        for g, row in zip(gamma, delta, strict=True)
    ]
    floor = mp.mpf(float(reduced.floor)) * mp.mpf(2) ** reduced.units.train
    aim = mp.mpf(level) - floor

    def excess(h: list[Any]) -> Any:
        return mp.fsum(w * x * x for w, x in zip(weights, h, strict=True))

    h, velocity = [mp.mpf(1)] * len(gamma), [mp.mpf(0)] * len(gamma)
    for step, lr in enumerate(map(float, rates)):
        velocity = [momentum * v + 2 * g * x for v, g, x in zip(velocity, gamma, h, strict=True)]
        along = velocity
        if kind == "Nesterov":
            along = [momentum * v + 2 * g * x for v, g, x in zip(velocity, gamma, h, strict=True)]
        after = [x - lr * d for x, d in zip(h, along, strict=True)]
        if excess(after) <= aim:
            a = mp.fsum(w * d * d for w, d in zip(weights, along, strict=True))
            b = mp.fsum(w * x * d for w, x, d in zip(weights, h, along, strict=True))
            s = (b - mp.sqrt(b * b - a * (excess(h) - aim))) / a
            return step + 1, s, [x - s * d for x, d in zip(h, along, strict=True)]
        h = after
    raise AssertionError("the level is not reached")


def phase(kind: str, rates: Any, momentum: float, **more: Any) -> Any:
    if kind == "gd":
        return il.GradientDescent(rates, **more)
    return (il.HeavyBall if kind == "heavy ball" else il.Nesterov)(rates, momentum, **more)


def agrees(run: il.Run, problem: il.Problem, rates: np.ndarray, level: float, *more: Any) -> None:
    steps, lr, h = looped(problem, rates, level, *more)
    assert bool(run.reached)
    assert int(run.steps) == steps
    assert abs(float(run.train_loss) - level) <= 4 * ULP * level
    assert float(run.last_rate) == pytest.approx(float(lr), rel=1e-12)
    largest = max(abs(x) for x in h)
    for i, x in enumerate(h):
        found = mp.mpf(float(run.sign[i])) * mp.exp(mp.mpf(float(run.log[i])))
        assert abs(found - x) <= 1e-13 * (abs(x) + 0.01 * largest)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("changing", [False, True], ids=["equal", "changing"])
@pytest.mark.parametrize("share", [0.9, 1e-2, 1e-6])
def test_the_step_ends_at_the_level(kind: str, changing: bool, share: float) -> None:
    rng = np.random.default_rng(5)
    gamma = np.geomspace(1.0, 0.05, 7)
    problem = il.Problem.from_spectra(gamma, np.ones(7), rng.standard_normal(7), noise=0.5)
    rates = np.linspace(0.7, 0.5, 400) if changing else np.full(400, 0.6)
    level = share * problem.start_train_loss
    given = phase(kind, rates if changing else 0.6, 0.6, **({} if changing else {"steps": 400}))
    run = il.train(problem, given, level, last_step="exact")
    agrees(run, problem, rates, level, 0.6 if kind != "gd" else 0.0, kind)
    whole = il.train(problem, given, level, last_step="whole")
    assert float(whole.train_loss) < level
    assert int(whole.steps) == int(run.steps)
    assert math.isnan(float(whole.last_rate))


def test_data_with_a_smallest_train_loss() -> None:
    rng = np.random.default_rng(2)
    X, y = rng.standard_normal((40, 6)), rng.standard_normal(40)
    problem = il.Problem.from_data(X, y, X[:5], y[:5])
    lowest, start = problem.min_train_loss, problem.start_train_loss
    rates = np.full(500, 0.9 * problem.max_lr)
    for share in (0.5, 1e-3, 1e-8):
        level = lowest + share * (start - lowest)
        run = il.train(problem, il.GradientDescent(rates[0], 500), level, last_step="exact")
        coef, _ = _coef_of(X, y, rates, level)
        assert float(run.train_loss) == pytest.approx(level, rel=4 * ULP, abs=0)
        np.testing.assert_allclose(run.coef(), coef, rtol=1e-9)
        assert np.mean((X @ run.coef() - y) ** 2) == pytest.approx(level, rel=1e-14, abs=0)


def _coef_of(X: Any, y: Any, rates: Any, level: float) -> tuple[Any, float]:
    coef = np.zeros(X.shape[1])
    for lr in rates:
        slope = 2 * X.T @ (X @ coef - y) / len(X)
        after = coef - lr * slope
        if np.mean((X @ after - y) ** 2) <= level:
            parts = np.mean((X @ slope) ** 2), 2 * np.mean((X @ slope) * (X @ coef - y))
            parts = *parts, np.mean((X @ coef - y) ** 2) - level
            s = 2 * parts[2] / (parts[1] + math.sqrt(parts[1] ** 2 - 4 * parts[0] * parts[2]))
            return coef - s * slope, s
        coef = after
    raise AssertionError("the level is not reached")


@pytest.mark.parametrize("depth", [1e-10, 1e-40, 1e-250])
def test_a_step_that_all_but_removes_all_directions(depth: float) -> None:
    # to the root of 1e-250: a rate in float64 alone would leave 1e-32
    problem = il.Problem.from_spectra([0.5, 0.5], [1.0, 1.0], [1.0, 2.0])
    level = depth * problem.start_train_loss
    run = il.train(problem, il.GradientDescent(1.0, 3), level, last_step="exact")
    assert int(run.steps) == 1
    assert float(run.train_loss) == pytest.approx(level, rel=4 * ULP, abs=0)
    np.testing.assert_allclose(np.exp(run.log), math.sqrt(depth), rtol=1e-13)
    assert (run.sign > 0).all()  # the smallest rate of the two
    assert float(run.test_loss) == pytest.approx(5.0 * depth, rel=1e-13)


def test_a_step_that_crosses_the_level_and_leaves_it_is_whole() -> None:
    # at 1/γ₁ the first direction changes its sign for ever, and each step passes through 0
    problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
    annealed = il.anneal(1.5, 10)
    run = il.train(problem, annealed, 1e-4, last_step="exact")
    assert int(run.steps) == 10
    assert math.isnan(float(run.last_rate))
    assert float(run.test_loss) == pytest.approx(0.75e-4, rel=1e-6)


def test_where_no_step_is_shortened() -> None:
    problem = il.Problem.from_spectra([1.0, 0.5], [1, 1], [1, 1])
    start = problem.start_train_loss
    run = il.train(
        problem, il.GradientDescent(0.5, 3), [2 * start, start, 1e-9, 0.0, -1.0], last_step="exact"
    )
    assert run.reached.tolist() == [True, True, False, False, False]
    assert run.steps.tolist() == [0, 0, 3, 3, 3]
    assert np.isnan(run.last_rate).all()
    assert run.train_loss[:2].tolist() == [start, start]
    # the smallest train loss is met by whole steps
    done = il.train(problem, il.GradientDescent([0.5, 1.0]), 0.0, last_step="exact")
    assert int(done.steps) == 2
    assert done.test_loss == 0.0
    # and so is a level where a step ends by itself
    ends = il.train(problem, il.GradientDescent(0.25, 1), last_step="exact")
    again = il.train(problem, il.GradientDescent(0.25, 9), ends.train_loss, last_step="exact")
    assert int(again.steps) == 1
    assert float(again.train_loss) == float(ends.train_loss)
    np.testing.assert_allclose(again.log, ends.log, rtol=1e-15)


def test_after_a_divergence_and_beside_directions_without_weight() -> None:
    problem = il.Problem.from_spectra([1.0, 0.6, 0.0, 0.3], [1, 1, 1, 1], [1.0, 0.5, 3.0, 0.0])
    rates = np.concatenate([np.full(40, 3.0), np.full(400, 0.7)])
    level = 1e-3
    run = il.train(problem, il.GradientDescent(rates), level, last_step="exact")
    agrees(run, problem, rates, level)
    two = il.GradientDescent(3.0, 40) + il.GradientDescent(0.7, 400)
    agrees(il.train(problem, two, level, last_step="exact"), problem, rates, level)


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_extreme_scales(scale: float) -> None:
    base = il.Problem.from_spectra([1.0, 0.4], [1.0, 1.0], [1.0, 1.0])
    problem = il.Problem.from_spectra([scale, 0.4 * scale], [1.0, 1.0], [1.0, 1.0])
    runs = [
        il.train(each, il.GradientDescent(0.8 * each.max_lr, 50), level, last_step="exact")
        for each, level in ((base, 1e-3), (problem, 1e-3 * scale))
    ]
    assert int(runs[0].steps) == int(runs[1].steps)
    assert runs[1].last_rate * scale == pytest.approx(runs[0].last_rate, rel=1e-12)
    assert runs[1].test_loss == pytest.approx(runs[0].test_loss, rel=1e-12)


def test_batches_levels_and_schedules_are_what_each_is_alone() -> None:
    rng = np.random.default_rng(8)
    gamma, start = rng.uniform(0.2, 1.0, (3, 5)), rng.standard_normal((3, 5))
    batch = il.Problem.from_spectra(gamma, np.ones(5), start)
    levels = batch.start_train_loss.min() * np.array([0.5, 0.01])
    schedules = [il.GradientDescent(0.7, 90), il.anneal(0.4, 1), il.Nesterov(0.3, 0.5, 90)]
    together = il.train(batch, schedules, levels, last_step="exact")
    for k, schedule in enumerate(schedules):
        for b in range(3):
            one = il.Problem.from_spectra(gamma[b], np.ones(5), start[b])
            for j, level in enumerate(levels):
                alone = il.train(one, schedule, level, last_step="exact")
                at = (k, b, j)
                assert int(together.steps[at]) == int(alone.steps)
                assert together.test_loss[at] == pytest.approx(alone.test_loss, rel=1e-12)
                assert together.last_rate[at] == pytest.approx(
                    alone.last_rate, rel=1e-12, nan_ok=True
                )


def test_a_path_ends_with_the_shortened_step() -> None:
    problem = il.Problem.from_spectra([1.0, 0.3], [1.0, 1.0], [1.0, 1.0])
    run = il.train(problem, il.GradientDescent(0.45, 50), 0.01, last_step="exact")
    path = run.path()
    assert path.train_loss[-1] == run.train_loss == 0.01
    assert path.steps[-1] == run.steps
    assert path.train_loss[-2] > 0.01


def test_another_word_is_refused() -> None:
    problem = il.Problem.from_spectra([1.0], [1.0], [1.0])
    with pytest.raises(ValueError, match=r"last_step must be 'exact' or 'whole'; got 'half'"):
        il.train(problem, "gd(0.1, 1)", 0.5, last_step="half")  # type: ignore[arg-type]  # wrong on purpose


@given(
    st.lists(st.floats(1e-3, 1.0), min_size=1, max_size=6),
    st.floats(0.05, 0.99),
    st.floats(1e-9, 0.999),
    st.sampled_from(KINDS),
)
def test_any_level_is_met_to_the_last_digits(
    gamma: list[float], rate: float, share: float, kind: str
) -> None:
    problem = il.Problem.from_spectra(gamma, np.ones(len(gamma)), np.ones(len(gamma)))
    level = share * problem.start_train_loss
    lr = rate * problem.max_lr
    run = il.train(problem, phase(kind, lr, 0.5, steps=60), level, last_step="exact")
    assume(run.reached)
    agrees(run, problem, np.full(60, lr), level, 0.0 if kind == "gd" else 0.5, kind)
