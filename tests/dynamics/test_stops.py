"""`reached` means that the train loss is at the level: against loops, and as a property."""

import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import isoloss as il

TWO = il.Problem.from_spectra([1, 1e-6], [1, 1], [1, 1])
ULPS = 4


def moved(phase: Any, mu: Any, velocity: Any, slope: Any) -> tuple[Any, Any]:
    """Return the velocity after a step, and the direction of the step."""
    if not mu:
        return velocity, slope  # PyTorch's steps without momentum leave the velocity as it is
    velocity = [mu * v + s for v, s in zip(velocity, slope, strict=True)]
    if isinstance(phase, il.Nesterov):
        return velocity, [s + mu * v for v, s in zip(velocity, slope, strict=True)]
    return velocity, velocity


def loop(gamma: Any, start: Any, phases: Any, level: float) -> tuple[bool, int, list[Any]]:
    """Return whether and after how many steps the level is reached, and all losses after steps.

    By the definitions. A direction that is removed exactly must vanish, which rounding to 50 digits
    would not always let it.
    """
    with mp.workdps(1500):
        g, h = [mp.mpf(x) for x in gamma], [mp.mpf(1)] * len(gamma)
        w = [mp.mpf(x) * mp.mpf(s) ** 2 for x, s in zip(gamma, start, strict=True)]
        bar, velocity, steps = mp.mpf(level), [mp.mpf(0)] * len(g), 0

        def loss(h: Any) -> Any:
            return mp.fsum(a * b * b for a, b in zip(w, h, strict=True))

        losses, carried = [loss(h)], False
        if losses[0] <= bar:
            return True, 0, losses
        for phase in phases:
            if isinstance(phase, il.GradientFlow):
                carried = False
                time = mp.inf if math.isinf(phase.time) else mp.mpf(phase.time)
                h = [b * mp.exp(-2 * x * time) if x else b for b, x in zip(h, g, strict=True)]
                # an endless one only tends to its end
                if loss(h) < bar or (loss(h) == bar and time < mp.inf):
                    return True, steps, losses
                bar = mp.mpf(-1) if loss(h) == 0 else bar
                continue
            moves = isinstance(phase, il.HeavyBall | il.Nesterov)
            mu = mp.mpf(phase.momentum) if moves else mp.mpf(0)
            if not (carried and moves and phase.carry_velocity):
                velocity = [mp.mpf(0)] * len(g)
            carried = moves
            for k in range(phase.steps):
                lr = mp.mpf(phase.rate(k))
                slope = [2 * x * b for x, b in zip(g, h, strict=True)]
                velocity, move = moved(phase, mu, velocity, slope)
                h = [b - lr * m for b, m in zip(h, move, strict=True)]
                steps, losses = steps + 1, [*losses, loss(h)]
                if losses[-1] <= bar:
                    return True, steps, losses
        return False, steps, losses


def test_a_removal_after_a_divergence_is_no_hit() -> None:
    for last in (il.HeavyBall([0.5], 0.9), il.Nesterov([0.5], 0.0), il.GradientDescent([0.5])):
        run = il.train(TWO, il.GradientDescent(1e3, steps=150) + last, 1e-9)
        assert not bool(run.reached)
        assert float(run.train_loss) == pytest.approx(1e-6 * (1 - 2e-3) ** 300, rel=1e-5)
    problem = il.Problem.from_spectra([1, 0.07], [1, 1], [1, 1])
    run = il.train(problem, il.GradientDescent(1e3, 1000) + il.HeavyBall([0.5], 0.9), 1e-3)
    assert not bool(run.reached)
    assert math.isinf(run.train_loss)


