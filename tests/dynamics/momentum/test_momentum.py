"""Heavy ball and Nesterov against plain loops."""

import functools
import math
from collections.abc import Callable, Iterator
from decimal import Decimal, localcontext
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import reference
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from reference import exact, relative

import isoloss as il

# against loops of whole steps; last steps that are shortened have tests of their own
train = functools.partial(il.train, last_step="whole")

KINDS = [il.HeavyBall, il.Nesterov]
Vector = list[Any]


def loop(gamma: Any, start: Any, schedule: Any, digits: int = 60) -> list[Vector]:
    """Return the residual after 0, 1, … steps, by the definitions; flows must be finite."""
    with mp.workdps(digits):
        gamma, delta = exact(gamma), exact(start)
        states, velocity = [delta], None
        for phase in il.Schedule(schedule).phases:
            if isinstance(phase, il.GradientFlow):
                time, velocity = mp.mpf(phase.time), None
                delta = [x * mp.exp(-2 * g * time) for x, g in zip(delta, gamma, strict=True)]
                continue
            with_velocity = isinstance(phase, il.HeavyBall | il.Nesterov)
            mu = mp.mpf(phase.momentum) if with_velocity else mp.mpf(0)
            if velocity is None or not with_velocity or not phase.carry_velocity:
                velocity = [mp.mpf(0)] * len(gamma)
            for k in range(phase.steps):
                lr = mp.mpf(phase.rate(k))
                slope = [2 * g * x for g, x in zip(gamma, delta, strict=True)]
                velocity = [mu * v + s for v, s in zip(velocity, slope, strict=True)]
                move = velocity
                if isinstance(phase, il.Nesterov):
                    move = [s + mu * v for v, s in zip(velocity, slope, strict=True)]
                delta = [x - lr * m for x, m in zip(delta, move, strict=True)]
                states.append(delta)
            velocity = velocity if with_velocity else None
        return states


def losses(weights: Any, states: list[Vector]) -> Vector:
    weights = exact(weights)
    return [mp.fsum(w * x * x for w, x in zip(weights, state, strict=True)) for state in states]


def first_at_most(found: Vector, level: float) -> int | None:
    return next((k for k, loss in enumerate(found) if loss <= level), None)


