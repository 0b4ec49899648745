"""Data, levels and spectra at the ends of float64: against 50 digits, or refused by a sentence."""

from typing import Any

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import isoloss as il
from isoloss._arrays.context import ArrayContext
from isoloss.levels.sphere import singular_values
from isoloss.problems.units import scaled, shifted, sum_of_exponentials

mp.mp.dps = 60
RNG = np.random.default_rng(7)
X, X_TEST, Y, Y_TEST = (RNG.normal(size=shape) for shape in ((6, 2), (4, 2), 6, 4))
LEAST, MOST = mp.mpf(2) ** -1021, mp.mpf(2) ** 1023


def exact(values: Any) -> Any:
    return mp.matrix(np.asarray(values, dtype=float).tolist())


def mean_square(residual: Any) -> Any:
    return mp.fsum(x * x for x in residual) / len(residual)


@pytest.mark.parametrize(("a", "b"), [(1e-78, 1e78), (1e-150, 1e4), (1e155, 1e-150), (1e3, 1e153)])
def test_data_of_any_scale_against_50_digits(a: float, b: float) -> None:
    rows, targets, test_rows, test_targets = X * a, Y * b, X_TEST * a, Y_TEST * b
    problem = il.Problem.from_data(rows, targets, test_rows, test_targets)
    mx, my, mx_test, my_test = map(exact, (rows, targets, test_rows, test_targets))
    beta, lr = mp.matrix([0, 0]), mp.mpf(float(il.Problem.from_data(X, Y, X, Y).max_lr)) / a / a
    assert float(problem.start_train_loss) == pytest.approx(float(mean_square(my)), rel=1e-13)
    assert float(problem.start_test_loss) == pytest.approx(float(mean_square(my_test)), rel=1e-13)
    for _ in range(5):
        beta -= 2 * mp.mpf(float(lr)) * (mx.T * (mx * beta - my)) / len(my)
    run = il.train(problem, il.GradientDescent(float(lr), steps=5))
    assert float(run.train_loss) == pytest.approx(float(mean_square(mx * beta - my)), rel=1e-12)
    assert float(run.test_loss) == pytest.approx(
        float(mean_square(mx_test * beta - my_test)), rel=1e-12
    )
    np.testing.assert_allclose(run.coef(), [float(x) for x in beta], rtol=1e-12)


def test_a_single_small_input() -> None:
    problem = il.Problem.from_data([[1e-165]], [1.0], [[1e-165]], [0.5])
    losses = [float(problem.start_train_loss), float(problem.start_test_loss)]
    assert losses == pytest.approx([1.0, 0.25], rel=1e-15)
    assert repr(problem) == (
        "Problem(1 curvature of 10^-330, max_lr=10^330, start: train loss 1, test loss 0.25)"
    )
    band = il.level_band(problem, 0.25)  # the prediction is 1/2 or 3/2
    assert [float(band.lowest), float(band.highest)] == pytest.approx([0.0, 1.0], abs=1e-15)


directions = st.tuples(
    st.just(0.0) | st.floats(-150, 150).map(lambda x: 10.0**x),
    st.just(0.0) | st.floats(-150, 150).map(lambda x: 10.0**x),
    st.just(0.0) | st.floats(-150, 150).map(lambda x: -(10.0**x)),
)


def fits(*values: Any) -> bool:
    return all(value == 0 or LEAST < value < MOST for value in values)


