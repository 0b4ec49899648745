"""The largest stable rate of minibatches, as a property of a problem."""

import numpy as np
import pytest

import isoloss as il

ROWS = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize("size", [1, 2, 3, 10, 1000])
def test_the_papers_example_has_the_rate_of_the_theory(size: int) -> None:
    problem = il.Problem.from_data(np.array(ROWS) * 1e-8, [1.0, 1.0, 1.0])
    found = problem.max_lr_for(size)
    assert found == pytest.approx(1e16 * 3 * size / (2 * size + 1), rel=1e-8)


def test_without_replacement_all_rows_are_a_full_batch() -> None:
    rng = np.random.default_rng(0)
    problem = il.Problem.from_data(rng.normal(size=(9, 3)), rng.normal(size=9))
    assert problem.max_lr_for(9, sampling="without_replacement") == pytest.approx(problem.max_lr)
    some = [float(problem.max_lr_for(b, sampling="without_replacement")) for b in (1, 4, 8)]
    assert sorted(some) == some
    assert some[0] == pytest.approx(problem.max_lr_for(1), rel=1e-8)
    with pytest.raises(ValueError, match="batch_size=10 is more than the 9 train rows"):
        problem.max_lr_for(10, sampling="without_replacement")


def test_gaussian_rows_of_a_batch_of_problems() -> None:
    gamma = np.random.default_rng(1).uniform(0.1, 2.0, (2, 3, 4))
    problem = il.Problem.from_spectra(gamma, np.ones(4), np.ones(4))
    found = problem.max_lr_for(5)
    for row in np.ndindex(2, 3):
        shares = found[row] * gamma[row] / (5 - 6 * found[row] * gamma[row])
        assert shares.sum() == pytest.approx(1.0, rel=1e-12)
    # a rate just below keeps the expected loss bounded, one just above does not
    one = il.Problem.from_spectra(gamma[0, 0], np.ones(4), np.ones(4))
    edge = float(one.max_lr_for(5))
    below, above = (
        il.train(one, il.GradientDescent(edge * factor, 10**6, batch_size=5)).train_loss
        for factor in (1 - 1e-4, 1 + 1e-5)
    )
    assert below < 1e-8
    assert above > 1e3


def test_weight_decay_and_faults() -> None:
    problem = il.Problem.from_spectra([1.0], [1.0], [1.0])
    # one direction: (1 - 2η - ηλ)² + (4/B) η² · 2 = 1 for fresh Gaussian rows
    rate = problem.max_lr_for(4, weight_decay=0.5)
    assert (1 - 2.5 * rate) ** 2 + 2 * rate**2 == pytest.approx(1.0, rel=1e-12)
    assert il.Problem.from_spectra([0.0], [1.0], [1.0]).max_lr_for(4) == np.inf
    with pytest.raises(ValueError, match="batch_size must be between 1"):
        problem.max_lr_for(0)
    with pytest.raises(ValueError, match="weight_decay must be a finite number of at least 0"):
        problem.max_lr_for(1, weight_decay=-1.0)
    with pytest.raises(TypeError, match="batch_size must be a number of rows; full batches have"):
        problem.max_lr_for(None)  # type: ignore[arg-type]  # this is tested
    kernel = il.Problem.from_kernel([[2.0, 1.0], [1.0, 2.0]], [1.0, -1.0])
    with pytest.raises(ValueError, match="needs the rows of the train data"):
        kernel.max_lr_for(2)
    assert kernel.max_lr_for(2, sampling="gaussian") < kernel.max_lr
