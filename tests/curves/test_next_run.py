import numpy as np
import pytest

from isoloss.curves.next_run import candidates, remaining


def test_candidates_stay_within_their_budget_and_peaks():
    found = candidates(1000, 100, {"at the largest peak": 1e-3, "at half of it": 5e-4})
    assert len(found) == 20
    for name, schedule in found.items():
        rates = schedule.learning_rates()
        assert rates.size == (500 if "half of these steps" in name else 1000), name
        assert rates.max() <= (5e-4 if "at half" in name else 1e-3) * (1 + 1e-12), name
        assert rates[0] == 0, name
        assert (rates[-1] < 0.1 * rates.max()) == ("constant" not in name), name
    assert candidates(1000, 0, {"": 1.0})["cosine, "].steps == 1000


def test_a_run_that_tells_a_parameter_exactly_leaves_the_others():
    covariance = np.array([[1.0, 0.3], [0.3, 2.0]])
    steps = np.array([1000])
    left = remaining(covariance, np.array([0.0, 1.0]), np.array([[1.0, 0.0]]), steps, 1e-9, 0.0)
    assert left == pytest.approx(np.sqrt(2 - 0.3**2), rel=1e-5)


def test_more_rows_of_one_misfit_teach_little_more():
    covariance, asked = np.eye(1), np.ones(1)
    few = remaining(covariance, asked, np.ones((2, 1)), np.array([999, 1000]), 0.5, 0.0)
    many = remaining(covariance, asked, np.ones((50, 1)), np.arange(951, 1001), 0.5, 0.0)
    apart = remaining(covariance, asked, np.ones((2, 1)), np.array([10, 1000]), 0.5, 0.0)
    assert few == pytest.approx(np.sqrt(1 / (1 + 1 / 0.25)), rel=1e-3)
    assert apart < many <= few
