"""Scaling a problem by powers of two changes nothing but units, to the last bit."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import isoloss as il
from isoloss import families
from isoloss.levels.ridge_regression import ridge

RNG = np.random.default_rng(18)
X, X_TEST = RNG.normal(size=(12, 4)), RNG.normal(size=(9, 4))
Y, Y_TEST = RNG.normal(size=(12, 2)), RNG.normal(size=(9, 2))
WIDE, WIDE_TEST = RNG.normal(size=(5, 8)), RNG.normal(size=(9, 8))
START = RNG.normal(size=(3, 8))
ROOTS = RNG.normal(size=(2, 3, 7, 4))
SPECTRA = RNG.uniform(0.1, 1.0, size=(2, 3, 5))


class Unit(NamedTuple):
    """The exponents of curvatures, train losses, test losses and parameters."""

    curvature: int
    train: int
    test: int
    parameters: int


Built = tuple[il.Problem, Unit]


def by(values: Any, exponent: int) -> Any:
    return np.ldexp(np.asarray(values, dtype=float), exponent)


def of_data(y: Any, y_test: Any, a: int, b: int) -> Built:
    data = by(X, a), by(y, b), by(X_TEST, a), by(y_test, b)
    return il.Problem.from_data(*data), Unit(2 * a, 2 * b, 2 * b, b - a)


def of_wide_data(a: int, b: int, c: int) -> Built:
    """Test inputs in a unit of their own: their targets follow."""
    data = by(WIDE, a), by(Y[:5, 0], b), by(WIDE_TEST, c), by(Y_TEST[:, 0], b + c - a)
    problem = il.Problem.from_data(*data, start=by(START[0], b - a))
    return problem, Unit(2 * a, 2 * b, 2 * (b + c - a), b - a)


def of_other_test_data(a: int, b: int, c: int) -> Built:
    problem, unit = of_wide_data(a, b, a)
    judged = problem.with_test(by(WIDE_TEST[:6], c), by(Y_TEST[:6, 1], b + c - a))
    return judged, unit._replace(test=2 * (b + c - a))


def of_kernel(a: int, b: int, c: int) -> Built:
    data = by(WIDE @ WIDE.T, a), by(Y[:5], b), by(WIDE_TEST @ WIDE.T, c), by(Y_TEST, b + c - a)
    return il.Problem.from_kernel(*data), Unit(a, 2 * b, 2 * (b + c - a), b - a)


def of_covariances(roots: Any, start: Any, a: int, b: int, c: int) -> Built:
    train, test = np.swapaxes(roots, -1, -2) @ roots
    first, goal, limit = start[..., :4], start[..., 4:], 0.9 * start[..., 4:]
    problem = il.Problem.from_covariances(
        by(train, a),
        by(test, c),
        by(first, b),
        by(goal, b),
        train_target=by(limit, b),
        noise=by(0.25, c + 2 * b),
    )
    return problem, Unit(a, a + 2 * b, c + 2 * b, b)


def of_spectra(rows: Any, a: int, b: int, c: int) -> Built:
    train, test = SPECTRA[:, rows]
    start, noise = by(START[rows, :5], b), by(0.125, c + 2 * b)
    problem = il.Problem.from_spectra(by(train, a), by(test, c), start, noise=noise)
    return problem, Unit(a, a + 2 * b, c + 2 * b, b)


def of_operator(a: int, b: int, c: int) -> Built:
    data = by(X, a), by(Y[:, 0], b), by(X_TEST, c), by(Y_TEST[:, 0], b + c - a)
    return il.from_operator(*data), Unit(2 * a, 2 * b, 2 * (b + c - a), b - a)


BUILDERS: dict[str, Callable[[int, int, int], Built]] = {
    "data": lambda a, b, c: of_data(Y[:, 0], Y_TEST[:, 0], a, b),
    "outputs": lambda a, b, c: of_data(Y, Y_TEST, a, b),
    "wide": of_wide_data,
    "with_test": of_other_test_data,
    "kernel": of_kernel,
    "covariances": lambda a, b, c: of_covariances(ROOTS[:, 0], START[0], a, b, c),
    "covariances, batch": lambda a, b, c: of_covariances(ROOTS, START, a, b, c),
    "spectra": lambda a, b, c: of_spectra(0, a, b, c),
    "spectra, batch": lambda a, b, c: of_spectra(slice(None), a, b, c),
    "operator": of_operator,
}
SHARES = np.array([0.9, 0.5, 0.1, 1e-3])


def schedules(lr: float) -> list[il.Schedule]:
    falling = lr * np.linspace(1.3, 0.1, 40)
    return [
        il.Schedule(il.GradientFlow()),
        il.anneal(lr, 5),
        il.Schedule(il.GradientDescent(falling), il.GradientFlow(3.0 * lr)),
        il.Schedule(il.HeavyBall(0.5 * lr, 0.7, 30)),
        il.Schedule(il.Nesterov(0.8 * falling, 0.6)),
    ]


def results(built: Built, reference: il.Problem) -> dict[str, Any]:
    """Return all public results, with the units taken off again."""
    problem, unit = built
    floor, start = reference.min_train_loss, reference.start_train_loss
    levels = by(np.max(floor) + SHARES * np.min(start - floor), unit.train)
    lr = float(by(np.min(reference.max_lr), -unit.curvature))
    length = (unit.train - unit.curvature) / 2  # of residuals in the eigenbasis
    found = {
        "curvature": by(problem.curvature, -unit.curvature),
        "max_lr": by(problem.max_lr, unit.curvature),
        "start_train_loss": by(problem.start_train_loss, -unit.train),
        "min_train_loss": by(problem.min_train_loss, -unit.train),
        "start_test_loss": by(problem.start_test_loss, -unit.test),
    }
    for i, schedule in enumerate(schedules(lr)):
        run = il.train(problem, schedule, levels)
        found |= {f"reached{i}": run.reached, f"steps{i}": run.steps}
        found[f"time{i}"] = by(run.time, unit.curvature)
        found[f"train_loss{i}"] = by(run.train_loss, -unit.train)
        found[f"test_loss{i}"] = by(run.test_loss, -unit.test)
        if problem._reduced.coordinates is not None:
            found[f"coef{i}"] = by(run.coef(), -unit.parameters)
        if problem.max_lr.ndim == 0:
            path = il.train(problem, schedule, levels[1]).path(7)
            found[f"path time{i}"] = by(path.time, unit.curvature)
            found[f"path train_loss{i}"] = by(path.train_loss, -unit.train)
            found[f"path test_loss{i}"] = by(path.test_loss, -unit.test)
    band, reach = il.level_band(problem, levels), il.reachable_band(problem, levels)
    best = il.best_filter(problem)
    for name, each in (("band", band), ("reach", reach)):
        found[f"{name} lowest"] = by(each.lowest, -unit.test)
        found[f"{name} highest"] = by(each.highest, -unit.test)
    found |= {"lowest_filter": reach.lowest_filter, "best filter": best.filter}
    found["best train_loss"] = by(best.train_loss, -unit.train)
    found["best test_loss"] = by(best.test_loss, -unit.test)
    if length == int(length):
        found["lowest_residual"] = by(band.lowest_residual(), -int(length))
    if problem._reduced.coordinates is not None:
        found["best coef"] = by(best.coef(), -unit.parameters)
        found["lowest_coef"] = by(band.lowest_coef(), -unit.parameters)
    if problem.max_lr.ndim == 0:
        penalized = ridge(problem, levels - float(problem.min_train_loss))
        found["ridge alpha"] = by(penalized.alpha, -unit.curvature)
        found["ridge test_loss"] = by(penalized.test_loss, -unit.test)
    return found


REFERENCES = {name: build(0, 0, 0) for name, build in BUILDERS.items()}


@functools.cache
def expected(name: str) -> dict[str, Any]:
    return results(REFERENCES[name], REFERENCES[name][0])


@pytest.mark.parametrize("name", BUILDERS)
@settings(max_examples=6)
@given(st.data())
def test_units_are_all_that_powers_of_two_change(name: str, data: st.DataObject) -> None:
    a, b, c = (data.draw(st.integers(-500, 500), label=label) for label in "abc")
    assume(max(map(abs, _unit(name, a, b, c))) < 900)  # numbers and losses fit into float64
    found = results(BUILDERS[name](a, b, c), REFERENCES[name][0])
    for key, value in found.items():
        np.testing.assert_array_equal(value, expected(name)[key], err_msg=f"{name}: {key}")


def _unit(name: str, a: int, b: int, c: int) -> tuple[int, ...]:
    """Return the exponents of what goes in and comes out, with those of test targets."""
    if name in ("data", "outputs"):
        return (2 * a, 2 * b, b - a)
    if name.startswith(("covariances", "spectra")):
        return (a, a + 2 * b, c + 2 * b, b)
    return (2 * a, 2 * b, 2 * (b + c - a), b - a, 2 * c)


def steps_of(schedule: il.Schedule) -> Any:
    """Return the rates of all phases but flows."""
    phases = [phase for phase in schedule.phases if not isinstance(phase, il.GradientFlow)]
    return np.concatenate([phase.learning_rates() for phase in phases])


@pytest.mark.parametrize("family", ["annealed", families.cosine])
def test_designs_are_the_same_in_other_units(family: Any) -> None:
    def designed(a: int, b: int, c: int) -> tuple[Any, ...]:
        problem, unit = of_covariances(ROOTS[:, 0], START[0], a, b, c)
        level = float(by(0.2 * REFERENCES["covariances"][0].start_train_loss, unit.train))
        found = il.design(problem, "lowest", family, train_loss=level, steps=3, flow=True, starts=1)
        rates = steps_of(found.schedule)
        losses = found.test_loss, found.bound
        return by(rates, unit.curvature).tolist(), by(losses, -unit.test).tolist()

    assert designed(300, -200, 7) == designed(0, 0, 0)


def test_the_schedule_that_attains_the_band_is_the_same_in_other_units() -> None:
    def rates(a: int, b: int, c: int) -> list[float]:
        train, test = SPECTRA[:, 0]
        problem = il.Problem.from_spectra(by(train, a), by(test, c), by(START[0, :5], b))
        level = 0.125 * float(problem.start_train_loss)
        schedule = il.attaining_schedule(problem, level, "highest")
        found: list[float] = by(steps_of(schedule), a).tolist()
        return found

    assert rates(-301, 320, 50) == rates(0, 0, 0)
