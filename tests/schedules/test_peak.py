"""The largest rate of a schedule, against the largest of all its rates."""

import math

import pytest

import isoloss as il
from isoloss.schedules.peak import is_too_large, largest_rate


@pytest.mark.parametrize(
    ("schedule", "too_large"),
    [
        (il.anneal(0.5, 3), False),
        (il.Schedule(il.GradientDescent(1.0, 3)), True),
        (il.families.cosine(0.3, 9) + il.GradientDescent([0.1, 1.2, 0.4]), True),
        (il.Schedule(il.HeavyBall(1.5, 0.9, 3), il.GradientDescent(0.2, 4)), False),
        (il.Schedule(il.GradientDescent(0.2, 4), il.GradientDescent(7.0, 0)), False),
    ],
)
def test_it_is_the_largest_of_all_rates(schedule: il.Schedule, too_large: bool) -> None:
    steps = [phase for phase in schedule.phases if not isinstance(phase, il.GradientFlow)]
    assert largest_rate(schedule) == il.Schedule(*steps).learning_rates().max()
    assert is_too_large(schedule, 1.0) == too_large


def test_a_flow_has_no_rate() -> None:
    flow = il.Schedule(il.GradientFlow())
    assert math.isnan(largest_rate(flow))
    assert not is_too_large(flow, 1.0)
