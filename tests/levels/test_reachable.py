"""The band over all filters, and the best filter: against search, formulas by hand and theory."""

from typing import Any

import mpmath as mp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import minimize

import isoloss as il
from isoloss.problems.units import scaled


def data_problem(seed: int, outputs: int, *, n: int = 30, d: int = 6) -> il.Problem:
    """Return a problem in its own unit, whose parts can be read as they are."""
    return il.Problem(users_problem(seed, outputs, n=n, d=d)._reduced.own_unit())


def users_problem(seed: int, outputs: int, *, n: int = 30, d: int = 6) -> il.Problem:
    rng = np.random.default_rng(seed)
    scales = 10 ** rng.uniform(-1, 0, d)
    X, X_test = rng.normal(size=(n, d)) * scales, rng.normal(size=(n, d)) * scales[::-1]
    y, y_test = rng.normal(size=(n, outputs)), rng.normal(size=(n, outputs))
    return il.Problem.from_data(X, y, X_test, y_test)


def minimum_of(test: Any) -> Any:
    """Return the test residual at the train minimum."""
    return scaled(test.minimum.residual, test.minimum.exponent)


def plain_losses(problem: il.Problem, h: Any) -> tuple[float, float]:
    """Return train and test loss of a filter by their definitions."""
    test: Any = problem._reduced.test
    delta = np.asarray(problem._reduced.start_residual)
    residual = test.factor @ (h[:, None] * delta) + minimum_of(test)
    train = (
        problem._reduced.floor
        + (problem._reduced.gamma[:, None] * delta**2 * h[:, None] ** 2).sum()
    )
    return float(train), float((residual**2).sum())


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_the_band_of_data_is_what_a_search_over_filters_finds(seed: int, outputs: int) -> None:
    problem = data_problem(seed, outputs)
    floor, start = float(problem._reduced.floor), float(problem.start_train_loss)
    level = floor + 0.3 * (start - floor)
    band = il.reachable_band(problem, level)
    root = np.sqrt(np.exp(problem._reduced.log_weights))
    rng = np.random.default_rng(seed)

    def filter_of(z: Any) -> Any:
        return np.sqrt(level - floor) * z / np.linalg.norm(z) / root

    for sign, end in ((1, band.lowest), (-1, band.highest)):
        best = min(
            minimize(
                lambda z, sign=sign: sign * plain_losses(problem, filter_of(z))[1],
                rng.normal(size=root.size),
                tol=1e-14,
            ).fun
            for _ in range(8)
        )
        assert sign * best == pytest.approx(float(end), rel=1e-9)
    for h, end in ((band.lowest_filter, band.lowest), (band.highest_filter, band.highest)):
        train, test = plain_losses(problem, h)
        assert train == pytest.approx(level, rel=1e-12)
        assert test == pytest.approx(float(end), rel=1e-12)


def test_equal_curvatures_share_a_value() -> None:
    # by hand: the pair has ratio (1 + 4)/(2 + 2·1) against 2/3 alone
    problem = il.Problem.from_spectra([2, 1, 2], [1, 2 / 3, 4], [1, 1, 1])
    band = il.reachable_band(problem, [1.0, 0.5])
    np.testing.assert_allclose(band.lowest, [2 / 3, 1 / 3], rtol=1e-15)
    np.testing.assert_allclose(band.highest, [5 / 4, 5 / 8], rtol=1e-15)
    assert band.highest_filter[0] == pytest.approx([0.5, 0.0, 0.5])
    assert np.all(il.level_band(problem, [1.0, 0.5]).highest > band.highest)


def test_curvatures_that_differ_by_rounding_are_equal() -> None:
    third = 0.1 + 0.2
    apart = il.Problem.from_spectra([0.3, third], [0.5, 1.5], [1, 1])
    assert apart.curvature[0] != apart.curvature[1]
    band = il.reachable_band(apart, 0.1)
    assert float(band.lowest) == pytest.approx(float(band.highest), rel=1e-14)


