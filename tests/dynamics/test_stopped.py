"""The schedule up to a stop, run whole: it ends at the level, in PyTorch's loop too."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import isoloss as il
from isoloss.dynamics.stopped import until

PROBLEM = il.Problem.from_spectra([1.0, 0.4, 0.1], [1.0, 2.0, 3.0], [3.0, -2.0, 4.0])
RATES = np.random.default_rng(3).uniform(0, 0.6, 40)
SCHEDULES = {
    "equal": il.GradientDescent(0.3, 90),
    "first": il.GradientDescent(0.45, 1) + il.GradientDescent(0.2, 90),
    "changing": il.GradientDescent(RATES),
    "long": il.GradientDescent(1e-8, 10**9),
    "heavy": il.HeavyBall(0.1, 0.5, 90),
    "nesterov": il.Nesterov(RATES / 2, 0.5),
    "carried": il.HeavyBall(0.05, 0.5, 3) + il.HeavyBall(0.1, 0.6, 90, carry_velocity=True),
    "several": il.GradientDescent(0.05, 3) + il.GradientFlow(0.1) + il.GradientDescent(0.3, 90),
    "flow": il.GradientFlow(0.1) + il.GradientDescent(0.05, 4) + il.anneal(0.05, 1),
    "text": "cosine(0.6, 60)",
}


@pytest.mark.parametrize("level", [11.0, 7.0, 3.0, 1.6])
@pytest.mark.parametrize("name", SCHEDULES)
def test_it_ends_at_the_level_and_where_the_run_does(name: str, level: float) -> None:
    run = il.train(PROBLEM, SCHEDULES[name], level)
    assert run.reached
    schedule = run.stopped_schedule()
    again = il.train(PROBLEM, schedule)
    assert float(again.train_loss) == pytest.approx(level, rel=1e-12)
    np.testing.assert_allclose(again.residual(), run.residual(), rtol=1e-11)
    assert int(again.steps) == int(run.steps) == schedule.steps
    assert float(again.time) == float(run.time)
    last = schedule.phases[-1]
    if not isinstance(last, il.GradientFlow):
        assert last.rate(last.steps - 1) == float(run.last_rate)


@pytest.mark.parametrize("name", ["equal", "changing", "heavy", "several"])
def test_a_whole_last_step_keeps_its_rate(name: str) -> None:
    run = il.train(PROBLEM, SCHEDULES[name], 3.0, last_step="whole")
    again = il.train(PROBLEM, run.stopped_schedule())
    np.testing.assert_allclose(again.residual(), run.residual(), rtol=1e-13)
    assert float(again.train_loss) < 3.0 * (1 - 1e-6)
    assert again.steps == run.steps


def test_edges() -> None:
    steps = il.GradientDescent(0.3, 9)
    assert il.train(PROBLEM, steps, 99.0).stopped_schedule() == il.Schedule()  # the start is there
    for unreached in (il.train(PROBLEM, steps, 1e-9), il.train(PROBLEM, steps)):
        assert unreached.stopped_schedule() == il.Schedule(steps)
    many = il.train(PROBLEM, [steps, "flow"], 3.0)
    with pytest.raises(ValueError, match=r"a schedule up to the stop needs one .* shape \(2,\)"):
        many.stopped_schedule()
    assert many[1].stopped_schedule() == il.Schedule(il.GradientFlow(float(many[1].time)))
    endless = il.GradientFlow() + il.GradientDescent(0.3, 2)
    assert il.train(PROBLEM, endless, 3.0).stopped_schedule().phases[0].steps == 0


def test_a_cut_phase_keeps_its_settings() -> None:
    momenta = np.array([0.5, 0.0, 0.25, 0.75])
    settings: dict[str, Any] = {"weight_decay": 0.1, "batch_size": 3, "sampling": "gaussian"}
    flow = il.GradientFlow(2.0, weight_decay=0.1)
    heavy = il.HeavyBall(0.3, momenta, 4, dampening=0.5, decoupled=True, **settings)
    assert until(heavy + flow, 2, 0.0, math.nan) == il.Schedule(
        il.HeavyBall(0.3, momenta[:2], 2, dampening=0.5, decoupled=True, **settings)
    )
    cut = until(flow + heavy, 3, 2.0, 0.2)
    last = il.HeavyBall(
        0.2, 0.25, 1, dampening=0.5, decoupled=True, carry_velocity=True, **settings
    )
    whole = il.HeavyBall(0.3, momenta[:2], 2, dampening=0.5, decoupled=True, **settings)
    assert cut == il.Schedule(flow, whole, last)
    assert until(flow + heavy, 0, 0.5, math.nan) == il.Schedule(
        il.GradientFlow(0.5, weight_decay=0.1)
    )


def test_steps_of_another_kind_are_not_cut() -> None:
    class Own(il.GradientDescent):
        __slots__ = ()

    run = il.train(PROBLEM, Own(0.3, 20), 3.0)
    with pytest.raises(ValueError, match="training stops within Own, of which nothing is known"):
        run.stopped_schedule()
    behind = il.train(PROBLEM, Own(0.3, 2) + il.GradientDescent(0.3, 90), 1.6)
    assert behind.stopped_schedule().phases[0] == Own(0.3, 2)


@pytest.mark.parametrize(
    ("make", "settings"),
    [
        (lambda lr: il.GradientDescent(0.07 * lr, 90), {}),
        (lambda lr: il.families.cosine(0.07 * lr, 60), {}),
        (lambda lr: il.HeavyBall(0.02 * lr, 0.6, 90), {"momentum": 0.6}),
        (lambda lr: il.Nesterov(0.02 * lr, 0.6, 90), {"momentum": 0.6, "nesterov": True}),
    ],
)
def test_a_plain_loop_of_pytorch_meets_the_level(make: Any, settings: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch", reason="the extra torch")
    from pytorch_loops import PROBLEM, SGD, X, Y, loop, parameter

    level = float(0.9 * PROBLEM.min_train_loss + 0.1 * PROBLEM.start_train_loss)
    run = il.train(PROBLEM, make(float(PROBLEM.max_lr)), level)
    schedule = run.stopped_schedule()
    assert schedule.steps == int(run.steps) > 2
    assert schedule.learning_rates()[-1] == float(run.last_rate)
    optimizer = SGD([parameter()], **settings)
    weights, _ = loop(optimizer, schedule.to_torch(optimizer), schedule.steps)
    loss = float(torch.nn.functional.mse_loss(X @ torch.tensor(weights), Y))
    assert loss == pytest.approx(level, rel=1e-12)
    # and nothing comes after: the rate is 0
    assert optimizer.param_groups[0]["lr"] == 0.0
