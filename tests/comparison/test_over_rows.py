"""Comparisons on given test rows, against plain losses of each row."""

import numpy as np
import pytest
from dynamics.moments.enumerated import batches, sgd
from sklearn.datasets import load_diabetes

import isoloss as il
from isoloss.comparison import bootstrap_compare, bootstrap_intervals


def rows(n: int, seed: int, outputs: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)) * [2.0, 1.0, 0.5] + 0.5
    return X, X @ rng.normal(size=(3, outputs)) + rng.normal(size=(n, outputs))


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("against", [None, "b"])
def test_against_the_losses_of_each_row(outputs: int, against: str | None) -> None:
    (X, y), (X_test, y_test) = rows(50, 0, outputs), rows(30, 1, outputs)
    problem = il.Problem.from_data(X, y, fit_intercept=True)
    texts = {"a": "gd(1.0, 20) > flow", "b": "gd(0.3, 4000)", "c": "cosine(1.0, ...)"}
    levels = il.levels.train_losses(problem, [0.5, 0.2, 0.05], "excess")
    found = bootstrap_compare(problem, X_test, y_test, texts, levels, against=against)
    losses = []
    for text in [*texts.values(), "flow"]:
        for level in levels:
            schedule = il.finish(text, problem, level) if "..." in text else text
            run = il.train(problem, schedule, None if "..." in text else level)
            residual = X_test @ run.coef() + run.intercept() - y_test
            losses.append((residual**2).sum(axis=1))
    table = np.array(losses).reshape(4, 3, 30)
    rival = 3 if against is None else 1
    judged = [i for i in range(3) if i != rival]
    ours = np.concatenate([table[i] for i in judged])
    wanted = bootstrap_intervals(ours.T, np.concatenate([table[rival]] * len(judged)).T)
    for part in ("estimate", "low", "high"):
        values = np.concatenate([getattr(found.schedules[i], part) for i in judged])
        np.testing.assert_allclose(values, getattr(wanted, part), rtol=1e-6, atol=1e-9)
    assert found.reference == against
    assert "30 test rows" in found.method


def test_diabetes_cannot_tell_from_test_rows_either() -> None:
    X, y = load_diabetes(return_X_y=True)
    X, y = X / X.std(axis=0), y - y.mean()
    problem = il.Problem.from_data(X[:221], y[:221])
    text = {"annealed": "gd(1.0, 100) > flow"}
    (judged,) = bootstrap_compare(problem, X[221:], y[221:], text, 4).schedules
    assert {"helps", "hurts"}.isdisjoint(judged.effects)


def test_levels_without_losses_are_left_out() -> None:
    (X, y), (X_test, y_test) = rows(50, 0), rows(30, 1)
    problem = il.Problem.from_data(X, y)
    start = float(problem.start_train_loss)
    levels = [2 * start, 0.9 * start, 1.001 * float(problem.min_train_loss)]
    found = bootstrap_compare(problem, X_test, y_test, {"short": "gd(0.5, 3)"}, levels)
    (judged,) = found.schedules
    assert [effect == "left out" for effect in judged.effects] == [True, False, True]
    assert "not reached" in found.verdicts[0]
    assert "below which training starts" in found.verdicts[0]
    exact = bootstrap_compare(problem, X_test, 0 * y_test, {"flow": "flow"}, levels)
    assert exact.schedules[0].is_reference


def test_a_loss_of_nothing_has_no_relative_difference() -> None:
    problem = il.Problem.from_data([[1.0, 0.0], [0.0, 0.5]], [1.0, 1.0])
    zeros = np.zeros((4, 2)), np.zeros(4)
    found = bootstrap_compare(problem, *zeros, {"annealed": "gd(1.0, 5) > flow"}, 2)
    assert not found.schedules[0].difference.any()
    assert found.schedules[0].effects == ("left out",) * 2
    assert "the test loss of gradient flow is 0" in found.verdicts[0]


def test_mistakes() -> None:
    (X, y), (X_test, y_test) = rows(50, 0), rows(30, 1)
    problem = il.Problem.from_data(X, y)
    with pytest.raises(ValueError, match="at least 2 test rows; got 1"):
        bootstrap_compare(problem, X_test[:1], y_test[:1], "gd(1, 5) > flow")
    with pytest.raises(ValueError, match="X_test"):
        bootstrap_compare(problem, X_test[:, :2], y_test, "gd(1, 5) > flow")
    with pytest.raises(TypeError, match="problem must be a Problem"):
        bootstrap_compare(X, X_test, y_test, "flow")  # type: ignore[arg-type]  # wrong on purpose


def test_two_rows_are_too_few_for_an_interval() -> None:
    problem = il.Problem.from_data([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0]], [3.0, 4.0, 1.0])
    test = [[1.0, 2.0], [2.0, 1.0]], [3.0, 5.0]
    found = bootstrap_compare(problem, *test, "gd(1, 3) > flow", [0.9], unit="start")
    assert np.isinf(found.schedules[0].high).all()
    assert ", no interval ?" in str(found)
    assert "no interval, as there are too few test rows" in found.verdicts[0]
    assert " inf" not in str(found) + found.verdicts[0]


@pytest.mark.parametrize("intercept", [False, True])
def test_the_losses_of_each_row_are_expected_over_all_batches(intercept: bool) -> None:
    (X, y), (X_test, y_test) = rows(3, 2, 2), rows(4, 3, 2)
    problem = il.Problem.from_data(X, y, fit_intercept=intercept)
    schedule = il.GradientDescent([0.05, 0.02], batch_size=2)
    level = float(il.train(problem, schedule).train_loss)
    wide, wide_test = X, X_test
    if intercept:
        wide, wide_test = (np.column_stack([each, np.ones(len(each))]) for each in (X, X_test))
    start = np.zeros((wide.shape[1], 2))
    states = sgd(wide, y, start, [0.05, 0.02], [0.0, 0.0], batches(3, 2, replacement=True))
    losses = sum(p * ((wide_test @ w - y_test) ** 2).sum(axis=1) for w, _, p in states)
    flow = il.train(problem, il.GradientFlow(), level)
    theirs = ((X_test @ flow.coef() + flow.intercept() - y_test) ** 2).sum(axis=1)
    found = bootstrap_compare(problem, X_test, y_test, {"a": schedule}, [level])
    wanted = bootstrap_intervals(losses[:, None], theirs[:, None])
    for part in ("estimate", "low", "high"):
        np.testing.assert_allclose(getattr(found.schedules[0], part), getattr(wanted, part))
    assert "a takes minibatches: its losses are expected ones" in found.method