def test_equal_curvatures_of_data() -> None:
    # Orthogonal columns of one length: γ is the same in every direction, so h is one number.
    rng = np.random.default_rng(0)
    X = np.linalg.qr(rng.normal(size=(12, 4)))[0]
    y, X_test, y_test = rng.normal(size=12), rng.normal(size=(20, 4)), rng.normal(size=20)
    problem = il.Problem.from_data(X, y, X_test, y_test)
    floor = float(problem.min_train_loss)
    level = floor + 0.25 * (float(problem.start_train_loss) - floor)
    band = il.reachable_band(problem, level)
    best = np.linalg.lstsq(X, y)[0]
    losses = [np.mean((X_test @ (best * (1 - h)) - y_test) ** 2) for h in (0.5, -0.5)]
    assert [float(band.lowest), float(band.highest)] == pytest.approx(sorted(losses), rel=1e-12)
    np.testing.assert_allclose(np.abs(band.lowest_filter), 0.5, rtol=1e-12)


def test_the_hard_case() -> None:
    # No pull along the lowest direction: the sphere is filled up along it.
    problem = il.Problem.from_covariances(
        np.eye(3) * [3, 2, 1],
        np.diag([1.0, 8.0, 9.0]),
        [1, 1, 1],
        [0, 0.1, 0.1],
        train_target=[0] * 3,
    )
    level = 4.0
    band = il.reachable_band(problem, level)

    def test_loss(h: Any) -> float:
        return float(h[0] ** 2 + 8 * (h[1] - 0.1) ** 2 + 9 * (h[2] - 0.1) ** 2)

    # Lagrange by hand: (λ - νγ)h = λ·target with ν = 1/3, the lowest ratio
    h1, h2 = 0.8 / (8 - 2 / 3), 0.9 / (9 - 1 / 3)
    h0 = np.sqrt((level - 2 * h1**2 - h2**2) / 3)
    assert float(band.lowest) == pytest.approx(test_loss([h0, h1, h2]), rel=1e-13)
    assert test_loss(band.lowest_filter) == pytest.approx(float(band.lowest), rel=1e-13)


def test_where_nothing_curves_the_filter_is_one() -> None:
    problem = il.Problem.from_spectra([1, 0], [0.5, 0.25], [2, 2], noise=0.5)
    band = il.reachable_band(problem, 1.0)
    # the still direction keeps its 0.25·4 = 1
    assert float(band.lowest) == float(band.highest) == pytest.approx(0.5 + 1.0 + 0.5)
    assert list(band.lowest_filter) == [0.5, 1.0]
    best = il.best_filter(problem)
    assert (float(best.test_loss), float(best.train_loss)) == (1.5, 0.0)


def test_where_nothing_can_be_learnt_there_is_no_choice() -> None:
    inputs, y = np.zeros((4, 2)), np.ones(4)
    flat = il.best_filter(il.Problem.from_data(inputs, y, np.eye(2), np.zeros(2)))
    assert (float(flat.train_loss), float(flat.test_loss)) == (1.0, 0.0)
    solved = il.Problem.from_spectra([1, 0.5], [1, 1], [0, 0], noise=0.5)
    assert float(il.reachable_band(solved, 0.0).highest) == 0.5
    with pytest.raises(ValueError, match="starts at the smallest train loss"):
        il.reachable_band(solved, 0.1)


def test_batches_equal_one_by_one() -> None:
    rng = np.random.default_rng(5)
    train, test = rng.uniform(0.1, 1, (4, 3)), rng.uniform(0, 1, (4, 3))
    start = rng.normal(size=(4, 3))
    levels = np.array([0.05, 0.01])
    many = il.reachable_band(il.Problem.from_spectra(train, test, start), levels)
    covs = [il.Problem.from_spectra(*row) for row in zip(train, test, start, strict=True)]
    for i, problem in enumerate(covs):
        one = il.reachable_band(problem, levels)
        np.testing.assert_allclose(many.lowest[i], one.lowest, rtol=1e-14)
        np.testing.assert_allclose(many.highest_filter[i], one.highest_filter, rtol=1e-14)
    eye = np.eye(3)
    full = il.Problem.from_covariances(
        train[..., None] * eye, test[..., None] * eye, start, np.zeros(3)
    )
    np.testing.assert_allclose(il.reachable_band(full, levels).lowest, many.lowest, rtol=1e-11)
    np.testing.assert_allclose(il.reachable_band(full, levels).highest, many.highest, rtol=1e-11)
    assert repr(many) == "ReachableBand(shape (4, 2))"
    assert repr(il.best_filter(full)) == "BestFilter(batch (4,))"


