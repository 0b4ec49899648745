import numpy as np
import pytest

from isoloss.curves.rate_breaks import rate_breaks
from isoloss.schedules import families

STEPS = 10_000


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (families.cosine(1e-3, STEPS), []),
        (families.polynomial(1e-3, STEPS), []),
        (families.warmup_stable_decay(1e-3, STEPS, 500, 2000), [500, 8000]),
        (families.warmup_stable_decay(1e-3, STEPS, 1000, 1000), [1000, 9000]),
        (families.step_decay(1e-3, STEPS, 5000, factor=0.1), [5000]),
    ],
)
def test_turns_of_known_schedules(schedule, expected):
    found = rate_breaks(schedule.learning_rates())
    np.testing.assert_allclose(found, expected, atol=0.005 * STEPS)


def test_a_constant_rate_never_turns():
    assert rate_breaks(np.full(STEPS, 3e-4)).size == 0
    assert rate_breaks(np.ones(2)).size == 0


def test_a_rate_is_a_break_in_any_unit_and_length():
    short = np.r_[np.ones(80), np.linspace(1, 0, 21)[1:]]
    for factor in (1e-6, 1.0, 1e3):
        assert rate_breaks(factor * short).tolist() == [80]
    long = np.r_[np.ones(800_000), np.linspace(1, 0, 200_001)[1:]]
    np.testing.assert_allclose(rate_breaks(long), [800_000], atol=1000)
