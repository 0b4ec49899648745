"""Problems from spectra, covariances, data and kernels: what they are and what they refuse."""

import math
from typing import Any

import numpy as np
import pytest

import isoloss as il

RNG = np.random.default_rng(1)
X, Y = RNG.standard_normal((12, 4)), RNG.standard_normal((12, 2))
X_TEST, Y_TEST = RNG.standard_normal((9, 4)), RNG.standard_normal((9, 2))
EYE = np.eye(3)


def test_losses_at_the_start_are_the_definition() -> None:
    start = RNG.standard_normal((4, 2))
    problem = il.Problem.from_data(X, Y, X_TEST, Y_TEST, start=start)
    assert float(problem.start_train_loss) == pytest.approx(((X @ start - Y) ** 2).sum() / 12)
    wanted = ((X_TEST @ start - Y_TEST) ** 2).sum() / 9
    assert float(problem.start_test_loss) == pytest.approx(wanted, rel=1e-14)
    best = np.linalg.lstsq(X, Y)[0]
    assert float(problem.min_train_loss) == pytest.approx(((X @ best - Y) ** 2).sum() / 12)
    assert float(problem.max_lr) == pytest.approx(1 / np.linalg.eigvalsh(X.T @ X / 12)[-1])
    np.testing.assert_allclose(il.train(problem, il.Schedule()).coef(), start, rtol=1e-12)


def test_an_intercept_is_a_column_of_ones() -> None:
    ones, ones_test = np.ones((12, 1)), np.ones((9, 1))
    start = RNG.standard_normal((5, 2))
    problem = il.Problem.from_data(X, Y, X_TEST, Y_TEST, start=start, fit_intercept=True)
    same = il.Problem.from_data(
        np.hstack([X, ones]), Y, np.hstack([X_TEST, ones_test]), Y_TEST, start=start
    )
    run, wanted = (il.train(p, il.anneal(0.1, 7), train_loss=1.5) for p in (problem, same))
    np.testing.assert_allclose(run.coef(), wanted.coef()[:4], rtol=1e-12)
    np.testing.assert_allclose(run.intercept(), wanted.coef()[4], rtol=1e-12)
    assert wanted.intercept().tolist() == [0.0, 0.0]


def test_a_linear_kernel_is_the_linear_model() -> None:
    for rows in (12, 3):
        inputs, targets = X[:rows], Y[:rows]
        kernel = il.Problem.from_kernel(inputs @ inputs.T, targets, X_TEST @ inputs.T, Y_TEST)
        linear = il.Problem.from_data(inputs, targets, X_TEST, Y_TEST)
        level = float(linear.min_train_loss + 0.1 * linear.start_train_loss)
        a, b = (il.train(p, il.anneal(0.2, 5), train_loss=level) for p in (kernel, linear))
        assert float(a.test_loss) == pytest.approx(float(b.test_loss), rel=1e-11)
        np.testing.assert_allclose(inputs.T @ a.coef(), b.coef(), rtol=1e-10, atol=1e-13)


def test_a_kernel_is_trained_in_function_space() -> None:
    K = np.exp(-((X[:, None] - X[None]) ** 2).sum(-1) / 8)
    K_test = np.exp(-((X_TEST[:, None] - X[None]) ** 2).sum(-1) / 8)
    problem = il.Problem.from_kernel(K, Y[:, 0], K_test, Y_TEST[:, 0])
    lr, f, alpha = 0.8 * float(problem.max_lr), np.zeros(12), np.zeros(12)
    for _ in range(30):
        alpha = alpha - 2 * lr / 12 * (f - Y[:, 0])
        f = K @ alpha
    run = il.train(problem, il.GradientDescent(lr, 30))
    np.testing.assert_allclose(run.coef(), alpha, rtol=1e-9)
    wanted = np.mean((K_test @ alpha - Y_TEST[:, 0]) ** 2)
    assert float(run.test_loss) == pytest.approx(wanted, rel=1e-11)


