"""Problems from products with their data, against the dense decomposition of the same data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csc_array, csr_matrix, random_array
from scipy.sparse.linalg import LinearOperator, aslinearoperator

import isoloss as il
from isoloss.schedules.text import Spec

RNG = np.random.default_rng(0)
TEXTS = ["flow", "gd(1.0, 10) > flow", "gd(0.5, 1000) > flow", "gd(0.999999, 1000000) > flow"]


def data(n: int, d: int, m: int | None, decay: float, seed: int = 0) -> tuple[Any, ...]:
    """Return noisy linear data whose columns shrink like i^-decay."""
    rng = np.random.default_rng(seed)
    scales = np.arange(1, d + 1) ** -decay
    weights = rng.normal(size=(d,) if m is None else (d, m))
    X, X_test = (rng.normal(size=(rows, d)) * scales for rows in (n, 150))
    y, y_test = (rows @ weights for rows in (X, X_test))
    return X, y + 0.3 * rng.normal(size=y.shape), X_test, y_test


def levels_of(problem: il.Problem) -> np.ndarray:
    floor, start = float(problem.min_train_loss), float(problem.start_train_loss)
    return floor + np.geomspace(0.9, 1e-6, 9) * (start - floor)


def worst(dense: il.Problem, reduced: il.Problem, levels: Any) -> float:
    """Return the largest relative difference of train and test losses."""
    found = 0.0
    for text in TEXTS:
        schedule = Spec.parse(text).at(float(dense.max_lr))
        runs = [il.train(each, schedule, levels) for each in (dense, reduced)]
        for name in ("train_loss", "test_loss"):
            a, b = (np.asarray(getattr(run, name)) for run in runs)
            found = max(found, float(np.max(np.abs(a - b) / np.abs(a))))
    return found


@pytest.mark.parametrize(
    ("n", "d", "m", "decay"),
    [
        (300, 80, None, 0.0),
        (300, 80, None, 1.0),
        (300, 80, 3, 0.5),
        (60, 200, None, 1.0),
        (60, 200, 2, 0.0),
        (200, 150, None, 3.0),  # curvatures over 13 decades
    ],
)
@pytest.mark.parametrize("rtol", [1e-3, 1e-8])
def test_losses_are_the_dense_ones(
    n: int, d: int, m: int | None, decay: float, rtol: float
) -> None:
    given = data(n, d, m, decay)
    dense = il.Problem.from_data(*given)
    levels = levels_of(dense)
    reduced = il.from_operator(*given, schedules=TEXTS, train_loss=levels, rtol=rtol)
    assert reduced.reduction is not None
    assert reduced.reduction.estimate <= rtol
    assert reduced.reduction.rank <= min(n, d)
    assert worst(dense, reduced, levels) <= max(10 * rtol, 1e-7)
    # the parameters, too
    coefs = [
        np.asarray(il.train(each, il.GradientFlow(), levels[4]).coef()) for each in (dense, reduced)
    ]
    np.testing.assert_allclose(
        coefs[1], coefs[0], atol=30 * max(rtol, 1e-8) * np.abs(coefs[0]).max()
    )


def test_few_schedules_need_few_products() -> None:
    given = data(2000, 400, None, 1.0)
    dense = il.Problem.from_data(*given)
    level = levels_of(dense)[2]
    reduced = il.from_operator(*given, schedules="flow", train_loss=level, rtol=1e-6)
    assert reduced.reduction is not None
    assert reduced.reduction.rank < 80
    assert reduced.reduction.passes <= 2 * reduced.reduction.rank + 2
    runs = [il.train(each, il.GradientFlow(), level) for each in (dense, reduced)]
    assert float(runs[1].test_loss) == pytest.approx(float(runs[0].test_loss), rel=1e-5)
    assert "reduced, estimated error" in repr(reduced)
    assert dense.reduction is None


def test_gradient_descent_of_k_steps_needs_k_products() -> None:
    # a polynomial of degree K in the covariance: exact in a space of K + 1 directions
    given = data(300, 100, None, 1.0)
    dense = il.Problem.from_data(*given)
    reduced = il.from_operator(*given, schedules="gd(0.9, 5)", rtol=1e-3)
    schedule = il.GradientDescent(0.9 * float(dense.max_lr), 5)
    a, b = (il.train(each, schedule) for each in (dense, reduced))
    assert float(b.test_loss) == pytest.approx(float(a.test_loss), rel=1e-10)


@pytest.mark.parametrize("kind", ["csr", "csc", "operator", "list", "float32"])
def test_all_that_can_be_multiplied_by(kind: str) -> None:
    dense = random_array((200, 120), density=0.1, rng=np.random.default_rng(1)).toarray()
    y = RNG.normal(size=200)
    if kind == "float32":
        dense = dense.astype(np.float32).astype(np.float64)
    wanted = il.Problem.from_data(dense, y, dense[:50], y[:50])
    turn: dict[str, Any] = {
        "csr": csr_matrix,
        "csc": csc_array,
        "operator": lambda X: aslinearoperator(np.asarray(X)),
        "list": lambda X: X.tolist(),
        "float32": lambda X: X.astype(np.float32),
    }
    X, X_test = turn[kind](dense), turn[kind](dense[:50])
    found = il.from_operator(X, y, X_test, y[:50], rtol=1e-9)
    assert worst(wanted, found, levels_of(wanted)[:6]) < 1e-7


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("kind", [csr_matrix, csc_array])
def test_from_data_takes_sparse_data_exactly(kind: Any, intercept: bool) -> None:
    dense = random_array((200, 120), density=0.1, rng=np.random.default_rng(1)).toarray()
    y = RNG.normal(size=200)
    wanted = il.Problem.from_data(dense, y, dense[:50], y[:50], fit_intercept=intercept)
    for X, X_test in ((kind(dense), dense[:50]), (dense, kind(dense[:50]))):
        found = il.Problem.from_data(X, y, X_test, y[:50], fit_intercept=intercept)
        assert found.reduction is None
        np.testing.assert_array_equal(found.curvature, wanted.curvature)
        assert worst(wanted, found, levels_of(wanted)) == 0
        again = found.with_test(X_test, y[:50])
        assert float(again.start_test_loss) == float(wanted.start_test_loss)


def test_from_data_refuses_what_only_an_approximation_can_take() -> None:
    dense = RNG.normal(size=(20, 3))
    y = RNG.normal(size=20)
    for X, X_test in ((aslinearoperator(dense), dense), (dense, aslinearoperator(dense))):
        with pytest.raises(TypeError, match=r"is an operator, .* call il\.from_operator"):
            il.Problem.from_data(X, y, X_test, y)
    large = csr_matrix((10_000, 6_000))
    with pytest.raises(ValueError, match=r"X is sparse .* 0\.5 GB; call il\.from_operator"):
        il.Problem.from_data(large, np.zeros(10_000), large, np.zeros(10_000))


def test_a_start_of_ones_own() -> None:
    X, y, X_test, y_test = data(100, 40, 2, 0.5)
    start = RNG.normal(size=(40, 2))
    dense = il.Problem.from_data(X, y, X_test, y_test, start=start)
    found = il.from_operator(X, y, X_test, y_test, start=start, rtol=1e-8)
    assert float(found.start_test_loss) == pytest.approx(float(dense.start_test_loss), rel=1e-12)
    assert worst(dense, found, levels_of(dense)[:6]) < 1e-6


def test_reachable_bands_and_designs_work_unchanged() -> None:
    given = data(200, 60, None, 0.7)
    dense = il.Problem.from_data(*given)
    found = il.from_operator(*given, rtol=1e-8)
    level = float(levels_of(dense)[3])
    bands = [il.reachable_band(each, level) for each in (dense, found)]
    assert float(bands[1].lowest) >= float(bands[0].lowest) * (1 - 1e-6)
    design = il.design(found, family="annealed")
    run = il.train(dense, design.schedule)
    assert float(run.test_loss) == pytest.approx(float(design.run.test_loss), rel=1e-5)


@pytest.mark.parametrize("case", ["fitted", "orthogonal", "zero", "one direction"])
def test_degenerate_data(case: str) -> None:
    X = np.linalg.qr(RNG.normal(size=(30, 6)))[0]
    y = {
        "fitted": np.zeros(30),
        "orthogonal": np.linalg.svd(X, full_matrices=True)[0][:, 20],
        "zero": np.ones(30),
        "one direction": X[:, 0],
    }[case]
    X = 0.0 * X if case == "zero" else X
    found = il.from_operator(X, y, X, y)
    dense = il.Problem.from_data(X, y, X, y)
    assert found.reduction is not None
    assert found.reduction.estimate == 0.0
    assert float(found.start_train_loss) == pytest.approx(float(dense.start_train_loss), abs=1e-15)
    assert float(found.min_train_loss) == pytest.approx(float(dense.min_train_loss), abs=1e-15)
    run = il.train(found, il.anneal(0.3, 7))
    wanted = il.train(dense, il.anneal(0.3, 7))
    assert float(run.test_loss) == pytest.approx(float(wanted.test_loss), abs=1e-14)


def test_large_test_losses_hide_no_train_loss() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(54, 80))
    y = X @ rng.normal(size=80)
    start = np.linalg.lstsq(X, y, rcond=None)[0] + 1e-6 * rng.normal(size=80)
    X_test, y_test = rng.normal(size=(20, 80)), 1e3 * rng.normal(size=20)
    dense = il.Problem.from_data(X, y, X_test, y_test, start=start)
    levels = float(dense.start_train_loss) * np.array([0.5, 1e-2, 1e-5])
    found = il.from_operator(X, y, X_test, y_test, start=start, schedules="flow", train_loss=levels)
    for each in (dense, found):
        assert bool(np.all(il.train(each, il.GradientFlow(), levels).reached))
    assert worst(dense, found, levels) < 1e-4


@pytest.mark.parametrize("seed", range(4))
def test_a_space_that_stands_still_is_not_taken_for_settled(seed: int) -> None:
    rng = np.random.default_rng(seed)
    F = rng.normal(size=(300, 40)) * np.arange(1, 41) ** -1.0
    X = F @ rng.normal(size=(40, 400)) + 1e-6 * rng.normal(size=(300, 400))
    y = F @ rng.normal(size=40) + rng.normal(size=300)
    X_test, y_test = rng.normal(size=(50, 40)) @ rng.normal(size=(40, 400)), rng.normal(size=50)
    dense = il.Problem.from_data(X, y, X_test, y_test)
    levels = np.array([0.5, 0.01]) * float(dense.start_train_loss)
    found = il.from_operator(X, y, X_test, y_test, schedules="flow", train_loss=levels, rtol=1e-2)
    runs = [il.train(each, il.GradientFlow(), levels) for each in (dense, found)]
    np.testing.assert_array_equal(runs[1].reached, runs[0].reached)


def test_a_rank_that_is_too_small_is_said() -> None:
    given = data(300, 200, None, 1.0)
    with pytest.warns(UserWarning, match=r"a rank of 10 leaves an estimated relative error of"):
        found = il.from_operator(*given, rtol=1e-9, max_rank=10)
    assert found.reduction is not None
    assert found.reduction.estimate > 1e-9
    with pytest.raises(ValueError, match="max_rank=2 is below the 3 directions of the start's"):
        il.from_operator(*data(50, 20, 3, 1.0), max_rank=2)


class Broken(LinearOperator):
    """Multiplies wrongly."""

    def __init__(self) -> None:
        super().__init__(np.float64, (10, 4))

    def _matmat(self, X: Any) -> Any:
        return np.full((10, X.shape[1]), np.nan)

    def _rmatmat(self, X: Any) -> Any:
        return np.ones((4, X.shape[1]))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"y": np.ones(9)}, ValueError, r"X has 10 rows, so its targets need shape \(10,\)"),
        ({"y_test": np.full(3, np.inf)}, ValueError, "the targets of X_test must be finite"),
        ({"X": np.full((10, 4), np.nan)}, ValueError, "X must be finite; got NaN or infinity"),
        ({"X": csr_matrix(np.diag([np.inf] * 10)[:, :4])}, ValueError, "X must be finite"),
        ({"X": np.ones(10)}, ValueError, "X must be rows × columns"),
        ({"X_test": np.ones((3, 5))}, ValueError, "need 4 columns and 1 output"),
        ({"X": Broken()}, ValueError, "the operator's X @ V has NaN or infinity"),
        ({"start": np.ones(3)}, ValueError, r"start must be finite, of shape \(4,\)"),
        ({"rtol": 0}, ValueError, "rtol must be between 0 and 1; got 0"),
        ({"max_rank": 0}, ValueError, "max_rank must be at least 1; got 0"),
        ({"schedules": []}, ValueError, "give at least one schedule"),
        ({"schedules": [3]}, TypeError, "a schedule is a text such as"),
        ({"schedules": "gd(1)"}, ValueError, "expected ','"),
        ({"X": np.ones((10, 4)) + 1j}, TypeError, "X must hold real numbers; got dtype complex128"),
        ({"schedules": None}, TypeError, "schedules must be a list or dict; got NoneType"),
        ({"train_loss": [-1]}, ValueError, "train_loss must be finite and at least 0, as"),
        ({"train_loss": []}, ValueError, "train_loss must be finite"),
        ({"train_loss": [np.nan]}, ValueError, "train_loss must be finite"),
    ],
)
def test_errors_say_what_was_wrong(change: Any, error: type[Exception], message: str) -> None:
    given: dict[str, Any] = {
        "X": RNG.normal(size=(10, 4)),
        "y": np.ones(10),
        "X_test": np.ones((3, 4)),
        "y_test": np.ones(3),
    } | change
    with pytest.raises(error, match=message):
        il.from_operator(**given)


def test_weight_decay_stays_in_the_space_and_minibatches_leave_it() -> None:
    X, y, X_test, y_test = data(100, 60, None, 1.0)
    texts = ["flow(weight_decay=0.05)", "heavy_ball(0.3, 0.5, 40, weight_decay=0.05)"]
    dense = il.Problem.from_data(X, y, X_test, y_test)
    levels = il.levels.train_losses(dense, [0.5], "excess")
    rtol = 1e-8
    problem = il.from_operator(X, y, X_test, y_test, schedules=texts, train_loss=levels, rtol=rtol)
    assert problem.reduction.rank < 60
    for text in texts:
        schedule = Spec.parse(text).at(float(dense.max_lr))
        for level in (None, levels):
            ours, theirs = (il.train(each, schedule, level) for each in (problem, dense))
            np.testing.assert_allclose(ours.train_loss, theirs.train_loss, rtol=10 * rtol)
            np.testing.assert_allclose(ours.test_loss, theirs.test_loss, rtol=10 * rtol)
    moved = np.ones(X.shape[1])
    for more, words in (
        ({"schedules": "gd(0.1, 5, batch_size=2, sampling=gaussian)"}, "minibatches leave"),
    ):
        with pytest.raises(ValueError, match=words):
            il.from_operator(X, y, X_test, y_test, **more)
    away = il.from_operator(X, y, X_test, y_test, start=moved, schedules="gd(0.5, 3)")
    for given, text, words in (
        (problem, "gd(0.1, 5, batch_size=2, sampling=gaussian)", "minibatches leave"),
        (away, texts[0], "weight decay also shrinks"),
    ):
        with pytest.raises(ValueError, match=words):
            il.train(given, text)


@pytest.mark.parametrize(("n", "d", "m"), [(100, 40, None), (40, 150, None), (40, 150, 3)])
@pytest.mark.parametrize("rtol", [1e-4, 1e-9])
def test_weight_decay_shrinks_a_start_of_ones_own(
    n: int, d: int, m: int | None, rtol: float
) -> None:
    given = data(n, d, m, 1.0)
    start = np.random.default_rng(1).normal(size=(d,) if m is None else (d, m))
    dense = il.Problem.from_data(*given, start=start)
    lr = float(dense.max_lr)
    schedules = [
        il.GradientFlow(time=20 * lr, weight_decay=0.05 / lr),
        il.HeavyBall(0.3 * lr, 0.5, 40, weight_decay=0.05 / lr),
    ]
    level = float(dense.start_train_loss) * 0.5
    found = il.from_operator(
        *given, start=start, schedules=schedules, train_loss=[level, 0.0], rtol=rtol
    )
    assert found.reduction is not None
    assert found.reduction.holds_start
    for schedule in schedules:
        for stop in (level, None):
            ours, theirs = (il.train(each, schedule, stop) for each in (found, dense))
            np.testing.assert_allclose(ours.train_loss, theirs.train_loss, rtol=10 * rtol)
            np.testing.assert_allclose(ours.test_loss, theirs.test_loss, rtol=10 * rtol)
            np.testing.assert_allclose(
                ours.penalized_train_loss(0.3), theirs.penalized_train_loss(0.3), rtol=10 * rtol
            )
            np.testing.assert_allclose(ours.coef(), theirs.coef(), atol=30 * rtol)


@pytest.mark.parametrize("case", ["at the minimum", "no curvature", "along a row"])
def test_weight_decay_shrinks_a_start_where_little_moves(case: str) -> None:
    rng = np.random.default_rng(0)
    X, start = rng.normal(size=(6, 10)), rng.normal(size=10)
    if case == "no curvature":
        X = 0.0 * X
    if case == "along a row":
        start = X[0]
    y = X @ start + (case == "along a row")
    X_test, y_test = rng.normal(size=(5, 10)), rng.normal(size=5)
    schedule = il.GradientDescent(0.05, 30, weight_decay=0.4)
    found = il.from_operator(X, y, X_test, y_test, start=start, schedules=schedule)
    parameters = start
    for _ in range(30):
        gradient = 2 / 6 * X.T @ (X @ parameters - y) + 0.4 * parameters
        parameters = parameters - 0.05 * gradient
    run = il.train(found, schedule)
    np.testing.assert_allclose(run.coef(), parameters, atol=1e-12)
    np.testing.assert_allclose(run.test_loss, np.mean((X_test @ parameters - y_test) ** 2))
    np.testing.assert_allclose(run.train_loss, np.mean((X @ parameters - y) ** 2), atol=1e-14)


def test_directions_are_judged_once() -> None:
    counted = []

    class Counted(LinearOperator):
        def __init__(self, X: Any) -> None:
            self.X = X
            super().__init__(np.float64, X.shape)

        def _matmat(self, X: Any) -> Any:
            counted.append(X.shape[1])
            return self.X @ X

    X, y, X_test, y_test = data(200, 100, None, 1.0)
    found = il.from_operator(X, y, Counted(X_test), y_test, rtol=1e-6)
    assert found.reduction is not None
    assert sum(counted) == found.reduction.rank + 1  # and the start
