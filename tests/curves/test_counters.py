import numpy as np
import pytest

from isoloss.curves.counters import hold, steps_of_counter, steps_of_epochs


def test_steps_stay_as_they_are() -> None:
    counter = np.array([1.5, 2.0])
    assert steps_of_counter(counter, 1, "step") == (counter, [])


def test_micro_batches_end_in_their_step() -> None:
    micro = np.arange(1.0, 25)
    steps, notes = steps_of_counter(micro, 8, "step")
    np.testing.assert_array_equal(steps, [-(-i // 8) for i in range(1, 25)])
    assert notes == ["Rows within one step (8 of 'step') were averaged."]


@pytest.mark.parametrize("every", [3, 524288, 0.1])
def test_multiples_are_exact(every: float) -> None:
    steps = np.arange(0.0, 10**5, 7)
    found, notes = steps_of_counter(steps * every, every, "tokens")
    np.testing.assert_array_equal(found, steps)
    assert not notes


def test_what_is_no_multiple_is_rounded_and_said() -> None:
    found, notes = steps_of_counter(np.array([100.0, 250, 290]), 100, "tokens")
    np.testing.assert_array_equal(found, [1, 2, 3])
    assert notes == [
        "In 2 of 3 rows, 'tokens' is not a multiple of every=100 (first 250, 2.500 steps); "
        "these rows were rounded to whole steps."
    ]


def test_epochs() -> None:
    found, notes = steps_of_epochs(np.array([0.0, 1, 2]), 50, "epoch")
    np.testing.assert_array_equal(found, [50, 100, 150])
    assert len(notes) == 1
    for epochs in ([1.0, 2, 3], [0.5, 1, 1.51], [0, 0.5, 1]):
        found, notes = steps_of_epochs(np.array(epochs), 50, "epoch")
        np.testing.assert_array_equal(found, np.round(50 * np.array(epochs)))
        assert not notes


def test_rates_are_held() -> None:
    found = hold(np.array([2.0, 3, 6]), np.array([1.0, 2, 3]))
    np.testing.assert_array_equal(found, [1, 1, 2, 3, 3, 3])
