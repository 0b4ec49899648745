import numpy as np
import pytest

from isoloss.curves.rates import between_rows, check_rates


def by_loop(step: list[int], lr: list[float], warmup: int) -> list[float]:
    """Return the rate of each step, a step at a time."""
    found = []
    for t in range(1, step[-1] + 1):
        if t <= step[0]:
            found.append(lr[0] * min(1.0, t / min(warmup, step[0])) if warmup else lr[0])
            continue
        after = next(i for i, s in enumerate(step) if s >= t)
        share = (t - step[after - 1]) / (step[after] - step[after - 1])
        found.append(lr[after - 1] + share * (lr[after] - lr[after - 1]))
    return found


@pytest.mark.parametrize("warmup", [0, 1, 3, 7, 20])
@pytest.mark.parametrize("first", [0, 1, 7])
def test_rates_are_linear_between_rows(first: int, warmup: int) -> None:
    step, lr = [first, 8, 9, 30, 41], [0.5, 2.0, 1.0, 1.0, 0.0]
    found, notes = between_rows(np.array(step), np.array(lr), warmup)
    np.testing.assert_allclose(found, by_loop(step, lr, warmup), rtol=1e-14)
    assert not notes


def test_a_long_warm_up_that_is_assumed_is_said() -> None:
    lr = np.full(2, 3e-4)
    found, notes = between_rows(np.array([20, 1000]), lr, None)
    np.testing.assert_allclose(found[:20], 3e-4 * np.arange(1, 21) / 20, rtol=1e-14)
    assert not notes
    _, notes = between_rows(np.array([21, 1000]), lr, None)
    assert len(notes) == 1
    assert "first row is at step 21, 2.1% of the run" in notes[0]
    assert "give warmup" in notes[0]
    assert not between_rows(np.array([21, 1000]), lr, 21)[1]


def test_missing_rates_are_interpolated_and_counted() -> None:
    lr = np.array([np.nan, 1.0, np.nan, 3.0, np.nan])
    found, notes = between_rows(np.array([1, 2, 4, 6, 8]), lr, 0)
    np.testing.assert_allclose(found, [1, 1, 1.5, 2, 2.5, 3, 3, 3], rtol=1e-15)
    assert notes[0].startswith("3 of 5 rows have no learning rate")


@pytest.mark.parametrize(("largest", "said"), [(10.0, 0), (10.1, 1)])
def test_rates_of_another_unit_are_said(largest: float, said: int) -> None:
    notes = check_rates(np.array([largest]))
    assert len(notes) == said
    assert all("in percent" in note for note in notes)


def test_a_jump_between_rows_comes_at_the_later_one():
    step = np.array([10, 20, 30, 40, 50])
    lr = np.array([1.0, 1.0, 0.3, 0.3, 0.3])
    rates, notes = between_rows(step, lr, 0)
    assert notes == []
    assert rates.tolist() == [1.0] * 30 + [0.3] * 20


def test_a_smooth_decay_has_no_jump():
    step = np.array([10, 20, 30, 40, 50])
    lr = np.array([1.0, 1.0, 0.7, 0.4, 0.1])
    rates, _ = between_rows(step, lr, 0)
    assert rates[24] == pytest.approx(0.85)
    assert rates[34] == pytest.approx(0.55)
