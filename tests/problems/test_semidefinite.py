"""Kernels and covariances that are rounded: what is signal is kept, what is left out is said."""

import warnings
from typing import Any

import array_api_compat as compat
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics.pairwise import rbf_kernel

import isoloss as il
from isoloss.estimators import ScheduledClassifier, ScheduledRegressor
from isoloss.problems.semidefinite import Entries

XP = compat.array_namespace(np.empty(0))
RNG = np.random.default_rng(3)
Z = RNG.normal(size=(200, 3))
T = np.sin(2 * Z[:, 0]) + Z[:, 1]
RBF = rbf_kernel(Z, gamma=0.05).astype(np.float32)
# matrices in float32 on purpose
ROUNDED = pytest.mark.filterwarnings("ignore:.* is rounded")


def loop(K: np.ndarray, y: np.ndarray, steps: int) -> np.ndarray:
    """Predictions of a plain training loop in function space, at the largest stable rate."""
    K = K.astype(np.float64)
    f, rate = np.zeros(len(K)), 1.0 / np.linalg.eigvalsh(K)[-1]
    for _ in range(steps):
        f = f - 2 * rate * (K @ (f - y))
    return f


@ROUNDED
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float32_numbers_train_as_they_do_in_a_loop(dtype: type) -> None:
    K, steps = RBF.astype(dtype), 5000
    loss = float(np.mean((loop(K, T, steps) - T) ** 2))
    problem = il.Problem.from_kernel(K, T, K, T)
    assert problem.left_out is not None
    # a direction of less curvature than `below` moves by less than this share of itself
    share = 2 * steps * problem.left_out.curvature / float(problem.curvature[0])
    assert share < 0.02
    run = il.train(problem, il.GradientDescent(float(problem.max_lr), steps))
    assert float(run.train_loss) == pytest.approx(loss, rel=2 * share)
    model = ScheduledRegressor(f"gd(1.0, {steps})", kernel="precomputed", fit_intercept=False)
    assert model.fit(K, T).train_loss_ == pytest.approx(loss, rel=2 * share)
    assert model.rank_ == np.count_nonzero(problem._reduced.gamma)
    # the same numbers, whatever they are stored in
    other = il.train(
        il.Problem.from_kernel(RBF.astype(float), T, RBF.astype(float), T), run.schedule
    )
    assert float(run.train_loss) == pytest.approx(float(other.train_loss), rel=2 * share)


@ROUNDED
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ten_features_far_from_their_mean(dtype: type) -> None:
    X = RNG.normal(100, 1, (500, 10))
    y = (X - 100).sum(axis=1)
    K = (X @ X.T).astype(np.float32).astype(dtype)
    model = ScheduledRegressor(kernel="precomputed").fit(K, y)
    # entries of 1e5 are rounded by 0.004, a hundred-thousandth of the features' own 500
    assert model.score(K, y) > 1 - 1e-6
    assert model.rank_ in (10, 11)


@ROUNDED
@pytest.mark.parametrize("mean", [1e4, 1e6, 1e7])
def test_float64_kernels_far_from_their_mean(mean: float) -> None:
    X = RNG.normal(mean, 1, (500, 10))
    y = X.sum(axis=1) - X.sum(axis=1).mean()
    K = X @ X.T
    model = ScheduledRegressor(kernel="precomputed")
    if mean > 1e5:  # where that starts to matter
        with pytest.warns(UserWarning, match=r"the kernel is rounded: \d+ directions, .* 10 are"):
            model.fit(K, y)
    model.fit(K, y)
    assert model.rank_ == 10
    # eigenvectors are those of a kernel that differs by half a unit of rounding of its norm
    moved = 2.0**-53 * 500 * 10 * mean**2
    assert model.score(K, y) > 1 - (moved / 300) ** 2 - 1e-9


