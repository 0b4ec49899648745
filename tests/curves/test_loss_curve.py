import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

import isoloss as il
from isoloss.curves import LossCurve

STEP, LOSS, LR = [10, 20, 30, 40], [2.5, 2.1, 1.9, 1.8], [1e-3, 1e-3, 5e-4, 0.0]


def curve(**changed: Any) -> LossCurve:
    given = {"step": STEP, "loss": LOSS, "lr": LR, "warmup": 10} | changed
    return LossCurve(given.pop("step"), given.pop("loss"), given.pop("lr"), **given)


def test_a_curve_holds_what_it_was_given() -> None:
    test_loss = [np.nan, 2.2, np.nan, 2.0]
    found = curve(test_loss=test_loss, weight_decay=0.1, batch_size=32, name="wsd")
    np.testing.assert_array_equal(found.step, STEP)
    np.testing.assert_array_equal(found.loss, LOSS)
    np.testing.assert_array_equal(found.test_loss, test_loss)
    assert (found.steps, found.peak, found.weight_decay, found.batch_size) == (40, 1e-3, 0.1, 32)
    assert (found.name, found.notes) == ("wsd", ())
    assert repr(found) == (
        "LossCurve('wsd', 4 rows to step 40, loss from 2.500 to 1.800, test loss in 2 rows, "
        "peak lr 0.001)"
    )
    for step, losses, rows in (("loss", LOSS, STEP), ("test_loss", [2.2, 2.0], [20, 40])):
        measured = found.rows(step)  # type: ignore[arg-type]  # wrong on purpose
        np.testing.assert_array_equal(measured[0], rows)
        np.testing.assert_array_equal(measured[1], losses)


def test_a_curve_is_a_value() -> None:
    found = curve(test_loss=[np.nan, 2.2, np.nan, 2.0])
    with pytest.raises(AttributeError):
        found.name = "other"  # type: ignore[misc]  # wrong on purpose
    for same in (copy.deepcopy(found), pickle.loads(pickle.dumps(found)), curve(**vars_of(found))):
        assert same == found
        assert hash(same) == hash(found)
        assert len({same, found}) == 1
        with pytest.raises(ValueError, match="read-only"):
            same.rates[0] = 1.0
    assert found != curve()
    assert found != "curve"
    given = np.array(LOSS)
    held = curve(loss=given)
    given[0] = 9.0
    assert held.loss[0] == 2.5


def vars_of(found: LossCurve) -> dict[str, Any]:
    return {"test_loss": found.test_loss, "name": found.name}


def test_rates_come_in_four_forms() -> None:
    per_step = np.linspace(1e-3, 1e-4, 40)
    schedule = il.Schedule(il.GradientDescent(per_step))
    for lr in (per_step, schedule, schedule.phases[0], per_step.tolist()):
        np.testing.assert_array_equal(curve(lr=lr, warmup=None).rates, per_step)
    np.testing.assert_array_equal(curve(lr=2e-3, warmup=None).rates, np.full(40, 2e-3))
    of_rows = curve().rates
    np.testing.assert_array_equal(of_rows[np.array(STEP) - 1], LR)


def test_rows_of_every_step_have_the_rates_of_the_steps() -> None:
    rates = [1e-3, 5e-4, 2e-4]
    np.testing.assert_allclose(LossCurve([1, 2, 3], [3, 2, 1], rates).rates, rates, rtol=1e-15)


def test_a_longer_schedule_is_cut_and_this_is_said() -> None:
    with pytest.warns(UserWarning, match="last 60 steps come after the last row, and were cut"):
        found = curve(lr=il.GradientDescent(np.linspace(1, 0, 100)), warmup=None)
    np.testing.assert_array_equal(found.rates, np.linspace(1, 0, 100)[:40])


def test_numbers_of_pandas_are_taken() -> None:
    import pandas as pd

    frame = pd.DataFrame({"step": STEP, "loss": LOSS, "lr": LR, "val": [None, 2.2, None, 2.0]})
    found = LossCurve(frame["step"], frame["loss"], frame["lr"], test_loss=frame["val"], warmup=10)
    assert found == curve(test_loss=[np.nan, 2.2, np.nan, 2.0])


def test_the_first_part_of_a_run() -> None:
    found = curve(test_loss=[2.6, 2.2, 2.1, 2.0], name="a", weight_decay=0.1)
    part = found.until(35)
    whole = curve(test_loss=[2.6, 2.2, 2.1, 2.0], name="a", weight_decay=0.1)
    assert part == LossCurve(
        STEP[:3], LOSS[:3], whole.rates[:30], test_loss=[2.6, 2.2, 2.1], name="a", weight_decay=0.1
    )
    assert found.until(40) == found == found.until(10**9)
    assert part.until(20).steps == 20
    message = "fewer than two rows up to step 19 have a loss; the first two that do are at steps 10"
    with pytest.raises(ValueError, match=message):
        found.until(19)