@pytest.mark.parametrize("kind", [il.HeavyBall, il.Nesterov])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize(("curvature", "lr"), [(5.0, 0.1), (1e100, 5e-101), (0.3, 0.5 / 0.3)])
def test_what_only_rounding_removes_is_still_there(
    kind: Any, momentum: float, curvature: float, lr: float
) -> None:
    # 1 - 2ηγ of these binary numbers is about 1e-17, and 0 in float64
    problem = il.Problem.from_spectra([curvature], [1.0], [1.0])
    share = 1.0 + momentum if kind is il.Nesterov else 1.0
    rate = lr / share
    for rates in ([rate], [rate, rate]):
        schedule = kind(rates, momentum)
        _, _, losses = loop([curvature], [1.0], [schedule], -1.0)
        run = il.train(problem, schedule)
        if losses[-1]:
            assert not bool(il.train(problem, schedule, 0.0).reached)
            assert float(run.train_loss) == pytest.approx(float(losses[-1]), rel=1e-12)
        else:
            assert bool(il.train(problem, schedule, 0.0).reached)


@pytest.mark.parametrize("momentum", [0.3, 0.9, 0.99])
def test_two_of_nesterovs_steps_at_the_paper_rate_remove_a_direction(momentum: float) -> None:
    problem = il.Problem.from_spectra([1.0], [1.0], [3.0])
    for first in ([], [0.3, 0.2], list(np.linspace(0.1, 0.3, 40))):
        run = il.train(problem, il.Nesterov([*first, 0.5, 0.5, 0.1], momentum), 0.0)
        assert (bool(run.reached), int(run.steps)) == (True, len(first) + 2)
        assert float(run.train_loss) == 0.0


@pytest.mark.parametrize("curvature", [1.0, 2.3415336356062384e97, 1e-100])
def test_a_flow_never_reaches_the_smallest_train_loss(curvature: float) -> None:
    problem = il.Problem.from_spectra([curvature], [1.0], [-2.0])
    long = 1e6 / curvature  # its filter is beyond float64
    for flow in (il.GradientFlow(), il.GradientFlow(long), il.GradientFlow(8e307)):
        for schedule in (
            il.Schedule(flow),
            flow + flow,
            flow + il.GradientDescent(0.3 / curvature, 5),
            il.GradientFlow() + il.HeavyBall(0.3 / curvature, 0.9, 5),
        ):
            assert not bool(il.train(problem, schedule, 0.0).reached)
    # what a step removes afterwards is removed
    run = il.train(problem, il.GradientFlow(1 / curvature) + il.GradientDescent(0.5 / curvature, 1))
    if float(run.train_loss) == 0.0:
        again = il.train(problem, run.schedule, 0.0)
        assert bool(again.reached)


def test_equal_steps_reach_the_smallest_train_loss_only_by_removing_everything() -> None:
    one = il.Problem.from_spectra([1.0], [1.0], [1.0])
    for schedule, steps in (
        (il.HeavyBall(0.25, 0.5, 10**9), 2),  # 1, 1/2, 0
        (il.HeavyBall(0.5, 0.9, 10**9), 1),
        (il.Nesterov(0.5, 0.9, 10**9), 2),
    ):
        run = il.train(one, schedule, 0.0)
        assert (bool(run.reached), int(run.steps)) == (True, steps)
    both = il.Problem.from_spectra([1.0, 0.5], [1.0, 1.0], [1.0, 1.0])
    assert not bool(il.train(both, il.HeavyBall(0.25, 0.5, 1000), 0.0).reached)


@pytest.mark.parametrize("level", [0.0, -1.0])
@pytest.mark.parametrize("kind", [il.HeavyBall, il.Nesterov])
def test_a_level_out_of_reach_costs_no_walk(kind: Any, level: float) -> None:
    problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
    run = il.train(problem, kind(0.1, 0.9, 10**9), level)  # a walk would take minutes
    assert (bool(run.reached), int(run.steps)) == (False, 10**9)


RATES = st.sampled_from([0.5, 1.0, 0.1, 0.3, 0.7, 1.3, 10.0, 1e3, 1e6])
CURVATURES = st.sampled_from([1.0, 0.5, 0.07, 1e-6, 0.3, 0.0]) | st.floats(1e-8, 1.0)
SIZES = st.sampled_from([1.0, -2.0, 1e-9, 1e-60, 1e40, 0.0]) | st.floats(1e-60, 5)


