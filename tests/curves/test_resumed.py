import re

import numpy as np
import pytest

from isoloss.curves.resumed import one_row_a_step

NAN = float("nan")


def cleaned(
    step: list[int], *values: list[float]
) -> tuple[list[int], list[list[float]], list[str]]:
    columns = [np.array(each, dtype=float) for each in values]
    found, kept, notes = one_row_a_step(np.array(step), columns)
    return found.tolist(), [each.tolist() for each in kept], notes


def by_loop(step: list[int], value: list[float]) -> dict[int, float]:
    """Return the values of training that goes back whenever steps do, a row at a time."""
    found: dict[int, float] = {}
    last = -1
    for s, v in zip(step, value, strict=True):
        if s < last:
            found = {key: old for key, old in found.items() if key < s}
        if not (s in found and np.isnan(v)):
            found[s] = v
        last = s
    return found


def test_rows_in_order_stay() -> None:
    assert cleaned([1, 2, 5], [3, NAN, 1])[2] == []


def test_a_resumed_run() -> None:
    step = [10, 20, 30, 35, 40, 20, 30, 40, 50, 40, 50, 60]
    value = [float(i) for i in range(len(step))]
    found, (kept,), notes = cleaned(step, value)
    assert dict(zip(found, kept, strict=True)) == by_loop(step, value)
    assert found == [10, 20, 30, 40, 50, 60]
    assert notes == [
        "The run was resumed at step 20: rows from this step on that had been logged before were "
        "dropped (6)."
    ]


def test_random_resumptions() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        step = [1]
        for _ in range(30):
            later = [s for s in step if s > 1]
            goes_back = rng.random() < 0.15 and later
            step.append(int(rng.choice(later) if goes_back else step[-1] + rng.integers(3)))
        value = rng.normal(size=len(step))
        value[rng.random(len(step)) < 0.2] = NAN
        found, (kept,), _ = cleaned(step, value.tolist())
        wanted = by_loop(step, value.tolist())
        assert found == list(wanted)
        np.testing.assert_array_equal(kept, list(wanted.values()))


def test_columns_measured_in_different_rows_of_a_step_are_joined_silently() -> None:
    found = cleaned([1, 2, 2, 3], [4.0, 3.0, NAN, 2.0], [NAN, NAN, 3.5, NAN])
    assert found[0] == [1, 2, 3]
    np.testing.assert_array_equal(found[1], [[4.0, 3.0, 2.0], [NAN, 3.5, NAN]])
    assert not found[2]


def test_the_last_of_several_values_wins_and_is_said() -> None:
    found = cleaned([1, 2, 2, 3, 3], [4.0, 3.0, 3.1, 2.0, 2.0])
    assert found[1] == [[4.0, 3.1, 2.0]]
    assert found[2] == [
        "Several rows of one step differ (1 times, first at step 2): the last one was kept."
    ]


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ([1, 5, 3], "step[2] is 3, but step[1] is 5: steps must not decrease. Sort"),
        ([1, 2, 3, 1, 2], "step[3] is 1, so the steps start again in that row"),
        ([1, 2, 3, 0, 2], "step[3] is 0, but step[2] is 3: steps must not decrease"),
    ],
)
def test_steps_that_are_no_run(step: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        cleaned(step, [1.0] * len(step))