def test_what_is_changed_is_one_warning_with_the_name() -> None:
    with pytest.warns(UserWarning, match="^again: The run was resumed at step 20: ") as told:
        found = LossCurve(
            [10, 20, 30, 20, 30, 40],
            [3, 2, 9, 1.5, 1.2, 1],
            [2e1, 2e1, np.nan, 2e1, 2e1, 2e1],
            name="again",
        )
    assert len(told) == 1
    assert str(told[0].message) == "again: " + " ".join(found.notes)
    assert told[0].filename == __file__
    assert len(found.notes) == 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert found.until(30).notes == found.notes  # said before


def test_a_constant_loss_is_said() -> None:
    with pytest.warns(UserWarning, match=r"same loss, 2\.000; is it the right column"):
        curve(loss=[2.0, 2.0, np.nan, 2.0])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"loss": [2.5, np.inf, 1.9, 1.8]}, r"loss\[1\] is inf: the run diverged at .* step 20"),
        ({"test_loss": [2.5, 2.0, 1.9, -np.inf]}, r"test_loss\[3\] is -inf"),
        ({"loss": LOSS[:3]}, "loss has 3 entries, but step has 4"),
        ({"loss": np.ones((4, 1))}, r"loss must have one axis, .* got \(4, 1\)"),
        ({"loss": [np.nan, np.nan, 2.0, np.nan]}, "at least two steps with a loss; got 1 in 4"),
        ({"step": [10, 20, 2.5, 40]}, r"step\[2\] is 2.5; steps are whole numbers"),
        ({"step": [-1, 20, 30, 40]}, r"step\[0\] is -1; steps count from 0"),
        ({"step": [10, np.nan, 30, 40]}, r"step\[1\] is nan; every row needs"),
        ({"step": [10, 20, 30, 4e11]}, r"step\[3\] is 400000000000; at most 1e\+08 .* tokens"),
        ({"step": [10, 30, 20, 40]}, r"step\[2\] is 20, but step\[1\] is 30: .* must not decrease"),
        ({"step": []}, "step is empty"),
        ({"lr": [1e-3] * 3}, "lr has 3 entries; it needs one for each of the 4 rows, .* 40 steps"),
        ({"lr": [1e-3] * 50}, r"40 steps; cut it to lr\[:40\]"),
        ({"lr": np.ones((4, 2))}, r"lr must be a number or have one axis; got shape \(4, 2\)"),
        ({"lr": [1e-3, -1e-3, 0, 0]}, "lr must not be negative; got -0.001"),
        ({"lr": [1e-3, np.inf, 0, 0]}, "lr must be finite; got inf"),
        ({"lr": np.nan, "warmup": None}, "lr must be finite; got nan"),
        ({"lr": [0, 0, 0, 0]}, "every learning rate is 0"),
        ({"lr": [np.nan] * 4}, "lr has no number"),
        ({"lr": 1e-3}, "warmup says how the rate rose before .*; leave warmup out"),
        ({"lr": il.GradientDescent(1e-3, 39)}, "schedule of 39 steps, but the last row is at"),
        ({"lr": il.anneal(1e-3, 40)}, "gradient flow, which no optimizer runs"),
        ({"warmup": -1}, "warmup must be at least 0; got -1"),
        ({"weight_decay": -0.1}, "weight_decay must be a number of at least 0; got -0.1"),
        ({"batch_size": 0}, "batch_size must be at least 1; got 0"),
    ],
)
def test_wrong_values(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        curve(**changed)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"lr": "cosine(1, 40)"}, r"lr is the text 'cosine\(1, 40\)', .* il.families.cosine"),
        ({"loss": ["2", "1", "1", "1"]}, "loss must be numbers; got "),
        ({"lr": [True] * 4}, "lr must be numbers"),
        ({"step": [None, "a", 1, 2]}, "step must be numbers"),
        ({"warmup": 1.5}, "warmup must be an integer; got float 1.5"),
        ({"batch_size": True}, "batch_size must be an integer; got bool True"),
        ({"name": 3}, "name must be a text; got int 3"),
    ],
)
def test_wrong_types(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        curve(**changed)


def test_a_run_without_training() -> None:
    with pytest.raises(ValueError, match="at least two steps with a loss; got 1"):
        LossCurve([0, 0], [2.0, 2.0], 1e-3)
    with pytest.raises(ValueError, match="start again"):
        LossCurve([0, 5, 0], [2.0, 2.0, 1.0], 1e-3)


def test_losses_that_are_not_there() -> None:
    with pytest.raises(ValueError, match="the run 'wsd' has no test loss; give test_loss, or use"):
        curve(name="wsd").rows("test_loss")
    with pytest.raises(ValueError, match=r"got 'tset_loss' .did you mean 'test_loss'"):
        curve().rows("tset_loss")  # type: ignore[arg-type]  # wrong on purpose


def test_two_rows_are_enough() -> None:
    found = LossCurve([0, 1], [2.0, 1.0], 1e-3)
    assert (found.steps, found.rates.tolist()) == (1, [1e-3])


def test_a_million_rows() -> None:
    n = 10**6
    step = np.arange(1, n + 1, dtype=np.int32)
    found = LossCurve(step, 2 + 1 / step, np.float32(1e-3) * np.ones(n, dtype=np.float32))
    assert found.steps == n
    assert found.until(n // 2).steps == n // 2