@settings(max_examples=120)
@given(
    st.lists(directions, min_size=1, max_size=3),
    st.booleans(),
    st.floats(-300, 300),
    st.just(0.0) | st.floats(-200, 200).map(lambda x: 10.0**x),
)
def test_bands_of_extreme_spectra(
    rows: list[tuple[float, float, float]], equal: bool, exponent: float, noise: float
) -> None:
    if equal:  # two equal curvatures, which no schedule tells apart
        rows = [*rows, (rows[0][0], *rows[-1][1:])]
    gamma, lam, delta = ([mp.mpf(x) for x in column] for column in zip(*rows, strict=True))
    weights = [g * d * d for g, d in zip(gamma, delta, strict=True)]
    tests = [k * d * d for k, d in zip(lam, delta, strict=True)]
    level = 10.0**exponent
    try:
        problem = il.Problem.from_spectra(*zip(*rows, strict=True), noise=noise)
    except ValueError:
        assert not fits(mp.fsum(weights), mp.fsum(tests) + noise)
        return
    moving = [i for i, g in enumerate(gamma) if g > 0]
    if not moving:
        with pytest.raises(ValueError, match="constant"):
            il.level_band(problem, level)
        return
    ratios = [lam[i] / gamma[i] * level for i in moving]
    unbounded = any(g == 0 and k > 0 for g, k in zip(gamma, lam, strict=True))
    _compare(il.level_band, problem, level, ratios, mp.mpf(noise), unbounded=unbounded)
    groups = [[j for j in moving if gamma[j] == gamma[i]] for i in moving]
    shares = [(mp.fsum(tests[j] for j in g), mp.fsum(weights[j] for j in g)) for g in groups]
    reach = [test / weight * level for test, weight in shares if weight > 0]
    still = mp.fsum(tests[i] for i in range(len(rows)) if gamma[i] == 0)
    if reach:
        _compare(il.reachable_band, problem, level, reach, still + noise, unbounded=False)


def _compare(
    find: Any, problem: il.Problem, level: float, losses: list[Any], plus: Any, *, unbounded: bool
) -> None:
    low, high = min(losses) + plus, max(losses) + plus
    if not fits(low, low if unbounded else high):
        with pytest.raises(ValueError, match="test loss at a train loss, about"):
            find(problem, level)
        return
    band = find(problem, level)
    assert float(band.lowest) == pytest.approx(float(low), rel=1e-11)
    assert float(band.highest) == pytest.approx(np.inf if unbounded else float(high), rel=1e-11)


