import numpy as np
import pytest

from isoloss.curves.smooth_curve import smooth

STEP = np.arange(50.0, 5001, 50)
LOSS = 1 + 20 / np.sqrt(STEP)


def test_noise_is_smoothed_and_its_error_is_told():
    errors, told = [], []
    for seed in range(60):
        found = smooth(STEP, LOSS + 0.03 * np.random.default_rng(seed).normal(size=STEP.size))
        value, error, _ = found.at(2550.0)
        errors.append(value - (1 + 20 / np.sqrt(2550)))
        told.append(error)
    spread = np.std(errors)
    assert spread < 0.015
    # the spread of 60 values is known to 9 %, and the best width is another one in each log
    assert np.sqrt(np.mean(np.square(told))) == pytest.approx(spread, rel=0.35)
    assert abs(np.mean(errors)) < 3 * spread / np.sqrt(60) + 2e-3


def test_the_error_counts_noise_that_lasts_for_several_rows():
    rng = np.random.default_rng(0)
    errors, told = [], []
    for _ in range(60):
        noise = [rng.normal()]
        for _ in STEP[1:]:
            noise.append(0.5 * noise[-1] + np.sqrt(0.75) * rng.normal())
        value, error, _ = smooth(STEP, LOSS + 0.03 * np.array(noise), bandwidth=0.3).at(2550.0)
        errors.append(value - (1 + 20 / np.sqrt(2550)))
        told.append(error)
    # independent noise of this size would have 0.6 of this spread
    assert np.sqrt(np.mean(np.square(told))) == pytest.approx(np.std(errors), rel=0.3)


def test_a_parabola_is_followed_exactly():
    x = np.log1p(STEP)
    parabola = 3 - 0.5 * x + 0.02 * x**2
    found = smooth(STEP, parabola)
    np.testing.assert_allclose(found.loss, 3 - 0.5 * (x := np.log1p(found.step)) + 0.02 * x**2)
    value, error, _ = found.at(1234.5)
    assert value == pytest.approx(3 - 0.5 * np.log(1235.5) + 0.02 * np.log(1235.5) ** 2, rel=1e-10)
    assert error < 1e-9


def test_weights_are_those_of_least_squares_in_the_window():
    rng = np.random.default_rng(1)
    loss = LOSS + 0.01 * rng.normal(size=STEP.size)
    found = smooth(STEP, loss, bandwidth=0.2)
    x = np.log1p(STEP) - np.log1p(3000.0)
    kernel = np.clip(1 - (x / 0.2) ** 2, 0, None)
    by_hand = np.polynomial.Polynomial.fit(x, loss, 2, w=np.sqrt(kernel), domain=[-1, 1])
    assert found.at(3000.0)[0] == pytest.approx(by_hand(0.0), rel=1e-9)


def test_windows_end_where_the_rate_turns():
    # a kink, as a cool-down makes it: the loss falls at once, and not before
    kinked = LOSS - 0.1 * np.clip(STEP / 1000 - 4, 0, None)
    found = smooth(STEP, kinked, breaks=[4000], bandwidth=0.2)
    np.testing.assert_allclose(found.at(3999.0)[0], 1 + 20 / np.sqrt(3999), rtol=2e-5)
    assert len(found.bandwidths) == 2
    mixed = smooth(STEP, kinked, bandwidth=0.2)
    assert abs(mixed.at(3999.0)[0] - 1 - 20 / np.sqrt(3999)) > 2e-3
    few = smooth(STEP, kinked, breaks=[4900])  # two rows are no part of their own
    assert len(few.bandwidths) == 1


def test_spikes_count_for_nothing():
    spiked = LOSS + 0.01 * np.random.default_rng(0).normal(size=STEP.size)
    clean = smooth(STEP, spiked, bandwidth=0.2).at(3000.0)
    spiked[60] += 5.0
    found = smooth(STEP, spiked, bandwidth=0.2)
    assert found.left_out == 1
    assert found.at(3000.0)[0] == pytest.approx(clean[0], abs=2e-3)
    assert found.at(3000.0)[1] == pytest.approx(clean[1], rel=0.2)


def test_rows_far_away_hardly_count_in_short_logs():
    loss = LOSS + 0.01 * np.random.default_rng(0).normal(size=STEP.size)
    clean = smooth(STEP[:40], loss[:40], bandwidth=0.3).at(1500.0)
    loss[29] -= 0.5
    found = smooth(STEP[:40], loss[:40], bandwidth=0.3).at(1500.0)
    assert found[0] == pytest.approx(clean[0], abs=3e-3)
    assert found[1] == pytest.approx(clean[1], rel=0.3)


def test_the_first_step_at_a_level_is_linear_between_places():
    found = smooth(STEP, LOSS)
    assert found.first_at(1.4) == pytest.approx(2500, rel=2e-3)
    assert np.isnan(found.first_at(1.2))
    assert np.isnan(found.first_at(10.0))  # it was reached before the first row
    rising = smooth(STEP, LOSS[::-1])
    assert np.isnan(rising.first_at(1.5))


def test_long_logs_are_averaged():
    step = np.arange(1.0, 200_001)
    found = smooth(step, 1 + 20 / np.sqrt(step))
    assert found.step.size <= 400
    assert found.at(150_000.0)[0] == pytest.approx(1 + 20 / np.sqrt(150_000), rel=1e-4)


def test_few_and_constant_rows():
    found = smooth(STEP[:8], LOSS[:8])
    assert np.isfinite(found.loss).all()
    assert np.isfinite(found.at(225.0)).all()
    constant = smooth(STEP, np.full(STEP.size, 2.0))
    np.testing.assert_allclose(constant.loss, 2.0)
    assert constant.at(999.0)[1] == pytest.approx(0.0, abs=1e-12)
