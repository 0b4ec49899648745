"""The same training, judged on other test data: as if it had been built with that data."""

from typing import Any

import numpy as np
import pytest

import isoloss as il

RNG = np.random.default_rng(0)
LEVELS = (0.9, 0.5)


def arrays(outputs: int | None, d: int = 5) -> Any:
    shape = () if outputs is None else (outputs,)
    rng = np.random.default_rng(d)
    return [
        part
        for rows in (9, 12, 7)
        for part in (rng.normal(size=(rows, d)), rng.normal(size=(rows, *shape)))
    ]


@pytest.mark.parametrize("d", [5, 20])  # 20: directions that the train data cannot see
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("outputs", [None, 1, 3])
def test_data(outputs: int | None, fit_intercept: bool, d: int) -> None:
    X, y, X_val, y_val, X_test, y_test = arrays(outputs, d)
    shape = (d + fit_intercept,) if outputs is None else (d + fit_intercept, outputs)
    start = np.random.default_rng(1).normal(size=shape)
    first = il.Problem.from_data(X, y, X_val, y_val, start=start, fit_intercept=fit_intercept)
    built = il.Problem.from_data(X, y, X_test, y_test, start=start, fit_intercept=fit_intercept)
    moved = first.with_test(X_test, y_test)
    levels = float(built.min_train_loss) + np.array(LEVELS) * float(
        built.start_train_loss - built.min_train_loss
    )
    for schedule in (il.GradientFlow(), il.anneal(float(built.max_lr), 3)):
        new, old = (il.train(problem, schedule, levels) for problem in (moved, built))
        np.testing.assert_allclose(new.test_loss, old.test_loss, rtol=1e-12)
        np.testing.assert_allclose(new.coef(), old.coef(), rtol=1e-10)
    band, wanted = (il.level_band(problem, levels) for problem in (moved, built))
    np.testing.assert_allclose(band.lowest, wanted.lowest, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(band.highest, wanted.highest, rtol=1e-9)
    # and back again
    back = moved.with_test(X_val, y_val)
    assert float(back.start_test_loss) == pytest.approx(float(first.start_test_loss), rel=1e-14)


def test_kernel() -> None:
    X, y, X_val, y_val, X_test, y_test = arrays(2)

    def kernel(a: Any, b: Any) -> Any:
        return np.exp(-((a[:, None] - b[None]) ** 2).sum(-1) / 5)

    K = kernel(X, X)
    first = il.Problem.from_kernel(K, y, kernel(X_val, X), y_val)
    built = il.Problem.from_kernel(K, y, kernel(X_test, X), y_test)
    moved = first.with_test(kernel(X_test, X), y_test)
    run, wanted = (il.train(p, il.GradientFlow(3.0)) for p in (moved, built))
    assert float(run.test_loss) == pytest.approx(float(wanted.test_loss), rel=1e-12)


def test_covariances() -> None:
    problem = il.Problem.from_covariances(
        [[2, 1], [1, 2]], [[1, 0], [0, 1]], start=[0, 0], target=[1, 1], noise=0.25
    )
    moved = problem.with_test([[1.0, 2.0], [0.0, 1.0]], [3.0, 1.0])
    coef = il.train(problem, il.GradientFlow(0.3)).coef()
    by_hand = ((coef[0] + 2 * coef[1] - 3) ** 2 + (coef[1] - 1) ** 2) / 2
    found = il.train(moved, il.GradientFlow(0.3)).test_loss
    assert float(found) == pytest.approx(by_hand, rel=1e-12)


def test_the_users_kind_of_array_stays() -> None:
    torch: Any = pytest.importorskip("torch", reason="the extra torch")
    parts = [torch.tensor(a, dtype=torch.float32) for a in arrays(2)]
    moved = il.Problem.from_data(*parts[:4]).with_test(*parts[4:])
    assert moved.start_test_loss.dtype == torch.float32


DATA = il.Problem.from_data([[1, 0], [0, 2]], [1, 2], [[1, 1]], [2])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: DATA.with_test([[1.0]], [1.0]), r"X must have shape \(n_test, 2\).*\(1, 1\)"),
        (lambda: DATA.with_test([[1.0, 2.0]], [1.0, 2.0]), r"y must have shape \(1,\).*\(2,\)"),
        (lambda: DATA.with_test([[1.0, np.nan]], [1.0]), "X must be finite"),
        (
            lambda: il.Problem.from_spectra([1], [1], [1]).with_test([[1.0]], [1.0]),
            "with_test needs a single problem with coordinates",
        ),
    ],
)
def test_what_cannot_be_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