@settings(max_examples=15)
@given(
    st.floats(-100, 100),
    st.floats(-100, 100),
    st.floats(-100, 100),
    st.floats(-100, 100),
    st.floats(-200, 200),
    st.integers(0, 2**32 - 1),
)
def test_bands_of_data_contain_every_point_of_the_level_set(
    a: float, b: float, c: float, d: float, share: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    rows, test_rows = rng.normal(size=(2, 4, 2)) * np.array([10.0**a, 10.0**c])[:, None, None]
    targets, test_targets = rng.normal(size=(2, 4)) * np.array([10.0**b, 10.0**d])[:, None]
    mx, my, mx_test, my_test = map(exact, (rows, targets, test_rows, test_targets))
    square, pull = mx.T * mx / 4, mx.T * my / 4
    # its triangular root by hand: mpmath's solvers take small matrices for singular ones
    r1 = mp.sqrt(square[0, 0])
    r12 = square[0, 1] / r1
    r2 = mp.sqrt(square[1, 1] - r12**2)

    def solve(right: Any) -> Any:
        second = right[1] / r2
        return mp.matrix([(right[0] - r12 * second) / r1, second])

    beta = solve([pull[0] / r1, (pull[1] - r12 * pull[0] / r1) / r2])
    floor = mean_square(mx * beta - my)
    excess = floor * mp.mpf(10) ** max(share, -3)
    level = floor + excess
    if not fits(level, mean_square(my), mean_square(my_test)):
        return
    problem = il.Problem.from_data(rows, targets, test_rows, test_targets)
    losses = []
    for angle in np.linspace(0, 2 * np.pi, 9):
        z = mp.matrix([mp.cos(angle), mp.sin(angle)]) * mp.sqrt(excess)
        losses.append(mean_square(mx_test * (beta + solve(z)) - my_test))
    if not fits(min(losses) * 1e-20, max(losses) * 1e9):
        return
    for find in (il.level_band, il.reachable_band):  # two curvatures: all points are reachable
        band = find(problem, float(level))
        slack = 1e-8 * float(max(losses))
        assert float(band.lowest) <= float(min(losses)) * (1 + 1e-9) + slack
        assert float(band.highest) >= float(max(losses)) * (1 - 1e-9)


def test_a_filter_that_diverges_along_a_direction_of_little_weight() -> None:
    # δ₂² is below float64 beside δ₁², and so is its share of the test loss, until h₂ is 10^170
    problem = il.Problem.from_covariances(
        np.diag([1.0, 0.5]), np.eye(2), start=[1.0, 1e-170], target=[0.0, 0.0]
    )
    run = il.train(problem, il.GradientDescent([1.0, 1e85, 1e85], steps=None))
    h1, h2 = (mp.mpf(1 - 2 * g) * (1 - 2 * mp.mpf(1e85) * g) ** 2 for g in (1.0, 0.5))
    wanted = h1**2 + (h2 * mp.mpf(1e-170)) ** 2
    assert float(run.test_loss) == pytest.approx(float(wanted), rel=1e-11)


REFUSED = [
    (
        lambda: il.Problem.from_spectra([1.0], [1.0], [1e200]),
        r"train loss at the start, about 10\^400, overflows float64; rescale: multiply the targets",
    ),
    (
        lambda: il.Problem.from_spectra([1.0], [1.0], [1e-200]),
        r"train loss at the start, about 10\^-400, underflows float64",
    ),
    (
        lambda: il.Problem.from_spectra([1.0], [1e-200], [1e-100]),
        "test loss at the start, about",
    ),
    (
        lambda: il.Problem.from_spectra([1e308, 1e-300], [1, 1], [1, 1]),
        r"train has entries from 1e-300 to 1e\+308, too far apart",
    ),
    (lambda: il.Problem.from_data([[1.0]], [1e155], [[1.0]], [1.0]), "train loss at the start"),
    (lambda: SMALL.curvature, r"train curvature, about 10\^-330, underflows"),
    (
        lambda: SMALL.max_lr,
        r"max_lr \(one over .*\), about 10\^330, overflows.*multiply the inputs",
    ),
    (lambda: il.train(SMALL, il.GradientFlow(), 0.25), "a time of gradient flow lies beyond"),
    (lambda: il.level_band(PLAIN, 1e300), r"test loss at a train loss, about 10\^310"),
    (lambda: il.level_band(FAR, 1.0).lowest_coef(), "the parameters lie beyond float64"),
]
SMALL = il.Problem.from_data([[1e-165]], [1.0], [[1e-165]], [0.5])
FAR = il.Problem.from_data([[1e-165]], [1e150], [[1e-165]], [1e150])
PLAIN = il.Problem.from_spectra([1e-10], [1.0], [1.0])


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_what_float64_does_not_hold_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_powers_of_two_are_exact() -> None:
    values = np.array([1.1, -3.7e-200, 0.0, 5e100])
    assert scaled(scaled(values, -1500), 1500).tolist() == [0.0, -0.0, 0.0, 0.0]
    assert scaled(scaled(values, 300), -300).tolist() == values.tolist()
    for exponent in (-1074, -1000, -513, -1, 0, 7, 1023):
        assert shifted(np, np.ones(1), np.array([float(exponent)]))[0] == np.ldexp(1.0, exponent)
    value, bits = sum_of_exponentials(np, np.array([-2000.0, -2001.0]))
    with mp.workdps(50):
        wanted = mp.exp(-2000) + mp.exp(-2001)
        assert float(mp.mpf(float(value)) * mp.mpf(2) ** int(bits) / wanted) == pytest.approx(1.0)


def test_small_singular_values_beside_large_ones_keep_their_digits() -> None:
    columns = 10.0 ** np.array([-140.0, 0.0, -70.0])
    matrix = RNG.normal(size=(5, 3)) * columns
    left, singular, right = singular_values(ArrayContext.of(), matrix)
    with mp.workdps(400):
        wanted = [float(s) for s in mp.svd_r(exact(matrix), compute_uv=False)]
    np.testing.assert_allclose(singular, wanted, rtol=1e-12)
    np.testing.assert_allclose(left * singular @ right, matrix, atol=1e-14)