def test_covariances_are_the_population_of_data() -> None:
    target, fit = RNG.standard_normal(4), np.linalg.lstsq(X, Y[:, 0])[0]
    data = il.Problem.from_data(X, Y[:, 0], X_TEST, X_TEST @ target)
    given = il.Problem.from_covariances(
        X.T @ X / 12, X_TEST.T @ X_TEST / 9, np.zeros(4), target, train_target=fit, noise=0.5
    )
    floor = float(data.min_train_loss)
    run = il.train(data, il.anneal(0.3, 9), train_loss=floor + 0.01)
    same = il.train(given, il.anneal(0.3, 9), train_loss=0.01)
    assert float(same.test_loss) == pytest.approx(float(run.test_loss) + 0.5, rel=1e-11)
    np.testing.assert_allclose(same.coef(), run.coef(), rtol=1e-9)
    assert float(given.min_train_loss) == 0.0


def test_the_same_data_told_a_longer_way() -> None:
    plain = il.Problem.from_data(X, Y, X_TEST, Y_TEST)
    Q = np.linalg.qr(RNG.standard_normal((4, 4)))[0]
    order = RNG.permutation(12)
    longer = {
        "rotated": (X @ Q, Y, X_TEST @ Q, Y_TEST),
        "rows repeated": (*(np.vstack([a, a]) for a in (X, Y)), X_TEST, Y_TEST),
        "rows shuffled": (X[order], Y[order], X_TEST, Y_TEST),
        "zero column": (np.pad(X, ((0, 0), (0, 1))), Y, np.pad(X_TEST, ((0, 0), (0, 1))), Y_TEST),
    }
    level = float(plain.min_train_loss) + 0.1
    wanted = il.train(plain, il.anneal(0.3, 9), train_loss=level)
    for name, parts in longer.items():
        run = il.train(il.Problem.from_data(*parts), il.anneal(0.3, 9), train_loss=level)
        assert float(run.test_loss) == pytest.approx(float(wanted.test_loss), rel=1e-11), name


