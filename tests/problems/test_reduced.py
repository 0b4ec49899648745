"""The same training, judged on other test data: as if it had been built with that data."""

import re
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
        (lambda: DATA.with_test([[1.0]], [1.0]), r"X_test must have shape \(n_test, 2\).*\(1, 1\)"),
        (
            lambda: DATA.with_test([[1.0, 2.0]], [1.0, 2.0]),
            r"y_test must have shape \(1,\).*\(2,\)",
        ),
        (lambda: DATA.with_test([[1.0, np.nan]], [1.0]), "X_test must be finite"),
        (
            lambda: il.Problem.from_spectra([1], [1], [1]).with_test([[1.0]], [1.0]),
            "with_test needs a single problem with coordinates",
        ),
    ],
)
def test_what_cannot_be_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


ALL = arrays(None, 5)
KERNELS = [ALL[0] @ ALL[0].T, ALL[1], ALL[2] @ ALL[0].T, ALL[3]]
BUILDERS: dict[str, tuple[Any, list[Any]]] = {
    "data": (il.Problem.from_data, ALL[:4]),
    "intercept": (lambda *parts: il.Problem.from_data(*parts, fit_intercept=True), ALL[:4]),
    "more columns than rows": (il.Problem.from_data, arrays(3, 20)[:4]),
    "kernel": (il.Problem.from_kernel, KERNELS),
    "operator": (il.from_operator, ALL[:4]),
}


@pytest.mark.parametrize("name", BUILDERS)
def test_test_data_may_come_later(name: str) -> None:
    build, (X, y, X_test, y_test) = BUILDERS[name]
    alone, built = build(X, y), build(X, y, X_test, y_test)
    later = alone.with_test(X_test, y_test)
    levels = np.array(LEVELS) * built.start_train_loss
    if name != "operator":  # whose problem with test data fits these, too
        assert later.start_test_loss == built.start_test_loss
    assert alone.start_train_loss == built.start_train_loss
    runs = [
        il.train(each, il.anneal(0.9 * float(alone.max_lr), 3), levels)
        for each in (alone, built, later)
    ]
    np.testing.assert_array_equal(runs[0].train_loss, runs[1].train_loss)
    np.testing.assert_array_equal(runs[0].coef(), runs[1].coef())
    rtol = 1e-12 if name == "operator" else 0.0
    np.testing.assert_allclose(runs[2].test_loss, runs[1].test_loss, rtol=rtol)


NO_TEST = "this problem has no test data; call problem.with_test(X_test, y_test)"


@pytest.mark.parametrize("name", BUILDERS)
def test_without_test_data_a_problem_trains_and_says_what_it_lacks(name: str) -> None:
    build, (X, y, *_) = BUILDERS[name]
    problem = build(X, y)
    assert "no test data" in repr(problem)
    run = il.train(problem, il.GradientFlow(), 0.9 * problem.start_train_loss)
    path = run.path(5)
    assert run.reached
    assert "test_loss" not in repr(run)
    assert path.train_loss[-1] == run.train_loss
    assert np.isfinite(run.coef()).all()
    assert np.isfinite(path.coef()).all()
    asked: list[Any] = [
        lambda: problem.start_test_loss,
        lambda: run.test_loss,
        lambda: path.test_loss,
        lambda: il.level_band(problem, run.train_loss),
        lambda: il.reachable_band(problem, run.train_loss),
        lambda: il.best_filter(problem),
        lambda: il.design(problem, "best", steps=2),
        lambda: il.compare(problem, [il.GradientFlow(), il.anneal(1.0, 2)], [run.train_loss]),
    ]
    for call in asked:
        with pytest.raises(ValueError, match="^" + re.escape(NO_TEST)):
            call()


@pytest.mark.parametrize("name", BUILDERS)
def test_half_of_the_test_data_is_refused(name: str) -> None:
    build, (X, y, X_test, y_test) = BUILDERS[name]
    with pytest.raises(ValueError, match=r"y_test is given without [XK]_test; give both or neith"):
        build(X, y, None, y_test)
    with pytest.raises(ValueError, match=r"[XK]_test is given without y_test; give both or neith"):
        build(X, y, X_test)
