"""The level band against eq. (3) and (4), brute force and a constrained optimizer."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize

import isoloss as il


def problem_parts(n: int, d: int, m: int, seed: int = 0) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    shapes = (n, d), (n, m), (15, d), (15, m)
    return tuple(rng.standard_normal(shape) for shape in shapes)


def test_the_papers_table() -> None:
    problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10], noise=0.25)
    band = il.level_band(problem, [[1e-6, 3.0]])
    np.testing.assert_allclose(band.lowest, [[0.25 + 0.75e-6, 2.5]], rtol=1e-15)
    np.testing.assert_allclose(band.highest, [[0.25 + 1.5e-6, 4.75]], rtol=1e-15)
    np.testing.assert_allclose(band.lowest_residual()[0, 1], [math.sqrt(4.5), 0])
    np.testing.assert_allclose(band.highest_residual()[0, 1], [0, math.sqrt(9)])


def test_zero_curvature_with_test_curvature_is_unbounded() -> None:
    problem = il.Problem.from_spectra([[1.0, 0.0], [1.0, 0.0]], [[2, 1], [2, 0]], [1, 1])
    band = il.level_band(problem, 0.5)
    assert band.highest.tolist() == [math.inf, 1.0]
    assert band.lowest.tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match="unbounded"):
        band.highest_residual()
    wide = il.Problem.from_data(*problem_parts(4, 6, 1))
    assert math.isinf(il.level_band(wide, 0.1).highest)
    flat = il.Problem.from_covariances(np.diag([1.0, 0]), np.eye(2), [0, 0], [1, 2])
    assert math.isinf(il.level_band(flat, 0.1).highest)
    assert il.level_band(flat, 0.1).lowest == pytest.approx(0.1, rel=1e-14)
    np.testing.assert_allclose(il.level_band(flat, 0.1).lowest_coef()[1], 2)


@pytest.mark.parametrize(
    ("n", "d", "m"), [(30, 5, 1), (30, 4, 3), (12, 1, 1), (4, 6, 1), (4, 6, 2)]
)
def test_both_ends_are_attained_on_the_level_set(n: int, d: int, m: int) -> None:
    X, y, X_test, y_test = problem_parts(n, d, m)
    problem = il.Problem.from_data(X, y, X_test, y_test)
    levels = float(problem.min_train_loss) + np.array([0.0, 0.01, 1.0, 30.0])
    band = il.level_band(problem, levels)
    ends = [(band.lowest, band.lowest_coef())]
    if n >= d:
        ends.append((band.highest, band.highest_coef()))
    for losses, coefs in ends:
        for level, loss, coef in zip(levels, losses, coefs, strict=True):
            assert ((X @ coef - y) ** 2).sum() / n == pytest.approx(level, rel=1e-11, abs=1e-14)
            assert ((X_test @ coef - y_test) ** 2).sum() / 15 == pytest.approx(loss, rel=1e-11)


@pytest.mark.parametrize(("n", "d"), [(30, 4), (3, 5)])
def test_an_optimizer_finds_nothing_beyond_the_band(n: int, d: int) -> None:
    X, y, X_test, y_test = problem_parts(n, d, 1, seed=1)
    problem = il.Problem.from_data(X, y, X_test, y_test)
    level = float(problem.min_train_loss) + 0.3

    def loss(coef: np.ndarray, sign: float) -> float:
        return sign * float(((X_test @ coef - y_test[:, 0]) ** 2).mean())

    def off(coef: np.ndarray) -> float:
        return float(((X @ coef - y[:, 0]) ** 2).mean()) - level

    band = il.level_band(problem, level)
    rng = np.random.default_rng(0)
    for sign, end in ((1.0, band.lowest), (-1.0, band.highest)):
        if math.isinf(end):
            continue
        found = min(
            minimize(
                loss,
                rng.standard_normal(d),
                (sign,),
                method="SLSQP",
                constraints={"type": "eq", "fun": off},
                options={"ftol": 1e-14, "maxiter": 500},
            ).fun
            for _ in range(8)
        )
        assert sign * found == pytest.approx(float(end), rel=1e-6)


def test_without_different_minimisers_it_is_a_generalized_eigenvalue() -> None:
    rng = np.random.default_rng(4)
    A, B = (M @ M.T for M in rng.standard_normal((2, 5, 5)))
    problem = il.Problem.from_covariances(A, B, np.zeros(5), np.ones(5))
    values = np.linalg.eigvals(np.linalg.solve(A, B)).real
    band = il.level_band(problem, 2.0)
    assert float(band.lowest) == pytest.approx(2 * values.min(), rel=1e-9)
    assert float(band.highest) == pytest.approx(2 * values.max(), rel=1e-9)


@pytest.fixture(scope="module")
def sphere() -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, 2001)
    u, v = np.meshgrid(angles, angles[:1001])
    return np.stack([np.cos(u) * np.sin(v), np.sin(u) * np.sin(v), np.cos(v)], -1)


@pytest.mark.parametrize("shift", [0.0, 1e-9, 1e-3, 1.0])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_hard_case(shift: float, axis: int, sphere: np.ndarray) -> None:
    # The minimisers differ along one axis only: without a pull along the extreme directions the
    # secular equation has no root there, and the end must be filled up along them.
    test = np.diag([1.0, 2.0, 4.0])
    target = shift * np.eye(3)[axis]
    problem = il.Problem.from_covariances(
        np.eye(3), test, np.zeros(3), target, train_target=np.zeros(3)
    )
    level = 0.25
    band = il.level_band(problem, level)
    losses = ((0.5 * sphere - target) ** 2) @ np.diag(test)
    assert losses.min() * (1 - 1e-5) - 1e-12 <= float(band.lowest) <= losses.min() * (1 + 1e-12)
    assert losses.max() * (1 - 1e-12) <= float(band.highest) <= losses.max() * (1 + 1e-5)
    for end, point in ((band.lowest, band.lowest_coef()), (band.highest, band.highest_coef())):
        assert (point**2).sum() == pytest.approx(level, rel=1e-12)
        assert ((point - target) ** 2) @ np.diag(test) == pytest.approx(float(end), rel=1e-12)


def test_batches_of_covariances() -> None:
    rng = np.random.default_rng(6)
    B = rng.standard_normal((3, 4, 4))
    B = B @ np.swapaxes(B, 1, 2)
    problem = il.Problem.from_covariances(np.diag([1.0, 2, 3, 4]), B, np.zeros(4), np.ones(4))
    band = il.level_band(problem, [0.1, 0.2])
    assert band.lowest.shape == (3, 2)
    alone = il.Problem.from_covariances(np.diag([1.0, 2, 3, 4]), B[1], np.zeros(4), np.ones(4))
    np.testing.assert_allclose(il.level_band(alone, 0.2).lowest, band.lowest[1, 1], rtol=1e-13)


def test_an_empty_level_set_is_an_error() -> None:
    problem = il.Problem.from_data(*problem_parts(30, 3, 1))
    with pytest.raises(ValueError, match=r"smallest train loss is \S+: no parameters have"):
        il.level_band(problem, 0.5 * float(problem.min_train_loss))
    flat = il.Problem.from_spectra([0.0, 0.0], [1, 1], [1, 1])
    with pytest.raises(ValueError, match="constant"):
        il.level_band(flat, 0.5)
    with pytest.raises(ValueError, match="finite"):
        il.level_band(problem, math.nan)
    with pytest.raises(TypeError, match="Problem"):
        il.level_band(3, 1.0)  # type: ignore[arg-type]  # wrong on purpose
