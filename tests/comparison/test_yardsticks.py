"""What stands beside a schedule has its train loss, and lies in the band."""

import numpy as np

import isoloss as il
from isoloss.comparison.yardsticks import Yardsticks, relative

PROBLEM = il.Problem.from_spectra([1.0, 0.5, 0.1], [0.5, 1.0, 2.0], [1.0, -1.0, 2.0], noise=0.3)


def test_they_have_the_same_train_loss() -> None:
    losses = np.array([1.0, 0.5, 0.3])
    beside = Yardsticks.beside(PROBLEM, losses)
    for other in (beside.flow, beside.ridge):
        np.testing.assert_allclose(other.train_loss, losses, rtol=1e-12)
        assert (other.test_loss >= beside.lowest).all()
        assert (other.test_loss <= beside.highest).all()
    last = beside.at(slice(losses.size - 1, None))
    np.testing.assert_array_equal(last.lowest, beside.lowest[-1:])
    np.testing.assert_array_equal(last.ridge.alpha, beside.ridge.alpha[-1:])


def test_what_differs_by_rounding_is_the_same() -> None:
    flow = il.train(PROBLEM, il.GradientFlow(), [1.0, 0.5])
    losses = np.asarray(flow.test_loss) * [2.0, 1.0 + 1e-15]
    np.testing.assert_array_equal(relative(losses, flow), [2.0, 1.0])