@st.composite
def low_ranks(draw: Any) -> np.ndarray:
    """Features of few columns: any, repeated rows, all positive, far away, or on a grid."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, r = draw(st.integers(5, 60)), draw(st.integers(1, 4))
    kind = draw(st.sampled_from(["any", "repeated", "positive", "far", "grid"]))
    X = rng.normal(size=(n, r))
    if kind == "repeated":
        X = X[rng.integers(0, max(2, n // 8), n)]
    elif kind == "positive":
        X = rng.uniform(size=(n, r))
    elif kind == "far":
        X = X + 100
    elif kind == "grid":
        X = np.c_[np.cos(0.3 * np.arange(n)), np.sin(0.3 * np.arange(n))]
    return X * 10.0 ** draw(st.integers(-12, 12))


@ROUNDED
@given(low_ranks())
def test_noise_is_left_out_and_signal_is_kept(X: np.ndarray) -> None:
    exact = X @ X.T
    K = exact.astype(np.float32)
    problem = il.Problem.from_kernel(K, np.ones(len(K)), K[:1], [1.0])
    error = np.linalg.norm(K.astype(float) - exact, 2)
    kept = np.count_nonzero(problem._reduced.gamma)
    assert kept <= np.linalg.matrix_rank(X)
    assert kept >= np.count_nonzero(np.linalg.eigvalsh(exact) > 10 * error)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_left_out_is_said(dtype: type) -> None:
    X = RNG.normal(size=(40, 3))
    K = (X @ X.T).astype(np.float32).astype(dtype)
    y = X[:, 0]
    with pytest.warns(UserWarning, match=r"K is rounded, .*: \d+ of its 40 directions, with") as w:
        problem = il.Problem.from_kernel(K, y, K[:1], y[:1])
    assert w[0].filename == __file__
    assert problem.left_out is not None
    count, below = problem.left_out
    assert 1 <= count <= 37
    assert f"{count} left out below {below:.1g}, as rounding" in repr(problem)
    with pytest.warns(UserWarning, match=rf"the kernel is rounded: {count} directions") as w:
        ScheduledClassifier(kernel="precomputed", fit_intercept=False).fit(K, y > 0)
    assert w[0].filename == __file__
    # who gives the size of the rounding knows
    asked = il.Problem.from_kernel(K, y, K[:1], y[:1], rounding=below * 40)
    assert asked.left_out == problem.left_out


def test_nothing_is_said_where_float64_itself_is_the_limit() -> None:
    X = RNG.normal(size=(40, 3))
    problem = il.Problem.from_kernel(X @ X.T, X[:, 0], X[:1] @ X.T, X[:1, 0])
    assert problem.left_out is None
    assert "left out" not in repr(problem)
    ScheduledRegressor(kernel="precomputed").fit(X @ X.T, X[:, 0])
    # distances of rows far from 0 lose digits, but not so many that training would show it
    K = rbf_kernel(X + 100, gamma=0.1)
    assert il.Problem.from_kernel(K, X[:, 0], K, X[:, 0]).left_out is None
    ScheduledRegressor(kernel="rbf", gamma=0.1).fit(X + 100, X[:, 0])


@ROUNDED
@pytest.mark.parametrize(
    "K",
    [
        RBF,
        RBF.astype(float),
        RBF.astype(np.float16),
        np.diag([1.0] * 29 + [-0.9e-5]),
        np.eye(30) + 0.9e-5 * np.eye(30, k=1),
    ],
    ids=["float32", "as float64", "float16", "negative", "asymmetric"],
)
def test_what_an_estimator_accepts_from_kernel_accepts(K: np.ndarray) -> None:
    y = T[: len(K)]
    problem = il.Problem.from_kernel(K, y, K, y)
    model = ScheduledRegressor(kernel="precomputed", fit_intercept=False).fit(K, y)
    assert model.rank_ == np.count_nonzero(problem._reduced.gamma)
    assert model.train_loss_ == pytest.approx(float(problem.min_train_loss), rel=1e-9)


@pytest.mark.parametrize(
    ("K", "message"),
    [
        (np.diag([1.0] * 29 + [-2e-5]), "semidefinite; its smallest eigenvalue is -2e-05$"),
        (np.eye(30) + 1.1e-5 * np.eye(30, k=1), "symmetric; it differs .* by up to 1.1e-05$"),
    ],
)
def test_what_an_estimator_refuses_from_kernel_refuses(K: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        il.Problem.from_kernel(K, T[:30], K, T[:30])
    with pytest.raises(ValueError, match=message):
        ScheduledRegressor(kernel="precomputed").fit(K, T[:30])


def test_each_matrix_of_a_batch_is_looked_at_by_itself() -> None:
    batch = np.stack([1e9 * np.eye(3), np.eye(3) + 1e-3 * np.eye(3, k=1)])
    with pytest.raises(ValueError, match=r"train_cov must be symmetric; it differs .* 0\.001$"):
        il.Problem.from_covariances(batch, np.eye(3), np.zeros(3), np.ones(3))
    batch = np.stack([1e9 * np.eye(3), np.diag([1.0, 1.0, -1e-3])])
    with pytest.raises(ValueError, match=r"semidefinite; its smallest eigenvalue is -0\.001$"):
        il.Problem.from_covariances(batch, np.eye(3), np.zeros(3), np.ones(3))
    fine = np.stack([1e9 * np.eye(3), np.diag([1.0, 1.0, 1e-9])])
    problem = il.Problem.from_covariances(fine, np.eye(3), np.zeros(3), np.ones(3))
    assert np.count_nonzero(problem._reduced.gamma) == 6


def test_asymmetry_tells_what_is_rounding() -> None:
    X = RNG.normal(size=(60, 3))
    noise = 1e-7 * RNG.normal(size=(60, 60))
    K = X @ X.T + noise
    found = Entries.read(XP, "K", K, 2.0**-52)
    moved = np.linalg.norm((noise + noise.T) / 2, 2)
    assert moved < float(found.rounding[0]) < 4 * moved
    with pytest.warns(UserWarning, match="K is rounded"):
        problem = il.Problem.from_kernel(K, X[:, 0], K, X[:, 0])
    assert np.count_nonzero(problem._reduced.gamma) == 3


@pytest.mark.parametrize("convert", [np.asarray, "torch"], ids=["numpy", "torch"])
def test_a_covariance_in_float32_keeps_its_small_eigenvalues(convert: Any) -> None:
    if convert == "torch":
        torch = pytest.importorskip("torch", reason="PyTorch is the extra torch")
        convert = torch.asarray
    spectrum = np.arange(1, 301.0) ** -1.5
    turn, _ = np.linalg.qr(RNG.normal(size=(300, 300)))
    cov = ((turn * spectrum) @ turn.T).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        problem = il.Problem.from_covariances(
            convert(cov), convert(cov), convert(np.zeros(300, np.float32)), convert(turn[:, -1])
        )
    gamma = np.asarray(problem.curvature)
    # the smallest is 1.9e-4 of the first, and (300 + 8) units of rounding would be 3.7e-5
    np.testing.assert_allclose(gamma, spectrum, rtol=1e-3)
    assert problem.left_out is None
    few = (turn[:, :50] * spectrum[:50]) @ turn[:, :50].T
    with pytest.warns(UserWarning, match=r"train_cov is rounded, .* of its 300 directions"):
        problem = il.Problem.from_covariances(
            few.astype(np.float32), np.eye(300), np.zeros(300), turn[:, 0]
        )
    assert np.count_nonzero(problem._reduced.gamma) == 50
    assert problem.left_out is not None


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_a_rounding_must_be_a_size(value: float) -> None:
    with pytest.raises(ValueError, match="rounding must be finite and not negative; got"):
        il.Problem.from_kernel(np.eye(2), [1, 2], np.eye(2), [1, 2], rounding=value)
