"""Train losses at the ends of schedules, against training them."""

import math

import numpy as np
import pytest
from dynamics.moments.enumerated import batches, sgd

import isoloss as il
from isoloss._arrays.context import quiet
from isoloss.dynamics.ends import End, OpenEnds
from isoloss.schedules.unfinished import Unfinished

PROBLEM = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
START = End(PROBLEM, il.Schedule())
SCHEDULES = {
    "stable": il.families.cosine(1.4, 30),
    "unstable": il.GradientDescent([2.9, 0.1, 0.7]) + il.GradientDescent(1.0, 3),
    "momentum": il.Schedule(il.HeavyBall(0.3, 0.6, 12)),
    "with a flow": il.GradientDescent(1.4, 5) + il.GradientFlow(0.3),
}


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("factor", [1.0, 0.7])
def test_it_is_what_training_leaves(name: str, factor: float) -> None:
    fall = quiet(End(PROBLEM, SCHEDULES[name]).log_excess)(factor) - START.log_excess()
    run = il.train(PROBLEM, SCHEDULES[name].scaled(factor))
    assert 100 * math.exp(fall) == pytest.approx(float(run.train_loss), rel=1e-13)


def test_numbers_of_steps_that_a_family_refuses_have_no_end() -> None:
    ends = OpenEnds(PROBLEM, Unfinished("cosine(1, ..., cycles=2)"), 10)
    assert ends.of(1) == math.inf
    assert "cycles" in str(ends.refusal)
    assert ends.of(2) < math.inf
    assert ends.refusal is None
    assert ends.whole(2).schedule.steps == 2


def test_a_family_whose_longer_schedules_diverge_is_finished_before_they_do() -> None:
    rows = np.random.default_rng(3).normal(size=(30, 3))
    problem = il.Problem.from_data(rows, rows @ [1.0, 2.0, 3.0])
    text = "constant(0.9, ..., batch_size=2)"
    level = 0.5 * float(problem.start_train_loss)
    schedule = il.finish("constant(0.3, ..., batch_size=8)", problem, level)
    assert float(il.train(problem, schedule).train_loss) == pytest.approx(level, rel=1e-12)
    with pytest.raises(ValueError, match="more steps do not lower it"):
        il.finish(text, problem, 1e-3 * level, max_steps=3000)


def test_slower_schedules_keep_their_weight_decay_and_batches() -> None:
    rows = np.random.default_rng(4).normal(size=(3, 2))
    y = rows @ [[1.0], [2.0]] + [[0.5], [0.0], [-0.5]]
    problem = il.Problem.from_data(rows, y)

    def family(steps: int) -> il.Schedule:
        return il.families.constant(0.1, steps, weight_decay=0.3, batch_size=2)

    level = 0.8 * float(problem.start_train_loss)
    schedule = il.finish(family, problem, level)
    (phase,) = schedule.phases
    assert (phase.weight_decay, phase.batch_size) == (0.3, 2)
    rates = phase.learning_rates()
    drawn = batches(3, 2, replacement=True)
    states = sgd(rows, y, np.zeros((2, 1)), rates, [0.0] * rates.size, drawn, weight_decay=0.3)
    end = sum(p * np.mean((rows @ w - y) ** 2) for w, _, p in states)
    assert end == pytest.approx(level, rel=1e-12)
