"""Train losses at the ends of schedules, against training them."""

import math

import pytest

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
