import numpy as np
import pytest

from isoloss.curves.smoothing import smoothed

STEP = np.arange(50, 5001, 50)
LOSS = 1 + 20 / np.sqrt(STEP)


def test_noise_is_smoothed_and_its_error_is_told():
    errors, told = [], []
    for seed in range(60):
        found = smoothed(STEP, LOSS + 0.03 * np.random.default_rng(seed).normal(size=STEP.size))
        errors.append(found.loss[50] - LOSS[50])
        told.append(found.error[50])
    spread = np.std(errors)
    assert spread < 0.015
    # the spread of 60 values is known to 9 %, and the best width is another one in each log
    assert np.sqrt(np.mean(np.square(told))) == pytest.approx(spread, rel=0.35)
    assert abs(np.mean(errors)) < 3 * spread / np.sqrt(60) + 2e-3


def test_a_loss_without_noise_stays():
    found = smoothed(STEP, LOSS)
    np.testing.assert_allclose(found.loss[10:], LOSS[10:], rtol=2e-3)
    assert found.neighbours == 5


def test_short_logs_are_not_smoothed():
    found = smoothed(STEP[:6], LOSS[:6])
    assert found.neighbours == 1
    assert found.loss.tolist() == LOSS[:6].tolist()


def test_alternating_losses_are_not_smoothed_into_their_mean_without_saying():
    found = smoothed(STEP, np.where(np.arange(STEP.size) % 20 < 10, 1.0, 2.0))
    assert np.ptp(found.loss) > 0.9


def test_first_step_at_a_level_is_linear_between_rows():
    found = smoothed(np.array([10, 20, 30]), np.array([3.0, 2.0, 2.5]))
    assert found.first_at(2.25) == pytest.approx(17.5)
    assert found.first_at(3.0) == 10
    assert np.isnan(found.first_at(1.9))


def test_long_logs_are_averaged():
    step = np.arange(1, 100_001)
    found = smoothed(step, 1 + 20 / np.sqrt(step))
    assert found.step.size == 500
    assert found.loss[-1] == pytest.approx(1 + 20 / np.sqrt(found.step[-1]), rel=1e-4)