positive = st.floats(0.01, 1.0)


@given(
    st.lists(st.tuples(positive, positive, st.floats(-3, 3)), min_size=1, max_size=5),
    st.lists(st.floats(0, 3), max_size=6),
    st.floats(0.001, 0.9),
)
def test_no_schedule_leaves_the_band(
    directions: list[tuple[float, float, float]], rates: list[float], share: float
) -> None:
    assume(max(abs(start) for *_, start in directions) > 1e-5)
    problem = il.Problem.from_spectra(*zip(*directions, strict=True))
    run = il.train(
        problem,
        il.Schedule(il.GradientDescent(rates), il.GradientFlow()),
        share * float(problem.start_train_loss),
    )
    band = il.reachable_band(problem, run.train_loss)
    assert float(run.test_loss) >= float(band.lowest) * (1 - 1e-11)
    assert float(run.test_loss) <= float(band.highest) * (1 + 1e-11)
    level = il.level_band(problem, run.train_loss)
    assert float(level.lowest) <= float(band.lowest) * (1 + 1e-11)
    assert float(level.highest) >= float(band.highest) * (1 - 1e-11)


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("n", [30, 4])
def test_the_best_filter_solves_its_least_squares_problem(n: int, outputs: int) -> None:
    problem = data_problem(3, outputs, n=n)
    test: Any = problem._reduced.test
    delta = np.asarray(problem._reduced.start_residual)
    columns = np.stack([(test.factor[:, [i]] * delta[i]).ravel() for i in range(len(delta))], 1)
    wanted = mp.qr_solve(mp.matrix(columns), mp.matrix(-minimum_of(test).ravel()))[0]
    best = il.best_filter(problem)
    if columns.shape[0] >= columns.shape[1]:
        np.testing.assert_allclose(best.filter, [float(x) for x in wanted], rtol=1e-9)
    h = np.array([float(x) for x in wanted])
    smallest = plain_losses(problem, h)[1]
    scale = float(problem.start_test_loss)
    assert float(best.test_loss) == pytest.approx(smallest, rel=1e-11, abs=1e-13 * scale)
    assert float(best.train_loss) == pytest.approx(plain_losses(problem, best.filter)[0])


def test_the_best_filter_has_coefficients() -> None:
    problem = users_problem(1, 2)
    best = il.best_filter(problem)
    coef = best.coef()
    assert coef.shape == (6, 2)
    coordinates: Any = problem._reduced.coordinates
    moved = coordinates.limit + coordinates.basis.full @ (
        best.filter[:, None]
        * scaled(problem._reduced.start_residual, problem._reduced.units.parameters)
    )
    np.testing.assert_allclose(coef, moved, rtol=1e-12)


def test_one_curvature_leaves_no_choice_but_the_sign() -> None:
    problem = il.Problem.from_data([[2.0]], [2.0], [[1.0]], [0.5])
    band = il.reachable_band(problem, 1.0)
    # β = 1 - h/1 with h = ±1/2
    assert [float(band.lowest), float(band.highest)] == pytest.approx([0.0, 1.0])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda p: il.reachable_band(p, -1.0), ValueError, "smallest train loss"),
        (lambda p: il.reachable_band(p, np.nan), ValueError, "finite"),
        (lambda p: il.reachable_band("x", 1.0), TypeError, "Problem; got str"),
        (lambda p: il.best_filter("x"), TypeError, "Problem; got str"),
        (lambda p: il.best_filter(p).coef(), ValueError, "no coordinates"),
    ],
)
def test_what_cannot_be_is_refused(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(il.Problem.from_spectra([1, 0.5], [1, 1], [1, 1]))
