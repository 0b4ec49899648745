import numpy as np
import pytest

from isoloss.curves.misfit import FittedRange, Misfit

FITTED = FittedRange(5e-4, 1e-3, 10_000, 500)


def test_misfit_is_a_weighted_mean_of_what_is_expected_and_seen():
    expected = Misfit.expected(0.0)
    assert expected == Misfit(1.2e-3, 4)
    seen = expected.seen(4e-6, 20, 6.5)
    assert seen.freedom == 4 + 13.5
    assert seen.size == pytest.approx(np.sqrt((4 * 1.2e-3**2 + 20 * 4e-6) / 17.5))
    assert expected.seen(4e-6, 5, 8).freedom == 4


def test_misfit_of_a_new_run_grows_outside_the_fitted_range_only():
    misfit = Misfit(1e-3, 10)
    steps = np.array([100, 10_000, 20_000])
    inside = misfit.of_new_run(FITTED, 7e-4, steps)
    np.testing.assert_allclose(inside, [1.5e-3, 1.5e-3, 1.5e-3 * np.hypot(1, 1.5 * np.log(2))])
    above = misfit.of_new_run(FITTED, 2e-3, steps[:1])
    below = misfit.of_new_run(FITTED, 2.5e-4, steps[:1])
    assert above == pytest.approx(1.5e-3 * np.hypot(1, 4 * np.log(2)))
    assert below == pytest.approx(above)


def test_what_leaves_the_range_is_said():
    assert FITTED.left_by(1e-3, 10_000) == []
    assert len(FITTED.left_by(3e-3, 10_000)) == 1
    assert "1.50 times as long as the longest" in FITTED.left_by(1e-3, 15_000)[0]
    assert FITTED.left_by(1e-3, 500) == []
    (early,) = FITTED.left_by(1e-3, 499)
    assert "ends at step 499, before the first fitted row (step 500)" in early