def test_data_without_any_curvature() -> None:
    problem = il.Problem.from_data(np.zeros((5, 3)), np.ones(5), np.ones((2, 3)), np.ones(2))
    assert math.isinf(problem.max_lr)
    run = il.train(problem, il.anneal(1.0, 5), train_loss=[1.0, 0.5])
    assert run.reached.tolist() == [True, False]
    assert run.train_loss.tolist() == [1.0, 1.0]
    assert run.coef().shape == (2, 3)


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: il.Problem.from_spectra([1, -1], [1, 1], [1, 1]), ValueError, "train.*negative"),
        (lambda: il.Problem.from_spectra([1, 1], [1, -2], [1, 1]), ValueError, "test.*-2"),
        (lambda: il.Problem.from_spectra([1, 1], [1, 1], [1, 1, 1]), ValueError, r"start.*\(3,\)"),
        (lambda: il.Problem.from_spectra([1, math.nan], 1, 1), ValueError, "train.*NaN"),
        (lambda: il.Problem.from_spectra(1.0, 1.0, 1.0), ValueError, "at least one"),
        (lambda: il.Problem.from_spectra([], [], []), ValueError, "at least one"),
        (lambda: il.Problem.from_spectra([1], [1], [1], noise=-1), ValueError, "noise.*negative"),
        (
            lambda: il.Problem.from_spectra([1], [1], [1], noise=[1, 2]),
            ValueError,
            r"noise.*\(2,\)",
        ),
        (lambda: il.Problem.from_spectra([1], [1], [1e200]), ValueError, "overflows.*rescale"),
        (
            lambda: il.Problem.from_spectra([1e308], [1], [1e-160]),
            ValueError,
            "test loss at the start, about 10\\^-320, underflows",
        ),
        (lambda: il.Problem.from_spectra(["a"], [1], [1]), TypeError, "train.*real numbers"),
        (lambda: il.Problem.from_spectra([1j], [1], [1]), TypeError, "train.*complex"),
        (
            lambda: il.Problem.from_data(X, Y[:5], X_TEST, Y_TEST),
            ValueError,
            r"y.*\(12, 4\).*\(5, 2\)",
        ),
        (
            lambda: il.Problem.from_data(X, Y, X_TEST[:, :3], Y_TEST),
            ValueError,
            r"X_test.*\(9, 3\)",
        ),
        (lambda: il.Problem.from_data(X, Y, X_TEST, Y_TEST[:, 0]), ValueError, r"y_test.*\(9,\)"),
        (lambda: il.Problem.from_data(X[0], Y, X_TEST, Y_TEST), ValueError, r"X.*\(n, d\).*\(4,\)"),
        (lambda: il.Problem.from_data(X[:0], Y[:0], X_TEST, Y_TEST), ValueError, "empty"),
        (lambda: il.Problem.from_data(X * math.nan, Y, X_TEST, Y_TEST), ValueError, "X .*48 place"),
        (
            lambda: il.Problem.from_data(X, Y, X_TEST, Y_TEST, start=np.ones(4)),
            ValueError,
            r"start.*\(4, 2\).*\(4,\)",
        ),
        (
            lambda: il.Problem.from_data(X, Y, X_TEST, Y_TEST, start=X[:4, :2], fit_intercept=True),
            ValueError,
            "intercept",
        ),
        (lambda: il.Problem.from_data(X, Y[:, :, None], X_TEST, Y_TEST), ValueError, "y must have"),
        (lambda: il.Problem.from_kernel(X, Y, X_TEST, Y_TEST), ValueError, r"K.*\(12, 12\)"),
        (
            lambda: il.Problem.from_kernel(-np.eye(12), Y, np.ones((9, 12)), Y_TEST),
            ValueError,
            "K.*-1",
        ),
        (
            lambda: il.Problem.from_kernel(np.triu(np.ones((12, 12))), Y, np.ones((9, 12)), Y_TEST),
            ValueError,
            "K.*symmetric",
        ),
        (
            lambda: il.Problem.from_covariances(-EYE, EYE, EYE[0], EYE[0]),
            ValueError,
            "train_cov.*-1",
        ),
        (lambda: il.Problem.from_covariances(EYE, EYE, [1], EYE[0]), ValueError, r"start.*\(1,\)"),
        (lambda: il.Problem.from_covariances(EYE[0], EYE, EYE[0], EYE[0]), ValueError, "train_cov"),
        (
            lambda: il.Problem.from_covariances(
                np.stack([EYE] * 2), np.stack([EYE] * 3), [1, 1, 1], [1, 1, 1]
            ),
            ValueError,
            "batch",
        ),
    ],
)
def test_what_cannot_be_is_refused(build: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build()


def test_kinds_of_arrays_do_not_mix() -> None:
    import array_api_strict as strict

    with pytest.raises(TypeError, match="one kind"):
        il.Problem.from_data(X, strict.asarray(Y), X_TEST, Y_TEST)


@pytest.mark.parametrize("shape", [(60, 8), (8, 60)])
def test_a_looser_precision_is_kept(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    U, V = (np.linalg.qr(rng.normal(size=(n, 8)))[0] for n in shape)
    X, y = (U * np.geomspace(1, 1e-3, 8)) @ V.T, rng.normal(size=shape[0])  # curvatures over 10⁶
    exact, loose = (il.Problem.from_data(X, y, X, y, rtol=rtol) for rtol in (1e-13, 1e-8))
    np.testing.assert_allclose(loose.curvature, exact.curvature, rtol=1e-8)
    level = float(exact.min_train_loss) + 1e-3 * float(exact.start_train_loss)
    losses = [
        il.train(each.with_test(X[::-1], y), il.GradientFlow(), level).test_loss
        for each in (exact, loose)
    ]
    assert losses[1] == pytest.approx(losses[0], rel=1e-7)


def test_a_user_sees_what_is_documented_and_no_more() -> None:
    problem = il.Problem.from_data([[1, 0], [0, 2]], [1, 2])
    constructors = {"from_covariances", "from_data", "from_kernel", "from_spectra", "with_test"}
    losses = {"min_train_loss", "start_test_loss", "start_train_loss"}
    others = {"curvature", "left_out", "max_lr", "max_lr_for", "reduction"}
    assert {name for name in dir(problem) if name[0] != "_"} == constructors | losses | others