def some_levels(found: Vector, near: float) -> list[float]:
    """Return levels met from just above and missed by a hair, the start's and one never reached."""
    lows = [k for k in range(1, len(found)) if found[k] < min(found[:k]) and found[k] > 1e-290]
    chosen = lows[:: max(len(lows) // 6, 1)]
    lowest = min(found)
    return [
        *(float(found[k] * (1 + sign * near)) for k in chosen for sign in (1, -1)),
        float(found[0] * (1 + mp.mpf(near))),
        *([float(lowest * (1 - 100 * mp.mpf(near)))] if lowest > 1e-290 else []),
    ]


def check(
    gamma: Any, start: Any, schedule: Any, *, near: float = 1e-12, tolerance: float = 1e-12
) -> None:
    """Compare stops at many levels, and the end, with the loop."""
    test = np.linspace(1.0, 2.0, len(gamma))
    problem = il.Problem.from_spectra(gamma, test, start)
    states = loop(gamma, start, schedule)
    found, tests = losses(gamma, states), losses(test, states)
    levels = some_levels(found, near)
    run = train(problem, schedule, train_loss=levels)
    residual = run.residual()
    for i, level in enumerate(levels):
        step = first_at_most(found, level)
        last = len(states) - 1 if step is None else step
        assert (bool(run.reached[i]), int(run.steps[i])) == (step is not None, last), level
        assert relative(run.train_loss[i], found[last]) <= tolerance
        assert relative(run.test_loss[i], tests[last]) <= tolerance
        for got, wanted in zip(residual[i], states[last], strict=True):
            assert relative(got, wanted) <= tolerance
    end = train(problem, schedule)
    assert int(end.steps) == len(states) - 1
    assert relative(end.train_loss, found[-1]) <= tolerance
    for got, wanted in zip(end.residual(), states[-1], strict=True):
        assert relative(got, wanted) <= tolerance


def edge(kind: type, momentum: float) -> float:
    """Return the largest stable rate of a direction of curvature 1."""
    return (1 + momentum) / (1 + 2 * momentum) if kind is il.Nesterov else 1 + momentum


FIXED: dict[str, tuple[list[float], list[float], float, float]] = {
    "underdamped": ([1.0], [2.0], 0.05, 0.9),
    "overdamped": ([1.0], [2.0], 0.05, 0.1),
    "critically damped heavy ball": ([1.0], [2.0], 0.125, 0.25),
    "critically damped Nesterov": ([1.0], [2.0], 0.125, 1 / 3),
    "all but critically damped": ([1.0], [2.0], 0.125, 0.25 * (1 + 1e-12)),
    "all three": ([1.0, 0.125, 1e-3], [1.0, -1.0, 3.0], 0.125, 0.25),
    "wide": ([1.0, 1e-3, 1e-6, 1e-9], [1.0, 10.0, 100.0, 1e3], 0.4, 0.9),
    "at the edge": ([1.0, 0.3], [1.0, 1.0], 1.9, 0.9),
    "no curvature in one direction": ([1.0, 0.0], [1.0, 5.0], 0.2, 0.5),
    "no curvature at all": ([0.0, 0.0], [1.0, 5.0], 0.2, 0.5),
    "nothing to learn in one direction": ([1.0, 0.5], [0.0, 1.0], 0.2, 0.9),
    "equal curvatures": ([0.7, 0.7, 0.7], [1.0, 2.0, -3.0], 0.3, 0.8),
    "rate 0": ([1.0, 0.5], [1.0, 1.0], 0.0, 0.9),
    "a direction gone at once": ([1.0, 0.25], [1.0, 1.0], 0.5, 0.0),
    "much momentum": ([1.0, 0.1], [1.0, 1.0], 1e-4, 0.9999),
    "huge and tiny": ([1e100, 1e-100], [1e-40, 1e60], 1e-101, 0.9),
}


@pytest.mark.parametrize("name", FIXED)
@pytest.mark.parametrize("kind", KINDS)
def test_equal_steps_are_a_loop(kind: Any, name: str) -> None:
    gamma, start, lr, momentum = FIXED[name]
    check(gamma, start, kind(lr, momentum, 250))


def kind_of(case: Any) -> str:
    return str(case[2].__name__)


def random_cases(seed: int, count: int) -> Iterator[tuple[np.ndarray, np.ndarray, Any, float]]:
    rng = np.random.default_rng(seed)
    for i in range(count):
        d = 1 + i % 6
        gamma = 10.0 ** rng.uniform(-4, 1, d)
        start = rng.standard_normal(d) * 10.0 ** rng.uniform(-2, 2, d)
        if i % 4 == 1:
            gamma[0] = 0.0
        if i % 4 == 2:
            gamma[-1] = gamma[0]
        if i % 5 == 3:
            start[rng.integers(d)] = 0.0
        momentum = float(rng.choice([0.0, 0.3, 0.9, 0.99, rng.uniform()]))
        share = rng.choice([0.01, 0.1, 0.5, 0.9, 0.999, 1.05])
        kind = KINDS[i % 2]
        yield gamma, start, kind, share * edge(kind, momentum) / (gamma.max() or 1.0), momentum


@pytest.mark.parametrize("case", list(random_cases(40, 18)), ids=kind_of)
def test_random_problems_are_a_loop(case: Any) -> None:
    gamma, start, kind, lr, momentum = case
    check(gamma, start, kind(lr, momentum, 200))


@pytest.mark.parametrize("case", list(random_cases(41, 18)), ids=kind_of)
def test_changing_rates_are_a_loop(case: Any) -> None:
    gamma, start, kind, lr, momentum = case
    rng = np.random.default_rng(42)
    # steps of float64: where a residual passes zero, its digits are those of what cancels there
    check(gamma, start, kind(lr * rng.uniform(0, 1.2, 200), momentum), near=1e-10, tolerance=1e-11)


@pytest.mark.parametrize("kind", KINDS)
def test_without_momentum_it_is_gradient_descent(kind: Any) -> None:
    gamma, start = [1.0, 0.3, 0.01], [1.0, -2.0, 3.0]
    problem = il.Problem.from_spectra(gamma, [1, 1, 1], start)
    levels = float(problem.start_train_loss) * np.geomspace(1.0, 1e-4, 20)
    for rates in ({"lr": 0.9, "steps": 2000}, {"lr": np.linspace(0.9, 0.1, 2000)}):
        one = train(problem, kind(momentum=0.0, **rates), train_loss=levels)
        other = train(problem, il.GradientDescent(**rates), train_loss=levels)
        assert one.steps.tolist() == other.steps.tolist()
        assert one.reached.tolist() == other.reached.tolist()
        np.testing.assert_allclose(one.test_loss, other.test_loss, rtol=1e-12)


@pytest.mark.parametrize(
    "schedule",
    [il.HeavyBall([1.5, *[30.0] * 24], 0.0), il.Nesterov([1.5, 1.5, *[30.0] * 24], 0.5)],
)
def test_what_steps_leave_of_a_direction_can_grow(schedule: Any) -> None:
    # 1/3 is no float: steps of 2ηγ = 1 leave 10^-17 of it, while the other direction's loss stays
    gamma, start = [1 / 3, 1e-3], [1.0, 1.0]
    end = loop(gamma, start, schedule)[-1]
    problem = il.Problem.from_spectra(gamma, [1, 1], start)
    wanted = mp.fsum(x * x for x in end)
    assert wanted > 1e6
    run = train(problem, schedule)
    assert relative(run.test_loss, wanted) < 1e-12
    later = train(problem, schedule, train_loss=1e-300)  # while a level is sought, too
    assert relative(later.test_loss, wanted) < 1e-12


def test_a_position_that_a_step_cancels_may_stay() -> None:
    # the second step leaves -0.9q of 10^38, and the rates that follow hardly move it
    gamma, start = [1 / 3], [1.0]
    schedule = il.HeavyBall([1e38, 1.5, 1e-30, 1e-30, 1e-30], 0.9)
    end = loop(gamma, start, schedule, digits=120)[-1]
    run = train(il.Problem.from_spectra(gamma, [1], start), schedule)
    assert relative(run.test_loss, end[0] ** 2) < 1e-12


def test_two_phases_together_may_remove_a_direction() -> None:
    gamma, start = [1 / 3], [1.0]
    schedule = il.Schedule(
        il.Nesterov([0.4, 1.5], 0.9), il.Nesterov(1.5, 0.9, steps=1, carry_velocity=True)
    )
    end = loop(gamma, start, schedule)[-1]
    run = train(il.Problem.from_spectra(gamma, [1], start), schedule)
    assert 0 < abs(end[0]) < 1e-15
    assert relative(run.test_loss, end[0] ** 2) < 1e-12


@pytest.mark.parametrize("changing", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_divergence_leaves_float64_and_keeps_its_digits(kind: Any, changing: bool) -> None:
    gamma, start, momentum = [1.0, 0.999, 0.2], [1.0, 1.0, 1.0], 0.8
    lr = 1.4 * edge(kind, momentum)
    rates = lr * np.linspace(1.0, 1.3, 2000) if changing else np.full(2000, lr)
    schedule = kind(rates if changing else lr, momentum, 2000)
    problem = il.Problem.from_spectra(gamma, [1, 1, 1], start)
    run = train(problem, schedule)
    end = loop(gamma, start, schedule)[-1]
    assert max(map(abs, end)) > 1e308
    assert math.isinf(run.train_loss)
    for i, wanted in enumerate(end):
        assert float(run.sign[i]) == mp.sign(wanted)
        # a logarithm of size s is the filter to s·1e-16
        assert (
            abs(float(run.log[i]) - mp.log(abs(wanted))) <= 1e-15 * abs(float(run.log[i])) + 1e-12
        )


def float_losses(gamma: Any, start: Any, phase: Any) -> np.ndarray:
    """Return the losses after 0, 1, … steps of one rate, by a loop in float64."""
    lr, mu, nesterov = phase.lr, phase.momentum, isinstance(phase, il.Nesterov)
    columns = []
    for g, x in zip(gamma, start, strict=True):
        v, column = 0.0, [g * x * x]
        here = x
        for _ in range(phase.steps):
            slope = 2.0 * g * here
            v = mu * v + slope
            here -= lr * (slope + mu * v) if nesterov else lr * v
            column.append(g * here * here)
        columns.append(column)
    return np.sum(columns, axis=0)


DIPPING: dict[str, tuple[list[float], list[float], float, float]] = {
    "one slow oscillation": ([1.0], [1.0], 1e-8, 1 - 2e-5),
    "an oscillation above a slow decay": ([1.0, 1e-4], [1.0, 40.0], 1e-8, 1 - 4e-5),
    "two oscillations out of step": ([1.0, 0.37], [1.0, 2.0], 3e-7, 1 - 3e-5),
    "fast beside overdamped": ([1.0, 1e-7], [1.0, 1e3], 0.3, 0.99),
    "a turn every ten steps": ([1.0, 1e-6], [1.0, 300.0], 0.05, 0.95),
}


@pytest.mark.parametrize("name", DIPPING)
@pytest.mark.parametrize("kind", KINDS)
def test_the_first_of_many_crossings_is_found(kind: Any, name: str) -> None:
    gamma, start, lr, momentum = DIPPING[name]
    found = float_losses(gamma, start, kind(lr, momentum, 200_000))
    lowest = np.minimum.accumulate(found)
    # levels halfway between one low and the next, so that the loop's rounding decides nothing
    lows = np.flatnonzero(np.diff(lowest) < 0)
    gaps = np.log(lowest[lows] / lowest[lows + 1])
    chosen = lows[(gaps > 1e-7) & (lowest[lows + 1] > 1e-290)]
    # and among them those of lows that come after a rise
    after = chosen[np.flatnonzero(np.diff(chosen, prepend=-1) > 1)]
    chosen = np.concatenate([chosen[:: max(len(chosen) // 40, 1)], after[:40]])
    assert len(chosen) >= 20
    levels = np.sqrt(lowest[chosen] * lowest[chosen + 1])
    problem = il.Problem.from_spectra(gamma, [1.0] * len(gamma), start)
    run = train(problem, kind(lr, momentum, 10**6), train_loss=levels)
    assert run.steps.tolist() == (chosen + 1).tolist()
    assert run.reached.all()
    # the loss does rise above the level again
    assert any(np.any(found[k + 2 :] > at) for k, at in zip(chosen, levels, strict=True))
    longer = train(problem, kind(lr, momentum, 10**9), train_loss=levels)
    assert longer.steps.tolist() == run.steps.tolist()
    np.testing.assert_array_equal(longer.test_loss, run.test_loss)


@pytest.mark.parametrize("kind", KINDS)
def test_a_level_just_below_every_dip_is_not_reached(kind: Any) -> None:
    # An oscillation that hardly dies, over a direction that does not move.
    gamma, start, momentum = [1.0, 1e-12], [1.0, 1e3], 1 - 1e-7
    phase = kind(1e-5, momentum, 300_000)
    found = float_losses(gamma, start, phase)
    lowest = int(found.argmin())
    assert lowest > 1000
    problem = il.Problem.from_spectra(gamma, [1.0, 1.0], start)
    run = train(problem, phase, train_loss=found[lowest] * (1 + np.array([1e-9, -1e-9])))
    assert run.reached.tolist() == [True, False]
    assert run.steps.tolist() == [first_at_most(found, found[lowest] * (1 + 1e-9)), 300_000]


@pytest.mark.parametrize("kind", KINDS)
def test_a_level_at_the_start_takes_no_step(kind: Any) -> None:
    problem = il.Problem.from_spectra([1.0, 0.5], [1.0, 1.0], [1.0, 2.0])
    schedule = il.Schedule(kind(0.1, 0.9, 50), il.GradientFlow())
    run = train(problem, schedule, train_loss=[3.0, 4.0, math.inf])
    assert run.reached.tolist() == [True] * 3
    assert run.steps.tolist() == [0] * 3
    np.testing.assert_allclose(run.train_loss, 3.0, rtol=1e-15)
    assert not train(problem, kind(0.1, 0.9, 50), train_loss=[-1.0, 0.0]).reached.any()
    nothing = train(problem, kind(0.1, 0.9, 0) + kind([], 0.9, carry_velocity=True))
    assert int(nothing.steps) == 0
    assert float(nothing.train_loss) == float(run.train_loss[0])


@settings(max_examples=200)
@given(st.data())
def test_any_stop_is_the_loops(data: st.DataObject) -> None:
    kind: Any = data.draw(st.sampled_from(KINDS))
    size = data.draw(st.integers(1, 5))

    def vector(values: st.SearchStrategy[float]) -> list[float]:
        return data.draw(st.lists(values, min_size=size, max_size=size))

    gamma = vector(st.floats(-6, 1).map(lambda x: 10.0**x))
    start = vector(st.floats(-10, 10))
    momentum = data.draw(st.floats(0, 0.9999))
    lr = data.draw(st.floats(0, 1.1)) * edge(kind, momentum) / max(gamma)
    phase = kind(lr, momentum, data.draw(st.integers(0, 400)))
    found = float_losses(gamma, start, phase)
    level = found[0] * 10.0 ** data.draw(st.floats(-12, 0.1))
    step = first_at_most(found, level)
    last = phase.steps if step is None else step
    assume(level > 1e-280 and np.all(abs(found[: last + 1] - level) > 1e-9 * level))
    problem = il.Problem.from_spectra(gamma, np.ones(size), start)
    changing = kind(phase.learning_rates(), momentum)
    for same in (phase, changing):
        run = train(problem, same, train_loss=level)
        assert (bool(run.reached), int(run.steps)) == (step is not None, last)


RATES = np.random.default_rng(43).uniform(0.0, 0.5, 90)
GAMMA, START = [1.0, 0.4, 1e-3], [1.0, -2.0, 10.0]
SPECTRA = il.Problem.from_spectra(GAMMA, [1.0, 2.0, 3.0], START)


@pytest.mark.parametrize("kind", KINDS)
def test_a_velocity_that_goes_on_joins_two_phases_into_one(kind: Any) -> None:
    parts = il.Schedule(
        kind(RATES[:40], 0.9),
        kind([], 0.9, carry_velocity=True),
        kind(RATES[40:], 0.9, carry_velocity=True),
    )
    whole, joined = train(SPECTRA, kind(RATES, 0.9)), train(SPECTRA, parts)
    np.testing.assert_allclose(joined.residual(), whole.residual(), rtol=1e-12)
    split = kind(0.2, 0.9, 70) + kind(0.2, 0.9, 10**6, carry_velocity=True)
    levels = float(SPECTRA.start_train_loss) * np.geomspace(1, 1e-6, 40)
    one = train(SPECTRA, kind(0.2, 0.9, 10**6 + 70), levels)
    two = train(SPECTRA, split, levels)
    assert one.steps.tolist() == two.steps.tolist()
    assert np.any(one.steps < 70)
    assert np.any(one.steps > 70)
    np.testing.assert_allclose(one.test_loss, two.test_loss, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_a_velocity_starts_at_zero_unless_carried(kind: Any) -> None:
    first, second = kind(RATES[:40], 0.9), kind(RATES[40:], 0.8)
    carried = kind(RATES[40:], 0.8, carry_velocity=True)
    one = train(SPECTRA, first)
    halfway = il.Problem.from_spectra(GAMMA, [1.0, 2.0, 3.0], one.residual())
    afresh = train(halfway, second).residual()
    np.testing.assert_allclose(train(SPECTRA, first + second).residual(), afresh, rtol=1e-12)
    moving = train(SPECTRA, first + carried).residual()
    assert np.all(abs(moving / afresh - 1) > 1e-3)
    # any other phase in between drops it, and so does one that starts afresh, however short
    for between in (
        il.GradientFlow(0.0),
        il.GradientDescent(0.0, 1),
        il.GradientDescent(0.1, 0),
        kind(0.1, 0.9, 0),
    ):
        got = train(SPECTRA, first + between + carried).residual()
        np.testing.assert_allclose(got, afresh, rtol=1e-12)


MIXED = {
    "descent, then momentum": il.GradientDescent(0.3, 20) + il.HeavyBall(0.2, 0.9, 60),
    "carried after descent": il.GradientDescent(0.3, 20)
    + il.Nesterov(RATES[:60], 0.9, carry_velocity=True),
    "momentum, then descent": il.Nesterov(0.2, 0.5, 30) + il.GradientDescent(0.3, 20),
    "from one kind to the other": il.HeavyBall(0.05, 0.9, 30)
    + il.Nesterov(RATES[:30], 0.5, carry_velocity=True)
    + il.HeavyBall(0.1, 0.95, 30, carry_velocity=True),
    "afresh": il.HeavyBall(0.05, 0.9, 30) + il.HeavyBall(0.05, 0.9, 30),
    "long equal stretches in an array": il.HeavyBall(np.repeat([0.1, 0.3, 0.2], 80), 0.9)
    + il.Nesterov(np.repeat([0.1, 0.3, 0.2], [3, 100, 2]), 0.9, carry_velocity=True),
}


@pytest.mark.parametrize("name", MIXED)
def test_phases_follow_each_other_as_in_a_loop(name: str) -> None:
    check(GAMMA, START, MIXED[name], near=1e-10, tolerance=1e-11)


@pytest.mark.parametrize("kind", KINDS)
def test_a_flow_after_momentum_hits_its_level(kind: Any) -> None:
    for phase in (kind(0.2, 0.9, 50), kind(RATES, 0.9)):
        states = loop(GAMMA, START, il.GradientFlow(0.5) + phase)
        here = [float(x) for x in states[-1]]
        # a level below every loss on the way
        level = 0.9 * float(min(losses(GAMMA, states)))
        wanted = reference.from_spectra(GAMMA, [1.0, 2.0, 3.0], here).run([("flow", mp.inf)], level)
        schedule = il.GradientFlow(0.5) + phase + il.GradientFlow()
        run = train(SPECTRA, schedule, train_loss=level)
        assert int(run.steps) == phase.steps
        assert relative(run.time, wanted.time + mp.mpf(0.5)) <= 1e-12
        assert relative(run.train_loss, level) <= 1e-12
        assert relative(run.test_loss, wanted.test_loss) <= 1e-12


SCHEDULES = {
    "heavy ball": il.HeavyBall(0.2, 0.9, 10**4),
    "Nesterov": il.Nesterov(0.2, 0.9, 10**4) + il.GradientFlow(10.0),
    "changing": il.HeavyBall(np.tile(RATES, 4), 0.9) + il.Nesterov(0.3, 0.5, 10**4),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_batches_and_levels_equal_one_by_one(name: str) -> None:
    rng = np.random.default_rng(44)
    gamma = 10.0 ** rng.uniform(-3, 0, (2, 3, 4))
    gamma[0, 1, 2] = 0.0
    start = rng.standard_normal((2, 3, 4))
    start[1, 0] = 0.0
    noise = np.array([0.0, 0.1, 0.2])
    levels = np.array([[10.0, 0.5, 0.1], [1e-2, 1e-3, 1e-9]])
    problem = il.Problem.from_spectra(gamma, np.ones(4), start, noise=noise)
    whole = train(problem, SCHEDULES[name], train_loss=levels)
    assert whole.steps.shape == (2, 3, 2, 3)
    for i in np.ndindex(2, 3):
        one = il.Problem.from_spectra(gamma[i], np.ones(4), start[i], noise=noise[i[1]])
        for j in np.ndindex(2, 3):
            run = train(one, SCHEDULES[name], train_loss=levels[j])
            assert bool(whole.reached[*i, *j]) == bool(run.reached)
            assert int(whole.steps[*i, *j]) == int(run.steps)
            for part in ("time", "train_loss", "test_loss"):
                got, wanted = getattr(whole, part)[*i, *j], getattr(run, part)
                assert float(got) == pytest.approx(float(wanted), rel=1e-12, abs=1e-300)


def kinds_of_array() -> list[Any]:
    import array_api_strict as strict

    found = [pytest.param(strict.asarray, id="array-api-strict")]
    try:
        import torch
    except ImportError:
        skip = pytest.mark.skip(reason="PyTorch is not installed")
        return [*found, pytest.param(None, id="torch", marks=skip)]
    return [*found, pytest.param(torch.asarray, id="torch")]


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("convert", kinds_of_array())
def test_every_kind_of_array_gives_its_own_back(convert: Callable[[Any], Any], name: str) -> None:
    levels = float(SPECTRA.start_train_loss) * np.array([0.3, 1e-3, 1e-9])
    arrays = np.stack([GAMMA, np.array(GAMMA) / 2]), np.array([1.0, 2.0, 3.0]), np.array(START)
    plain = il.Problem.from_spectra(*arrays)
    problem = il.Problem.from_spectra(*(convert(a.copy()) for a in arrays))
    run, wanted = (train(p, SCHEDULES[name], levels) for p in (problem, plain))
    kind = type(convert(np.ones(1)))
    for part in ("reached", "steps", "time", "train_loss", "test_loss"):
        assert isinstance(getattr(run, part), kind)
        np.testing.assert_allclose(
            np.asarray(getattr(run, part)), getattr(wanted, part), rtol=1e-12
        )
    one = il.Problem.from_spectra(*(convert(np.array(a)) for a in (GAMMA, arrays[1], START)))
    path = train(one, SCHEDULES[name], levels[1]).path(points=20)
    assert isinstance(path.residual(), kind)
    same = train(SPECTRA, SCHEDULES[name], levels[1]).path(points=20)
    np.testing.assert_allclose(np.asarray(path.residual()), same.residual(), rtol=1e-12)


@pytest.mark.parametrize("points", [200, 17])
@pytest.mark.parametrize("name", MIXED)
def test_a_path_passes_the_loops_residuals(name: str, points: int) -> None:
    states = loop(GAMMA, START, MIXED[name])
    path = train(SPECTRA, MIXED[name]).path(points=points)
    steps = path.steps.tolist()
    assert (steps[0], steps[-1]) == (0, len(states) - 1)
    ends = np.cumsum([phase.steps for phase in MIXED[name].phases])
    assert set(ends.tolist()) <= set(steps)
    assert len(steps) == 1 + sum(min(phase.steps, points) for phase in MIXED[name].phases)
    found = losses(GAMMA, states)
    for i, k in enumerate(steps):
        assert relative(path.train_loss[i], found[k]) <= 1e-11
        for got, wanted in zip(path.residual()[i], states[k], strict=True):
            assert relative(got, wanted) <= 1e-11


@pytest.mark.parametrize("kind", KINDS)
def test_a_path_ends_where_the_run_stops(kind: Any) -> None:
    level = 1e-3 * float(SPECTRA.start_train_loss)
    for first in (kind(0.2, 0.9, 10**6), kind(RATES, 0.9) + kind(0.2, 0.9, 10**6)):
        schedule = first + kind(RATES, 0.9, carry_velocity=True) + il.GradientFlow()
        run = train(SPECTRA, schedule, train_loss=level)
        assert 100 < int(run.steps) < 10**4
        path = run.path(points=30)
        assert (int(path.steps[-1]), float(path.time[-1])) == (int(run.steps), 0.0)
        np.testing.assert_allclose(path.residual()[-1], run.residual(), rtol=1e-12)


def decimal_loop(gamma: Any, start: Any, phase: Any) -> list[list[Decimal]]:
    """Return the residual after 0, 1, … steps, in 30 digits and any range, fast."""
    columns = []
    with localcontext(prec=30):
        mu, rates = Decimal(phase.momentum), [Decimal(lr) for lr in phase.lr.tolist()]
        for g, x in zip(map(Decimal, gamma), map(Decimal, start), strict=True):
            v, here, column = Decimal(0), x, [x]
            for lr in rates:
                slope = 2 * g * here
                v = mu * v + slope
                here -= lr * (slope + mu * v) if isinstance(phase, il.Nesterov) else lr * v
                column.append(here)
            columns.append(column)
    return columns


@pytest.mark.parametrize(("kind", "beyond"), [(il.HeavyBall, 1.5e-3), (il.Nesterov, 2e-2)])
def test_many_changing_rates_diverge_and_come_back(kind: Any, beyond: float) -> None:
    gamma, start, momentum, count = [1.0, 0.6], [1.0, 1.0], 0.9, 40_000
    step = np.arange(count)
    share = np.where(step < count // 2, 1 + beyond, 0.9) * (1 + 1e-4 * np.sin(step))
    phase = kind(edge(kind, momentum) * share, momentum)
    columns = decimal_loop(gamma, start, phase)
    first, second = map(Decimal, gamma)
    found = [first * x * x + second * y * y for x, y in zip(*columns, strict=True)]
    assert max(found) > Decimal("1e400")
    levels = [0.1, 1e-20, 1e-200]
    stops = [first_at_most(found, level) or 0 for level in levels]
    assert min(stops) > count // 2  # only once it is back
    problem = il.Problem.from_spectra(gamma, [1.0, 1.0], start)
    run = train(problem, phase, train_loss=levels)
    assert run.reached.all()
    assert run.steps.tolist() == stops
    for i, k in enumerate(run.steps.tolist()):
        assert float(run.train_loss[i]) == pytest.approx(float(found[k]), rel=1e-10)
    end = train(problem, phase)
    for i, column in enumerate(columns):
        assert float(end.sign[i]) == math.copysign(1.0, column[-1])
        # 40,000 roundings of 1e-16, all in one direction, would make 4e-12
        assert float(end.log[i]) == pytest.approx(float(abs(column[-1]).ln()), rel=1e-15, abs=1e-10)


@pytest.mark.parametrize(
    ("gamma", "start", "lr", "momentum", "near"),
    [
        (0.9385654789387489, -4.863775290957948, 2.1181367146039456, 0.99, 1e-12),
        (0.09329905521952382, 37.27466912990541, 17.502316019723988, 0.8143883875486497, 1e-12),
        (1.0, 1.0, 1.9877345165699702, 0.9999985406721992, 1e-11),
        (1.0, 1.0, 1.9628092457042445, 0.9629591856569799, 1e-11),
    ],
)
def test_no_dip_is_lost_to_rounding(
    gamma: float, start: float, lr: float, momentum: float, near: float
) -> None:
    # With both eigenvalues near -1 a float64 power of the matrix loses digits at every squaring.
    check([gamma], [start], il.HeavyBall(lr, momentum, 600), near=near)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("curvature", [1e-300, 1e299, 1e300, 4e307])
def test_curvatures_as_large_and_small_as_floats_go(kind: Any, curvature: float) -> None:
    gamma, start = [curvature, curvature / 3], [curvature**-0.5] * 2
    problem = il.Problem.from_spectra(gamma, [1.0, 1.0], start)
    plain = il.Problem.from_spectra([1.0, 1 / 3], [1.0, 1.0], [1.0, 1.0])
    for rates in (np.full(200, 0.1), np.linspace(0.1, 0.2, 20)):
        run = train(problem, kind(rates / curvature, 0.9))
        wanted = train(plain, kind(rates, 0.9))
        np.testing.assert_allclose(run.train_loss, wanted.train_loss, rtol=1e-11)


def test_a_rate_beyond_what_momentum_can_take_is_refused() -> None:
    problem = il.Problem.from_spectra([1e10], [1.0], [1.0])
    with pytest.raises(ValueError, match=r"at most 1e\+290 over twice the curvature; got 1e\+290"):
        train(problem, il.HeavyBall(1e290, 0.9, 5))
