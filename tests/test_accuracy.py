"""Every loss, step and time against 60-digit arithmetic, degenerate cases included."""

import math

import numpy as np
import pytest
import reference
from cases import INF, data_cases, spectra_cases

import isoloss as il

SPECTRA = list(spectra_cases())
DATA = list(data_cases())


def schedule(phases: list) -> il.Schedule:
    made = {
        "gd": il.GradientDescent,
        "rates": lambda rates: il.GradientDescent(np.array(rates)),
        "flow": il.GradientFlow,
    }
    return il.Schedule(*(made[kind](*rest) for kind, *rest in phases))


@pytest.mark.parametrize("name", sorted({case[0] for case in SPECTRA}))
def test_spectra_are_right_to_1e12(name: str) -> None:
    for case, gamma, lam, delta, phases, level in SPECTRA:
        if case != name:
            continue
        run = il.train(il.Problem.from_spectra(gamma, lam, delta), schedule(phases), level)
        wanted = reference.from_spectra(gamma, lam, delta).run(phases, level)
        assert (bool(run.reached), int(run.steps)) == (wanted.reached, wanted.steps)
        assert reference.relative(run.train_loss, wanted.train_loss) < 1e-12
        assert reference.relative(run.test_loss, wanted.test_loss) < 1e-12
        # the time to fall by a small amount is only as good as that difference
        assert math.isclose(run.time, wanted.time, rel_tol=1e-10)


@pytest.mark.parametrize("index", range(len(DATA)), ids=[case[0] for case in DATA])
def test_data_is_right_to_1e11(index: int) -> None:
    _, X, y, X_test, y_test = DATA[index]
    problem = il.Problem.from_data(X, y, X_test, y_test)
    exact = reference.from_data(X, y, X_test, y_test)
    excess = math.fsum(map(float, exact.weights))
    # rounding residuals of realizable data are no stable number
    assert float(problem.min_train_loss) == pytest.approx(float(exact.floor), rel=1e-11, abs=1e-28)
    lr = 0.9 * float(problem.max_lr)
    rates = list(lr * (0.5 + 0.5 * np.cos(np.arange(300) / 95.0)))
    for phases in (
        [("flow", INF)],
        [("gd", lr, 10), ("flow", INF)],
        [("gd", lr, 2000)],
        [("rates", rates), ("flow", INF)],
    ):
        for share, tolerance in ((0.5, 1e-11), (0.01, 1e-11), (1e-6, 1e-9)):
            level = float(exact.floor) + share * excess
            run = il.train(problem, schedule(phases), level)
            wanted = exact.run(phases, level)
            assert (bool(run.reached), int(run.steps)) == (wanted.reached, wanted.steps)
            assert reference.relative(run.train_loss, wanted.train_loss) < tolerance
            assert reference.relative(run.test_loss, wanted.test_loss) < tolerance


@pytest.mark.parametrize(("n", "d"), [(4, 8), (6, 6), (5, 40)])
def test_interpolating_data_never_reaches_level_zero(n: int, d: int) -> None:
    rng = np.random.default_rng(n)
    X, y = rng.standard_normal((n, d)), rng.standard_normal(n)
    problem = il.Problem.from_data(X, y, X, y)
    assert float(problem.min_train_loss) == 0.0
    for phase in (il.GradientFlow(), il.anneal(float(problem.max_lr), 10**6)):
        run = il.train(problem, phase, train_loss=[0.0, -1.0])
        assert not run.reached.any()


def test_an_ill_conditioned_problem_keeps_its_small_eigenvalues() -> None:
    rng = np.random.default_rng(5)
    left = np.linalg.qr(rng.standard_normal((12, 5)))[0]
    right = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    X = (left * 10.0 ** -np.arange(0.0, 7.5, 1.5)) @ right.T  # squared: 12 decades
    y, X_test, y_test = rng.standard_normal(12), rng.standard_normal((9, 5)), rng.standard_normal(9)
    problem = il.Problem.from_data(X, y, X_test, y_test)
    exact = reference.from_data(X, y, X_test, y_test)
    got, wanted = np.asarray(problem.curvature), sorted(map(float, exact.gamma), reverse=True)
    # backward stability of the SVD: singular values to 1e-15 of the largest
    np.testing.assert_allclose(np.sqrt(got), np.sqrt(wanted), rtol=0, atol=1e-15 * got[0] ** 0.5)
    assert got[-1] == pytest.approx(wanted[-1], rel=1e-8)


@pytest.mark.parametrize("same", [True, False], ids=["one minimiser", "two minimisers"])
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_covariances_are_right_to_1e11(noise: float, same: bool) -> None:
    rng = np.random.default_rng(9)
    A, B = (M @ M.T for M in rng.standard_normal((2, 4, 5)))
    start, target, other = rng.standard_normal((3, 4))
    fit = target if same else other
    problem = il.Problem.from_covariances(A, B, start, target, train_target=fit, noise=noise)
    exact = reference.from_covariances(A, B, start, target, fit, noise)
    lr = 0.9 * float(problem.max_lr)
    for phases in ([("flow", INF)], [("gd", lr, 10), ("flow", INF)], [("gd", lr, 300)]):
        for share in (0.5, 0.01, 1e-6):
            level = share * float(problem.start_train_loss)
            run = il.train(problem, schedule(phases), level)
            wanted = exact.run(phases, level)
            assert (bool(run.reached), int(run.steps)) == (wanted.reached, wanted.steps)
            assert reference.relative(run.train_loss, wanted.train_loss) < 1e-11
            assert reference.relative(run.test_loss, wanted.test_loss) < 1e-11


@pytest.mark.parametrize("steps", [10**6, 10**9])
def test_several_directions_diverge_and_return(steps: int) -> None:
    gamma, lam, lr = [1.0, 0.9999999, 0.999999], [1.0, 2.0, 3.0], 1.6
    problem = il.Problem.from_spectra(gamma, lam, [1.0, 1.0, 1.0])
    run = il.train(problem, il.anneal(lr, steps), train_loss=1e-3)
    with reference.mp.workdps(80):
        mpf, exp, log = reference.mp.mpf, reference.mp.exp, reference.mp.log
        exact = [mpf(g) for g in gamma]
        grown = [steps * log(abs(1 - 2 * mpf(lr) * g)) for g in exact]

        def loss(weights: list, time: object) -> object:
            terms = zip(weights, grown, exact, strict=True)
            return sum(w * exp(2 * (a - 2 * g * time)) for w, a, g in terms)

        low, high = mpf(0), mpf(10 * steps)
        for _ in range(330):
            middle = (low + high) / 2
            low, high = (middle, high) if loss(exact, middle) > mpf(1e-3) else (low, middle)
        wanted = loss([mpf(x) for x in lam], high)
    assert reference.relative(run.test_loss, wanted) < 1e-12
    assert float(run.train_loss) == pytest.approx(1e-3, rel=1e-12)


def test_the_end_of_an_endless_flow_is_the_minimum() -> None:
    rng = np.random.default_rng(2)
    X, y = rng.standard_normal((9, 3)), rng.standard_normal(9)
    X_test, y_test = rng.standard_normal((5, 3)), rng.standard_normal(5)
    best = np.linalg.lstsq(X, y)[0]
    run = il.train(il.Problem.from_data(X, y, X_test, y_test), il.GradientFlow())
    assert float(run.test_loss) == pytest.approx(np.mean((X_test @ best - y_test) ** 2), rel=1e-12)
