"""Rows weighted, centred, sparse, rounded and in kernels: the same training told another way."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from dynamics.moments.enumerated import batches, sgd
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.linear_model import LinearRegression

import isoloss as il
from isoloss.estimators import ScheduledClassifier, ScheduledRegressor
from isoloss.estimators.rows import KernelRows, LinearRows, check_kernel

Map = Callable[[np.ndarray], np.ndarray]

RNG = np.random.default_rng(12)
X = RNG.standard_normal((30, 4)) + np.arange(4)
Y = np.sin(X @ RNG.standard_normal((4, 2))) + RNG.standard_normal((30, 2)) / 4
X_NEW = RNG.standard_normal((8, 4)) + np.arange(4)
WEIGHT = RNG.uniform(0.1, 5, 30)
COUNTS = RNG.integers(0, 4, 30)
Y_NEW, FAR = RNG.standard_normal((8, 2)), 50 * RNG.standard_normal((30, 4))
SCHEDULE = "gd(1.1, 5) > nesterov(0.5, 0.8, 20) > flow(5)"
SCHEDULES = [SCHEDULE, "cosine(1.0, 30)"]


def close(found: Any, wanted: Any, rel: float = 1e-10) -> None:
    """Compare to a part of the largest number."""
    atol = rel * np.abs(wanted).max()
    np.testing.assert_allclose(found, wanted, rtol=0, atol=atol)


def products(rows: np.ndarray) -> np.ndarray:
    return (rows[:, :, None] * rows[:, None, :]).reshape(len(rows), -1)


def scaled_products(a: np.ndarray, b: np.ndarray, scale: float = 1.0) -> float:
    return float(scale * (a @ b) ** 2)


MAPS: dict[str, tuple[Map, dict[str, Any]]] = {
    "linear": (lambda rows: rows, {"kernel": "linear"}),
    "poly": (
        lambda rows: np.hstack(
            [0.3 * products(rows), np.sqrt(2 * 0.3 * 0.7) * rows, np.full((len(rows), 1), 0.7)]
        ),
        {"kernel": "poly", "degree": 2, "gamma": 0.3, "coef0": 0.7},
    ),
    "cosine": (lambda rows: rows / np.linalg.norm(rows, axis=1)[:, None], {"kernel": "cosine"}),
    "callable": (
        lambda rows: 2 * products(rows),
        {"kernel": scaled_products, "kernel_params": {"scale": 4.0}, "gamma": 9.0},
    ),
}


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("weight", [None, WEIGHT, COUNTS], ids=["plain", "weighted", "counts"])
@pytest.mark.parametrize("intercept", [True, False])
def test_a_kernel_is_the_linear_model_of_its_features(
    name: str, weight: np.ndarray | None, intercept: bool
) -> None:
    features, parameters = MAPS[name]
    linear = ScheduledRegressor(SCHEDULE, fit_intercept=intercept).fit(features(X), Y, weight)
    model = ScheduledRegressor(SCHEDULE, fit_intercept=intercept, **parameters).fit(X, Y, weight)
    close(model.predict(X_NEW), linear.predict(features(X_NEW)))
    close(features(X).T @ model.dual_coef_, linear.coef_.T)
    close(model.intercept_, linear.intercept_)
    for kept in ("max_lr_", "train_loss_", "start_train_loss_", "min_train_loss_"):
        assert getattr(model, kept) == pytest.approx(getattr(linear, kept), rel=1e-10), kept
    K, K_new = (features(rows) @ features(X).T for rows in (X, X_NEW))
    model.set_params(kernel="precomputed").fit(K, Y, weight)
    close(model.predict(K_new), linear.predict(features(X_NEW)))
    assert not hasattr(model, "coef_")


KERNELS: dict[str, tuple[Callable[[np.ndarray, np.ndarray], np.ndarray], dict[str, Any]]] = {
    "rbf": (lambda a, b: np.exp(-0.7 * cdist(a, b) ** 2), {"kernel": "rbf", "gamma": 0.7}),
    "rbf, 1/d": (lambda a, b: np.exp(-(cdist(a, b) ** 2) / 4), {"kernel": "rbf"}),
    "laplacian": (
        lambda a, b: np.exp(-0.2 * cdist(a, b, "cityblock")),
        {"kernel": "laplacian", "gamma": 0.2, "degree": 7},
    ),
    "poly": (lambda a, b: (a @ b.T / 4 + 1) ** 3, {"kernel": "polynomial"}),
    "poly 4": (
        lambda a, b: (0.1 * a @ b.T + 2) ** 4,
        {"kernel": "poly", "gamma": 0.1, "degree": 4, "coef0": 2},
    ),
}


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("intercept", [True, False])
def test_a_kernel_is_trained_by_a_plain_loop(
    name: str, weight: np.ndarray | None, intercept: bool
) -> None:
    kernel, parameters = KERNELS[name]
    K, K_new = kernel(X, X), kernel(X_NEW, X)
    share = np.full(30, 1 / 30) if weight is None else weight / weight.sum()
    mean = share @ Y if intercept else np.zeros(2)
    if intercept:  # φ(x) less the mean of φ
        K_new = K_new - K_new @ share[:, None] - share @ K + share @ K @ share
        K = K - K @ share[:, None] - share @ K + share @ K @ share
    root = np.sqrt(share)
    lr = 0.9 / np.linalg.norm(K * root * root[:, None], 2)
    alpha = np.zeros((30, 2))
    for _ in range(25):
        alpha = alpha - 2 * lr * share[:, None] * (K @ alpha + mean - Y)
    model = ScheduledRegressor("gd(0.9, 25)", fit_intercept=intercept, **parameters)
    model.fit(X, Y, weight)
    close(model.predict(X), K @ alpha + mean, 1e-11)
    close(model.predict(X_NEW), K_new @ alpha + mean, 1e-11)
    loss = float(share @ ((K @ alpha + mean - Y) ** 2).sum(1))
    assert model.train_loss_ == pytest.approx(loss, rel=1e-12)
    assert 0.9 * model.max_lr_ == pytest.approx(lr, rel=1e-12)


@pytest.mark.parametrize("gamma", [1.0, 0.1, 0.01])
def test_directions_without_training_take_no_digits(gamma: float) -> None:
    # Least squares has weights up to 1e11 here, of directions that 20 steps leave alone.
    rows, new = X[:, :1], X_NEW[:, :1]
    K, K_new = (np.exp(-gamma * cdist(a, rows) ** 2) for a in (rows, new))
    lr, alpha = 30 / np.linalg.norm(K, 2), np.zeros((30, 2))
    for _ in range(20):
        alpha = alpha - 2 * lr / 30 * (K @ alpha - Y)
    model = ScheduledRegressor("gd(1.0, 20)", kernel="rbf", gamma=gamma, fit_intercept=False)
    close(model.fit(rows, Y).predict(rows), K @ alpha, 1e-12)
    close(model.predict(new), K_new @ alpha, 1e-9)
    loss = ((Y - model.predict(rows)) ** 2).sum() / 30
    assert loss == pytest.approx(model.train_loss_, rel=1e-12)


def test_narrow_columns_keep_their_digits() -> None:
    rows, coef = (X - X.mean(0)) * np.geomspace(1, 1e-8, 4), np.zeros((4, 2))
    lr = 30 / np.linalg.norm(rows, 2) ** 2
    for _ in range(20):
        coef = coef - 2 * lr / 30 * rows.T @ (rows @ coef - (Y - Y.mean(0)))
    model = ScheduledRegressor("gd(1.0, 20)").fit(rows, Y)
    np.testing.assert_allclose(model.coef_.T, coef, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("kernel", [None, "rbf", "poly"])
@pytest.mark.parametrize("intercept", [True, False])
def test_a_whole_weight_is_that_many_rows(
    schedule: str, kernel: str | None, intercept: bool
) -> None:
    model = ScheduledRegressor(schedule, kernel=kernel, fit_intercept=intercept)
    rows, targets = np.repeat(X, COUNTS, axis=0), np.repeat(Y, COUNTS, axis=0)
    wanted = model.fit(rows, targets).predict(X_NEW)
    found = model.fit(X, Y, COUNTS * 0.01)
    close(found.predict(X_NEW), wanted)
    if kernel:
        assert (model.dual_coef_.any(axis=1) == (COUNTS > 0)).all()
    kept = COUNTS > 0
    dropped = model.fit(X[kept], Y[kept], COUNTS[kept]).predict(X_NEW)
    close(dropped, wanted)
    # whatever a row without weight holds
    rows, targets = np.where(kept[:, None], X, FAR), np.where(kept[:, None], Y, 1e6)
    close(model.fit(rows, targets, COUNTS).predict(X_NEW), wanted)


@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csc_matrix, sp.csr_array, sp.coo_array])
@pytest.mark.parametrize("kernel", [None, "linear", "rbf", "precomputed"])
def test_sparse_rows_are_dense_ones(kind: Callable[..., Any], kernel: str | None) -> None:
    thin, new = (np.where(np.abs(rows) < 0.8, 0.0, rows) for rows in (X, X_NEW))
    if kernel == "precomputed":
        thin, new = thin @ thin.T, new @ thin.T
    dense = ScheduledRegressor(SCHEDULE, kernel=kernel).fit(thin, Y, WEIGHT)
    sparse = ScheduledRegressor(SCHEDULE, kernel=kernel).fit(kind(thin), Y, WEIGHT)
    wanted = dense.predict(new)
    for model in (dense, sparse):
        for rows in (new, kind(new)):
            found = model.predict(rows)
            assert type(found) is np.ndarray
            close(found, wanted, 1e-12)


@pytest.mark.parametrize("kernel", [None, "rbf", "poly"])
def test_float32_rows_are_trained_in_float64(kernel: str | None) -> None:
    single, new = X.astype(np.float32), X_NEW.astype(np.float32)
    model = ScheduledRegressor(SCHEDULE, kernel=kernel).fit(single, Y.astype(np.float32))
    found = model.predict(new)
    same = model.fit(single.astype(float), Y.astype(np.float32).astype(float))
    np.testing.assert_array_equal(found, same.predict(new.astype(float)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weight", [np.ones(30), np.repeat([100, 1], 15)], ids=["plain", "uneven"])
def test_the_rounding_of_a_kernel_is_not_fitted(
    dtype: type, intercept: bool, weight: np.ndarray
) -> None:
    # Rank 4, then rounded to float32: the other 26 directions are its rounding.
    K = (X @ X.T).astype(np.float32).astype(dtype)
    with pytest.warns(UserWarning, match=r"the kernel is rounded: \d+ directions, .* 4 are kept"):
        model = ScheduledRegressor(kernel="precomputed", fit_intercept=intercept).fit(K, Y, weight)
    assert model.rank_ == 4
    same = LinearRegression(fit_intercept=intercept).fit(X, Y, weight)
    left = np.average(((Y - same.predict(X)) ** 2).sum(1), weights=weight)
    assert model.min_train_loss_ == pytest.approx(left, rel=1e-5)
    np.testing.assert_allclose(model.predict(K), same.predict(X), atol=1e-4)


@pytest.mark.parametrize("kernel", [None, "linear"])
def test_a_mean_far_away_does_not_matter(kernel: str | None) -> None:
    model = ScheduledRegressor(SCHEDULE, kernel=kernel)
    wanted = model.fit(X, Y, WEIGHT).predict(X_NEW)
    found = model.fit(X + 2.0**12, Y, WEIGHT).predict(X_NEW + 2.0**12)
    # X + 4096 itself is rounded by 5e-13, and a linear kernel holds its square, 7e7
    close(found, wanted, 1e-7 if kernel == "linear" else 1e-11)


@pytest.mark.parametrize("value", [3.3, 0.0])
@pytest.mark.parametrize("kernel", [None, "rbf"])
@pytest.mark.parametrize("level", [None, (0.0, "absolute"), (0.5, "start"), (0.5, "excess")])
def test_constant_targets_leave_nothing_to_train(
    value: float, kernel: str | None, level: tuple[float, str] | None
) -> None:
    loss, unit = level or (None, "absolute")
    model = ScheduledRegressor("gd(0.5, 9)", loss, train_loss_unit=unit, kernel=kernel)
    model.fit(X, np.full(30, value))
    assert model.start_train_loss_ == model.train_loss_ == 0
    assert model.n_steps_ == (0 if level else 9)
    assert not (model.coef_ if kernel is None else model.dual_coef_).any()
    np.testing.assert_allclose(model.predict(X_NEW), value, rtol=1e-15)


@pytest.mark.parametrize("size", [30, 20_000])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_constant_column_is_no_direction(size: int, weighted: bool) -> None:
    rng = np.random.default_rng(size)
    rows, y = rng.standard_normal((size, 2)) * 1e-3, rng.standard_normal(size)
    weight = rng.uniform(size=size) if weighted else None
    model = ScheduledRegressor().fit(np.c_[rows, np.full(size, 1000.1)], y, weight)
    assert model.coef_[2] == 0
    same = LinearRegression().fit(rows, y, weight)
    np.testing.assert_allclose(model.coef_[:2], same.coef_, rtol=1e-9)


def test_no_curvature_at_all() -> None:
    model = ScheduledRegressor("gd(1.0, 3) > flow").fit(np.ones((30, 2)), Y)
    np.testing.assert_allclose(model.predict(X_NEW[:, :2]), [Y.mean(0)] * 8, rtol=1e-14)
    assert model.train_loss_ == pytest.approx(Y.var(axis=0).sum(), rel=1e-14)
    assert (model.max_lr_, model.n_steps_) == (np.inf, 3)


@pytest.mark.parametrize("weight", [None, COUNTS], ids=["plain", "counts"])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("kernel", [True, False])
def test_further_rows_are_judged_by_their_predictions(
    weight: np.ndarray | None, intercept: bool, kernel: bool
) -> None:
    weight = None if weight is None else weight.astype(float)
    design, new = (np.exp(-(cdist(a, X) ** 2) / 4) if kernel else a for a in (X, X_NEW))
    if kernel:
        rounding = check_kernel(design)
        rows = KernelRows.reduce(design, Y, weight, intercept=intercept, rounding=rounding)
    else:
        rows = LinearRows.reduce(design, Y, weight, intercept=intercept)
    problem = rows.problem.with_test(rows.test_rows(new), Y_NEW - rows.offset)
    floor, start = float(problem.min_train_loss), float(problem.start_train_loss)
    levels = floor + np.array([[1.0, 0.6], [0.3, 0.1]]) * (start - floor)
    run = il.train(problem, il.GradientFlow(), levels)
    weights, intercepts = rows.parameters(np.asarray(run.coef()))
    assert weights.shape == (2, 2, *design.shape[1:], 2)
    assert intercepts.shape == (2, 2, 2)
    share = np.ones(30) if weight is None else weight
    for place in np.ndindex(2, 2):
        loss = ((new @ weights[place] + intercepts[place] - Y_NEW) ** 2).sum() / 8
        assert float(run.test_loss[place]) == pytest.approx(loss, rel=1e-11)
        left = ((design @ weights[place] + intercepts[place] - Y) ** 2).sum(1)
        wanted = np.average(left, weights=share)
        assert float(run.train_loss[place]) == pytest.approx(wanted, rel=1e-11)
    assert bool(run.reached.all())


@pytest.mark.parametrize(
    ("K", "message"),
    [
        (X, r"square matrix, the kernel between all train rows; got shape \(30, 4\)"),
        (X @ X.T + np.triu(np.ones((30, 30)), 1), "symmetric; it differs .* by up to 1$"),
        (X @ X.T - 0.5 * np.eye(30), "semidefinite; its smallest eigenvalue is -0.5$"),
        (-np.eye(30), "semidefinite; its smallest eigenvalue is -1$"),
        (np.diag([1.0] * 29 + [-2e-5]), "semidefinite; its smallest eigenvalue is -2e-05$"),
    ],
)
@pytest.mark.parametrize("kind", [ScheduledRegressor, ScheduledClassifier])
def test_a_precomputed_kernel_must_be_one(kind: type, K: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind(kernel="precomputed").fit(K, Y[:, 0] > 0)


def test_a_kernel_may_be_rounded() -> None:
    K = np.diag([1.0] * 29 + [-0.9e-5])
    assert check_kernel(K) == 1.8e-5  # noise reaches as far above zero, but for chance
    assert check_kernel(np.eye(30)) < 1e-13
    assert check_kernel(np.zeros((30, 30))) == 0
    tilted = np.eye(30)
    tilted[0, 1] = 0.9e-5
    model = ScheduledRegressor(kernel="precomputed", fit_intercept=False)
    symmetric = model.fit((tilted + tilted.T) / 2, Y).dual_coef_
    np.testing.assert_array_equal(model.fit(tilted, Y).dual_coef_, symmetric)
    model.fit(K, Y)
    np.testing.assert_allclose(model.dual_coef_[:29], Y[:29], rtol=1e-14)
    assert model.dual_coef_[29].tolist() == [0, 0]
    # what float64 can tell from a constant kernel, float32 cannot
    K = np.ones((30, 30)) + np.finfo(np.float32).eps * np.eye(30)
    assert model.fit(K, Y).min_train_loss_ == 0
    with pytest.warns(UserWarning, match=r"the kernel is rounded: 29 directions, .* 1 are kept"):
        floor = model.fit(K.astype(np.float32), Y).min_train_loss_
    assert floor == pytest.approx(Y.var(axis=0).sum(), rel=1e-6)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_weights_of_any_size_are_shares(seed: int, intercept: bool) -> None:
    rng = np.random.default_rng(seed)
    weight = np.exp(rng.uniform(-7, 7, 30))
    model = ScheduledRegressor(SCHEDULE, fit_intercept=intercept).fit(X, Y, weight)
    loss = np.average(((Y - model.predict(X)) ** 2).sum(1), weights=weight)
    assert model.train_loss_ == pytest.approx(loss, rel=1e-10)
    wanted = model.predict(X_NEW)
    for most in (1e-200, 1e308):
        close(model.fit(X, Y, weight / weight.max() * most).predict(X_NEW), wanted)
    close(model.set_params(kernel="linear").fit(X, Y, weight).predict(X_NEW), wanted, 1e-9)


@pytest.mark.parametrize("d", [2, 5])
@pytest.mark.parametrize("weight", [None, np.array([2.0, 1.0, 0.5, 0.5])])
def test_minibatches_draw_the_centred_rows(d: int, weight: Any) -> None:
    # with fewer rows than columns, the decomposition is one of other rows
    rng = np.random.default_rng(d)
    X, y = rng.normal(size=(4, d)), rng.normal(size=4)
    share = np.ones(4) if weight is None else weight / weight.mean()
    root = np.sqrt(share)[:, None]
    rows = root * (X - np.average(X, axis=0, weights=share))
    targets = root * (y - np.average(y, weights=share))[:, None]
    drawn = batches(4, 2, replacement=True)
    states = sgd(rows, targets, np.zeros((d, 1)), [0.05, 0.1], [0.0, 0.0], drawn, weight_decay=0.2)
    model = ScheduledRegressor(il.GradientDescent([0.05, 0.1], weight_decay=0.2, batch_size=2))
    model.fit(X, y, weight)
    losses = sum(p * np.mean((rows @ w - targets) ** 2) for w, _, p in states)
    assert model.train_loss_ == pytest.approx(losses, rel=1e-12)
    np.testing.assert_allclose(model.coef_, sum(p * w for w, _, p in states)[:, 0], rtol=1e-12)