@st.composite
def phases(draw: st.DrawFn, scale: float) -> Any:
    """Draw a phase in units of 1/``scale``: of rates that diverge, remove, and train."""
    kind = draw(st.sampled_from([il.GradientFlow, il.GradientDescent, il.HeavyBall, il.Nesterov]))
    if kind is il.GradientFlow:
        return kind(draw(st.sampled_from([math.inf, 0.0, 0.4, 3.0, 400.0])) / scale)
    more = {}
    if kind is not il.GradientDescent:
        momentum = draw(st.sampled_from([0.0, 0.5, 0.9, 0.99]) | st.floats(0, 0.99))
        more = {"momentum": momentum, "carry_velocity": draw(st.booleans())}
    if draw(st.booleans()):
        return kind([lr / scale for lr in draw(st.lists(RATES, max_size=20))], **more)
    return kind(draw(RATES) / scale, steps=draw(st.sampled_from([0, 1, 2, 7, 150])), **more)


@settings(max_examples=120)
@given(st.data())
def test_reached_means_at_the_level(data: st.DataObject) -> None:
    rows, d = data.draw(st.sampled_from([(1, 1), (1, 2), (1, 4), (3, 2)]))
    scale = data.draw(st.sampled_from([1.0, 1e100, 1e-100, 3e40]))

    def table(values: st.SearchStrategy[float]) -> Any:
        found = data.draw(st.lists(values, min_size=rows * d, max_size=rows * d))
        return np.reshape(found, (rows, d))

    gamma, start = scale * table(CURVATURES), table(SIZES)
    problem = il.Problem.from_spectra(gamma, np.ones(d), start)
    schedule = il.Schedule(*data.draw(st.lists(phases(scale), min_size=1, max_size=4)))
    top = float(np.max(problem.start_train_loss))
    shares = data.draw(st.lists(st.floats(-40, 0.1), min_size=3, max_size=3))
    ends = np.ravel(il.train(problem, schedule).train_loss)
    levels = np.array([0.0, -1.0, 1e-300, *(top * 10.0**x for x in shares), ends[0]])
    if not np.isfinite(levels[-1]):
        levels[-1] = top
    run = il.train(problem, schedule, levels)
    loss, level = np.asarray(run.train_loss), np.broadcast_to(levels, (rows, levels.size))
    assert not np.isnan(loss).any()
    assert not np.isnan(run.test_loss).any()
    # and of its own filter, not only as reported
    with np.errstate(all="ignore"):
        assert np.all((loss <= level + ULPS * np.spacing(np.abs(level))) | ~run.reached)
        own = 2.0 * run.log + np.log(gamma)[:, None, :] + 2.0 * np.log(np.abs(start))[:, None, :]
        logs, wanted = np.logaddexp.reduce(own, axis=-1), np.log(level)
        near = logs - wanted <= 1e-12 * (1 + np.abs(wanted))
        assert np.all((logs <= wanted) | near | ~run.reached)
    # Each row and level alone stops at the same step. A batch has one unit, beside which a row may
    # be small and known to fewer digits: its own end, as a level, is at the edge of these.
    last = levels.size - (1 if rows == 1 else 2)
    i, j = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, last))
    one = il.Problem.from_spectra(gamma[i], np.ones(d), start[i])
    alone = il.train(one, schedule, levels[j])
    assert (bool(alone.reached), int(alone.steps)) == (
        bool(run.reached[i, j]),
        int(run.steps[i, j]),
    )


def sample(seed: int) -> Any:
    """Return curvatures, start, phases and level of a case that diverges, removes or trains."""
    rng = np.random.default_rng(seed)
    d = int(rng.integers(1, 4))
    scale = float(rng.choice([1.0, 1.0, 1e100, 1e-100]))
    gamma = scale * rng.choice([1.0, 0.5, 0.07, 1e-6, rng.uniform()], d)
    start = rng.choice([1.0, -2.0, 1e-9, 1e40, rng.normal()], d)
    top, found = float(gamma.max()), []
    special = [0.5 / g for g in gamma] + [0.5 / top, 1e3 / top, 1e6 / top]

    def rates(count: int) -> Any:
        some = rng.choice(special, count)
        return np.where(rng.uniform(size=count) < 0.5, some, rng.uniform(0, 1.5, count) / top)

    for _ in range(int(rng.integers(1, 4))):
        kind: Any = rng.choice([il.GradientFlow, il.GradientDescent, il.HeavyBall, il.Nesterov])
        if kind is il.GradientFlow:
            found.append(kind(float(rng.choice([math.inf, 0.5, 200.0])) / top))
            continue
        more = {}
        if kind is not il.GradientDescent:
            momentum = float(rng.choice([0.0, 0.5, 0.9, rng.uniform()]))
            more = {"momentum": momentum, "carry_velocity": bool(rng.integers(2))}
        if rng.integers(2):
            found.append(kind(rates(int(rng.choice([1, 2, 20]))), **more))
        else:
            steps = int(rng.choice([1, 2, 30, 60]))
            found.append(kind(float(rates(1)[0]), steps=steps, **more))
    loss = float((gamma * start**2).sum())
    shares = [0.0, 1e-200, 10.0 ** rng.uniform(-12, 0), 10.0 ** rng.uniform(-40, 0)]
    return gamma.tolist(), start.tolist(), found, loss * float(rng.choice(shares))


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_stops_are_those_of_a_loop(first: int) -> None:
    compared = 0
    for seed in range(first, first + 50):
        gamma, start, found, level = sample(seed)
        reached, steps, losses = loop(gamma, start, found, level)
        if any(abs(x / level - 1) < 1e-9 for x in losses if level):
            continue  # where rounding decides
        run = il.train(
            il.Problem.from_spectra(gamma, [1.0] * len(gamma), start), il.Schedule(*found), level
        )
        assert (bool(run.reached), int(run.steps)) == (reached, steps), (seed, found, level)
        compared += 1
    assert compared > 40


def test_a_level_that_is_a_runs_own_loss_is_reached_there() -> None:
    rng = np.random.default_rng(5)
    X, y = rng.standard_normal((20, 4)), rng.standard_normal(20)
    problem = il.Problem.from_data(X, y, X, y)
    lr = float(problem.max_lr)
    for schedule in (
        il.GradientDescent(0.7 * lr, 9),
        il.GradientDescent(lr * np.linspace(0.9, 0.1, 9)),
        il.HeavyBall(0.01 * lr, 0.5, 20),
        il.HeavyBall(lr * np.linspace(0.02, 0.01, 20), 0.3),
        il.Schedule(),
    ):
        end = il.train(problem, schedule)
        run = il.train(problem, schedule, end.train_loss)
        assert (bool(run.reached), int(run.steps)) == (True, il.Schedule(schedule).steps)
        assert float(run.train_loss) <= float(end.train_loss)


def test_a_level_that_is_a_flows_own_loss_is_reached_at_its_end() -> None:
    rng = np.random.default_rng(6)
    for time in rng.uniform(0.1, 10.0, 40):
        gamma, start = 10.0 ** rng.uniform(-2, 0, 3), rng.standard_normal(3)
        problem = il.Problem.from_spectra(gamma, np.ones(3), start)
        schedule = il.Schedule(il.GradientDescent(0.3, 3), il.GradientFlow(time))
        end = il.train(problem, schedule)
        run = il.train(problem, schedule, end.train_loss)
        assert bool(run.reached)
        assert int(run.steps) == 3
        assert float(run.train_loss) <= float(end.train_loss)
        assert float(run.time) == pytest.approx(time, rel=1e-9)
        below = il.train(problem, schedule, end.train_loss * (1 - 1e-13))
        assert not bool(below.reached)
